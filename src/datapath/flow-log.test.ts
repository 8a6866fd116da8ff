import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { INTERFACE_FLAGS } from "../contract/tables.ts";
import type { FlowWindow } from "./flow-log.ts";
import { type Datapath, openDatapath } from "./loader.ts";
import { frame, ROUTER, tcp, TCP as FLAGS, udp } from "./test-frame.ts";
import {
  A,
  B,
  type Bench,
  bench,
  bpffs,
  eni,
  INTERNET,
  macOf,
  noKernel,
  OBJECT,
  region,
  settings,
} from "./test-kit.ts";
import { testRun } from "./test-run.ts";

const LOGGED = {
  flags:
    INTERFACE_FLAGS.present |
    INTERFACE_FLAGS.up |
    INTERFACE_FLAGS.source_dest_check |
    INTERFACE_FLAGS.flow_log,
};

function fromA(
  port: number,
  more: { readonly protocol?: number; readonly flags?: number; readonly data?: number } = {},
): Uint8Array {
  const ends = { source: "10.0.1.5", destination: INTERNET };
  const { protocol = 17, flags = FLAGS.ack, data = 0 } = more;
  const payload =
    protocol === 6
      ? tcp(ends, port, 80, flags, new Uint8Array(data))
      : udp(ends, port, 80, new Uint8Array(data));
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
      frame({
        source: "10.0.1.6",
        destination: "10.0.1.7",
        from: macOf(B),
        to: ROUTER,
        protocol: 17,
        payload: new Uint8Array(8),
      }),
    );
    const [flow, ...more] = datapath.flowLogs.take().flows;
    assert.deepEqual(more, []);
    assert.deepEqual(
      [flow?.interface, flow?.direction, flow?.action, flow?.path],
      [A, "egress", "ACCEPT", 8],
    );
    assert.deepEqual(
      [flow?.source, flow?.sourcePort, flow?.destination, flow?.destinationPort],
      ["10.0.1.5", 5_000, INTERNET, 80],
    );
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
    for (const [port, flags] of [
      FLAGS.ack,
      FLAGS.syn,
      FLAGS.syn | FLAGS.ack,
      FLAGS.fin | FLAGS.ack,
      FLAGS.rst | 0x28,
    ].entries())
      fromEni(A, fromA(1_000 + port, { protocol: 6, flags }));
    const { flows } = datapath.flowLogs.take();
    assert.deepEqual(
      flows.toSorted((a, b) => a.sourcePort - b.sourcePort).map(({ tcpFlags }) => tcpFlags),
      [0, 2, 18, 1, 4],
    );
  });

  it("segment by segment, when the sender left segmentation to the device", () => {
    const { fromEni, datapath } = logged();
    fromEni(A, fromA(5_000, { protocol: 6, data: 2_500 }), { gsoSize: 1_000 });
    const [flow] = datapath.flowLogs.take().flows;
    assert.deepEqual([flow?.packets, flow?.bytes], [3n, 2_500n + 3n * 40n]);
  });

  it("fairly: no interface takes more than a quarter of what is left, and those with few flows have them all", () => {
    const { put, datapath, scan } = crowd();
    put(settings({ flow_records_shared: 96, flow_record_share: 4 }));
    for (let port = 1; port <= 100; port++) for (const slot of SCANNERS) scan(slot, port);
    for (let port = 1; port <= 9; port++) scan(A, port);
    for (let port = 1; port <= 4; port++) scan(B, port);
    for (let round = 0; round < 2; round++) scan(A, 1);
    const { flows, skipped } = datapath.flowLogs.take();
    const count = (slot: number): number => flows.filter((flow) => flow.interface === slot).length;
    assert.deepEqual(SCANNERS.map(count), Array(8).fill(8), "8 times 8 of 96, of which 32 are left");
    assert.deepEqual([count(A), count(B)], [6, 4]);
    assert.deepEqual([...skipped].toSorted(), [A, ...SCANNERS].toSorted(), "B has lost nothing");
    assert.equal(flows.find((flow) => flow.interface === A && flow.sourcePort === 1)?.packets, 3n);
    for (let window = 0; window < 3; window++) {
      for (let port = 1; port <= 9; port++) scan(A, port);
      const next = datapath.flowLogs.take();
      assert.deepEqual([next.flows.length, next.skipped.size], [9, 0], "each window begins anew");
    }
  });

  it("and tells exactly whose flows found no room, in any order of packets", () => {
    const { put, datapath, scan } = crowd();
    const random = numbers(7);
    for (let round = 0; round < 30; round++) {
      const share = random(6);
      put(settings({ flow_records_shared: random(120), flow_record_share: share }));
      const sent = new Map<number, Set<number>>();
      const ranges = [...SCANNERS, A, B].map((slot) => ({ slot, ports: 1 + random(40) }));
      for (let packets = random(400); packets > 0; packets--) {
        const { slot, ports } = ranges[random(ranges.length)] ?? { slot: A, ports: 1 };
        const port = 1 + random(ports);
        scan(slot, port);
        sent.set(slot, (sent.get(slot) ?? new Set()).add(port));
      }
      expectExact(datapath.flowLogs.take(), sent, share);
    }
  });

  it("and tells exactly whose flows found no room when the table itself is full", () => {
    const { put, datapath, scan } = crowd(openSmall());
    put(settings({ flow_records_shared: 10_000, flow_record_share: 10 }));
    const sent = new Map<number, Set<number>>();
    for (const slot of [...SCANNERS, A, B])
      for (let port = 1; port <= 20; port++) {
        scan(slot, port);
        sent.set(slot, (sent.get(slot) ?? new Set()).add(port));
      }
    const window = datapath.flowLogs.take();
    assert.ok(window.flows.length < 200 && window.skipped.has(B), `${window.flows.length} flows`);
    expectExact(window, sent, 0);
    datapath.close();
  });
});

