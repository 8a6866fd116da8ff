import { addressBytes } from "../../src/lib/address.ts";
import { ICMP, TCP, UDP, UDP_LITE } from "../../src/reach/packet.ts";
import {
  adjusted16,
  adjusted32,
  ETHERNET,
  folded,
  read16,
  read32,
  sealHeader,
  wordSum,
  write16,
  write32,
} from "./bytes.ts";
import type { Shape } from "./shape.ts";

type End = "source" | "destination";
/** Offsets of the addresses in an IPv4 header. */
const AT = { source: 12, destination: 16 } as const;
const OTHER = { source: "destination", destination: "source" } as const;

/**
 * Where the protocol has a checksum that covers the addresses (RFC 768, RFC 3828, RFC 9293); undefined: it
 * has none.
 */
function checksumAt(protocol: number): number | undefined {
  if (protocol === TCP) return 16;
  return protocol === UDP || protocol === UDP_LITE ? 6 : undefined;
}

/** RFC 768: a checksum of zero is sent as all ones, since zero says that there is none. */
function mayBeAbsent(protocol: number): boolean {
  return protocol !== TCP;
}

/** Puts an address in the place of one end's, in the frame's bytes, with all checksums that cover it. */
export function translate(bytes: Uint8Array, shape: Shape, end: End, to: number): void {
  const at = ETHERNET + AT[end];
  const from = read32(bytes, at);
  if (from === to) return;
  write32(bytes, at, to);
  sealHeader(bytes, ETHERNET);
  if (shape.later) return;
  if (shape.quoted) {
    translateQuoted(bytes, shape, OTHER[end], from, to);
    return;
  }
  const field = checksumAt(shape.protocol);
  if (field !== undefined) adjustChecksum(bytes, shape.transport + field, shape.protocol, from, to);
}

/**
 * RFC 5508, section 4.2: the packet that an ICMP error carries is translated too, its other way round; the
 * error's checksum covers it.
 */
function translateQuoted(bytes: Uint8Array, shape: Shape, end: End, from: number, to: number): void {
  const { quoted } = shape;
  if (!quoted || read32(bytes, quoted.at + AT[end]) !== from) return;
  const own = shape.transport + 2;
  /** Does a change within the message, and notes it in the message's checksum. */
  const within = (at: number, change: () => void): void => {
    const before = read16(bytes, at);
    change();
    write16(bytes, own, adjusted16(read16(bytes, own), before, read16(bytes, at)));
  };
  const address = quoted.at + AT[end];
  write32(bytes, address, to);
  write16(bytes, own, adjusted32(read16(bytes, own), from, to));
  const header = quoted.at + 10;
  within(header, () => write16(bytes, header, adjusted32(read16(bytes, header), from, to)));
  const field = checksumAt(quoted.protocol);
  if (field === undefined || quoted.transport === undefined) return;
  const transport = quoted.transport + field;
  if (transport + 2 <= shape.end)
    within(transport, () => adjustChecksum(bytes, transport, quoted.protocol, from, to));
}

/**
 * Puts a port, or an ICMP query's identifier, in the place of one end's, with the checksum that covers it.
 */
export function translatePort(bytes: Uint8Array, shape: Shape, end: End, to: number): void {
  if (shape.later) return;
  const at = shape.transport + portAt(shape.protocol, end);
  const from = read16(bytes, at);
  if (from === to) return;
  write16(bytes, at, to);
  adjustChecksum16(bytes, shape.transport + portChecksumAt(shape.protocol), shape.protocol, from, to);
}

/** The same in the packet that an ICMP error carries. */
export function translateQuotedPort(bytes: Uint8Array, shape: Shape, end: End, to: number): void {
  const { quoted } = shape;
  if (quoted?.transport === undefined) return;
  const at = quoted.transport + portAt(quoted.protocol, end);
  const own = shape.transport + 2;
  const from = read16(bytes, at);
  if (from === to) return;
  write16(bytes, at, to);
  write16(bytes, own, adjusted16(read16(bytes, own), from, to));
  const field = quoted.transport + portChecksumAt(quoted.protocol);
  if (field + 2 > shape.end) return;
  const before = read16(bytes, field);
  adjustChecksum16(bytes, field, quoted.protocol, from, to);
  write16(bytes, own, adjusted16(read16(bytes, own), before, read16(bytes, field)));
}

function portAt(protocol: number, end: End): number {
  return protocol === ICMP ? 4 : end === "source" ? 0 : 2;
}

function portChecksumAt(protocol: number): number {
  return checksumAt(protocol) ?? 2;
}

function adjustChecksum16(bytes: Uint8Array, at: number, protocol: number, from: number, to: number): void {
  const absent = protocol === UDP;
  const before = read16(bytes, at);
  if (before === 0 && absent) return;
  const after = adjusted16(before, from, to);
  write16(bytes, at, after === 0 && absent ? 0xffff : after);
}

function adjustChecksum(bytes: Uint8Array, at: number, protocol: number, from: number, to: number): void {
  const before = read16(bytes, at);
  if (before === 0 && mayBeAbsent(protocol)) return;
  const after = adjusted32(before, from, to);
  write16(bytes, at, after === 0 && mayBeAbsent(protocol) ? 0xffff : after);
}

/**
 * The services' addresses, of a whole packet of TCP or UDP (RFC 1624); nothing else of IPv6 is translated.
 */
export function translateIpv6(
  bytes: Uint8Array,
  shape: Shape,
  ends: { readonly source: string; readonly destination: string },
  hopLimit: number | undefined,
): void {
  if (hopLimit !== undefined) bytes[ETHERNET + 7] = hopLimit;
  const field = checksumAt(shape.protocol);
  for (const [at, to] of [
    [8, ends.source],
    [24, ends.destination],
  ] as const) {
    const place = ETHERNET + at;
    const after = addressBytes(to);
    if (after.every((byte, index) => byte === bytes[place + index])) continue;
    for (let word = 0; word < 16; word += 4) {
      const [from, next] = [read32(bytes, place + word), read32(after, word)];
      if (field !== undefined && from !== next)
        adjustChecksum(bytes, shape.transport + field, shape.protocol, from, next);
    }
    bytes.set(after, place);
  }
}

export function setTtl(bytes: Uint8Array, ttl: number): void {
  bytes[ETHERNET + 8] = ttl;
  sealHeader(bytes, ETHERNET);
}

export function setMacs(bytes: Uint8Array, destination: string, source: string): void {
  for (let index = 0; index < 6; index++) {
    bytes[index] = Number.parseInt(destination.slice(index * 3, index * 3 + 2), 16);
    bytes[6 + index] = Number.parseInt(source.slice(index * 3, index * 3 + 2), 16);
  }
}

/**
 * A checksum that says no more than the pseudo-header's sum is one whose sender left the rest to the device:
 * computes it. No device could any more, once the packet is in pieces. Zero is written as its other form, all
 * ones.
 */
export function completeChecksum(bytes: Uint8Array, shape: Shape): void {
  const field = checksumAt(shape.protocol);
  if (field === undefined || !shape.whole) return;
  const length = shape.end - shape.transport;
  const pseudo = wordSum(bytes, ETHERNET + AT.source, 8) + shape.protocol + length;
  if (read16(bytes, shape.transport + field) !== folded(pseudo)) return;
  const sum = ~folded(wordSum(bytes, shape.transport, length)) & 0xffff;
  write16(bytes, shape.transport + field, sum === 0 ? 0xffff : sum);
}
