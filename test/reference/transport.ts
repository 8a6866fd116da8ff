import {
  type Flow,
  ICMP,
  ICMP_QUERIES,
  ICMPV6,
  ICMPV6_QUERIES,
  type Packet,
  TCP,
  UDP,
  UDP_LITE,
} from "../../src/reach/packet.ts";
import { read16 } from "./bytes.ts";

const TCP_HEADER = 20;
/**
 * The length of UDP's and ICMP's header, and the least of a transport that an ICMP error carries (RFC 792).
 */
export const SHORT_HEADER = 8;

/**
 * The headers that are looked at must be there: TCP's (RFC 9293), UDP's (RFC 768), UDP-Lite's (RFC 3828),
 * ICMP's (RFC 792, RFC 4443).
 */
export function isWholeTransport(
  bytes: Uint8Array,
  at: number,
  end: number,
  protocol: number,
  icmp: number,
): boolean {
  if (protocol === TCP) return end - at >= TCP_HEADER && (bytes[at + 12] ?? 0) >> 4 >= TCP_HEADER / 4;
  const known = protocol === UDP || protocol === UDP_LITE || protocol === icmp;
  return !known || end - at >= SHORT_HEADER;
}

/** UDP's checksum of zero says that there is none (RFC 768). */
export function isUnsummed(bytes: Uint8Array, at: number, protocol: number): boolean {
  return protocol === UDP && read16(bytes, at + 6) === 0;
}

export function transportOf(
  bytes: Uint8Array,
  at: number,
  protocol: number,
  family: 4 | 6,
): Pick<Flow, "sourcePort" | "destinationPort" | "icmp"> {
  if (protocol === (family === 6 ? ICMPV6 : ICMP)) {
    const type = bytes[at] ?? 0;
    const identifier = read16(bytes, at + 4);
    const queries = family === 6 ? ICMPV6_QUERIES : ICMP_QUERIES;
    const ports = queries.has(type) ? { sourcePort: identifier, destinationPort: identifier } : {};
    return { ...ports, icmp: { type, code: bytes[at + 1] ?? 0 } };
  }
  if (protocol !== TCP && protocol !== UDP) return {};
  return { sourcePort: read16(bytes, at), destinationPort: read16(bytes, at + 2) };
}

export function tcpFlags(flags: number): NonNullable<Packet["tcp"]> {
  return {
    fin: (flags & 1) !== 0,
    syn: (flags & 2) !== 0,
    reset: (flags & 4) !== 0,
    ack: (flags & 16) !== 0,
  };
}

/** Within a VPC (EC2 user guide, "Jumbo frames"). */
const LONGEST_ON_WIRE = 9_001;

/**
 * How many packets one is on a wire that a device is to cut; what the sender says of their size is not always
 * to be believed.
 */
export function onWire(length: number, segment: number): number {
  return segment === 0 ? 1 : 1 + Math.floor(length / Math.min(segment, LONGEST_ON_WIRE));
}

/** The transport header that every segment gets. */
export function segmentHeader(bytes: Uint8Array, at: number, protocol: number): number {
  return protocol === TCP ? ((bytes[at + 12] ?? 0) >> 4) * 4 : SHORT_HEADER;
}
