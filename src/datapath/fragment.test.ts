import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { flaws, frame, icmp, read, tcp, TCP, udp } from "./test-frame.ts";
import { A, allow, B, bench, C, INTERNET, noKernel, rules } from "./test-kit.ts";

const OUT = { source: "10.0.1.5", destination: INTERNET };
const DF = 0x4000;
const MF = 0x2000;

describe("fragments", { skip: noKernel }, () => {
  it("follow their first one, and are dropped without it", () => {
    const { fromEni } = bench();
    const whole = udp(OUT, 7000, 53, Buffer.alloc(40, 1));
    const later = (id: number) => fromEni(A, frame({ ...OUT, id, fragment: 2, payload: whole.subarray(16) }));
    assert.equal(later(501).reason, "fragment_without_first");
    const first = fromEni(A, frame({ ...OUT, id: 501, fragment: MF, payload: whole.subarray(0, 16) }));
    const second = later(501);
    assert.deepEqual([first.verdict, second.verdict], ["internet", "internet"]);
    const ends = { source: "203.0.113.5", destination: INTERNET };
    const together = Buffer.concat([read(first.frame).payload, read(second.frame).payload]);
    assert.equal(together.toString("hex"), udp(ends, 7000, 53, Buffer.alloc(40, 1)).toString("hex"));
    assert.deepEqual([flaws(first.frame), flaws(second.frame)], [[], []]);
    assert.equal(later(502).reason, "fragment_without_first");
  });

  it("of an ICMP error open no connection, as the whole error opens none", () => {
    const { fromEni, datapath } = bench();
    const whole = icmp(3, 1, 0, Buffer.alloc(40));
    const piece = (fragment: number, payload: Buffer) =>
      fromEni(A, frame({ ...OUT, id: 503, protocol: 1, fragment, payload })).verdict;
    assert.deepEqual(
      [piece(MF, whole.subarray(0, 16)), piece(2, whole.subarray(16))],
      ["internet", "internet"],
    );
    assert.deepEqual(datapath.connections(A), []);
  });

  it("meet the rules with their first one's ports", () => {
    const { fromEni, put } = bench();
    const ends = { source: "10.0.1.5", destination: "10.0.2.7" };
    put(
      ...rules("security_group_in", 2, [allow()]),
      ...rules("network_acl_in", 2, [
        allow({ protocol: 17, port_from: 99, port_to: 99, action: 0 }),
        allow(),
      ]),
    );
    const send = (port: number, id: number) => {
      const whole = udp(ends, 7000, port, Buffer.alloc(40));
      return [
        fromEni(A, frame({ ...ends, id, fragment: MF, payload: whole.subarray(0, 16) })).reason,
        fromEni(A, frame({ ...ends, id, fragment: 2, payload: whole.subarray(16) })).reason,
      ];
    };
    assert.deepEqual(send(98, 1), ["none", "none"]);
    assert.deepEqual(send(99, 2), ["network_acl_in", "network_acl_in"]);
  });
});

describe("the gateway's MTU", { skip: noKernel }, () => {
  const big = (ends: typeof OUT, size: number, fragment: number) =>
    frame({ ...ends, fragment, payload: udp(ends, 7000, 53, Buffer.alloc(size - 28, 7)) });

  it("tells the instance from its router: fragmentation needed, 1500", () => {
    const { fromEni } = bench();
    assert.equal(fromEni(A, big(OUT, 1500, DF)).verdict, "internet");
    const sent = big(OUT, 1501, DF);
    const run = fromEni(A, sent);
    assert.deepEqual([run.verdict, run.reason, run.target, run.action], ["error", "too_big", A, 7]);
    const seen = read(run.frame);
    assert.deepEqual(
      [seen.source, seen.destination, seen.protocol, seen.totalLength, seen.to],
      ["10.0.1.1", "10.0.1.5", 1, 576, "02:00:00:00:00:10"],
    );
    assert.equal(seen.payload.toString("hex"), icmp(3, 4, 1500, sent.subarray(14, 14 + 548)).toString("hex"));
    assert.equal(run.frame.length, 14 + 576);
    assert.deepEqual(flaws(run.frame), []);
  });

  it("tells a host on the internet from the public address", () => {
    const { fromInternet, put } = bench();
    put(...rules("security_group_in", 1, [allow()]));
    const sent = big({ source: INTERNET, destination: "203.0.113.5" }, 2000, DF);
    const run = fromInternet(sent);
    assert.deepEqual([run.verdict, run.reason], ["error", "too_big"]);
    const seen = read(run.frame);
    assert.deepEqual([seen.source, seen.destination], ["203.0.113.5", INTERNET]);
    assert.equal(seen.payload.subarray(8).toString("hex"), sent.subarray(14, 14 + 548).toString("hex"));
    assert.deepEqual(flaws(run.frame), []);
  });

  it("does not count a packet that is too big as received", () => {
    const { fromInternet, datapath, put } = bench();
    put(...rules("security_group_in", 1, [allow()]));
    const received = () => datapath.traffic(A).received.packets;
    const before = received();
    fromInternet(big({ source: INTERNET, destination: "203.0.113.5" }, 2000, DF));
    assert.equal(received(), before);
    fromInternet(big({ source: INTERNET, destination: "203.0.113.5" }, 1000, DF));
    assert.equal(received(), before + 1n);
  });

  it("holds for a hairpin, and not inside the VPC", () => {
    const { fromEni, put } = bench();
    put(...rules("security_group_in", 2, [allow()]));
    assert.equal(
      fromEni(A, big({ source: "10.0.1.5", destination: "203.0.113.7" }, 1501, DF)).reason,
      "too_big",
    );
    const inside = fromEni(A, big({ source: "10.0.1.5", destination: "10.0.1.6" }, 3000, DF));
    assert.deepEqual([inside.verdict, inside.target], ["deliver", B]);
    assert.equal(fromEni(A, big({ source: "10.0.1.5", destination: "10.0.2.7" }, 3000, DF)).target, C);
  });

  it("measures a segment, not the longer packet that the device is still to cut", () => {
    const { fromEni } = bench();
    const bulk = frame({
      ...OUT,
      protocol: 6,
      fragment: DF,
      payload: tcp(OUT, 7000, 443, TCP.ack, Buffer.alloc(3000)),
    });
    assert.equal(fromEni(A, bulk, { gsoSize: 1460 }).verdict, "internet");
    assert.deepEqual(
      [fromEni(A, bulk, { gsoSize: 1461 }).verdict, fromEni(A, bulk, { gsoSize: 1461 }).reason],
      ["error", "too_big"],
    );
  });

  it("answers no ICMP error with another", () => {
    const { fromEni } = bench();
    const error = frame({ ...OUT, protocol: 1, fragment: DF, payload: icmp(3, 1, 0, Buffer.alloc(1600)) });
    assert.deepEqual([fromEni(A, error).verdict, fromEni(A, error).reason], ["drop", "too_big"]);
  });
});
