import { present } from "./assert.ts";
import { canonicalIpv6Cidr } from "./cidr.ts";
import { addressBytes, formatAddress, isIpv6 } from "./ip.ts";

/** An IPv6 block in canonical form: no host bit is set. */
export type Cidr6 = { readonly base: bigint; readonly length: number };

/** The block in `addr/n` text brought to canonical form, or undefined when the text is none. */
export function parseCidr6(text: string): Cidr6 | undefined {
  const canonical = canonicalIpv6Cidr(text);
  const [address, length] = canonical?.split("/") ?? [];
  return address === undefined ? undefined : { base: numberOf(address), length: Number(length) };
}

/** The block in text that is known to be one, such as the state's. */
export function cidr6Of(text: string): Cidr6 {
  return present(parseCidr6(text), text);
}

export function formatCidr6({ base, length }: Cidr6): string {
  return `${formatIpv6(base)}/${length}`;
}

/** The address as a number, or undefined when the text is none, names a zone, or stands for an IPv4 address. */
export function parseIpv6(text: string): bigint | undefined {
  if (!isIpv6(text) || text.includes("%")) return undefined;
  const address = numberOf(text);
  return formatIpv6(address).includes(":") ? address : undefined;
}

/** Compressed text (RFC 5952). */
export function formatIpv6(address: bigint): string {
  const bytes = Uint8Array.from({ length: 16 }, (_, place) => Number((address >> BigInt(8 * (15 - place))) & 0xffn));
  return formatAddress(bytes);
}

export function lastAddress6({ base, length }: Cidr6): bigint {
  return base + (1n << BigInt(128 - length)) - 1n;
}

export function cidr6Contains(outer: Cidr6, inner: Cidr6 | bigint): boolean {
  if (typeof inner === "bigint") return inner >= outer.base && inner <= lastAddress6(outer);
  return inner.length >= outer.length && cidr6Contains(outer, inner.base);
}

export function cidrs6Overlap(a: Cidr6, b: Cidr6): boolean {
  return cidr6Contains(a, b) || cidr6Contains(b, a);
}

function numberOf(address: string): bigint {
  return addressBytes(address).reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
