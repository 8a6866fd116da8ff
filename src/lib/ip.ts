import ipaddr from "ipaddr.js";

/** An IPv4 address as an unsigned 32-bit number in host order. */
export type Ipv4 = number & { readonly __brand: "Ipv4" };

const DOTTED_QUAD = /^(0|[1-9]\d{0,2})(\.(0|[1-9]\d{0,2})){3}$/;

/** The address in dotted-quad text, or undefined when the text is none (no octal, no short forms). */
export function parseIpv4(text: string): Ipv4 | undefined {
  if (!DOTTED_QUAD.test(text)) return undefined;
  const octets = text.split(".").map(Number);
  if (octets.some((octet) => octet > 255)) return undefined;
  return octets.reduce((sum, octet) => sum * 256 + octet, 0) as Ipv4;
}

/** A number known to be an address, for example a sum of an address and an offset. */
export function ipv4(value: number): Ipv4 {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) throw new Error(`assertion failed: ${value} is an IPv4 address`);
  return value as Ipv4;
}

export function formatIpv4(address: Ipv4): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join(".");
}

/** Sixteen bytes, network order; an IPv4 address is mapped (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2). */
export function addressBytes(text: string): Uint8Array {
  const parsed = ipaddr.parse(text);
  const six = parsed.kind() === "ipv4" ? (parsed as ipaddr.IPv4).toIPv4MappedAddress() : (parsed as ipaddr.IPv6);
  return Uint8Array.from(six.toByteArray());
}

/** The text of sixteen bytes: dotted quad when mapped, compressed IPv6 otherwise. */
export function formatAddress(bytes: Uint8Array): string {
  return ipaddr.process(ipaddr.fromByteArray([...bytes]).toString()).toString();
}

export function isIpv6(text: string): boolean {
  return text.includes(":") && ipaddr.IPv6.isValid(text);
}
