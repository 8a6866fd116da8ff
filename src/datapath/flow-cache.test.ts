import assert from "node:assert/strict";
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { fieldsOf, layoutOf, viewOf } from "../contract/layout.ts";
import { type Entry, ROUTE_TARGET, VPC_FLAGS } from "../contract/tables.ts";
import { openDatapath } from "./loader.ts";
import { indexKey } from "./map.ts";
import { frame, tcp, TCP, udp } from "./test-frame.ts";
import {
  A,
  allow,
  B,
  type Bench,
  bench,
  bpffs,
  C,
  eni,
  INTERNET,
  macOf,
  noKernel,
  OBJECT,
  OTHER,
  route,
  rules,
} from "./test-kit.ts";
import type { TestRun } from "./test-run.ts";

const OUT = { source: "10.0.1.5", destination: INTERNET };
const IN = { source: INTERNET, destination: "203.0.113.5" };
const outUdp = (b: Bench, change: { mac?: string; port?: number } = {}): TestRun =>
  b.fromEni(A, frame({ ...OUT, payload: udp(OUT, change.port ?? 5000, 53), from: change.mac ?? macOf(A) }));
const inUdp = (b: Bench): TestRun => b.fromInternet(frame({ ...IN, payload: udp(IN, 53, 5000) }));
const outTcp = (b: Bench, flags: number): TestRun =>
  b.fromEni(A, frame({ ...OUT, protocol: 6, payload: tcp(OUT, 40000, 443, flags) }));
/** A UDP flow's second packet in a row is its first that is kept. */
const keepUdp = (b: Bench, run: (b: Bench) => TestRun = outUdp): void => {
  for (let i = 0; i < 2; i++) assert.equal(run(b).reason, "none");
};
const otherOut = (b: Bench): TestRun =>
  b.fromEni(OTHER, frame({ ...OUT, payload: udp(OUT, 5000, 53), from: macOf(OTHER) }));

/** No flow of group 1 is tracked. */
const UNTRACKED = [
  ...rules("security_group_out", 1, [allow()], 1),
  ...rules("security_group_in", 1, [allow()], 1),
];

const { link: LINK } = fieldsOf("flow_entry");
const { epoch: EPOCH } = fieldsOf("tracking");

/** Makes the entries that are now kept send their packets to another link, which shows who uses them. */
function divert(b: Bench, link: number): void {
  b.datapath.maps.flows.forEach((key, value) => {
    if (LINK.read(viewOf(value), 0) === 0) return;
    const diverted = Buffer.from(value);
    LINK.write(viewOf(diverted), 0, link);
    b.datapath.maps.flows.update(Buffer.from(key), diverted);
  });
}

