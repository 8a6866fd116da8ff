import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fieldsOf, viewOf } from "../contract/layout.ts";
import type { Entry } from "../contract/tables.ts";
import { ipv6Frame, TCP, udp } from "./test-frame.ts";
import {
  everybody,
  gatewayAttached,
  holds,
  HOST,
  inTcp,
  inUdp,
  ipv6Bench,
  ipv6Route,
  ipv6Subnet,
  open,
  OUT,
  outTcp,
  outUdp,
  OWN,
  sent,
} from "./test-ipv6.ts";
import { A, B, type Bench, C, eni, macOf, noKernel, rules, interfaceFlags } from "./test-kit.ts";

/** No flow of group 1 is tracked by it. */
const UNTRACKED = [
  ...rules("security_group_out", 1, [everybody()], 1),
  ...rules("security_group_in", 1, [everybody()], 1),
];

const { link: LINK } = fieldsOf("ipv6_flow_entry");

/** Makes the entries that are now kept send their packets to another link, which shows who uses them. */
function divert(b: Bench, link: number): void {
  b.datapath.maps.ipv6_flows.forEach((key, value) => {
    if (LINK.read(viewOf(value), 0) === 0) return;
    const diverted = Buffer.from(value);
    LINK.write(viewOf(diverted), 0, link);
    b.datapath.maps.ipv6_flows.update(Buffer.from(key), diverted);
  });
}

/** Applies a change of the first VPC's rows, and says that it concerns this VPC. */
function change(b: Bench, puts: readonly Entry[], removals: readonly Entry[] = []): void {
  b.datapath.apply({ puts, removals, vpcs: [1] });
}

