import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import type { PacketEvent } from "../contract/packet-event.ts";
import { monotonicNow } from "./clock.ts";
import type { Watch } from "./events.ts";
import { frame, udp } from "./test-frame.ts";
import { A, allow, B, bench, C, INTERNET, macOf, noKernel, rules } from "./test-kit.ts";

const MINUTE = 60_000_000_000n;
const EVERYTHING: Watch = { interfaces: [], passed: true, dropped: true, snap: 128 };

function from(slot: number, source: string, destination = INTERNET, data = "hello"): Buffer {
  const ends = { source, destination };
  return frame({ ...ends, from: macOf(slot), payload: udp(ends, 1000, 80, data) });
}
function inbound(destination: string): Buffer {
  const ends = { source: INTERNET, destination };
  return frame({ ...ends, to: "02:00:00:00:02:01", from: "02:00:00:00:02:02", payload: udp(ends, 53, 2000) });
}

describe("watching packets", { skip: noKernel }, () => {
  const { datapath } = noKernel ? { datapath: undefined as never } : bench();
  const watch = (change: Partial<Watch> = {}): void =>
    datapath.events.watch({ ...EVERYTHING, ...change }, monotonicNow() + MINUTE);
  const read = (): readonly PacketEvent[] => datapath.events.read(100_000);
  afterEach(() => datapath.events.end());

  it("tells a packet's addresses before and after, its verdict, and its bytes as it left", () => {
    const { fromEni } = bench();
    watch();
    const came = from(A, "10.0.1.5");
    const before = monotonicNow();
    const left = fromEni(A, came);
    const [event, ...more] = read();
    assert.ok(event);
    assert.equal(more.length, 0);
    assert.ok(event.time >= before && event.time <= monotonicNow());
    assert.deepEqual(
      { ...event, time: 0n, frame: "" },
      {
        time: 0n,
        verdict: "internet",
        reason: "none",
        ingress: A,
        target: 0,
        charge: A,
        length: came.length,
        frameLength: left.frame.length,
        flow: {
          source: "10.0.1.5",
          destination: INTERNET,
          sourceAfter: "203.0.113.5",
          destinationAfter: INTERNET,
          protocol: 17,
          ports: { source: 1000, destination: 80, type: 0, code: 0 },
        },
        frame: "",
      },
    );
    assert.deepEqual(event.frame, left.frame);
  });

  it("tells a drop's reason, and its bytes as it came", () => {
    const { fromInternet } = bench();
    watch();
    const came = inbound("203.0.113.5");
    fromInternet(came);
    const [event] = read();
    assert.deepEqual(
      [event?.verdict, event?.reason, event?.ingress, event?.target, event?.charge],
      ["drop", "security_group_in", 2, A, A],
    );
    assert.equal(event?.flow?.destination, "203.0.113.5");
    assert.equal(event?.flow?.destinationAfter, "10.0.1.5");
    assert.deepEqual(event?.frame, came);
  });

  it("tells nothing of addresses that were never read", () => {
    const { fromEni } = bench();
    watch();
    fromEni(
      A,
      Buffer.concat([from(A, "10.0.1.5").subarray(0, 12), Buffer.from("86dd60", "hex"), Buffer.alloc(60)]),
    );
    const [event] = read();
    assert.equal(event?.reason, "malformed");
    assert.equal(event?.flow, undefined);
    assert.deepEqual([...(event?.frame.subarray(12, 14) ?? [])], [0x86, 0xdd]);
  });

  it("cuts frames to the length that is asked for", () => {
    const { fromEni } = bench();
    for (const snap of [0, 1, 60, 256]) {
      watch({ snap });
      const { frame: left } = fromEni(A, from(A, "10.0.1.5", INTERNET, "x".repeat(400)));
      const [event] = read();
      assert.deepEqual(event?.frame, left.subarray(0, snap));
      assert.equal(event?.length, left.length);
    }
  });

  it("is silent before and after a watch", () => {
    const { fromEni } = bench();
    fromEni(A, from(A, "10.0.1.5"));
    watch();
    assert.equal(read().length, 0);
    fromEni(A, from(A, "10.0.1.5"));
    datapath.events.end();
    fromEni(A, from(A, "10.0.1.5"));
    assert.equal(read().length, 1);
    fromEni(A, from(A, "10.0.1.5"));
    watch();
    assert.equal(read().length, 0, "what happened between two watches belongs to neither");
  });

  it("tells only of the interfaces that are watched, as senders and as receivers", () => {
    const { fromEni, fromInternet, put } = bench();
    put(...rules("security_group_in", 2, [allow()]));
    const told = (interfaces: readonly number[]): (string | number)[][] => {
      watch({ interfaces });
      fromEni(A, from(A, "10.0.1.5"));
      fromEni(B, from(B, "10.0.1.6"));
      fromEni(A, from(A, "10.0.1.5", "10.0.2.7"));
      fromInternet(inbound("203.0.113.7"));
      fromInternet(inbound("203.0.113.99"));
      return read().map(({ verdict, reason, ingress, target }) => [verdict, reason, ingress, target]);
    };
    const all = told([]);
    assert.deepEqual(all, [
      ["internet", "none", A, 0],
      ["drop", "no_public_ip", B, 0],
      ["deliver", "none", A, C],
      ["deliver", "none", 2, C],
      ["drop", "public_ip_not_mapped", 2, 0],
    ]);
    assert.deepEqual(told([C]), [all[2], all[3]]);
    assert.deepEqual(told([A, B]), [all[0], all[1], all[2]]);
    assert.deepEqual(
      told([63, 62, 61, 60, 59, 58, 57, C]),
      [all[2], all[3]],
      "eight, the most that the kernel looks for",
    );
    assert.deepEqual(
      told([63, 62, 61, 60, 59, 58, 57, 56, C]),
      all,
      "more than eight: a sieve may let too much through",
    );
  });

  it("tells of flows that were decided before, too", () => {
    const { fromEni } = bench();
    const send = (slot: number, source: string, destination?: string) =>
      fromEni(slot, from(slot, source, destination));
    for (let i = 0; i < 3; i++) {
      send(A, "10.0.1.5");
      send(C, "10.0.2.7");
    }
    watch({ interfaces: [A] });
    for (let i = 0; i < 3; i++) {
      send(A, "10.0.1.5");
      send(C, "10.0.2.7");
    }
    assert.deepEqual(
      read().map(({ verdict, ingress }) => [verdict, ingress]),
      Array.from({ length: 3 }, () => ["internet", A]),
    );
  });

  it("tells only of what passed, or only of drops", () => {
    const { fromEni } = bench();
    const told = (change: Partial<Watch>): string[] => {
      watch(change);
      fromEni(A, from(A, "10.0.1.5"));
      fromEni(B, from(B, "10.0.1.6"));
      return read().map(({ verdict }) => verdict);
    };
    assert.deepEqual(told({ passed: false }), ["drop"]);
    assert.deepEqual(told({ dropped: false }), ["internet"]);
  });

  it("ends by itself when it is not renewed", () => {
    const { fromEni } = bench();
    datapath.events.watch(EVERYTHING, monotonicNow() - 1n);
    assert.equal(datapath.events.active(), true);
    fromEni(A, from(A, "10.0.1.5"));
    assert.equal(read().length, 0);
    assert.equal(datapath.events.active(), false, "the program has switched it off");
  });

  it("counts what finds no room, and goes on when there is room again", () => {
    const { fromEni } = bench();
    watch();
    const before = datapath.events.lost();
    const came = from(A, "10.0.1.5");
    for (let i = 0; i < 14_000; i++) fromEni(A, came);
    const lost = datapath.events.lost() - before;
    assert.ok(lost > 0n, "four mebibytes hold no 14,000 events");
    const first = datapath.events.read(5_000);
    assert.equal(first.length, 5_000);
    // The ring's end falls into these.
    for (let i = 0; i < 3_000; i++) fromEni(A, from(A, "10.0.1.5", INTERNET, String(i)));
    const rest = read();
    assert.equal(
      BigInt(first.length + rest.length) + datapath.events.lost() - before,
      17_000n,
      "told or counted, every one",
    );
    assert.ok(rest.every((event) => event.verdict === "internet" && event.flow?.source === "10.0.1.5"));
    assert.equal(Buffer.from(rest.at(-1)?.frame ?? []).toString("latin1", 42, 46), "2999");
  });
});
