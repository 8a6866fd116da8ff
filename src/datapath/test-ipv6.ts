import { type Entry, IPV6_BLOCKS, IPV6_ROUTES, ROUTE_TARGET, VPC_FLAGS } from "../contract/tables.ts";
import { type FrameSpec, ipv6Frame, ROUTER, tcp, udp } from "./test-frame.ts";
import { A, allow, B, type Bench, bench, macOf, type Rule, rules, subnet } from "./test-kit.ts";
import type { TestRun } from "./test-run.ts";

/**
 * IPv6 in the kit's region, and frames of it: {@link sent} by an instance and {@link left}, {@link came} from
 * the internet and {@link arrived}.
 */

export const HOST = "2001:db8:ffff::1";
export const OWN = "2001:db8:1:1::5";
export const NEIGHBOUR = "2001:db8:1:1::6";
export const UPLINK = "02:00:00:00:02:01";
export const PEER = "02:00:00:00:02:02";
export const OUT = { source: OWN, destination: HOST };
export const IN = { source: HOST, destination: OWN };
/** A rule that matches everything of IPv6, changed. */
export const everybody = (change: Partial<Rule> = {}): Rule =>
  allow({ peer: "::", peer_length: 0, ...change });

export function ipv6Route(
  address: string,
  length: number,
  target: keyof typeof ROUTE_TARGET,
  slot = 7,
): Entry<"routes"> {
  const key = { prefix_length: 32 + length, route_table: (IPV6_ROUTES | 1) >>> 0, address };
  return { table: "routes", key, value: { target: ROUTE_TARGET[target], slot } };
}

export const holds = (slot: number, address: string): Entry<"addresses"> => ({
  table: "addresses",
  key: { vpc: 1, address },
  value: { interface: slot, public_ip: "0.0.0.0" },
});
export const ipv6Subnet = (flags = 0): Entry =>
  subnet(1, { block: "10.0.1.0", router: "10.0.1.1", ipv6_length: 64, ipv6_block: "2001:db8:1:1::", flags });
export const gatewayAttached = (internet_gateway: number): Entry => ({
  table: "vpcs",
  key: 1,
  value: { internet_gateway, flags: VPC_FLAGS.dns_support, gateway_route_table: 0, dns: "10.0.0.2" },
});

/**
 * Subnet 1 of the kit's region with an IPv6 block, an address for A and one for B, and a default route to
 * `way`.
 */
export function ipv6Bench(way: "internet_gateway" | "egress_only" = "internet_gateway"): Bench {
  const b = bench();
  b.put(
    ipv6Subnet(),
    holds(A, OWN),
    holds(B, NEIGHBOUR),
    {
      table: "routes",
      key: { prefix_length: 32 + 56, route_table: IPV6_BLOCKS, address: "2001:db8:1::" },
      value: { target: ROUTE_TARGET.local, slot: 1 },
    },
    ipv6Route("2001:db8:1::", 56, "local", 0),
    ipv6Route("::", 0, way),
    ...rules("security_group_out", 1, [everybody()]),
    ...[1, 2].flatMap((acl) => [
      ...rules("network_acl_out", acl, [everybody()]),
      ...rules("network_acl_in", acl, [everybody()]),
    ]),
  );
  return b;
}

export const open = rules("security_group_in", 1, [everybody()]);
export type Packet = Omit<FrameSpec, "from" | "to">;
export const sent = (packet: Packet): Buffer => ipv6Frame({ ...packet, to: ROUTER, from: macOf(A) });
export const left = (packet: Packet): Buffer => ipv6Frame({ ...packet, to: PEER, from: UPLINK });
export const came = (packet: Packet): Buffer => ipv6Frame({ ...packet, to: UPLINK, from: PEER });
export const arrived = (packet: Packet): Buffer => ipv6Frame({ ...packet, to: macOf(A), from: ROUTER });
export const outUdp = (b: Bench, port = 5000): TestRun =>
  b.fromEni(A, sent({ ...OUT, payload: udp(OUT, port, 53) }));
export const inUdp = (b: Bench, port = 5000): TestRun =>
  b.fromInternet(came({ ...IN, payload: udp(IN, 53, port) }));
export const outTcp = (b: Bench, flags: number): TestRun =>
  b.fromEni(A, sent({ ...OUT, protocol: 6, payload: tcp(OUT, 40000, 443, flags) }));
export const inTcp = (b: Bench, flags: number): TestRun =>
  b.fromInternet(came({ ...IN, protocol: 6, payload: tcp(IN, 443, 40000, flags) }));

/** An extension header, given the number of the next header. */
type Extension = (next: number) => Buffer;
export const fragment =
  (id: number, offset: number, more: boolean): Extension =>
  (next) =>
    Buffer.from([next, 0, offset >> 5, ((offset << 3) & 255) | Number(more), 0, 0, id >> 8, id & 255]);
/** Eight bytes: a length, and what follows it; else padding. */
export const options =
  (...[length = 0, third = 1, fourth = 4]: number[]): Extension =>
  (next) =>
    Buffer.from([next, length, third, fourth, 0, 0, 0, 0]);
export const NEXT = {
  hopByHop: 0,
  routing: 43,
  fragment: 44,
  authentication: 51,
  none: 59,
  destination: 60,
} as const;
export type Links = readonly (readonly [kind: number, build: Extension])[];

/** The first header's number and the payload: the headers, each with the number of the next. */
export function chain(links: Links, protocol: number, payload: Uint8Array) {
  const headers = links.map(([, build], i) => build(links[i + 1]?.[0] ?? protocol));
  return { protocol: links[0]?.[0] ?? protocol, payload: Buffer.concat([...headers, payload]) };
}
