import { NAT_GATEWAY_FLAGS, type TableValue } from "../contract/tables.ts";
import { ipv4Of, ipv6Of, isIpv6Text } from "../lib/address.ts";
import { embeddedIpv4, isNat64, nat64Address } from "../lib/nat64.ts";
import { isIn } from "./block.ts";
import {
  type NatConnection,
  type NatEnds,
  natKey,
  natNoted,
  natPorts,
  natProtocol,
} from "./nat-connection.ts";
import { inOtherFamily } from "./nat64.ts";
import { drop, type Dropped, type Outcome, pass, type PassParams } from "./outcome.ts";
import {
  type Flow,
  hopLimitOf,
  isIcmp,
  isIcmpAnswer,
  isIcmpError,
  isIpv6Flow,
  isPlain,
  type Packet,
  TCP,
  UDP,
} from "./packet.ts";
import {
  addressEntry,
  type Ends,
  type Passage,
  receiverOf,
  translateDestination,
  translateSource,
} from "./passage.ts";

/** Lower ports are well known, and no NAT gateway uses them. */
const FIRST_PORT = 1024;
/** How many ports one packet tries. */
const PROBES = 64;
/** 240.0.0.0/4 begins here (RFC 1112). */
const RESERVED = 0xf000_0000;

type Gateway = TableValue<"nat_gateways">;

/**
 * Stage nat_gateway, outwards: the source becomes an address and port of the gateway (RFC 3022), the same for
 * all of a connection.
 */
export function natOut(passage: Passage): Outcome<"nat_gateway"> {
  const { tables, flow, packet } = passage;
  const ends = receiverOf(passage);
  const held = addressEntry(tables, ends.row.vpc, flow.source);
  if (!held) return drop("nat_source", {});
  if (isIpv6Flow(flow) && isNoDestination(embeddedIpv4(flow.destination)))
    return drop("nat64_destination", {});
  const refused = notCarried(passage);
  if (refused) return refused;
  if (flow.headless) return drop("fragment_without_first", {});
  if (isIcmpError(flow)) return errorOut(passage, ends);
  const ports = natPorts(flow);
  if (!ports || (isIpv6Flow(flow) && hasOddSegments(packet))) return drop("nat_protocol", {});
  const key: NatEnds = {
    slot: ends.slot,
    protocol: natProtocol(flow),
    local: flow.source,
    localPort: ports.sender,
    remote: remoteOf(flow.destination),
    remotePort: ports.other,
  };
  const known = isIcmpAnswer(flow) ? undefined : live(passage, natKey(key));
  if (!known) {
    if (isIcmpAnswer(flow) || (packet.fragment && !packet.fragment.first))
      return drop("nat_no_connection", {});
    const { syn = false, ack = false, reset = false } = packet.tcp ?? {};
    if (flow.protocol === TCP && (!syn || ack || reset)) return drop("nat_connection_expired", {});
  }
  const connection = known ?? open(passage, key);
  if ("kind" in connection) return connection;
  passage.nat.changes.inside.set(natKey(key), natNoted(connection, packet, "out", passage.now));
  if (!becomes(passage, "source", connection.address)) return drop("nat_protocol", {});
  passage.flow = { ...passage.flow, ...portsOf(passage.flow, "source", connection.port) };
  return pass(
    "nat_gateway_out",
    translation([flow.source, ports.sender], [connection.address, connection.port], false),
    held,
  );
}

type End = readonly [address: string, port: number];

function translation(
  [address, port]: End,
  [translated, translatedPort]: End,
  isError: boolean,
): PassParams["nat_gateway_out"] {
  return { address, port, translated, translatedPort, isError };
}

/** Whether the address is never on a wire or stands for many hosts, so that no single host has it. */
function isNoDestination(address: string): boolean {
  return isIn(address, "nowhere", "multicast") || ipv4Of(address) >= RESERVED;
}

/** The outside end of a connection in IPv4; with NAT64 the address inside the IPv6 one. */
function remoteOf(address: string): string {
  return isNat64(address) ? embeddedIpv4(address) : address;
}

/**
 * Whether a device would have to segment a fragment or an ICMP error, or leave options or extension headers
 * out of each segment.
 */
function hasOddSegments(packet: Packet): boolean {
  return (
    packet.segmented === true && (packet.fragment !== undefined || !isPlain(packet) || isIcmpError(packet))
  );
}

/**
 * Replaces one end's address. If the new one is of the other family, the whole packet is translated; false
 * when it has no counterpart there.
 */
