import { formatIpv4, ipv4 } from "../../src/lib/address.ts";
import { type Flow, ICMP, ICMP_ERRORS, type Packet, TCP } from "../../src/reach/packet.ts";
import { ETHERNET, folded, read16, read32, wordSum } from "./bytes.ts";
import { readIpv6 } from "./ipv6-frame.ts";
import { macAt } from "./mac.ts";
import type { Shape } from "./shape.ts";
import {
  isUnsummed,
  isWholeTransport,
  onWire,
  segmentHeader,
  SHORT_HEADER,
  tcpFlags,
  transportOf,
} from "./transport.ts";

/** What the bytes are: a packet and its shape, ARP, or nothing that goes further. */
export type Frame =
  | { readonly kind: "packet"; readonly packet: Packet; readonly shape: Shape }
  | { readonly kind: "arp" }
  /** Neighbour discovery, which is IPv6's ARP. */
  | { readonly kind: "neighbour"; readonly packet: Packet; readonly shape: Shape }
  | { readonly kind: "refused"; readonly reason: "malformed" | "not_ip" };

const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd } as const;
const IP_HEADER = 20;
const LONGEST = 65_535;
/** A frame without its checksum has at least so many bytes (IEEE 802.3). */
export const ETHERNET_LEAST = 60;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;

const MALFORMED = { kind: "refused", reason: "malformed" } as const;

/**
 * Reads a frame. `segment`: of one that a device is to cut, how much of the payload each segment gets; 0: it
 * is not to be cut.
 */
export function readFrame(bytes: Uint8Array, segment = 0): Frame {
  switch (read16(bytes, 12)) {
    case ETHERTYPE.arp:
      return { kind: "arp" };
    case ETHERTYPE.ipv6: {
      const read = readIpv6(bytes, segment);
      if (!read) return MALFORMED;
      return { kind: read.neighbour ? "neighbour" : "packet", packet: read.packet, shape: read.shape };
    }
    case ETHERTYPE.ipv4:
      return readIpv4(bytes, segment);
    default:
      return { kind: "refused", reason: "not_ip" };
  }
}

/** RFC 791, section 3.1: version, lengths and checksum of the header; then what it says of fragments. */
function readIpv4(bytes: Uint8Array, segment: number): Frame {
  const header = headerLength(bytes, ETHERNET);
  const total = read16(bytes, ETHERNET + 2);
  if (
    bytes.length < ETHERNET + IP_HEADER ||
    header === undefined ||
    total < header ||
    bytes.length < ETHERNET + total
  )
    return MALFORMED;
  if (folded(wordSum(bytes, ETHERNET, header)) !== 0xffff) return MALFORMED;
  if (bytes[ETHERNET + 8] === 0 || hasBadOptions(bytes, ETHERNET + header)) return MALFORMED;
  const flags = read16(bytes, ETHERNET + 6);
  const offset = (flags & 0x1fff) * 8;
  const more = (flags & MORE_FRAGMENTS) !== 0;
  const protocol = bytes[ETHERNET + 9] ?? 0;
  // A packet that could never be put together; and RFC 3128: a fragment that would overwrite the flags of
  // TCP.
  if (offset + total > LONGEST || (protocol === TCP && offset === 8)) return MALFORMED;
  const transport = ETHERNET + header;
  const end = ETHERNET + total;
  const later = offset > 0;
  if (!later && !isWholeTransport(bytes, transport, end, protocol, ICMP)) return MALFORMED;
  const flow = {
    ...ends(bytes, ETHERNET),
    protocol,
    ...(later ? { headless: true } : transportOf(bytes, transport, protocol, 4)),
  };
  const quoted =
    !later && protocol === ICMP && ICMP_ERRORS.has(bytes[transport] ?? 0)
      ? quotedIn(bytes, transport + SHORT_HEADER, end)
      : undefined;
  if (segment > 0 && bytes.length > Math.max(end, ETHERNET_LEAST)) return MALFORMED;
  const dontFragment = (flags & DONT_FRAGMENT) !== 0;
  const packet: Packet = {
    ...flow,
    destinationMac: macAt(bytes, 0),
    sourceMac: macAt(bytes, 6),
    length: segment > 0 ? header + segmentHeader(bytes, transport, protocol) + segment : total,
    dontFragment,
    hopLimit: bytes[ETHERNET + 8] ?? 0,
    headerLength: header,
    ...(quoted?.transport !== undefined && quoted.transport !== quoted.at + IP_HEADER
      ? { oddQuote: true }
      : {}),
    ...(isUnsummed(bytes, transport, protocol) && !later ? { unsummed: true } : {}),
    segmented: segment > 0,
    packets: onWire(total, segment),
    ...(protocol === TCP && !later ? { tcp: tcpFlags(bytes[transport + 13] ?? 0) } : {}),
    ...(quoted ? { about: quotedFlow(bytes, quoted) } : {}),
    ...(later || more ? { fragment: { id: read16(bytes, ETHERNET + 4), first: !later } } : {}),
  };
  return {
    kind: "packet",
    packet,
    shape: { transport, end, protocol, later, dontFragment, whole: !later && !more, quoted },
  };
}

/**
 * RFC 791, section 3.1: an option that is cut short, or a source route, which would lead past the tables.
 * `end`: of the header.
 */
function hasBadOptions(bytes: Uint8Array, end: number): boolean {
  const LOOSE_ROUTE = 131;
  const STRICT_ROUTE = 137;
  for (let at = ETHERNET + IP_HEADER; at < end;) {
    const type = bytes[at] ?? 0;
    if (type === 0) return false;
    if (type === 1) {
      at += 1;
      continue;
    }
    const length = at + 1 < end ? (bytes[at + 1] ?? 0) : 0;
    if (type === LOOSE_ROUTE || type === STRICT_ROUTE || length < 2 || at + length > end) return true;
    at += length;
  }
  return false;
}

/** In bytes; undefined when there is no IPv4 header at all. */
function headerLength(bytes: Uint8Array, at: number): number | undefined {
  const first = bytes[at] ?? 0;
  const length = (first & 15) * 4;
  return first >> 4 === 4 && length >= IP_HEADER ? length : undefined;
}

/**
 * The packet in an ICMP error, unless what stands there is none. Senders lie: nothing of it is checked
 * against the error.
 */
function quotedIn(bytes: Uint8Array, at: number, end: number): Shape["quoted"] {
  if (at + IP_HEADER > end) return undefined;
  const header = headerLength(bytes, at);
  if (header === undefined) return undefined;
  const isLater = (read16(bytes, at + 6) & 0x1fff) !== 0;
  const transport = !isLater && at + header + SHORT_HEADER <= end ? at + header : undefined;
  return { at, transport, protocol: bytes[at + 9] ?? 0 };
}

function quotedFlow(bytes: Uint8Array, { at, transport, protocol }: NonNullable<Shape["quoted"]>): Flow {
  const rest = transport === undefined ? { headless: true } : transportOf(bytes, transport, protocol, 4);
  return { ...ends(bytes, at), protocol, ...rest };
}

function ends(bytes: Uint8Array, at: number): Pick<Flow, "source" | "destination"> {
  return {
    source: formatIpv4(ipv4(read32(bytes, at + 12))),
    destination: formatIpv4(ipv4(read32(bytes, at + 16))),
  };
}