describe("the fast path", { skip: noKernel }, () => {
  it("makes of the next packet what the stages made of the first", () => {
    const b = bench();
    outTcp(b, TCP.syn);
    for (const run of [outUdp, inUdp, (it: Bench) => outTcp(it, TCP.ack), otherOut]) {
      const first = run(b);
      const next = run(b);
      assert.equal(first.reason, "none");
      assert.deepEqual(next, first);
    }
    const before = b.datapath.traffic(A);
    outUdp(b);
    assert.equal(b.datapath.traffic(A).sent.packets - before.sent.packets, 1n);
  });

  it("is taken, but not by what opens or ends a connection", () => {
    const b = bench();
    outTcp(b, TCP.syn);
    outTcp(b, TCP.ack);
    divert(b, 77);
    assert.equal(outTcp(b, TCP.ack).target, 77);
    assert.equal(outTcp(b, TCP.fin | TCP.ack).target, 2);
    assert.equal(outTcp(b, TCP.rst).target, 2);
    assert.equal(outTcp(b, TCP.syn).target, 2);
  });

  it("is not taken with another MAC address, or after the second has ended", () => {
    const b = bench();
    keepUdp(b);
    divert(b, 77);
    assert.equal(outUdp(b, { mac: macOf(B) }).reason, "spoofed_mac");
    assert.equal(outUdp(b).target, 77);
    b.clock(1);
    assert.equal(outUdp(b).target, 2);
  });

  it("is not taken by UDP packets that answer the other end, until the flow is a stream", () => {
    const b = bench();
    const epoch = (): number =>
      EPOCH.read(viewOf(b.datapath.maps.tracking.lookup(indexKey(A)) ?? Buffer.alloc(0)), 0);
    const taken = (run: (b: Bench) => TestRun): boolean => {
      divert(b, 77);
      return run(b).target === 77;
    };
    const before = epoch();
    assert.deepEqual([taken(outUdp), taken(inUdp)], [false, false]);
    assert.equal(epoch(), before, "a question and its answer do not touch the interface's other flows");
    assert.deepEqual([taken(inUdp), taken(inUdp)], [false, true]);
    // The second question is seen, and ends what was kept of the answers.
    assert.deepEqual([taken(outUdp), epoch() - before, taken(inUdp)], [false, 1, false]);
    for (const run of [outUdp, inUdp]) run(b);
    assert.deepEqual([taken(outUdp), taken(inUdp)], [true, true]);
  });

  it("is not taken by TCP of which only the middle was seen", () => {
    const b = bench();
    for (let i = 0; i < 3; i++) {
      divert(b, 77);
      assert.equal(outTcp(b, TCP.ack).target, 2);
    }
  });

  it("ends with the second for a tracked flow, so that the connection is noted", () => {
    const b = bench();
    outUdp(b);
    const expires =
      b.datapath.connections(A).find((connection) => connection.expires > b.now())?.expires ?? 0n;
    b.clock(0.9);
    outUdp(b);
    b.clock(1.1);
    outUdp(b);
    const later = b.datapath.connections(A).find((connection) => connection.expires > b.now())?.expires ?? 0n;
    assert.equal(later - expires, 1_000_000_000n);
  });

  it("follows every change with the next packet", () => {
    const changes: readonly [string, (b: Bench) => Entry[], string][] = [
      ["a route", () => [route(1, INTERNET, 32, { target: ROUTE_TARGET.blackhole, slot: 0 })], "blackhole"],
      ["an ACL", () => rules("network_acl_out", 1, []), "network_acl_out"],
      [
        "the attachment",
        () => [
          {
            table: "vpcs",
            key: 1,
            value: {
              internet_gateway: 0,
              flags: VPC_FLAGS.dns_support,
              gateway_route_table: 0,
              dns: "10.0.0.2",
            },
          },
        ],
        "no_internet_gateway",
      ],
      [
        "the public address",
        () => eni(A, { private_ip: "10.0.1.5", subnet: 1, groups: [1] }),
        "no_public_ip",
      ],
      [
        "the interface",
        () => eni(A, { private_ip: "10.0.1.9", public_ip: "203.0.113.5", subnet: 1, groups: [1] }),
        "spoofed_source",
      ],
    ];
    for (const [what, change, reason] of changes) {
      const b = bench();
      assert.equal(outUdp(b).reason, "none", what);
      assert.equal(outUdp(b).reason, "none", what);
      b.put(...change(b));
      assert.equal(outUdp(b).reason, reason, what);
    }
  });

  it("leaves tracked flows to their connection when the groups change, and stops untracked ones", () => {
    const b = bench();
    outUdp(b);
    b.put(...rules("security_group_out", 1, []));
    assert.equal(outUdp(b).reason, "none");
    assert.equal(outUdp(b, { port: 6000 }).reason, "security_group_out");
    b.put(...UNTRACKED);
    assert.equal(outUdp(b, { port: 7000 }).reason, "none");
    b.clock(59);
    divert(b, 77);
    assert.equal(outUdp(b, { port: 7000 }).target, 77);
    b.put(...rules("security_group_out", 1, []));
    assert.equal(outUdp(b, { port: 7000 }).reason, "security_group_out");
  });

  it("keeps the flows of other VPCs when one changes", () => {
    const b = bench();
    keepUdp(b);
    keepUdp(b, otherOut);
    divert(b, 77);
    b.datapath.apply({
      puts: eni(C, { private_ip: "10.0.2.7", subnet: 2, groups: [2] }),
      removals: [],
      vpcs: [1],
    });
    assert.equal(outUdp(b).target, 2);
    assert.equal(otherOut(b).target, 77);
  });

  it("follows within a minute a change that a process wrote before it died, without moving an epoch", () => {
    const b = bench();
    b.put(...UNTRACKED);
    outUdp(b);
    b.datapath.maps.vpcs.update(indexKey(1), Buffer.alloc(layoutOf("vpc").size));
    assert.equal(outUdp(b).reason, "none");
    b.clock(60);
    assert.equal(outUdp(b).reason, "no_internet_gateway");
  });

  it("does not come back when an interface's epoch has come round", () => {
    const b = bench();
    for (const flags of [TCP.syn, TCP.rst, TCP.syn]) outTcp(b, flags);
    b.put(...UNTRACKED);
    outUdp(b);
    b.datapath.apply({
      puts: [route(1, INTERNET, 32, { target: ROUTE_TARGET.blackhole, slot: 0 })],
      removals: [],
      vpcs: [1],
    });
    const { tracking } = b.datapath.maps;
    const row = tracking.lookup(indexKey(A)) ?? Buffer.alloc(0);
    const view = viewOf(row);
    assert.ok(EPOCH.read(view, 0) > 0);
    // As after 2^32 - 1 SYNs, each after a RST: an hour's work for the interface.
    EPOCH.write(view, 0, EPOCH.read(view, 0) - 1);
    tracking.update(indexKey(A), row);
    b.clock(3600);
    assert.equal(outUdp(b).reason, "blackhole");
  });

  it("follows a change that also concerns a VPC for which there is no room", () => {
    const b = bench();
    outUdp(b);
    b.datapath.apply({
      puts: [route(1, INTERNET, 32, { target: ROUTE_TARGET.blackhole, slot: 0 })],
      removals: [],
      vpcs: [5000, 1],
    });
    assert.equal(outUdp(b).reason, "blackhole");
  });

  it("ends with the connections, from whose table its epochs come", () => {
    const pins = bpffs();
    const open = () =>
      openDatapath({
        pins,
        netns: "/proc/thread-self/ns/net",
        object: OBJECT,
        sizes: { interfaces: 64, flows: 64 },
      });
    open().close();
    for (const name of readdirSync(pins).filter((it) => it.startsWith("state-")))
      rmSync(join(pins, name), { recursive: true });
    const datapath = open();
    assert.equal(datapath.fresh, true);
    datapath.close();
  });

  it("is not taken by packets of another interface with the same addresses", () => {
    const b = bench();
    outUdp(b);
    const other = otherOut(b);
    assert.equal(other.frame.readUInt32BE(26), 0xcb007114);
  });
});
