import type { PacketEvent } from "../contract/packet-event.ts";
import { DROPS } from "../contract/stages.ts";
import { isIpv6Text } from "../lib/address.ts";
import type { PacketEnd, TraceLine } from "../protocol/trace.ts";
import { isDropped } from "./trace-filter.ts";

export type Links = { readonly uplink: number; readonly services: number };

type Telling = {
  readonly packetEndOf: (slot: number) => PacketEnd;
  readonly links: Links;
  /** The time, in milliseconds since 1970, at which the monotonic clock was zero. */
  readonly clockZero: number;
  /** How many bytes of the frame to show; 0: none. */
  readonly frames: number;
};

const ICMP = 1;
const ICMPV6 = 58;
const TCP = 6;
const NAMES: Readonly<Record<number, string>> = {
  [ICMP]: "icmp",
  [TCP]: "tcp",
  17: "udp",
  [ICMPV6]: "icmpv6",
};

export function traceLine(event: PacketEvent, { packetEndOf, links, clockZero, frames }: Telling): TraceLine {
  const to = receiverOf(event, packetEndOf);
  const frame = Buffer.from(event.frame.buffer, event.frame.byteOffset, Math.min(event.frame.length, frames));
  return {
    kind: "packet",
    time: timestamp(event.time, clockZero),
    from: senderOf(event, links, packetEndOf),
    ...(to ? { to } : {}),
    ...flowOf(event),
    length: event.length,
    verdict: isDropped(event) ? "dropped" : "passed",
    ...(event.reason === "none" ? {} : { reason: event.reason, stage: DROPS[event.reason].stage }),
    ...(event.verdict === "error" ? { answered: true as const } : {}),
    ...(frames > 0 ? { frame: frame.toString("base64"), frameLength: event.frameLength } : {}),
  };
}

function timestamp(nanoseconds: bigint, clockZero: number): string {
  const microseconds = nanoseconds / 1000n + BigInt(Math.round(clockZero * 1000));
  const whole = new Date(Number(microseconds / 1000n)).toISOString();
  return `${whole.slice(0, -1)}${String(microseconds % 1000n).padStart(3, "0")}Z`;
}

function senderOf(
  { ingress }: PacketEvent,
  links: Links,
  packetEndOf: (slot: number) => PacketEnd,
): PacketEnd {
  if (ingress === links.uplink) return { kind: "internet" };
  return ingress === links.services ? { kind: "services" } : packetEndOf(ingress);
}

function receiverOf(
  { verdict, target }: PacketEvent,
  packetEndOf: (slot: number) => PacketEnd,
): PacketEnd | undefined {
  if (verdict === "internet") return { kind: "internet" };
  if (verdict === "service") return { kind: "services" };
  return target === 0 ? undefined : packetEndOf(target);
}

type FlowPart = Pick<
  TraceLine,
  | "protocol"
  | "source"
  | "destination"
  | "sourceAfter"
  | "destinationAfter"
  | "sourcePort"
  | "destinationPort"
  | "icmp"
  | "flags"
>;

function flowOf(event: PacketEvent): FlowPart {
  const { flow, frame } = event;
  if (!flow)
    return { protocol: frame.length < 14 ? "?" : `0x${Buffer.from(frame.subarray(12, 14)).toString("hex")}` };
  const { source, destination, sourceAfter, destinationAfter, protocol, ports } = flow;
  const flags = protocol === TCP ? tcpFlags(event) : undefined;
  return {
    protocol: NAMES[protocol] ?? String(protocol),
    source,
    destination,
    ...(sourceAfter === source ? {} : { sourceAfter }),
    ...(destinationAfter === destination ? {} : { destinationAfter }),
    ...(ports && (protocol === TCP || protocol === 17)
      ? { sourcePort: ports.source, destinationPort: ports.destination }
      : {}),
    ...(ports && protocol === (isIpv6Text(source) ? ICMPV6 : ICMP)
      ? { icmp: { type: ports.type, code: ports.code } }
      : {}),
    ...(flags === undefined ? {} : { flags }),
  };
}

const FLAGS = [
  [2, "S"],
  [1, "F"],
  [4, "R"],
  [8, "P"],
  [16, "."],
] as const;

/**
 * The flags in the frame; only when the TCP header was captured, and the packet is whole or a first fragment.
 */
function tcpFlags({ frame, verdict }: PacketEvent): string | undefined {
  const header = ((frame[14] ?? 0) & 15) * 4;
  const flags = frame[14 + header + 13];
  const offset = (((frame[20] ?? 0) & 0x1f) << 8) | (frame[21] ?? 0);
  if (flags === undefined || verdict === "error" || offset !== 0 || frame[23] !== TCP) return undefined;
  return FLAGS.flatMap(([bit, letter]) => (flags & bit ? [letter] : [])).join("");
}