function becomes(passage: Passage, end: "source" | "destination", to: string): boolean {
  const { flow, about } = passage;
  if (isIpv6Text(to) === isIpv6Flow(flow)) {
    (end === "source" ? translateSource : translateDestination)(passage, to);
    return true;
  }
  const ends =
    end === "source"
      ? { source: to, destination: embeddedIpv4(flow.destination) }
      : { source: nat64Address(flow.source), destination: to };
  const back =
    about &&
    (end === "source"
      ? { source: embeddedIpv4(about.source), destination: to }
      : { source: to, destination: nat64Address(about.destination) });
  const next = inOtherFamily(flow, ends);
  const quoted = about && back && inOtherFamily(about, back);
  if (!next || (about && !quoted)) return false;
  passage.flow = next;
  passage.about = quoted;
  passage.nat64 = true;
  return true;
}

/**
 * A NAT gateway is a hop, which takes one of the TTL (RFC 1812, section 5.3.1). It carries fragments of UDP
 * only (VPC user guide, "Compare NAT gateways and NAT instances").
 */
function notCarried(passage: Passage): Dropped | undefined {
  const { packet, flow } = passage;
  if (packet.fragment && flow.protocol !== UDP) return drop("nat_fragment", {});
  if (hopLimitOf(packet) <= passage.hops + 1) return drop("nat_ttl", {});
  passage.hops += 1;
  return undefined;
}

/** The end's port, or an ICMP query's identifier, which serves for both ends. */
function portsOf(flow: Flow, end: "source" | "destination", port: number): Partial<Flow> {
  if (isIcmp(flow)) return { sourcePort: port, destinationPort: port };
  return end === "source" ? { sourcePort: port } : { destinationPort: port };
}

function live(passage: Passage, key: string): NatConnection | undefined {
  const known = passage.nat.changes.inside.get(key) ?? passage.nat.known.inside(key);
  return known && known.expires > passage.now ? known : undefined;
}

/** An error about a packet that came back through the gateway; it must come from that packet's receiver. */
function errorOut(passage: Passage, { slot }: Ends): Outcome<"nat_gateway"> {
  const { about, flow } = passage;
  const ports = about && !about.headless ? natPorts(about) : undefined;
  if (!about || !ports || about.source !== flow.destination || about.destination !== flow.source)
    return drop("nat_no_connection", {});
  const key = natKey({
    slot,
    protocol: natProtocol(about),
    local: about.destination,
    localPort: ports.other,
    remote: remoteOf(about.source),
    remotePort: ports.sender,
  });
  const known = live(passage, key);
  if (!known) return drop("nat_no_connection", {});
  const isOdd = isIpv6Flow(flow) && hasOddSegments(passage.packet);
  if (isOdd || !becomes(passage, "source", known.address)) return drop("nat_protocol", {});
  const inside = passage.about ?? about;
  passage.about = { ...inside, destination: known.address, ...portsOf(inside, "destination", known.port) };
  return pass("nat_gateway_out", translation([flow.source, ports.other], [known.address, known.port], true));
}

/**
 * A new connection: an address of the gateway, and a port of it that has no other connection to this
 * destination.
 */
function open(passage: Passage, key: NatEnds): NatConnection | Dropped {
  const { tables, nat } = passage;
  const gateway = tables.lookup("nat_gateways", { interface: key.slot });
  const settings = tables.lookup("settings", 0);
  const {
    nat_connection_limit: limit,
    nat_ports: ports,
    nat_connections_crowded: crowded,
    nat_connection_share: share,
  } = settings ?? NO_ROOM;
  if (!gateway || gateway.count === 0)
    return drop("tables_incomplete", { missing: "nat_gateway", slot: key.slot });
  const own = nat.known.count(key.slot) + passage.connections.count(key.slot);
  const isCrowded = nat.known.total() >= crowded && own >= share;
  if (!nat.known.inside(natKey(key)) && (own >= limit || isCrowded)) return drop("nat_connections_full", {});
  for (const address of inTurn(gateway, key.local)) {
    const port = takePort(passage, key, address, ports);
    if (port !== undefined)
      return { address, port, expires: 0n, insideFin: false, outsideFin: false, reset: false };
  }
  return drop("nat_ports_exhausted", {});
}

const NO_ROOM = {
  nat_connection_limit: 0,
  nat_ports: 0,
  nat_connections_crowded: 0,
  nat_connection_share: 0,
};

/** A host keeps the same address as long as that has free ports. */
function inTurn({ addresses, count }: Gateway, local: string): readonly string[] {
  const first = lastBytes(local) % count;
  return Array.from({ length: count }, (_, index) => addresses[(first + index) % count] ?? "");
}

