import { formatIpv6, parseIpv6 } from "./cidr6.ts";
import { formatIpv4, ipv4, parseIpv4 } from "./ip.ts";

/** IPv6 addresses whose last four bytes are an IPv4 address: what NAT64 and DNS64 are about (RFC 6052, section 2.1). */
export const NAT64_BLOCK = "64:ff9b::/96";

const PREFIX = 0x0064_ff9bn << 96n;
const IPV4 = 0xffff_ffffn;

export function isNat64(address: string): boolean {
  const number = address.includes(":") ? parseIpv6(address) : undefined;
  return number !== undefined && (number & ~IPV4) === PREFIX;
}

/** The IPv4 address that an address of {@link NAT64_BLOCK} has in it. */
export function embeddedIpv4(address: string): string {
  return formatIpv4(ipv4(Number((parseIpv6(address) ?? 0n) & IPV4)));
}

/** The address of {@link NAT64_BLOCK} that stands for an IPv4 address. */
export function nat64Address(address: string): string {
  return formatIpv6(PREFIX | BigInt(parseIpv4(address) ?? 0));
}
