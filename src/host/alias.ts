import { parseIpv6 } from "../lib/cidr6.ts";
import { ipv4, formatIpv4, parseIpv4 } from "../lib/ip.ts";

/**
 * VPCs' ranges overlap, so a source address identifies nobody: towards the services the data plane puts in its place
 * an alias for each interface, one base plus the interface's slot (100.64.0.0/10, RFC 6598).
 */
const METADATA_BASE = 0x6440_0000; // 100.64.0.0
/** Questions that were asked at the VPC's own resolver address (+2). */
const RESOLVER_BASE = 0x6460_0000; // 100.96.0.0
const END = 0x6480_0000;

/** The same for IPv6: fd00:6b67:: plus the slot. */
const IPV6_BASE = parseIpv6("fd00:6b67::") ?? 0n;

/** The slot of the interface that an alias stands for; undefined for any other address. */
export function slotOfAlias(address: string): number | undefined {
  const long = parseIpv6(address);
  if (long !== undefined) return long >= IPV6_BASE && long - IPV6_BASE <= 0xffff_ffffn ? Number(long - IPV6_BASE) : undefined;
  const number = parseIpv4(address);
  if (number === undefined || number < METADATA_BASE || number >= END) return undefined;
  return number < RESOLVER_BASE ? number - METADATA_BASE : number - RESOLVER_BASE;
}

/** The alias of an interface for 169.254.169.254 and 169.254.169.253, or for the VPC's +2 address. */
export function aliasOf(slot: number, asked: "link-local" | "vpc-resolver"): string {
  return formatIpv4(ipv4((asked === "link-local" ? METADATA_BASE : RESOLVER_BASE) + slot));
}
