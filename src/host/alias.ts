import { formatIpv4, ipv4, ipv6Of, parseIpv4, parseIpv6 } from "../lib/address.ts";

/**
 * VPCs' address ranges overlap, so a source address does not identify an interface. Towards the services the
 * data plane therefore replaces it by an alias for each of an interface's first addresses. For IPv4 that is
 * an address of 240.0.0.0/6, which no host has (RFC 1112): the last 20 bits are the interface's slot, 5 bits
 * the address's index, and one bit says whether the question was asked at the VPC's own resolver address
 * (+2).
 */
export const IPV4_ALIAS_BLOCK = "240.0.0.0/6";
const BASE = 0xf000_0000;
const END = 0xf400_0000;
const PLACE = 2 ** 20;
const AT_VPC = 2 ** 25;

/** The same for IPv6: fd00:6b67::, the index, the slot. */
export const IPV6_ALIAS_BLOCK = "fd00:6b67::/64";
const IPV6_BASE = ipv6Of("fd00:6b67::");
const IPV6_PLACES = 32n;

/** The slot of an alias's interface; undefined for any other address. */
export function slotOfAlias(address: string): number | undefined {
  const long = parseIpv6(address);
  if (long !== undefined) {
    const alias = long - IPV6_BASE;
    return alias >= 0n && alias >> 32n < IPV6_PLACES ? Number(alias & 0xffff_ffffn) : undefined;
  }
  const number = parseIpv4(address);
  return number === undefined || number < BASE || number >= END ? undefined : number % PLACE;
}

/**
 * The alias of an interface's address, by its index, for questions to 169.254.169.254 and the like, or to the
 * VPC's +2 address.
 */
export function aliasOf(slot: number, asked: "link-local" | "vpc-resolver", place = 0): string {
  return formatIpv4(ipv4(BASE + (asked === "vpc-resolver" ? AT_VPC : 0) + place * PLACE + slot));
}

/** Who asks from an address: all aliases of an interface are the same asker. */
export function askerOf(address: string): string {
  return String(slotOfAlias(address) ?? address);
}