describe("the fast path of IPv6", { skip: noKernel }, () => {
  it("makes of the next packet what the stages made of the first, and counts it", () => {
    for (const way of ["internet_gateway", "egress_only"] as const) {
      const b = ipv6Bench(way);
      for (let exchange = 0; exchange < 2; exchange++) for (const run of [outUdp, inUdp]) run(b);
      outTcp(b, TCP.syn);
      for (const run of [
        outUdp,
        inUdp,
        (it: Bench) => outTcp(it, TCP.ack),
        (it: Bench) => inTcp(it, TCP.ack),
      ]) {
        const before = b.datapath.traffic(A);
        const first = run(b);
        assert.equal(first.reason, "none");
        assert.deepEqual(run(b), first);
        const after = b.datapath.traffic(A);
        assert.equal(
          after.sent.packets + after.received.packets - before.sent.packets - before.received.packets,
          2n,
        );
      }
      divert(b, 77);
      for (const run of [outUdp, inUdp]) assert.equal(run(b).target, 77);
      assert.deepEqual([outTcp(b, TCP.ack).target, inTcp(b, TCP.ack).target], [77, 77]);
    }
  });

  it("is not taken by what opens or ends a connection, with another MAC address, or after the second", () => {
    const b = ipv6Bench();
    outTcp(b, TCP.syn);
    outTcp(b, TCP.ack);
    divert(b, 77);
    assert.equal(outTcp(b, TCP.ack).target, 77);
    for (const flags of [TCP.fin | TCP.ack, TCP.syn, TCP.rst]) assert.equal(outTcp(b, flags).target, 2);
    for (let i = 0; i < 2; i++) outUdp(b);
    divert(b, 77);
    const frame = (change: { from?: string; ttl?: number }) =>
      ipv6Frame({ ...OUT, from: macOf(A), ...change, payload: udp(OUT, 5000, 53) });
    assert.equal(b.fromEni(A, frame({ from: macOf(B) })).reason, "spoofed_mac");
    assert.equal(b.fromEni(A, frame({ ttl: 0 })).reason, "malformed");
    assert.equal(
      b.fromEni(A, sent({ ...OUT, payload: udp(OUT, 5000, 53, Buffer.alloc(1500)) })).reason,
      "too_big",
    );
    assert.equal(outUdp(b).target, 77);
    b.clock(1);
    assert.equal(outUdp(b).target, 2);
  });

  it("cuts off what follows the packet", () => {
    const b = ipv6Bench();
    const packet = sent({ ...OUT, payload: udp(OUT, 5000, 53) });
    for (let i = 0; i < 3; i++)
      assert.equal(
        b.fromEni(A, Buffer.concat([packet, Buffer.alloc(100, 0x61)])).frame.length,
        packet.length,
      );
  });

  const changes: readonly [
    what: string,
    puts: readonly Entry[],
    removals: readonly Entry[],
    out: string,
    into: string,
  ][] = [
    ["a route to nowhere", [ipv6Route(HOST, 128, "blackhole")], [], "blackhole", "none"],
    [
      "a route by the egress-only gateway",
      [ipv6Route("2001:db8:ffff::", 48, "egress_only")],
      [],
      "none",
      "egress_only",
    ],
    ["the route's removal", [], [ipv6Route("::", 0, "internet_gateway")], "no_route", "none"],
    ["an ACL outwards", rules("network_acl_out", 1, []), [], "network_acl_out", "none"],
    ["an ACL inwards", rules("network_acl_in", 1, []), [], "none", "network_acl_in"],
    ["a group outwards", rules("security_group_out", 1, []), [], "security_group_out", "none"],
    ["a group inwards", rules("security_group_in", 1, []), [], "none", "security_group_in"],
    ["the address's removal", [], [holds(A, OWN)], "spoofed_source", "public_ip_not_mapped"],
    ["the address's move", [holds(B, OWN)], [], "spoofed_source", "security_group_in"],
    [
      "the subnet's block",
      [{ ...ipv6Subnet(), value: { ...ipv6Subnet().value, ipv6_length: 0 } } as Entry],
      [],
      "ipv6_not_offered",
      "none",
    ],
    ["public access blocked inwards", [ipv6Subnet(4)], [], "none", "block_public_access"],
    ["public access blocked both ways", [ipv6Subnet(6)], [], "block_public_access", "block_public_access"],
    ["the attachment", [gatewayAttached(0)], [], "no_internet_gateway", "no_internet_gateway"],
    [
      "an interface that is down",
      eni(A, {
        private_ip: "10.0.1.5",
        subnet: 1,
        groups: [1],
        flags: interfaceFlags("present", "source_dest_check"),
      }),
      [],
      "interface_down",
      "destination_down",
    ],
  ];
  for (const [what, puts, removals, out, into] of changes) {
    it(`follows with the next packet: ${what}`, () => {
      // Each direction by itself: a packet out lets the answer in, and the other way round.
      for (const [send, reason] of [
        [outUdp, out],
        [inUdp, into],
      ] as const) {
        const b = ipv6Bench();
        b.put(...UNTRACKED);
        assert.equal(send(b).reason, "none");
        divert(b, 77);
        assert.equal(send(b).target, 77);
        change(b, puts, removals);
        const run = send(b);
        assert.equal(run.reason, reason);
        assert.notEqual(run.target, 77);
      }
    });
  }

  it("leaves tracked flows to their connection when the groups change", () => {
    const b = ipv6Bench();
    b.put(...open);
    assert.deepEqual([outUdp(b).reason, inUdp(b).reason], ["none", "none"]);
    change(b, [...rules("security_group_out", 1, []), ...rules("security_group_in", 1, [])]);
    assert.deepEqual([outUdp(b).reason, inUdp(b).reason], ["none", "none"]);
    assert.deepEqual(
      [outUdp(b, 6000).reason, inUdp(b, 6001).reason],
      ["security_group_out", "security_group_in"],
    );
  });

  it("keeps the flows of a VPC when another changes", () => {
    const b = ipv6Bench();
    for (let i = 0; i < 2; i++) outUdp(b);
    divert(b, 77);
    b.datapath.apply({
      puts: [
        {
          table: "vpcs",
          key: 2,
          value: { internet_gateway: 0, flags: 0, gateway_route_table: 0, dns: "10.0.0.2" },
        },
      ],
      removals: [],
      vpcs: [2],
    });
    assert.equal(outUdp(b).target, 77);
    change(b, eni(C, { private_ip: "10.0.2.7", subnet: 2, groups: [2] }));
    assert.equal(outUdp(b).target, 2);
  });
});
