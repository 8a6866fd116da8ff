import type { DropReason } from "../../src/contract/stages.ts";
import { LAYOUT_VERSION, ROUTER_MAC, type TableReader, type TableValue } from "../../src/contract/tables.ts";
import { formatIpv6, ipv4Of, parseIpv6 } from "../../src/lib/address.ts";
import { present } from "../../src/lib/assert.ts";
import { nat64Address } from "../../src/lib/nat64.ts";
import type { AllowanceMemory } from "../../src/reach/allowance-memory.ts";
import type { ConnectionMemory } from "../../src/reach/connection.ts";
import { GATEWAY_MTU, mtuOf } from "../../src/reach/deliver.ts";
import type { FragmentMemory } from "../../src/reach/fragment-memory.ts";
import type { NatMemory } from "../../src/reach/nat-connection.ts";
import { ICMP, isIcmpError, isIpv6Flow, type Packet, TCP, UDP } from "../../src/reach/packet.ts";
import { type Trace, trace } from "../../src/reach/trace.ts";
import { type LinkAnswer, arpFromInterface, arpFromInternet, arpFromServices } from "./arp.ts";
import { ETHERNET_LEAST, type Frame, readFrame } from "./frame.ts";
import { icmpError, icmpv6Error, TIME_EXCEEDED, TOO_BIG } from "./icmp-error.ts";
import { nat64Frame } from "./nat64-rewrite.ts";
import { neighbourFromInternet, neighbourFromInterface, neighbourFromServices } from "./neighbour.ts";
import { inPieces } from "./pieces.ts";
import { resetOf } from "./reset.ts";
import {
  completeChecksum,
  setMacs,
  setTtl,
  translate,
  translateIpv6,
  translatePort,
  translateQuotedPort,
} from "./rewrite.ts";
import type { Shape } from "./shape.ts";

/** Where a frame comes in. */
export type Entrance =
  | { readonly kind: "interface"; readonly slot: number }
  | { readonly kind: "internet" }
  | { readonly kind: "services" };

/** What became of a frame, and what leaves for it. */
export type Forwarded = {
  /**
   * `arp`: an answer of it or of neighbour discovery went back; `absorb`: silence; `error`: dropped, and an
   * ICMP error or a TCP reset went back.
   */
  readonly verdict: "drop" | "deliver" | "internet" | "service" | "arp" | "absorb" | "error";
  readonly reason: DropReason;
  /**
   * The interface, or link, that it goes to; of a drop, the interface that it is counted for, 0 for the
   * internet's side.
   */
  readonly target: number;
  /**
   * As it leaves; absent: nothing does. Over the gateway's MTU it leaves in {@link inPieces pieces} instead.
   */
  readonly frame?: Uint8Array;
  readonly pieces?: readonly Uint8Array[];
  /** Absent when it did not come as far as the stages. */
  readonly trace?: Trace;
};

/** What holds from frame to frame. */
export type Memory = {
  readonly connections: ConnectionMemory;
  readonly fragments: FragmentMemory;
  readonly nat: NatMemory;
  readonly spent: AllowanceMemory;
  /** Nanoseconds. */
  readonly now: bigint;
};

/**
 * The reference that the kernel program is held against: one frame through the tables, and the bytes that
 * leave. `segment`: the size of segments, of a frame that the sender left to a device to cut; else 0.
 */
export function forward(
  tables: TableReader,
  arrived: Uint8Array,
  entrance: Entrance,
  memory: Memory,
  segment = 0,
): Forwarded {
  const link = entrance.kind === "interface" ? entrance.slot : 0;
  const settings = tables.lookup("settings", 0);
  if (settings?.layout !== LAYOUT_VERSION) return dropped("tables_incomplete", link);
  const frame = readFrame(arrived, segment);
  if (frame.kind === "refused") return dropped(frame.reason, link);
  if (frame.kind === "arp") return answered(arp(tables, arrived, entrance), link, backTo(entrance, settings));
  if (frame.kind === "neighbour")
    return answered(neighbour(tables, arrived, frame, entrance), link, backTo(entrance, settings));
  // What follows the packet in its frame goes no further, but for Ethernet's padding.
  const bytes = segment > 0 ? arrived : arrived.subarray(0, Math.max(frame.shape.end, ETHERNET_LEAST));
  const packet = {
    ...frame.packet,
    ...(entrance.kind === "interface" ? { from: entrance.slot } : {}),
    ...(entrance.kind === "services" ? { fromServices: true as const } : {}),
  };
  const { connections, fragments, nat, spent, now } = memory;
  const traced = trace(tables, packet, { connections, fragments, nat, spent, now });
  memory.connections.remember(traced.connections);
  memory.fragments.remember(traced.firstFragments);
  memory.nat.remember(traced.nat);
  memory.spent.remember(traced.spent);
  return { ...outcome(tables, bytes, frame, entrance, traced), trace: traced };
}

