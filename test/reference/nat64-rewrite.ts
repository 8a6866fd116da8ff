import { addressBytes } from "../../src/lib/address.ts";
import {
  type Flow,
  ICMP,
  ICMPV6,
  isIcmp,
  isIcmpError,
  isIpv6Flow,
  type Packet,
  TCP,
  UDP,
} from "../../src/reach/packet.ts";
import { ETHERNET, folded, read16, read32, sealHeader, wordSum, write16, write32 } from "./bytes.ts";
import type { Shape } from "./shape.ts";

const HEADER = { ipv4: 20, ipv6: 40 } as const;
const FRAGMENT = 44;
const DONT_FRAGMENT = 0x4000;
const MORE_FRAGMENTS = 0x2000;
/** Of IPv4 that was IPv6: no sender of that would send less than makes so much (RFC 7915, section 5.1). */
const MAY_BE_CUT = 1260;

/** A packet's transport, and the flow that it is of. */
type Transport = { readonly bytes: Uint8Array; readonly flow: Flow };

/**
 * The frame that NAT64 makes of one (RFC 7915): the headers new, without options and extension headers; of
 * the transport the ports or the ICMP header, and the checksum, which stays as wrong as it was. `before`,
 * `after`: as it came and as it leaves.
 */
export function nat64Frame(
  frame: Uint8Array,
  shape: Shape,
  before: Packet,
  after: Packet,
  hopLimit: number,
): Uint8Array {
  const old = frame.slice(shape.transport, shape.end);
  const transport = shape.later
    ? old
    : translated({ bytes: old, flow: before }, after, before.about, after.about);
  const piece = pieceOf(frame, before);
  const header = isIpv6Flow(after)
    ? ipv6Header(after, transport.length, trafficClass(frame, ETHERNET), hopLimit, piece)
    : ipv4Header(
        after,
        transport.length,
        trafficClass(frame, ETHERNET),
        hopLimit,
        piece ?? checksumOf(old, before),
      );
  if (isIpv6Flow(after) && after.protocol === UDP && !piece && read16(transport, 6) === 0)
    giveChecksum(transport, after);
  const type = isIpv6Flow(after) ? [0x86, 0xdd] : [0x08, 0x00];
  return Uint8Array.from([
    ...frame.subarray(0, 12),
    ...type,
    ...header,
    ...transport,
    ...frame.subarray(shape.end),
  ]);
}

function trafficClass(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) >> 4 === 6 ? (read16(bytes, at) >> 4) & 0xff : (bytes[at + 1] ?? 0);
}

/** Where a piece of a packet belongs, in units of eight bytes. */
type Piece = { readonly id: number; readonly offset: number; readonly more: boolean };

function pieceOf(frame: Uint8Array, before: Packet): Piece | undefined {
  if (!before.fragment) return undefined;
  const { id } = before.fragment;
  if (!isIpv6Flow(before)) {
    const field = read16(frame, ETHERNET + 6);
    return { id, offset: field & 0x1fff, more: (field & MORE_FRAGMENTS) !== 0 };
  }
  let at = ETHERNET + HEADER.ipv6;
  for (
    let next = frame[ETHERNET + 6];
    next !== FRAGMENT;
    next = frame[at], at += ((frame[at + 1] ?? 0) + 1) * 8
  );
  const field = read16(frame, at + 2);
  return { id, offset: field >> 3, more: (field & 1) !== 0 };
}

/** `identity`: of a piece, or a number for a packet that may be cut. */
function ipv4Header(
  after: Flow,
  payload: number,
  tos: number,
  ttl: number,
  identity: Piece | number,
): Uint8Array {
  const header = new Uint8Array(HEADER.ipv4);
  const length = HEADER.ipv4 + payload;
  header.set([0x45, tos]);
  write16(header, 2, length);
  if (typeof identity !== "number") {
    write16(header, 4, identity.id & 0xffff);
    write16(header, 6, identity.offset | (identity.more ? MORE_FRAGMENTS : 0));
  } else if (length <= MAY_BE_CUT) write16(header, 4, identity);
  else write16(header, 6, DONT_FRAGMENT);
  header.set([ttl, after.protocol], 8);
  header.set(addressBytes(after.source).subarray(12), 12);
  header.set(addressBytes(after.destination).subarray(12), 16);
  sealHeader(header, 0);
  return header;
}

function ipv6Header(
  after: Flow,
  payload: number,
  tos: number,
  hopLimit: number,
  piece: Piece | undefined,
): Uint8Array {
  const header = new Uint8Array(HEADER.ipv6 + (piece ? 8 : 0));
  write32(header, 0, (0x60000000 | (tos << 20)) >>> 0);
  write16(header, 4, payload + (piece ? 8 : 0));
  header.set([piece ? FRAGMENT : after.protocol, hopLimit], 6);
  header.set(addressBytes(after.source), 8);
  header.set(addressBytes(after.destination), 24);
  if (!piece) return header;
  header[HEADER.ipv6] = after.protocol;
  write16(header, HEADER.ipv6 + 2, (piece.offset << 3) | (piece.more ? 1 : 0));
  write32(header, HEADER.ipv6 + 4, piece.id);
  return header;
}

