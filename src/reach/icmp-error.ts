import { addressBytes } from "../lib/ip.ts";
import { checksum, ETHERNET, folded, sealHeader, wordSum, write16, write32 } from "./bytes.ts";
import { ICMP, ICMPV6 } from "./packet.ts";

const HEADER = 20;

/** As much of the packet as makes the message 576 bytes long (RFC 1812, section 4.3.2.3). */
const QUOTE = 548;
const OVERHEAD = HEADER + 8;

/**
 * "Fragmentation needed" (RFC 792, type 3 code 4; the next hop's MTU by RFC 1191) to the sender of a frame, back the way
 * that it came. `router`: the address that says so.
 */
export function tooBig(frame: Uint8Array, router: number, mtu: number): Uint8Array {
  const message = new Uint8Array(ETHERNET + OVERHEAD + QUOTE);
  message.set(frame.subarray(6, 12), 0);
  message.set(frame.subarray(0, 6), 6);
  const ip = ETHERNET;
  write16(message, 12, 0x0800);
  // Internetwork control (RFC 1812, section 4.3.2.5), not to be fragmented, as any host sends it.
  message.set([0x45, 0xc0], ip);
  write16(message, ip + 2, OVERHEAD + QUOTE);
  message.set([0, 0, 0x40, 0, 64, ICMP], ip + 4);
  write32(message, ip + 12, router);
  message.set(frame.subarray(ETHERNET + 12, ETHERNET + 16), ip + 16);
  sealHeader(message, ip);
  const icmp = ip + HEADER;
  message.set([3, 4], icmp);
  write16(message, icmp + 6, mtu);
  message.set(frame.subarray(ETHERNET, ETHERNET + QUOTE), icmp + 8);
  write16(message, icmp + 2, checksum(message, icmp, 8 + QUOTE));
  return message;
}

/** As much of the packet as makes the message 1280 bytes long (RFC 4443, section 3.2). */
const IPV6_HEADER = 40;
const IPV6_QUOTE = 1280 - IPV6_HEADER - 8;

/** "Packet too big" (RFC 4443, section 3.2), the same for IPv6. */
export function ipv6TooBig(frame: Uint8Array, router: string, mtu: number): Uint8Array {
  const length = 8 + IPV6_QUOTE;
  const message = new Uint8Array(ETHERNET + IPV6_HEADER + length);
  message.set(frame.subarray(6, 12), 0);
  message.set(frame.subarray(0, 6), 6);
  write16(message, 12, 0x86dd);
  const ip = ETHERNET;
  message.set([0x60, 0, 0, 0, length >> 8, length & 255, ICMPV6, 64], ip);
  message.set(addressBytes(router), ip + 8);
  message.set(frame.subarray(ETHERNET + 8, ETHERNET + 24), ip + 24);
  const icmp = ip + IPV6_HEADER;
  message[icmp] = 2;
  write32(message, icmp + 4, mtu);
  message.set(frame.subarray(ETHERNET, ETHERNET + IPV6_QUOTE), icmp + 8);
  write16(message, icmp + 2, ~folded(wordSum(message, ip + 8, 32 + length) + ICMPV6 + length) & 0xffff);
  return message;
}
