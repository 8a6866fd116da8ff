import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it, mock } from "node:test";
import type { PacketEvent } from "../contract/packet-event.ts";
import { NotFound } from "../protocol/question.ts";
import { Watchers } from "./trace.ts";

const SECOND = 1_000_000_000n;

function event(change: Partial<PacketEvent> = {}): PacketEvent {
  const flow = {
    source: "10.0.1.5",
    destination: "198.51.100.1",
    sourceAfter: "203.0.113.5",
    destinationAfter: "198.51.100.1",
    protocol: 17,
  };
  const ports = { source: 1000, destination: 53, type: 0, code: 0 };
  const base = {
    verdict: "internet",
    reason: "none",
    ingress: 16,
    target: 0,
    charge: 16,
    length: 60,
    frameLength: 60,
  } as const;
  return { time: 5n * SECOND, ...base, flow: { ...flow, ports }, frame: Buffer.alloc(60, 7), ...change };
}

/** A hub over the test's own kernel, with timers that the test moves. */
function hub(run: (kit: ReturnType<typeof kitOf>) => void): void {
  mock.timers.enable({ apis: ["setInterval"] });
  try {
    run(kitOf());
  } finally {
    mock.timers.reset();
  }
}

function kitOf() {
  const kernel = { queue: [] as PacketEvent[], lost: 0n, watched: [] as unknown[], until: 0n, now: SECOND };
  const slots: Record<string, readonly number[]> = { "i-a": [16], "i-b": [17, 18] };
  const watchers = new Watchers({
    packets: {
      watch: (watch, until) => {
        kernel.watched.push(watch);
        kernel.until = until;
      },
      end: () => {
        kernel.until = 0n;
      },
      read: (most) => kernel.queue.splice(0, most),
      lost: () => kernel.lost,
    },
    packetEndOf: (slot) => ({ kind: "interface", id: `eni-${slot}`, instance: `i-${slot}` }),
    links: () => ({ uplink: 2, services: 3 }),
    slotsOf: (id) => {
      const found = slots[id];
      if (!found) throw new NotFound(id);
      return found;
    },
    monotonicNow: () => kernel.now,
    now: () => 1_700_000_000_000,
    log: (message, cause) => assert.fail(new Error(message, { cause })),
  });
  const join = (query: Readonly<Record<string, string>>, out = new PassThrough()) => {
    watchers.join(query)(out);
    const told = (): Record<string, unknown>[] => {
      const text = String(out.read() ?? "");
      return text
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    };
    return { out, told, packets: () => told().filter((message) => message["kind"] === "packet") };
  };
  return { kernel, slots, watchers, join, tick: (milliseconds: number) => mock.timers.tick(milliseconds) };
}

describe("those who watch packets", () => {
  it("are told the packets that fit, with names and times", () =>
    hub(({ kernel, join, tick }) => {
      const all = join({});
      const drops = join({ verdict: "dropped" });
      kernel.queue.push(
        event(),
        event({ verdict: "drop", reason: "no_route", time: 6n * SECOND + 1_234_567n, target: 0 }),
      );
      tick(20);
      const [passed, dropped] = all.packets();
      assert.deepEqual(passed, {
        kind: "packet",
        time: "2023-11-14T22:13:24.000000Z",
        from: { kind: "interface", id: "eni-16", instance: "i-16" },
        to: { kind: "internet" },
        protocol: "udp",
        source: "10.0.1.5",
        destination: "198.51.100.1",
        sourceAfter: "203.0.113.5",
        sourcePort: 1000,
        destinationPort: 53,
        length: 60,
        verdict: "passed",
      });
      assert.deepEqual(
        [dropped?.["verdict"], dropped?.["reason"], dropped?.["stage"]],
        ["dropped", "no_route", "route"],
      );
      assert.equal(dropped?.["time"], "2023-11-14T22:13:25.001234Z");
      assert.equal(drops.packets().length, 1);
    }));

  it("are told nothing from before they came, and leave when their count is reached", () =>
    hub(({ kernel, join, tick, watchers }) => {
      const one = join({ count: "2", frames: "4" });
      kernel.queue.push(event({ time: SECOND - 1n }), event(), event(), event());
      tick(20);
      const told = one.told();
      assert.deepEqual(
        told.map(({ kind }) => kind),
        ["watching", "packet", "packet", "end"],
      );
      assert.equal(told[1]?.["frame"], Buffer.alloc(4, 7).toString("base64"));
      assert.equal(watchers.count, 0);
      assert.equal(kernel.until, 0n, "the kernel is told nothing more");
    }));

  it("make the kernel look only for their interfaces, and for all when a watcher names none", () =>
    hub(({ kernel, join }) => {
      const wanted = () =>
        kernel.watched.at(-1) as { interfaces: number[]; passed: boolean; dropped: boolean; snap: number };
      join({ instance: "i-a", verdict: "dropped" });
      assert.deepEqual(wanted(), { interfaces: [16], passed: false, dropped: true, snap: 96 });
      join({ instance: "i-b", frames: "200" });
      assert.deepEqual(wanted(), { interfaces: [16, 17, 18], passed: true, dropped: true, snap: 200 });
      const everybody = join({ reason: "no_route" });
      assert.deepEqual(wanted().interfaces, []);
      everybody.out.destroy();
      everybody.out.emit("close");
      assert.deepEqual(wanted().interfaces, [16, 17, 18]);
    }));

  it("renew the watch, which follows an instance's interfaces", () =>
    hub(({ kernel, join, tick, slots }) => {
      const one = join({ instance: "i-b" });
      assert.equal(kernel.until, 6n * SECOND);
      kernel.now = 3n * SECOND;
      slots["i-b"] = [18, 19];
      tick(1_000);
      assert.equal(kernel.until, 8n * SECOND);
      kernel.queue.push(
        event({ ingress: 17, charge: 17 }),
        event({ ingress: 2, target: 19, charge: 19, verdict: "deliver" }),
      );
      tick(20);
      assert.equal(one.packets().length, 1);
      delete slots["i-b"];
      tick(1_000);
      assert.deepEqual(kernel.watched.at(-1), { interfaces: [], passed: false, dropped: false, snap: 96 });
      kernel.queue.push(event());
      tick(20);
      assert.equal(one.packets().length, 0, "an instance that is gone has no packets");
    }));

  it("are told what they missed: in the kernel's ring, and when they read too slowly", () =>
    hub(({ kernel, join, tick }) => {
      kernel.lost = 100n;
      const quick = join({});
      const slow = join({}, new PassThrough({ highWaterMark: 1 }));
      Object.defineProperty(slow.out, "writableLength", { value: 5 << 20 });
      kernel.lost = 103n;
      kernel.queue.push(event(), event());
      tick(20);
      const lost = (told: Record<string, unknown>[]) =>
        told.filter(({ kind }) => kind === "lost").map((message) => message["packets"]);
      assert.deepEqual(lost(quick.told()), [3]);
      assert.deepEqual(lost(slow.told()), [5]);
      tick(20);
      assert.deepEqual(lost(quick.told()), [], "said once");
    }));

  it("leave when their connection closes, and all of them when Genkan stops", () =>
    hub(({ kernel, join, watchers }) => {
      const one = join({});
      const two = join({});
      one.out.emit("close");
      assert.equal(watchers.count, 1);
      assert.ok(kernel.until > 0n);
      watchers.close();
      assert.deepEqual(two.told().at(-1), { kind: "end", why: "stopped" });
      assert.equal(kernel.until, 0n);
      const late = new PassThrough().destroy();
      join({}, late);
      assert.equal(watchers.count, 0, "who has gone already is not waited for");
    }));
});
