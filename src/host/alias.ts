import { parseIpv6 } from "../lib/cidr6.ts";
import { ipv4, formatIpv4, parseIpv4 } from "../lib/ip.ts";

/**
 * VPCs' ranges overlap, so a source address identifies nobody: towards the services the data plane puts in its place an alias for
 * each of an interface's first addresses. Of IPv4 it is one of 240.0.0.0/6, which is nobody's on a wire (RFC 1112): the interface's slot
 * in its last 20 bits, the address's place in 5, and a bit for questions that were asked at the VPC's own resolver address (+2).
 */
const BASE = 0xf000_0000;
const END = 0xf400_0000;
const PLACE = 2 ** 20;
const AT_VPC = 2 ** 25;

/** The same for IPv6: fd00:6b67::, the place, the slot. */
const IPV6_BASE = parseIpv6("fd00:6b67::") ?? 0n;
const IPV6_PLACES = 32n;

/** The slot of the interface that an alias stands for; undefined for any other address. */
export function slotOfAlias(address: string): number | undefined {
  const long = parseIpv6(address);
  if (long !== undefined) {
    const alias = long - IPV6_BASE;
    return alias >= 0n && alias >> 32n < IPV6_PLACES ? Number(alias & 0xffff_ffffn) : undefined;
  }
  const number = parseIpv4(address);
  return number === undefined || number < BASE || number >= END ? undefined : number % PLACE;
}

/** The alias of an interface's address, by its place among them, for 169.254.169.254 and the like, or for the VPC's +2 address. */
export function aliasOf(slot: number, asked: "link-local" | "vpc-resolver", place = 0): string {
  return formatIpv4(ipv4(BASE + (asked === "vpc-resolver" ? AT_VPC : 0) + place * PLACE + slot));
}

/** Who asks from an address: all aliases of an interface are one asker's. */
export function askerOf(address: string): string {
  return String(slotOfAlias(address) ?? address);
}
