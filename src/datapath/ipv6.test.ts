import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addressBytes } from "../lib/address.ts";
import { icmpv6, ipv6Frame, mac, ROUTER, tcp, TCP, udp } from "./test-frame.ts";
import {
  arrived,
  came,
  chain,
  everybody,
  fragment,
  gatewayAttached,
  HOST,
  inTcp,
  inUdp,
  ipv6Bench,
  ipv6Route,
  ipv6Subnet,
  IN,
  left,
  NEIGHBOUR,
  NEXT,
  open,
  options,
  OUT,
  outTcp,
  outUdp,
  OWN,
  type Links,
  type Packet,
  PEER,
  sent,
  UPLINK,
} from "./test-ipv6.ts";
import { A, B, type Bench, C, macOf, noKernel, rules } from "./test-kit.ts";
import type { TestRun } from "./test-run.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

describe("IPv6 through the internet gateway", { skip: noKernel }, () => {
  it("leaves and comes in as it was but for the MACs", () => {
    const b = ipv6Bench();
    b.put(...open);
    for (const [protocol, payload] of [
      [17, udp],
      [6, (ends: typeof OUT, from: number, to: number) => tcp(ends, from, to, TCP.ack, "hello")],
    ] as const) {
      const out = { ...OUT, protocol, ttl: 7, payload: payload(OUT, 4000, 53) };
      const into = { ...IN, protocol, ttl: 9, payload: payload(IN, 53, 4001) };
      // The second by the fast path.
      for (let i = 0; i < 2; i++) {
        const run = b.fromEni(A, sent(out));
        assert.deepEqual(
          [run.verdict, run.target, run.action, hex(run.frame)],
          ["internet", 2, 7, hex(left(out))],
        );
        const back = b.fromInternet(came(into));
        assert.deepEqual(
          [back.verdict, back.target, back.action, hex(back.frame)],
          ["deliver", A, 7, hex(arrived(into))],
        );
      }
    }
  });

  const ways = (b: Bench) => ({
    to: (destination: string) => {
      const ends = { source: OWN, destination };
      return b.fromEni(A, sent({ ...ends, payload: udp(ends, 1, 2) })).reason;
    },
    from: (source: string, destination = OWN) => {
      const ends = { source, destination };
      return b.fromInternet(came({ ...ends, payload: udp(ends, 1, 2) })).reason;
    },
  });

  it("is for addresses that the internet and the region have", () => {
    const { to, from } = ways(ipv6Bench());
    for (const destination of ["fd00::1", "fc00::1", "fec0::1"]) {
      assert.equal(to(destination), "private_destination");
      assert.equal(from(destination), "private_source");
    }
    assert.deepEqual([to("fe80::2"), from("fe80::2")], ["link_local", "private_source"]);
    assert.equal(to("2001:db8:1:1::99"), "no_such_private_address");
    assert.equal(to("ff02::1"), "multicast");
    assert.equal(from("2001:db8:1:9::1"), "own_source");
    assert.equal(from(HOST, "2001:db8:2::1"), "not_for_us");
    assert.equal(from(HOST, "2001:db8:1:1::99"), "public_ip_not_mapped");
  });

  it("needs a route, the attachment, and that public access is not blocked", () => {
    const b = ipv6Bench();
    const { to, from } = ways(b);
    assert.deepEqual([from(HOST), to(HOST)], ["security_group_in", "none"]);
    b.put(ipv6Subnet(4));
    assert.deepEqual([from(HOST), to(HOST)], ["block_public_access", "none"]);
    b.put(ipv6Subnet(2));
    assert.deepEqual([from(HOST), to(HOST)], ["security_group_in", "block_public_access"]);
    b.put(ipv6Subnet(), gatewayAttached(0));
    assert.deepEqual([from(HOST), to(HOST)], ["no_internet_gateway", "no_internet_gateway"]);
    b.put(ipv6Route("::", 0, "blackhole"));
    assert.equal(to(HOST), "blackhole");
    b.remove(ipv6Route("::", 0, "blackhole"));
    assert.equal(to(HOST), "no_route");
  });

  it("is for interfaces whose subnet has a block, with their own addresses", () => {
    const b = ipv6Bench();
    const ends = { source: NEIGHBOUR, destination: HOST };
    const payload = udp(ends, 1, 2);
    assert.equal(b.fromEni(A, sent({ ...ends, payload })).reason, "spoofed_source");
    assert.equal(b.fromEni(C, ipv6Frame({ ...ends, from: macOf(C), payload })).reason, "ipv6_not_offered");
  });
});

