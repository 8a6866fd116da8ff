import type { PacketEvent } from "../plan/packet-event.ts";
import { type DropReason, DROPS, type Stage } from "../plan/stages.ts";
import { isDropped } from "./trace-filter.ts";

/** One packet as it is told to whoever watches: a line of JSON. */
export type TraceLine = {
  readonly kind: "packet";
  /** ISO 8601 with microseconds, UTC. */
  readonly time: string;
  readonly from: Place;
  /** Absent when a packet was dropped before that was known. */
  readonly to?: Place;
  /** `tcp`, `udp`, `icmp`, `icmpv6`, else IANA's number; of what is no IP, the EtherType: `0x0806`. */
  readonly protocol: string;
  /** Addresses and ports as the packet came; absent of what was dropped before they were read. */
  readonly source?: string;
  readonly destination?: string;
  /** After translation; absent when it changes nothing. */
  readonly sourceAfter?: string;
  readonly destinationAfter?: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmp?: { readonly type: number; readonly code: number };
  /** TCP's, as tcpdump writes them: `S`, `S.`, `.`, `F.`, `R`. */
  readonly flags?: string;
  /** Bytes of the frame as it came, with the Ethernet header. */
  readonly length: number;
  readonly verdict: "passed" | "dropped";
  readonly reason?: DropReason;
  readonly stage?: Stage;
  /** An ICMP error (fragmentation needed) went back to the sender. */
  readonly answered?: true;
  /** The frame's first bytes in base64 as it stood at the end, and how many it had: only when they are asked for. */
  readonly frame?: string;
  readonly frameLength?: number;
};

/** An interface, or what is outside of every VPC. */
export type Place =
  | { readonly kind: "interface"; readonly id: string; readonly instance?: string }
  | { readonly kind: "internet" }
  | { readonly kind: "services" };

export type Links = { readonly uplink: number; readonly services: number };

type Telling = {
  readonly placeOf: (slot: number) => Place;
  readonly links: Links;
  /** Milliseconds since 1970 when the monotonic clock stood at zero. */
  readonly clockZero: number;
  /** Bytes of the frame to tell; 0: none. */
  readonly frames: number;
};

const ICMP = 1;
const ICMPV6 = 58;
const TCP = 6;
const NAMES: Readonly<Record<number, string>> = { [ICMP]: "icmp", [TCP]: "tcp", 17: "udp", [ICMPV6]: "icmpv6" };

export function traceLine(event: PacketEvent, { placeOf, links, clockZero, frames }: Telling): TraceLine {
  const to = receiverOf(event, placeOf);
  const frame = Buffer.from(event.frame.buffer, event.frame.byteOffset, Math.min(event.frame.length, frames));
  return {
    kind: "packet",
    time: timestamp(event.time, clockZero),
    from: senderOf(event, links, placeOf),
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

function senderOf({ ingress }: PacketEvent, links: Links, placeOf: (slot: number) => Place): Place {
  if (ingress === links.uplink) return { kind: "internet" };
  return ingress === links.services ? { kind: "services" } : placeOf(ingress);
}

function receiverOf({ verdict, target }: PacketEvent, placeOf: (slot: number) => Place): Place | undefined {
  if (verdict === "internet") return { kind: "internet" };
  if (verdict === "service") return { kind: "services" };
  return target === 0 ? undefined : placeOf(target);
}

type FlowPart = Pick<
  TraceLine,
  "protocol" | "source" | "destination" | "sourceAfter" | "destinationAfter" | "sourcePort" | "destinationPort" | "icmp" | "flags"
>;

function flowOf(event: PacketEvent): FlowPart {
  const { flow, frame } = event;
  if (!flow) return { protocol: frame.length < 14 ? "?" : `0x${Buffer.from(frame.subarray(12, 14)).toString("hex")}` };
  const { source, destination, sourceAfter, destinationAfter, protocol, ports } = flow;
  const flags = protocol === TCP ? tcpFlags(event) : undefined;
  return {
    protocol: NAMES[protocol] ?? String(protocol),
    source,
    destination,
    ...(sourceAfter === source ? {} : { sourceAfter }),
    ...(destinationAfter === destination ? {} : { destinationAfter }),
    ...(ports && (protocol === TCP || protocol === 17) ? { sourcePort: ports.source, destinationPort: ports.destination } : {}),
    ...(ports && protocol === (source.includes(":") ? ICMPV6 : ICMP) ? { icmp: { type: ports.type, code: ports.code } } : {}),
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

/** From the frame, when the TCP header is in what was captured and the packet is the first fragment or whole. */
function tcpFlags({ frame, verdict }: PacketEvent): string | undefined {
  const header = ((frame[14] ?? 0) & 15) * 4;
  const flags = frame[14 + header + 13];
  const offset = (((frame[20] ?? 0) & 0x1f) << 8) | (frame[21] ?? 0);
  if (flags === undefined || verdict === "error" || offset !== 0 || frame[23] !== TCP) return undefined;
  return FLAGS.flatMap(([bit, letter]) => (flags & bit ? [letter] : [])).join("");
}
