/** A description of one packet. Absent members are as a well-behaved sender has them. */

import { isIpv6Text } from "../lib/address.ts";
export type Packet = Flow & {
  /** The interface that sends it, by slot; absent: it comes from the internet (or from the services). */
  readonly from?: number;
  /** It is an answer of the metadata or DNS service. */
  readonly fromServices?: true;
  /** The sender's MAC address; absent: the interface's own. */
  readonly sourceMac?: string;
  /** Absent: the router's. */
  readonly destinationMac?: string;
  readonly tcp?: {
    readonly syn?: boolean;
    readonly ack?: boolean;
    readonly fin?: boolean;
    readonly reset?: boolean;
  };
  /** In an ICMP error: the packet that it is about, as far as the error carries it. */
  readonly about?: Flow;
  /**
   * Bytes of the IP packet, header included; absent: a small one. For a packet to be segmented: those of its
   * longest segment.
   */
  readonly length?: number;
  readonly dontFragment?: boolean;
  /** Bytes of the IP header with its options or extension headers; absent: it has none. */
  readonly headerLength?: number;
  /**
   * In an ICMP error: the IP header that it carries has options, or what is inside it is unknown for another
   * reason.
   */
  readonly oddQuote?: true;
  /** UDP without a checksum. */
  readonly unsummed?: true;
  /** TTL; absent: 64. */
  readonly hopLimit?: number;
  /** The sender left segmenting to the device that puts it on a wire. */
  readonly segmented?: boolean;
  /** How many packets it is on a wire; absent: one. */
  readonly packets?: number;
  /** One piece of a packet, with the number that all of them carry. Later pieces are headless. */
  readonly fragment?: {
    readonly id: number;
    readonly first: boolean;
    /**
     * Offsets in bytes, only for IPv6: where the fragment begins in the fragmented part and, in the first
     * one, where the transport header begins there.
     */
    readonly offset?: number;
    readonly transport?: number;
  };
};

/** Addresses, and the start of the transport header. Numbers are in host order, protocols are IANA's. */
export type Flow = {
  readonly source: string;
  readonly destination: string;
  readonly protocol: number;
  /** TCP and UDP ports. For an ICMP query both are its identifier. */
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmp?: { readonly type: number; readonly code: number };
  /** Nothing of the transport is known: a fragment whose first one was not seen, or an error's stump. */
  readonly headless?: boolean;
};

export const ICMP = 1;
export const ICMPV6 = 58;
export const TCP = 6;
export const UDP = 17;
export const UDP_LITE = 136;

export const ICMP_ERRORS: ReadonlySet<number> = new Set([3, 4, 11, 12]);
/** Queries and their answers, which carry an identifier (RFC 792, RFC 950). */
export const ICMP_QUERIES: ReadonlySet<number> = new Set([0, 8, 13, 14, 15, 16, 17, 18]);
/** Only echo (RFC 4443). */
export const ICMPV6_QUERIES: ReadonlySet<number> = new Set([128, 129]);
/** From an answer's type to its request's (RFC 4443). */
const ICMPV6_REQUESTS: ReadonlyMap<number, number> = new Map([[129, 128]]);
/** From an answer's type to its request's (RFC 792, RFC 950). */
const ICMP_REQUESTS: ReadonlyMap<number, number> = new Map([
  [0, 8],
  [14, 13],
  [16, 15],
  [18, 17],
]);

/** Whether it is IPv6, by its source. */
export function isIpv6Flow({ source }: Pick<Flow, "source">): boolean {
  return isIpv6Text(source);
}

/** The bytes of its IP header. */
export function headerLengthOf(packet: Packet): number {
  return packet.headerLength ?? plainHeader(packet);
}

/** Whether neither options nor extension headers follow its IP header. */
export function isPlain(packet: Packet): boolean {
  return headerLengthOf(packet) === plainHeader(packet);
}

function plainHeader(flow: Flow): number {
  return isIpv6Flow(flow) ? 40 : 20;
}

export function hopLimitOf({ hopLimit = 64 }: Packet): number {
  return hopLimit;
}

/** ICMP in IPv4, ICMPv6 in IPv6. In the other family each is a protocol like any other. */
export function isIcmp(flow: Pick<Flow, "source" | "protocol">): boolean {
  return flow.protocol === (isIpv6Flow(flow) ? ICMPV6 : ICMP);
}

/** ICMPv6 shows it by the type's first bit (RFC 4443, section 2.1). */
export function isIcmpError(flow: Flow): boolean {
  if (!isIcmp(flow) || flow.icmp === undefined) return false;
  return isIpv6Flow(flow) ? flow.icmp.type < 128 : ICMP_ERRORS.has(flow.icmp.type);
}

export function isIcmpAnswer(flow: Flow): boolean {
  return isIcmp(flow) && flow.icmp !== undefined && requestsOf(flow).has(flow.icmp.type);
}

/** The type of the request that an ICMP query or answer belongs to. */
export function icmpRequestType(flow: Flow): number {
  const type = flow.icmp?.type ?? 0;
  return requestsOf(flow).get(type) ?? type;
}

function requestsOf(flow: Flow): ReadonlyMap<number, number> {
  return isIpv6Flow(flow) ? ICMPV6_REQUESTS : ICMP_REQUESTS;
}

/** The answer to a packet: the same exchange the other way round. */
export function answerTo(flow: Flow): Flow {
  const answers = new Map([...requestsOf(flow)].map(([answer, request]) => [request, answer]));
  return {
    source: flow.destination,
    destination: flow.source,
    protocol: flow.protocol,
    ...(flow.destinationPort === undefined ? {} : { sourcePort: flow.destinationPort }),
    ...(flow.sourcePort === undefined ? {} : { destinationPort: flow.sourcePort }),
    ...(flow.icmp ? { icmp: { type: answers.get(flow.icmp.type) ?? flow.icmp.type, code: 0 } } : {}),
  };
}