function checksumAt(flow: Flow): number {
  return flow.protocol === TCP ? 16 : flow.protocol === UDP ? 6 : 2;
}

function checksumOf(transport: Uint8Array, flow: Flow): number {
  return read16(transport, checksumAt(flow));
}

/** What a transport's checksum covers beside its bytes; nothing, of ICMP. */
function pseudoSum(flow: Flow, length: number): number {
  if (flow.protocol === ICMP && !isIpv6Flow(flow)) return 0;
  return (
    wordSum(addressBytes(flow.source), 0, 16) +
    wordSum(addressBytes(flow.destination), 0, 16) +
    flow.protocol +
    length
  );
}

/**
 * The transport with the other family's ports, ICMP header and checksum. `length`: of the whole of it, where
 * `bytes` are only its beginning.
 */
function translated(
  { bytes, flow }: Transport,
  after: Flow,
  about?: Flow,
  aboutAfter?: Flow,
  length = bytes.length,
): Uint8Array {
  const isError = about !== undefined && aboutAfter !== undefined && isIcmpError(flow);
  const next = isError ? withQuote({ bytes, flow }, after, about, aboutAfter) : Uint8Array.from(bytes);
  if (isIcmp(after)) {
    next.set([after.icmp?.type ?? 0, after.icmp?.code ?? 0]);
    if (!isError) write16(next, 4, after.sourcePort ?? 0);
  } else {
    write16(next, 0, after.sourcePort ?? 0);
    write16(next, 2, after.destinationPort ?? 0);
  }
  const at = checksumAt(after);
  if (at + 2 > bytes.length) return next;
  const old = read16(bytes, at);
  if (after.protocol === UDP && old === 0) return next;
  write16(next, at, old);
  const was = folded(wordSum(bytes, 0, bytes.length) + pseudoSum(flow, length));
  const is = folded(wordSum(next, 0, next.length) + pseudoSum(after, length + next.length - bytes.length));
  const sum = ~folded((~old & 0xffff) + is + (~was & 0xffff)) & 0xffff;
  write16(next, at, after.protocol === UDP && sum === 0 ? 0xffff : sum);
  return next;
}

/** An ICMP error whose packet inside is of the other family, and its last four bytes likewise. */
function withQuote({ bytes, flow }: Transport, after: Flow, about: Flow, aboutAfter: Flow): Uint8Array {
  const ipv6 = isIpv6Flow(flow);
  const end = 8 + (ipv6 ? HEADER.ipv6 : HEADER.ipv4);
  const tos = trafficClass(bytes, 8);
  const ttl = bytes[8 + (ipv6 ? 7 : 8)] ?? 0;
  const payload = ipv6 ? read16(bytes, 8 + 4) : (read16(bytes, 8 + 2) - HEADER.ipv4) & 0xffff;
  const header = ipv6
    ? quotedIpv4(aboutAfter, payload, tos, ttl)
    : ipv6Header(aboutAfter, payload, tos, ttl, undefined);
  const inner = translated(
    { bytes: bytes.subarray(end), flow: about },
    aboutAfter,
    undefined,
    undefined,
    payload,
  );
  const next = Uint8Array.from([...bytes.subarray(0, 8), ...header, ...inner]);
  write32(next, 4, restOf(after, ipv6 ? read32(bytes, 4) : read16(bytes, 6)));
  return next;
}

/** Whether it could be cut is not known any more. */
function quotedIpv4(flow: Flow, payload: number, tos: number, ttl: number): Uint8Array {
  const header = ipv4Header(flow, payload & 0xffff, tos, ttl, 0);
  write16(header, 2, (HEADER.ipv4 + payload) & 0xffff);
  write16(header, 6, DONT_FRAGMENT);
  sealHeader(header, 0);
  return header;
}

const LEAST_IPV6 = 1280;
const LEAST_IPV4 = 68;
const GATEWAY_MTU = 1500;
const NAT_MTU = 8500;

/** An MTU, for headers of another length; where IPv6 says which protocol follows; or nothing. */
function restOf({ icmp, protocol }: Flow, mtu: number): number {
  if (protocol === ICMPV6 && icmp?.type === 2) return Math.min(Math.max(mtu + 20, LEAST_IPV6), NAT_MTU);
  if (protocol === ICMPV6 && icmp?.type === 4) return 6;
  if (protocol === ICMP && icmp?.type === 3 && icmp.code === 4)
    return Math.min(Math.max(mtu - 20, LEAST_IPV4), GATEWAY_MTU);
  return 0;
}

/** IPv6's UDP has a checksum always (RFC 8200, section 8.1). */
function giveChecksum(transport: Uint8Array, flow: Flow): void {
  const sum = ~folded(wordSum(transport, 0, transport.length) + pseudoSum(flow, transport.length)) & 0xffff;
  write16(transport, 6, sum === 0 ? 0xffff : sum);
}
