import { formatBytes } from "../../src/lib/address.ts";
import { isIn } from "../../src/reach/block.ts";
import { type Flow, ICMPV6, isIcmpError, type Packet, TCP } from "../../src/reach/packet.ts";
import { ETHERNET, read16, read32 } from "./bytes.ts";
import { macAt } from "./mac.ts";
import type { Shape } from "./shape.ts";
import { isUnsummed, isWholeTransport, onWire, segmentHeader, tcpFlags, transportOf } from "./transport.ts";

/**
 * An IPv6 frame read, or undefined when it is malformed. `neighbour`: neighbour discovery or a listener
 * report.
 */
export type Ipv6Frame = { readonly packet: Packet; readonly shape: Shape; readonly neighbour: boolean };

const HEADER = 40;
const HOP_BY_HOP = 0;
const ROUTING = 43;
const FRAGMENT = 44;
const EXTENSIONS: ReadonlySet<number> = new Set([HOP_BY_HOP, ROUTING, FRAGMENT, 60]);
/** More than any sender has need of. */
const MOST_EXTENSIONS = 8;
const LONGEST = 65_535;
const ETHERNET_LEAST = 60;

type Chain = {
  readonly transport: number;
  readonly protocol: number;
  /** `divided`: where in the frame that begins which was divided. */
  readonly fragment:
    | { readonly id: number; readonly offset: number; readonly more: boolean; readonly divided: number }
    | undefined;
};

/** RFC 8200, section 3: version, length and hop limit; the chain of extension headers; then the transport. */
export function readIpv6(bytes: Uint8Array, segment: number): Ipv6Frame | undefined {
  if (bytes.length < ETHERNET + HEADER || (bytes[ETHERNET] ?? 0) >> 4 !== 6) return undefined;
  const end = ETHERNET + HEADER + read16(bytes, ETHERNET + 4);
  const [source, destination] = [ipv6At(bytes, ETHERNET + 8), ipv6At(bytes, ETHERNET + 24)];
  if (end > bytes.length || bytes[ETHERNET + 7] === 0 || isMapped(source) || isMapped(destination))
    return undefined;
  const chain = chainOf(bytes, end);
  if (!chain) return undefined;
  const { transport, protocol, fragment } = chain;
  const later = (fragment?.offset ?? 0) > 0;
  // A packet that could never be put together, and one that would overwrite the flags of TCP.
  if ((fragment?.offset ?? 0) + end - transport > LONGEST || (protocol === TCP && fragment?.offset === 8))
    return undefined;
  if (!later && !isWholeTransport(bytes, transport, end, protocol, ICMPV6)) return undefined;
  const flow: Flow = {
    source,
    destination,
    protocol,
    ...(later ? { headless: true } : transportOf(bytes, transport, protocol, 6)),
  };
  const quoted = !later && isIcmpError(flow) ? quotedIn(bytes, transport + 8, end) : undefined;
  const neighbour = !later && protocol === ICMPV6 && isNeighbourType(flow.icmp?.type ?? 0);
  if (!hasEnds(flow, neighbour)) return undefined;
  if (segment > 0 && bytes.length > Math.max(end, ETHERNET_LEAST)) return undefined;
  const header = transport - ETHERNET;
  const packet: Packet = {
    ...flow,
    destinationMac: macAt(bytes, 0),
    sourceMac: macAt(bytes, 6),
    length: segment > 0 ? header + segmentHeader(bytes, transport, protocol) + segment : end - ETHERNET,
    dontFragment: true,
    hopLimit: bytes[ETHERNET + 7] ?? 0,
    headerLength: header,
    ...(isUnsummed(bytes, transport, protocol) && !later ? { unsummed: true } : {}),
    segmented: segment > 0,
    packets: onWire(end - ETHERNET, segment),
    ...(protocol === TCP && !later ? { tcp: tcpFlags(bytes[transport + 13] ?? 0) } : {}),
    ...(quoted ? { about: quotedFlow(bytes, quoted) } : {}),
    ...(later || fragment?.more
      ? {
          fragment: {
            id: fragment?.id ?? 0,
            first: !later,
            offset: fragment?.offset ?? 0,
            transport: transport - (fragment?.divided ?? 0),
          },
        }
      : {}),
  };
  const shape: Shape = {
    transport,
    end,
    protocol,
    later,
    dontFragment: true,
    whole: !later && fragment?.more !== true,
    quoted,
  };
  return { packet, shape, neighbour };
}

/**
 * RFC 8200, section 4; undefined when it is cut short, too long, or has a hop to come (routing headers), of
 * type 0 at all (RFC 5095).
 */
function chainOf(bytes: Uint8Array, end: number): Chain | undefined {
  let at = ETHERNET + HEADER;
  let next = bytes[ETHERNET + 6] ?? 0;
  let fragment: Chain["fragment"];
  for (let index = 0; EXTENSIONS.has(next); index++) {
    if (index === MOST_EXTENSIONS || (next === HOP_BY_HOP && index > 0) || at + 8 > end) return undefined;
    const [kind, length, third, fourth] = [next, bytes[at + 1] ?? 0, bytes[at + 2] ?? 0, bytes[at + 3] ?? 0];
    next = bytes[at] ?? 0;
    if (kind === FRAGMENT) {
      // One fragment within another.
      if (fragment) return undefined;
      const field = read16(bytes, at + 2);
      fragment = { id: read32(bytes, at + 4), offset: field & ~7, more: (field & 1) !== 0, divided: at + 8 };
      at += 8;
      if (fragment.offset > 0) break;
      continue;
    }
    if (kind === ROUTING && (third === 0 || fourth !== 0)) return undefined;
    at += (length + 1) * 8;
    if (at > end) return undefined;
  }
  return { transport: at, protocol: next, fragment };
}

/** RFC 4861 and the listener reports of RFC 3810. */
function isNeighbourType(type: number): boolean {
  return (type >= 130 && type <= 137) || type === 143;
}

/**
 * RFC 4291, section 2.5: who looks for his address has none yet; no other packet has the unspecified one, or
 * loopback's, on a wire.
 */
function hasEnds({ source, destination }: Flow, neighbour: boolean): boolean {
  if (isIn(source, "multicast") || destination === "::" || destination === "::1" || source === "::1")
    return false;
  return source !== "::" || neighbour;
}

/** IPv4 in IPv6's clothes. */
function isMapped(address: string): boolean {
  return !address.includes(":");
}

function quotedIn(bytes: Uint8Array, at: number, end: number): Shape["quoted"] {
  if (at + HEADER > end || (bytes[at] ?? 0) >> 4 !== 6) return undefined;
  const protocol = bytes[at + 6] ?? 0;
  const transport = !EXTENSIONS.has(protocol) && at + HEADER + 8 <= end ? at + HEADER : undefined;
  return { at, transport, protocol };
}

function quotedFlow(bytes: Uint8Array, { at, transport, protocol }: NonNullable<Shape["quoted"]>): Flow {
  const rest = transport === undefined ? { headless: true } : transportOf(bytes, transport, protocol, 6);
  return { source: ipv6At(bytes, at + 8), destination: ipv6At(bytes, at + 24), protocol, ...rest };
}

export function ipv6At(bytes: Uint8Array, at: number): string {
  return formatBytes(bytes.subarray(at, at + 16));
}