const SCANNERS = Array.from({ length: 8 }, (_, index) => 40 + index);

type Crowd = Pick<Bench, "put" | "datapath"> & {
  /** A flow from the interface, of its own by its port. */
  readonly scan: (slot: number, port: number) => void;
};

/** Logged interfaces: the scanners, A and B. */
function crowd(datapath?: Datapath): Crowd {
  const one = bench();
  const crowded = datapath ?? one.datapath;
  const put: Crowd["put"] = (...puts) => crowded.apply({ puts, removals: [] });
  const address = (slot: number): string => `10.0.1.${slot === A ? 5 : slot === B ? 6 : slot}`;
  for (const slot of [...SCANNERS, A, B])
    put(...eni(slot, { ...LOGGED, private_ip: address(slot), subnet: 1, groups: [1] }));
  crowded.flowLogs.take();
  return {
    put,
    datapath: crowded,
    scan: (slot, port) => {
      const ends = { source: address(slot), destination: INTERNET };
      const bytes = frame({
        ...ends,
        from: macOf(slot),
        to: ROUTER,
        protocol: 17,
        payload: udp(ends, port, 80),
      });
      testRun(crowded.programs.from_eni, bytes, { link: slot });
    },
  };
}

/** A program of its own, with room for few flows. */
function openSmall(): Datapath {
  const sizes = {
    interfaces: 64,
    publicAddresses: 1024,
    vpcs: 64,
    subnets: 64,
    flows: 1024,
    flowRecords: 64,
  };
  const datapath = openDatapath({ pins: bpffs(), netns: "/proc/thread-self/ns/net", object: OBJECT, sizes });
  datapath.reconcile(region());
  return datapath;
}

/** An interface that lost a flow is among the skipped, and no other; one with few flows has lost none. */
function expectExact(
  { flows, skipped }: FlowWindow,
  sent: ReadonlyMap<number, ReadonlySet<number>>,
  share: number,
): void {
  for (const [slot, ports] of sent) {
    const recorded = new Set(flows.filter((flow) => flow.interface === slot).map((flow) => flow.sourcePort));
    assert.equal(
      skipped.has(slot),
      recorded.size < ports.size,
      `${slot}: ${recorded.size} of ${ports.size} flows`,
    );
    if (ports.size <= share) assert.equal(recorded.size, ports.size);
  }
  for (const slot of skipped) assert.ok(sent.has(slot));
}

/** Numbers below the one given, the same ones every time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}
