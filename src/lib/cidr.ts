import { present } from "./assert.ts";
import { addressBytes, formatAddress, formatIpv4, type Ipv4, isIpv6, parseIpv4 } from "./ip.ts";

/** An IPv4 block in canonical form: no host bit is set. */
export type Cidr = { readonly base: Ipv4; readonly length: number };

/** The block in `a.b.c.d/n` text brought to canonical form (as AWS does), or undefined when the text is none. */
export function parseCidr(text: string): Cidr | undefined {
  const [address, length, ...rest] = text.split("/");
  if (address === undefined || length === undefined || rest.length > 0 || !/^(0|[1-9]\d?)$/.test(length)) return undefined;
  const base = parseIpv4(address);
  const bits = Number(length);
  if (base === undefined || bits > 32) return undefined;
  return { base: (base - (base % 2 ** (32 - bits))) as Ipv4, length: bits };
}

/** The block in text that is known to be one, such as the state's. */
export function cidrOf(text: string): Cidr {
  return present(parseCidr(text), text);
}

export function formatCidr(cidr: Cidr): string {
  return `${formatIpv4(cidr.base)}/${cidr.length}`;
}

/** How many addresses the block holds. */
export function cidrSize(cidr: Cidr): number {
  return 2 ** (32 - cidr.length);
}

export function lastAddress(cidr: Cidr): Ipv4 {
  return (cidr.base + cidrSize(cidr) - 1) as Ipv4;
}

export function cidrContains(outer: Cidr, inner: Cidr | Ipv4): boolean {
  if (typeof inner === "number") return inner >= outer.base && inner <= lastAddress(outer);
  return inner.length >= outer.length && inner.base >= outer.base && lastAddress(inner) <= lastAddress(outer);
}

export function cidrsOverlap(a: Cidr, b: Cidr): boolean {
  return a.base <= lastAddress(b) && b.base <= lastAddress(a);
}

/** An IPv6 block in canonical text (no host bit set, compressed), or undefined when the text is none or stands for IPv4 addresses. */
export function canonicalIpv6Cidr(text: string): string | undefined {
  const [address, length, ...rest] = text.split("/");
  if (address === undefined || length === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const bits = Number(length);
  if (bits > 128 || !isIpv6(address) || address.includes("%")) return undefined;
  const bytes = addressBytes(address).map((byte, place) => byte & (0xff00 >> Math.min(8, Math.max(0, bits - place * 8))));
  const base = formatAddress(bytes);
  return base.includes(":") ? `${base}/${bits}` : undefined;
}
