import { addressBytes, ipv4Of } from "../../src/lib/address.ts";
import { ICMP, ICMPV6 } from "../../src/reach/packet.ts";
import { checksum, ETHERNET, folded, sealHeader, wordSum, write16, write32 } from "./bytes.ts";
import type { Shape } from "./shape.ts";

/** What an ICMP error says (RFC 792; RFC 4443, section 3). */
export type Complaint = {
  readonly type: number;
  readonly code: number;
  /** The address that says so. */
  readonly router: string;
  /** The last four bytes of its header: the next hop's MTU (RFC 1191), or zero. */
  readonly rest: number;
};

export const TOO_BIG = { ipv4: { type: 3, code: 4 }, ipv6: { type: 2, code: 0 } } as const;
export const TIME_EXCEEDED = { ipv4: { type: 11, code: 0 }, ipv6: { type: 3, code: 0 } } as const;

const HEADER = 20;
/** As much of the packet as makes the message 576 bytes long (RFC 1812, section 4.3.2.3). */
const QUOTE = 548;

/** An ICMP error to the sender of a frame, back the way that it came. */
export function icmpError(
  frame: Uint8Array,
  { end }: Shape,
  { type, code, router, rest }: Complaint,
): Uint8Array {
  const quote = Math.min(end - ETHERNET, QUOTE);
  const message = new Uint8Array(ETHERNET + HEADER + 8 + quote);
  message.set(frame.subarray(6, 12), 0);
  message.set(frame.subarray(0, 6), 6);
  const ip = ETHERNET;
  write16(message, 12, 0x0800);
  // Internetwork control (RFC 1812, section 4.3.2.5), not to be fragmented, as any host sends it.
  message.set([0x45, 0xc0], ip);
  write16(message, ip + 2, HEADER + 8 + quote);
  message.set([0, 0, 0x40, 0, 64, ICMP], ip + 4);
  write32(message, ip + 12, ipv4Of(router));
  message.set(frame.subarray(ETHERNET + 12, ETHERNET + 16), ip + 16);
  sealHeader(message, ip);
  const icmp = ip + HEADER;
  message.set([type, code], icmp);
  write32(message, icmp + 4, rest);
  message.set(frame.subarray(ETHERNET, ETHERNET + quote), icmp + 8);
  write16(message, icmp + 2, checksum(message, icmp, 8 + quote));
  return message;
}

const IPV6_HEADER = 40;
/** As much of the packet as makes the message 1280 bytes long (RFC 4443, section 2.4). */
const IPV6_QUOTE = 1280 - IPV6_HEADER - 8;

/** The same for IPv6. */
export function icmpv6Error(
  frame: Uint8Array,
  { end }: Shape,
  { type, code, router, rest }: Complaint,
): Uint8Array {
  const quote = Math.min(end - ETHERNET, IPV6_QUOTE);
  const length = 8 + quote;
  const message = new Uint8Array(ETHERNET + IPV6_HEADER + length);
  message.set(frame.subarray(6, 12), 0);
  message.set(frame.subarray(0, 6), 6);
  write16(message, 12, 0x86dd);
  const ip = ETHERNET;
  message.set([0x60, 0, 0, 0, length >> 8, length & 255, ICMPV6, 64], ip);
  message.set(addressBytes(router), ip + 8);
  message.set(frame.subarray(ETHERNET + 8, ETHERNET + 24), ip + 24);
  const icmp = ip + IPV6_HEADER;
  message.set([type, code], icmp);
  write32(message, icmp + 4, rest);
  message.set(frame.subarray(ETHERNET, ETHERNET + quote), icmp + 8);
  write16(message, icmp + 2, ~folded(wordSum(message, ip + 8, 32 + length) + ICMPV6 + length) & 0xffff);
  return message;
}