describe("the egress-only internet gateway", { skip: noKernel }, () => {
  it("lets replies in, and nothing unsolicited", () => {
    const b = ipv6Bench("egress_only");
    // No attachment is needed, and no group's rule helps.
    b.put(gatewayAttached(0), ...open);
    assert.deepEqual([inUdp(b).verdict, inUdp(b).reason, inUdp(b).target], ["drop", "egress_only", A]);
    const packet = { ...OUT, payload: udp(OUT, 5000, 53) };
    assert.equal(hex(outUdp(b).frame), hex(left(packet)));
    const reply = inUdp(b);
    assert.deepEqual(
      [reply.verdict, hex(reply.frame)],
      ["deliver", hex(arrived({ ...IN, payload: udp(IN, 53, 5000) }))],
    );
    assert.equal(inUdp(b, 5001).reason, "egress_only");
  });

  it("knows an echo by its identifier, and opens nothing for an answer", () => {
    const b = ipv6Bench("egress_only");
    const echo = (ends: typeof OUT, type: number, id: number) => ({
      ...ends,
      protocol: 58,
      payload: icmpv6(ends, type, 0, id << 16),
    });
    assert.equal(b.fromEni(A, sent(echo(OUT, 128, 7))).verdict, "internet");
    assert.equal(b.fromInternet(came(echo(IN, 129, 7))).verdict, "deliver");
    assert.equal(b.fromInternet(came(echo(IN, 129, 8))).reason, "egress_only");
    assert.equal(b.fromInternet(came(echo(IN, 128, 7))).reason, "egress_only");
    assert.equal(b.fromEni(A, sent(echo(OUT, 129, 9))).reason, "egress_only");
  });

  it("takes no new connection from outside on the ports of one that is over", () => {
    const b = ipv6Bench("egress_only");
    b.put(...open);
    assert.equal(inTcp(b, TCP.syn).reason, "egress_only");
    assert.deepEqual(
      [outTcp(b, TCP.syn).verdict, inTcp(b, TCP.syn | TCP.ack).verdict],
      ["internet", "deliver"],
    );
    assert.deepEqual([outTcp(b, TCP.rst).verdict, inTcp(b, TCP.syn).reason], ["internet", "egress_only"]);
    b.clock(11);
    assert.equal(inTcp(b, TCP.ack).reason, "egress_only");
  });

  it("forgets an exchange when its time is over", () => {
    const b = ipv6Bench("egress_only");
    b.put(
      ...rules("security_group_out", 1, [everybody()], 1),
      ...rules("security_group_in", 1, [everybody()], 1),
    );
    outUdp(b);
    b.clock(29);
    assert.deepEqual(
      [inUdp(b).verdict, outUdp(b).verdict, inUdp(b).verdict],
      ["deliver", "internet", "deliver"],
    );
    b.clock(29 + 179);
    assert.equal(inUdp(b).verdict, "deliver");
    b.clock(29 + 179 + 180);
    assert.equal(inUdp(b).reason, "egress_only");
  });
});

