import { formatIpv4, formatIpv6, ipv4, ipv4Of, ipv6Of, isIpv6Text, parseIpv6 } from "./address.ts";

/**
 * IPv6 addresses whose last four bytes are an IPv4 address, as NAT64 and DNS64 use them (RFC 6052, section
 * 2.1).
 */
export const NAT64_BLOCK = "64:ff9b::/96";

const PREFIX = 0x0064_ff9bn << 96n;
const IPV4 = 0xffff_ffffn;

export function isNat64(address: string): boolean {
  const number = isIpv6Text(address) ? parseIpv6(address) : undefined;
  return number !== undefined && (number & ~IPV4) === PREFIX;
}

/** The IPv4 address inside an address of {@link NAT64_BLOCK}. */
export function embeddedIpv4(address: string): string {
  return formatIpv4(ipv4(Number(ipv6Of(address) & IPV4)));
}

/** The address of {@link NAT64_BLOCK} for an IPv4 address. */
export function nat64Address(address: string): string {
  return formatIpv6(PREFIX | BigInt(ipv4Of(address)));
}
