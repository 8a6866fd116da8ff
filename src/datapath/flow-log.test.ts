import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { INTERFACE_FLAGS } from "../plan/tables.ts";
import { frame, ROUTER, tcp, TCP as FLAGS, udp } from "./test-frame.ts";
import { A, B, bench, eni, INTERNET, macOf, noKernel } from "./test-kit.ts";

const LOGGED = { flags: INTERFACE_FLAGS.present | INTERFACE_FLAGS.up | INTERFACE_FLAGS.source_dest_check | INTERFACE_FLAGS.flow_log };

function fromA(port: number, more: { readonly protocol?: number; readonly flags?: number; readonly data?: number } = {}): Uint8Array {
  const ends = { source: "10.0.1.5", destination: INTERNET };
  const { protocol = 17, flags = FLAGS.ack, data = 0 } = more;
  const payload = protocol === 6 ? tcp(ends, port, 80, flags, new Uint8Array(data)) : udp(ends, port, 80, new Uint8Array(data));
  return frame({ ...ends, from: macOf(A), to: ROUTER, protocol, payload });
}

/** A region in which A is logged, and B not; nothing counted. */
function logged() {
  const one = bench();
  one.put(...eni(A, { ...LOGGED, private_ip: "10.0.1.5", public_ip: "203.0.113.5", subnet: 1, groups: [1] }));
  one.datapath.flowLogs.take();
  return one;
}

describe("the kernel program counts flows", { skip: noKernel }, () => {
  it("of logged interfaces, in windows that follow one another", () => {
    const { fromEni, datapath, clock } = logged();
    fromEni(A, fromA(5_000));
    clock(1);
    fromEni(A, fromA(5_000));
    fromEni(
      B,
      frame({ source: "10.0.1.6", destination: "10.0.1.7", from: macOf(B), to: ROUTER, protocol: 17, payload: new Uint8Array(8) }),
    );
    const [flow, ...more] = datapath.flowLogs.take().flows;
    assert.deepEqual(more, []);
    assert.deepEqual([flow?.interface, flow?.direction, flow?.action, flow?.path], [A, "egress", "ACCEPT", 8]);
    assert.deepEqual([flow?.source, flow?.sourcePort, flow?.destination, flow?.destinationPort], ["10.0.1.5", 5_000, INTERNET, 80]);
    assert.deepEqual([flow?.packets, (flow?.last ?? 0n) - (flow?.first ?? 0n)], [2n, 1_000_000_000n]);
    assert.deepEqual(datapath.flowLogs.take().flows, []);
    fromEni(A, fromA(5_000));
    assert.deepEqual(
      datapath.flowLogs.take().flows.map(({ packets }) => packets),
      [1n],
    );
  });

  it("with the flags that AWS tells: ACK only beside SYN", () => {
    const { fromEni, datapath } = logged();
    for (const [port, flags] of [FLAGS.ack, FLAGS.syn, FLAGS.syn | FLAGS.ack, FLAGS.fin | FLAGS.ack, FLAGS.rst | 0x28].entries())
      fromEni(A, fromA(1_000 + port, { protocol: 6, flags }));
    const { flows } = datapath.flowLogs.take();
    assert.deepEqual(
      flows.toSorted((a, b) => a.sourcePort - b.sourcePort).map(({ tcpFlags }) => tcpFlags),
      [0, 2, 18, 1, 4],
    );
  });

  it("segment by segment, of what the sender left whole", () => {
    const { fromEni, datapath } = logged();
    fromEni(A, fromA(5_000, { protocol: 6, data: 2_500 }), { gsoSize: 1_000 });
    const [flow] = datapath.flowLogs.take().flows;
    assert.deepEqual([flow?.packets, flow?.bytes], [3n, 2_500n + 3n * 40n]);
  });

  it("so many of an interface and no more, and leaves room for others", () => {
    const { fromEni, put, datapath } = logged();
    put(...eni(B, { ...LOGGED, private_ip: "10.0.1.6", subnet: 1, groups: [2] }));
    const MOST = 16_384;
    for (let port = 1; port <= MOST + 10; port++) fromEni(A, fromA(port));
    fromEni(A, fromA(1));
    const ends = { source: "10.0.1.6", destination: INTERNET };
    fromEni(B, frame({ ...ends, from: macOf(B), to: ROUTER, protocol: 17, payload: udp(ends, 1, 2) }));
    const { flows, skipped } = datapath.flowLogs.take();
    const ofA = flows.filter((flow) => flow.interface === A);
    assert.deepEqual([ofA.length, skipped.get(A), skipped.has(B)], [MOST, 10n, false]);
    assert.equal(ofA.find((flow) => flow.sourcePort === 1)?.packets, 2n);
    assert.equal(flows.length - ofA.length, 1);
    fromEni(A, fromA(60_000));
    assert.deepEqual([datapath.flowLogs.take().flows.length, datapath.flowLogs.take().skipped.size], [1, 0]);
  });
});