describe("neighbour discovery", { skip: noKernel }, () => {
  const GROUP = "ff02::1:ff00:1";
  const asks = (
    source: string,
    target: string,
    change: { ttl?: number; code?: number; length?: number } = {},
  ): Packet => {
    const ends = { source, destination: GROUP };
    const data = Buffer.concat([addressBytes(target), Buffer.from([1, 1]), mac(macOf(A))]).subarray(
      0,
      change.length ?? 24,
    );
    return {
      ...ends,
      protocol: 58,
      ttl: change.ttl ?? 255,
      payload: icmpv6(ends, 135, change.code ?? 0, 0, data),
    };
  };
  const answer = (to: string, from: string, source: string, destination: string): string => {
    const ends = { source, destination };
    const data = Buffer.concat([addressBytes(source), Buffer.from([2, 1]), mac(from)]);
    return hex(
      ipv6Frame({
        ...ends,
        to,
        from,
        protocol: 58,
        ttl: 255,
        payload: icmpv6(ends, 136, 0, 0xe0000000, data),
      }),
    );
  };
  const multicast = (packet: Packet, from = macOf(A)): Buffer =>
    ipv6Frame({ ...packet, to: "33:33:ff:00:00:01", from });

  it("answers an instance for everybody with the router's MAC", () => {
    const b = ipv6Bench();
    for (const source of [OWN, "fe80::1234"]) {
      for (const target of ["fe80::1", "2001:db8:1:1::1", NEIGHBOUR, HOST]) {
        const run = b.fromEni(A, multicast(asks(source, target)));
        assert.deepEqual(
          [run.verdict, run.target, run.action, hex(run.frame)],
          ["arp", A, 7, answer(macOf(A), ROUTER, target, source)],
        );
      }
    }
  });

  it("answers the internet's side only for the region's blocks and the router", () => {
    const b = ipv6Bench();
    for (const target of [OWN, "2001:db8:1:ab::7", "fe80::1"]) {
      const run = b.fromInternet(multicast(asks("fe80::2", target), PEER));
      assert.deepEqual(
        [run.verdict, run.target, hex(run.frame)],
        ["arp", 2, answer(PEER, UPLINK, target, "fe80::2")],
      );
    }
    assert.equal(b.fromInternet(multicast(asks("fe80::2", HOST), PEER)).verdict, "absorb");
  });

  it("does not answer for the sender's own address, to a probe for a duplicate, and to what is no question", () => {
    const b = ipv6Bench();
    const say = (type: number, ttl: number, destination = "ff02::2"): Buffer => {
      const ends = { source: "fe80::1234", destination };
      return multicast({ ...ends, protocol: 58, ttl, payload: icmpv6(ends, type, 0, 0, Buffer.alloc(16)) });
    };
    const silent = [
      multicast(asks(OWN, OWN)),
      multicast(asks("::", "2001:db8:1:1::77")),
      multicast(asks("fe80::1234", OWN)),
    ];
    // Router solicitation and advertisement, neighbour advertisement, redirect, listener reports.
    for (const type of [133, 134, 136, 137]) silent.push(say(type, 255));
    for (const type of [131, 132, 143]) silent.push(say(type, 1, "ff02::16"));
    for (const frame of silent) assert.equal(b.fromEni(A, frame).verdict, "absorb");
    // Packets that crossed a router can't be from a neighbour (RFC 4861, section 6.1.1).
    assert.equal(b.fromEni(A, say(133, 254)).reason, "malformed");
  });

  it("drops what is spoofed or malformed", () => {
    const b = ipv6Bench();
    const reason = (packet: Packet, from?: string) => b.fromEni(A, multicast(packet, from)).reason;
    assert.equal(reason(asks(OWN, "fe80::1"), macOf(B)), "spoofed_mac");
    assert.equal(reason(asks(NEIGHBOUR, "fe80::1")), "spoofed_source");
    assert.equal(reason(asks(OWN, "fe80::1", { ttl: 254 })), "malformed");
    assert.equal(reason(asks(OWN, "fe80::1", { code: 1 })), "malformed");
    assert.equal(reason(asks(OWN, "fe80::1", { length: 15 })), "malformed");
    assert.equal(reason(asks(OWN, "ff02::1")), "malformed");
    const ends = { source: OWN, destination: GROUP };
    const frame = ipv6Frame({ ...asks(OWN, "fe80::1"), ...ends, from: macOf(C) });
    assert.equal(b.fromEni(C, frame).reason, "ipv6_not_offered");
  });
});