/**
 * Takes the next free port in a circle, from the destination's last one on; tries at most {@link PROBES}
 * ports.
 */
function takePort(passage: Passage, key: NatEnds, address: string, count: number): number | undefined {
  const { known, changes } = passage.nat;
  if (count === 0) return undefined;
  const outside = (localPort: number): NatEnds => ({ ...key, local: address, localPort });
  const circle = natKey(outside(0));
  const start = changes.ports.get(circle) ?? known.nextPort(circle) ?? startOf(key, count);
  const probes = Math.min(PROBES, count);
  for (let probe = 0; probe < probes; probe++) {
    const port = FIRST_PORT + ((start + probe) % count);
    if (insideOf(passage, outside(port))) continue;
    changes.outside.set(natKey(outside(port)), { address: key.local, port: key.localPort });
    changes.ports.set(circle, (start + probe + 1) % count);
    return port;
  }
  changes.ports.set(circle, (start + probes + 1) % count);
  return undefined;
}

/** An IPv4 address as a number, or the last four bytes of an IPv6 one. */
function lastBytes(address: string): number {
  return isIpv6Text(address) ? Number(ipv6Of(address) & 0xffff_ffffn) : ipv4Of(address);
}

function startOf({ local, localPort, remote, remotePort }: NatEnds, count: number): number {
  const flow = Math.imul(remotePort ^ (localPort << 4), 40_503) + Math.imul(lastBytes(local), 2_246_822_519);
  const mixed = (Math.imul(ipv4Of(remote), 2_654_435_761) + flow) >>> 0;
  return mixed % count;
}

/**
 * The inside end for an address and port of the gateway towards a remote end; only while the inside's entry
 * agrees.
 */
function insideOf(
  passage: Passage,
  outside: NatEnds,
): { readonly key: NatEnds; readonly connection: NatConnection } | undefined {
  const { known, changes } = passage.nat;
  const name = natKey(outside);
  const pointer = changes.outside.get(name) ?? known.outside(name);
  if (!pointer) return undefined;
  const key = { ...outside, local: pointer.address, localPort: pointer.port };
  const connection = live(passage, natKey(key));
  return connection?.address === outside.local && connection.port === outside.localPort
    ? { key, connection }
    : undefined;
}

/**
 * Stage nat_gateway, back: the destination becomes the inside's again. A packet of no connection from inside
 * is dropped.
 */
export function natIn(passage: Passage): Outcome<"nat_gateway"> {
  const { flow, about, packet } = passage;
  const { slot } = receiverOf(passage);
  const refused = notCarried(passage);
  if (refused) return refused;
  if (flow.headless) return drop("fragment_without_first", {});
  const isError = isIcmpError(flow);
  if (isError && (!about || about.headless || about.source !== flow.destination))
    return drop("nat_no_connection", {});
  const subject = isError && about ? about : flow;
  const ports = natPorts(subject);
  if (!ports) return drop(isError ? "nat_no_connection" : "nat_protocol", {});
  const found = insideOf(passage, {
    slot,
    protocol: natProtocol(subject),
    local: flow.destination,
    localPort: isError ? ports.sender : ports.other,
    remote: isError ? subject.destination : subject.source,
    remotePort: isError ? ports.other : ports.sender,
  });
  if (!found) return drop("nat_no_connection", {});
  const { key, connection } = found;
  if (isIpv6Text(key.local)) {
    const odd = isError && (isIpv6Flow(packet) || packet.oddQuote === true);
    if (odd || hasOddSegments(packet)) return drop("nat_protocol", {});
    if (packet.unsummed && (packet.segmented === true || packet.fragment)) return drop("nat64_checksum", {});
  }
  if (!becomes(passage, "destination", key.local)) return drop("nat_protocol", {});
  if (isError && passage.about)
    passage.about = { ...passage.about, ...portsOf(passage.about, "source", key.localPort) };
  else {
    passage.nat.changes.inside.set(natKey(key), natNoted(connection, packet, "in", passage.now));
    passage.flow = { ...passage.flow, ...portsOf(passage.flow, "destination", key.localPort) };
  }
  return pass(
    "nat_gateway_in",
    translation([flow.destination, connection.port], [key.local, key.localPort], isError),
  );
}

/** Whether the gateway may use the internet gateway. */
export function isPublicNat(passage: Passage, slot: number): boolean {
  return (
    ((passage.tables.lookup("nat_gateways", { interface: slot })?.flags ?? 0) & NAT_GATEWAY_FLAGS.public) !==
    0
  );
}
