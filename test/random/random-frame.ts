/**
 * Frames as bytes, right or wrong on purpose, built fast: a proof needs millions. Addresses are numbers here.
 */

import { ICMP, TCP, UDP, UDP_LITE } from "../../src/reach/packet.ts";
import { ETHERNET, folded, read16, sealHeader, wordSum, write16, write32 } from "../reference/bytes.ts";
import type { Entrance } from "../reference/forward.ts";

/**
 * A frame and where it comes in. `segment`: how much payload each segment gets of one that a device is to
 * cut; 0: it is not.
 */
export type Sent = { readonly entrance: Entrance; readonly bytes: Uint8Array; readonly segment: number };

export type Ends = { readonly source: number; readonly destination: number };
/** `partial`: only the pseudo-header's sum, as a sender leaves it that has a device to do the rest. */
export type Sum = "right" | "wrong" | "absent" | "partial";

export type Payload = {
  readonly protocol: number;
  /** With room for a checksum, which is not yet right. */
  readonly bytes: Uint8Array;
};

export type Header = Ends & {
  readonly to: Uint8Array;
  readonly from: Uint8Array;
  readonly ttl?: number;
  readonly tos?: number;
  readonly id?: number;
  /** Flags and offset as on the wire. */
  readonly fragment?: number;
  readonly options?: Uint8Array;
  /** Bytes behind the packet. */
  readonly padding?: number;
};

export const DF = 0x4000;
export const MF = 0x2000;

export function udp(sourcePort: number, destinationPort: number, data: Uint8Array): Payload {
  const bytes = new Uint8Array(8 + data.length);
  write16(bytes, 0, sourcePort);
  write16(bytes, 2, destinationPort);
  write16(bytes, 4, bytes.length);
  bytes.set(data, 8);
  return { protocol: UDP, bytes };
}

export function udpLite(data: Uint8Array): Payload {
  return { ...udp(1000, 2000, data), protocol: UDP_LITE };
}

export const FLAG = { fin: 1, syn: 2, rst: 4, ack: 16 } as const;

export function tcp(
  sourcePort: number,
  destinationPort: number,
  flags: number,
  data: Uint8Array,
  options = 0,
): Payload {
  const bytes = new Uint8Array(20 + options + data.length);
  write16(bytes, 0, sourcePort);
  write16(bytes, 2, destinationPort);
  bytes[12] = ((20 + options) / 4) << 4;
  bytes[13] = flags;
  bytes.fill(1, 20, 20 + options);
  bytes.set(data, 20 + options);
  return { protocol: TCP, bytes };
}

export function icmp(type: number, code: number, rest: number, data: Uint8Array): Payload {
  const bytes = new Uint8Array(8 + data.length);
  bytes[0] = type;
  bytes[1] = code;
  write32(bytes, 4, rest);
  bytes.set(data, 8);
  return { protocol: ICMP, bytes };
}

/** Where the protocol has its checksum. */
function sumAt(protocol: number): number | undefined {
  return protocol === TCP
    ? 16
    : protocol === UDP || protocol === UDP_LITE
      ? 6
      : protocol === ICMP
        ? 2
        : undefined;
}

/** Fills in the transport's checksum. */
export function seal({ protocol, bytes }: Payload, { source, destination }: Ends, sum: Sum = "right"): void {
  const at = sumAt(protocol);
  if (at === undefined || bytes.length < at + 2) return;
  write16(bytes, at, 0);
  if (sum === "absent") return;
  const words =
    (source >>> 16) +
    (source & 0xffff) +
    (destination >>> 16) +
    (destination & 0xffff) +
    protocol +
    bytes.length;
  const pseudo = protocol === ICMP ? 0 : words;
  const right = ~folded(pseudo + wordSum(bytes, 0, bytes.length)) & 0xffff;
  const value = sum === "partial" ? folded(pseudo) : sum === "wrong" ? right ^ 0x1234 : right;
  write16(bytes, at, value === 0 && protocol !== TCP && protocol !== ICMP ? 0xffff : value);
}

/** The whole frame. The payload is taken as it is: {@link seal} it before. */
export function frame(header: Header, protocol: number, payload: Uint8Array): Uint8Array {
  const options = header.options ?? NONE;
  const length = 20 + options.length;
  const bytes = new Uint8Array(ETHERNET + length + payload.length + (header.padding ?? 0));
  bytes.set(header.to, 0);
  bytes.set(header.from, 6);
  write16(bytes, 12, 0x0800);
  bytes[ETHERNET] = 0x40 | (length / 4);
  bytes[ETHERNET + 1] = header.tos ?? 0;
  write16(bytes, ETHERNET + 2, length + payload.length);
  write16(bytes, ETHERNET + 4, header.id ?? 1);
  write16(bytes, ETHERNET + 6, header.fragment ?? 0);
  bytes[ETHERNET + 8] = header.ttl ?? 64;
  bytes[ETHERNET + 9] = protocol;
  write32(bytes, ETHERNET + 12, header.source);
  write32(bytes, ETHERNET + 16, header.destination);
  bytes.set(options, ETHERNET + 20);
  bytes.set(payload, ETHERNET + length);
  sealHeader(bytes, ETHERNET);
  return bytes;
}

/** The packet in pieces of at most `size` bytes of payload each (a multiple of eight). */
export function cut(header: Header, protocol: number, payload: Uint8Array, size: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < payload.length; at += size) {
    const more = at + size < payload.length ? MF : 0;
    pieces.push(frame({ ...header, fragment: (at / 8) | more }, protocol, payload.subarray(at, at + size)));
  }
  return pieces;
}

export type ArpSpec = {
  readonly to: Uint8Array;
  readonly from: Uint8Array;
  readonly operation: number;
  readonly senderMac: Uint8Array;
  readonly sender: number;
  readonly targetMac: Uint8Array;
  readonly target: number;
  readonly padding: number;
};

export function arp(spec: ArpSpec): Uint8Array {
  const bytes = new Uint8Array(42 + spec.padding);
  bytes.set(spec.to, 0);
  bytes.set(spec.from, 6);
  bytes.set([8, 6, 0, 1, 8, 0, 6, 4, 0, spec.operation], 12);
  bytes.set(spec.senderMac, 22);
  write32(bytes, 28, spec.sender);
  bytes.set(spec.targetMac, 32);
  write32(bytes, 38, spec.target);
  return bytes;
}

/** The header's checksum as it must be, after somebody changed a header that was right. */
export function resealed(bytes: Uint8Array): Uint8Array {
  if (bytes.length >= ETHERNET + 20 && (bytes[ETHERNET] ?? 0) >> 4 === 4) sealHeader(bytes, ETHERNET);
  return bytes;
}

/** Makes the header's checksum its other form of zero, where it is zero. */
export function withOnes(bytes: Uint8Array): Uint8Array {
  if (read16(bytes, ETHERNET + 10) === 0) write16(bytes, ETHERNET + 10, 0xffff);
  return bytes;
}

const NONE = new Uint8Array();