describe("an IPv6 packet too big", { skip: noKernel }, () => {
  const big = (ends: typeof OUT, size: number): Packet => ({
    ...ends,
    payload: udp(ends, 7000, 53, Buffer.alloc(size - 48, 7)),
  });
  const message = (ends: typeof OUT, packet: Buffer) =>
    ({ ...ends, protocol: 58, payload: icmpv6(ends, 2, 0, 1500, packet.subarray(14, 14 + 1232)) }) as const;

  it("comes back to the instance from its subnet's router, with what 1280 bytes hold", () => {
    for (const way of ["internet_gateway", "egress_only"] as const) {
      const b = ipv6Bench(way);
      assert.equal(b.fromEni(A, sent(big(OUT, 1500))).verdict, "internet");
      for (const size of [1501, 3000]) {
        const packet = sent(big(OUT, size));
        const run = b.fromEni(A, packet);
        assert.deepEqual([run.verdict, run.reason, run.target, run.action], ["error", "too_big", A, 7]);
        assert.equal(
          hex(run.frame),
          hex(arrived(message({ source: "2001:db8:1:1::1", destination: OWN }, packet))),
        );
        assert.equal(run.frame.length, 14 + 1280);
      }
    }
  });

  it("comes back to a host on the internet from the address that it wrote to", () => {
    const b = ipv6Bench();
    b.put(...open);
    const packet = came(big(IN, 2000));
    const run = b.fromInternet(packet);
    assert.deepEqual([run.verdict, run.reason], ["error", "too_big"]);
    assert.equal(hex(run.frame), hex(left(message(OUT, packet))));
  });

  it("measures segments, passes inside the VPC, and answers no error", () => {
    const b = ipv6Bench();
    b.put(...rules("security_group_in", 2, [everybody()]));
    const bulk = sent({ ...OUT, protocol: 6, payload: tcp(OUT, 7000, 443, TCP.ack, Buffer.alloc(3000)) });
    assert.equal(b.fromEni(A, bulk, { gsoSize: 1440 }).verdict, "internet");
    assert.equal(b.fromEni(A, bulk, { gsoSize: 1441 }).verdict, "error");
    assert.equal(b.fromEni(A, sent(big({ source: OWN, destination: NEIGHBOUR }, 3000))).verdict, "deliver");
    const error = sent({ ...OUT, protocol: 58, payload: icmpv6(OUT, 1, 0, 0, Buffer.alloc(1600)) });
    assert.deepEqual([b.fromEni(A, error).verdict, b.fromEni(A, error).reason], ["drop", "too_big"]);
  });
});

describe("extension headers", { skip: noKernel }, () => {
  const datagram = udp(OUT, 7000, 53);
  const send = (b: Bench, links: Links, protocol = 17, payload: Uint8Array = datagram): TestRun =>
    b.fromEni(A, sent({ ...OUT, ...chain(links, protocol, payload) }));
  const many = (count: number) => Array.from({ length: count }, () => [NEXT.destination, options()] as const);
  const cases: readonly [what: string, links: Links, reason: string][] = [
    ["hop-by-hop options", [[NEXT.hopByHop, options()]], "none"],
    ["destination options", many(1), "none"],
    ["a routing header without a hop to come", [[NEXT.routing, options(0, 4, 0)]], "none"],
    ["a routing header with a hop to come", [[NEXT.routing, options(0, 4, 1)]], "malformed"],
    ["a routing header of type 0", [[NEXT.routing, options(0, 0, 0)]], "malformed"],
    ["hop-by-hop options that are not first", [...many(1), [NEXT.hopByHop, options()]], "malformed"],
    ["eight", many(8), "none"],
    ["nine", many(9), "malformed"],
    ["one that is longer than the packet", [[NEXT.destination, options(9)]], "malformed"],
    ["a fragment that is whole", [[NEXT.fragment, fragment(600, 0, false)]], "none"],
    [
      "a fragment inside a fragment",
      [
        [NEXT.fragment, fragment(601, 0, true)],
        [NEXT.fragment, fragment(602, 0, true)],
      ],
      "malformed",
    ],
  ];
  for (const [what, links, reason] of cases) {
    it(`${reason === "none" ? "passes" : "drops"} ${what}`, () => {
      const b = ipv6Bench();
      const run = send(b, links);
      assert.equal(run.reason, reason);
      if (reason === "none")
        assert.equal(hex(run.frame), hex(left({ ...OUT, ...chain(links, 17, datagram) })));
    });
  }

  it("hide no ports, but those that are protocols of their own", () => {
    const b = ipv6Bench();
    b.put(...rules("security_group_out", 1, [everybody({ protocol: 17, port_from: 53, port_to: 53 })]));
    const links = [
      [NEXT.hopByHop, options()],
      [NEXT.destination, options()],
    ] as const;
    assert.equal(send(b, links).verdict, "internet");
    assert.equal(send(b, links, 17, udp(OUT, 7000, 54)).reason, "security_group_out");
    assert.equal(send(b, [[NEXT.authentication, options(4)]]).reason, "security_group_out");
    assert.equal(send(b, links, NEXT.none).reason, "security_group_out");
    b.put(...rules("security_group_out", 1, [everybody({ protocol: 51 }), everybody({ protocol: 59 })]));
    assert.equal(send(b, [[NEXT.authentication, options(4)]]).verdict, "internet");
    assert.equal(send(b, links, NEXT.none).verdict, "internet");
  });
});