function dropped(reason: DropReason, target: number): Forwarded {
  return { verdict: "drop", reason, target };
}

function arp(tables: TableReader, bytes: Uint8Array, entrance: Entrance): LinkAnswer {
  switch (entrance.kind) {
    case "interface":
      return arpFromInterface(tables, bytes, entrance.slot);
    case "internet":
      return arpFromInternet(tables, bytes);
    case "services":
      return arpFromServices(tables, bytes);
  }
}

function neighbour(
  tables: TableReader,
  bytes: Uint8Array,
  frame: Frame & { kind: "neighbour" },
  entrance: Entrance,
): LinkAnswer {
  switch (entrance.kind) {
    case "interface":
      return neighbourFromInterface(tables, bytes, frame, entrance.slot);
    case "internet":
      return neighbourFromInternet(tables, bytes, frame);
    case "services":
      return neighbourFromServices(tables, bytes, frame);
  }
}

function answered(said: LinkAnswer, link: number, back: number): Forwarded {
  if (said.kind === "drop") return dropped(said.reason, link);
  if (said.kind === "silence") return { verdict: "absorb", reason: "none", target: 0 };
  return { verdict: "arp", reason: "none", target: back, frame: said.frame };
}

type Settings = TableValue<"settings">;

/** The link on which an answer goes back. */
function backTo(entrance: Entrance, settings: Settings): number {
  if (entrance.kind === "interface") return entrance.slot;
  return entrance.kind === "internet" ? settings.uplink : settings.services;
}

function outcome(
  tables: TableReader,
  bytes: Uint8Array,
  frame: Frame & { kind: "packet" },
  entrance: Entrance,
  traced: Trace,
): Forwarded {
  const settings = present(tables.lookup("settings", 0), "the settings");
  const { verdict } = traced;
  switch (verdict.kind) {
    case "drop":
      if (verdict.reason === "nat_connection_expired")
        return reset(bytes, frame, entrance, verdict.interface);
      if (verdict.reason === "nat_ttl") return expired(tables, bytes, frame, entrance, traced);
      return verdict.reason === "too_big"
        ? refused(tables, bytes, frame, entrance, traced)
        : dropped(verdict.reason, verdict.interface);
    case "deliver": {
      const mac = present(tables.lookup("interfaces", verdict.interface), "the receiver").mac;
      return sent(
        rewritten(bytes, frame, traced, [mac, ROUTER_MAC]),
        { verdict: "deliver", target: verdict.interface },
        frame,
        traced,
      );
    }
    case "internet": {
      const macs = [settings.uplink_peer_mac, settings.uplink_mac] as const;
      return sent(
        rewritten(bytes, frame, traced, macs),
        { verdict: "internet", target: settings.uplink },
        frame,
        traced,
      );
    }
    case "service": {
      const macs = [settings.services_peer_mac, settings.services_mac] as const;
      return sent(
        rewritten(bytes, frame, traced, macs),
        { verdict: "service", target: settings.services },
        frame,
        traced,
      );
    }
  }
}

function rewritten(
  bytes: Uint8Array,
  { shape, packet: before }: Frame & { kind: "packet" },
  { packet, hopLimit, nat64 }: Trace,
  macs: readonly [destination: string, source: string],
): Uint8Array {
  if (nat64) {
    const made = nat64Frame(bytes, shape, before, packet, hopLimit ?? 0);
    setMacs(made, ...macs);
    return made;
  }
  const out = Uint8Array.from(bytes);
  if (isIpv6Flow(packet)) {
    translateIpv6(out, shape, packet, hopLimit);
    setMacs(out, ...macs);
    return out;
  }
  if (hopLimit !== undefined) setTtl(out, hopLimit);
  translate(out, shape, "source", ipv4Of(packet.source));
  translate(out, shape, "destination", ipv4Of(packet.destination));
  translatePorts(out, shape, packet);
  setMacs(out, ...macs);
  return out;
}

/** What a NAT gateway changed besides the addresses; where none did, the ports are what they were. */
function translatePorts(
  out: Uint8Array,
  shape: Shape,
  { protocol, sourcePort, destinationPort, about }: Packet,
): void {
  if (about) {
    if (about.sourcePort !== undefined) translateQuotedPort(out, shape, "source", about.sourcePort);
    if (about.destinationPort !== undefined && about.protocol !== ICMP)
      translateQuotedPort(out, shape, "destination", about.destinationPort);
    return;
  }
  if (protocol !== TCP && protocol !== UDP && protocol !== ICMP) return;
  if (sourcePort !== undefined) translatePort(out, shape, "source", sourcePort);
  if (destinationPort !== undefined && protocol !== ICMP)
    translatePort(out, shape, "destination", destinationPort);
}

/** Whole, or through the gateway in pieces. A packet that may not be cut did not come here. */
function sent(
  out: Uint8Array,
  where: Pick<Forwarded, "verdict" | "target">,
  { packet, shape }: Frame & { kind: "packet" },
  traced: Trace,
): Forwarded {
  const whole = { ...where, reason: "none", frame: out } as const;
  if (!traced.throughGateway || traced.nat64 || packet.segmented || (packet.length ?? 0) <= GATEWAY_MTU)
    return whole;
  completeChecksum(out, shape);
  return { ...whole, pieces: inPieces(out) };
}

/**
 * Too big, and told to its sender: an instance hears it from its subnet's router, a host on the internet from
 * the public address that it wrote to. Not when it might have been cut, and never about an ICMP error or a
 * later fragment (RFC 1122, section 3.2.2).
 */
function refused(
  tables: TableReader,
  bytes: Uint8Array,
  { packet, shape }: Frame & { kind: "packet" },
  entrance: Entrance,
  traced: Trace,
): Forwarded {
  const { verdict, throughGateway } = traced;
  const charged = verdict.kind === "drop" ? verdict.interface : 0;
  const reported = entrance.kind === "interface" || throughGateway;
  if (!shape.dontFragment || !reported || isIcmpError(packet) || shape.later)
    return dropped("too_big", charged);
  const { subnet } = (entrance.kind === "interface" && tables.lookup("interfaces", entrance.slot)) || {
    subnet: 0,
  };
  const router =
    entrance.kind === "interface" ? (tables.lookup("subnets", subnet)?.router ?? "") : packet.destination;
  // Its header takes 20 bytes more than what NAT64 makes of it.
  const rest = mtuOf(traced) + (traced.nat64 && isIpv6Flow(packet) ? 20 : 0);
  const message = isIpv6Flow(packet)
    ? icmpv6Error(bytes, shape, {
        ...TOO_BIG.ipv6,
        router: ipv6Router(tables, subnet) ?? packet.destination,
        rest,
      })
    : icmpError(bytes, shape, { ...TOO_BIG.ipv4, router, rest });
  const target = entrance.kind === "interface" ? entrance.slot : 0;
  return { verdict: "error", reason: "too_big", target, frame: message };
}

/**
 * No hop was left at a NAT gateway, which says so to the instance by its private address (VPC user guide,
 * "Troubleshoot NAT gateways": a traceroute shows it). On the way back nobody is told.
 */
function expired(
  tables: TableReader,
  bytes: Uint8Array,
  { packet, shape }: Frame & { kind: "packet" },
  entrance: Entrance,
  { verdict, way }: Trace,
): Forwarded {
  const charged = verdict.kind === "drop" ? verdict.interface : 0;
  if (entrance.kind !== "interface" || way !== "nat" || isIcmpError(packet) || shape.later)
    return dropped("nat_ttl", charged);
  const router = present(tables.lookup("interfaces", charged), "the NAT gateway").private_ip;
  const message = isIpv6Flow(packet)
    ? icmpv6Error(bytes, shape, { ...TIME_EXCEEDED.ipv6, router: nat64Address(router), rest: 0 })
    : icmpError(bytes, shape, { ...TIME_EXCEEDED.ipv4, router, rest: 0 });
  return { verdict: "error", reason: "nat_ttl", target: entrance.slot, frame: message };
}

/** The first address of the subnet's block; undefined where the packet came from none. */
function ipv6Router(tables: TableReader, slot: number): string | undefined {
  const subnet = slot === 0 ? undefined : tables.lookup("subnets", slot);
  return subnet && formatIpv6((parseIpv6(subnet.ipv6_block) ?? 0n) | 1n);
}

/**
 * A connection that a NAT gateway no longer knows, and its sender is told so; but nobody answers a reset with
 * one.
 */
function reset(
  bytes: Uint8Array,
  { packet, shape }: Frame & { kind: "packet" },
  entrance: Entrance,
  charged: number,
): Forwarded {
  if (packet.tcp?.reset === true) return dropped("nat_connection_expired", charged);
  const target = entrance.kind === "interface" ? entrance.slot : 0;
  return { verdict: "error", reason: "nat_connection_expired", target, frame: resetOf(bytes, shape) };
}
