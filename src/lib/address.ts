import ipaddr from "ipaddr.js";
import { present } from "./assert.ts";

/** An IPv4 address as an unsigned 32-bit number in host order. */
export type Ipv4 = number & { readonly __brand: "Ipv4" };

/** An IPv6 address as an unsigned 128-bit number. Mapped IPv4 addresses (::ffff:a.b.c.d) are not included. */
export type Ipv6 = bigint;

/** An address of either family, as a number. */
export type Address = Ipv4 | Ipv6;

/** Whether an address or a block in text, known to be valid, is IPv6. */
export function isIpv6Text(text: string): boolean {
  return text.includes(":");
}

/** The address in text (no octal, no short forms, no zone), or undefined when the text is not one. */
export function parseAddress(text: string): Address | undefined {
  return isIpv6Text(text) ? parseIpv6(text) : parseIpv4(text);
}

/** The address in text that is known to be valid, such as the state's. */
export function addressOf(text: string): Address {
  return present(parseAddress(text), text);
}

/** Dotted quad, or compressed text (RFC 5952). */
export function formatAddress(address: Address): string {
  return typeof address === "number" ? formatIpv4(address) : formatIpv6(address);
}

/** The address in dotted-quad text, or undefined when the text is not one (no octal, no short forms). */
export function parseIpv4(text: string): Ipv4 | undefined {
  // Parsed by hand, because a region of a million addresses parses millions of them at its start.
  let address = 0;
  let octet = -1;
  let dots = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === DOT) {
      if (octet < 0) return undefined;
      address = address * 256 + octet;
      octet = -1;
      dots++;
    } else {
      if (code < ZERO || code > NINE || octet === 0) return undefined;
      octet = (octet < 0 ? 0 : octet * 10) + code - ZERO;
      if (octet > 255) return undefined;
    }
  }
  return dots === 3 && octet >= 0 ? ((address * 256 + octet) as Ipv4) : undefined;
}

const DOT = 46;
const ZERO = 48;
const NINE = 57;

/** The address in dotted-quad text that is known to be valid. */
export function ipv4Of(text: string): Ipv4 {
  return present(parseIpv4(text), text);
}

/** A number known to be an address, for example a sum of an address and an offset. */
export function ipv4(value: number): Ipv4 {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff)
    throw new Error(`assertion failed: ${value} is an IPv4 address`);
  return value as Ipv4;
}

export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

/** Whether the text is an IPv6 address without a zone; mapped IPv4 addresses are, too. */
export function isIpv6(text: string): boolean {
  return isIpv6Text(text) && !text.includes("%") && ipaddr.IPv6.isValid(text);
}

/**
 * The address as a number, or undefined when the text is not one, names a zone, or is a mapped IPv4 address.
 */
export function parseIpv6(text: string): Ipv6 | undefined {
  if (!isIpv6(text)) return undefined;
  const bytes = addressBytes(text);
  return isIpv6Text(formatBytes(bytes)) ? ipv6OfBytes(bytes) : undefined;
}

/** The address in text that is known to be valid. */
export function ipv6Of(text: string): Ipv6 {
  return present(parseIpv6(text), text);
}

/** Compressed text (RFC 5952). */
export function formatIpv6(address: Ipv6): string {
  const bytes = Uint8Array.from({ length: 16 }, (_, index) =>
    Number((address >> BigInt(8 * (15 - index))) & 0xffn),
  );
  return formatBytes(bytes);
}

/** Sixteen bytes, network order; an IPv4 address is mapped (::ffff:a.b.c.d, RFC 4291 section 2.5.5.2). */
export function addressBytes(text: string): Uint8Array {
  const parsed = ipaddr.parse(text);
  const six =
    parsed.kind() === "ipv4" ? (parsed as ipaddr.IPv4).toIPv4MappedAddress() : (parsed as ipaddr.IPv6);
  return Uint8Array.from(six.toByteArray());
}

/** The text for sixteen bytes: dotted quad when mapped, compressed IPv6 otherwise. */
export function formatBytes(bytes: Uint8Array): string {
  return ipaddr.process(ipaddr.fromByteArray([...bytes]).toString()).toString();
}

/** Sixteen bytes as a number; includes mapped IPv4 addresses. */
export function ipv6OfBytes(bytes: Uint8Array): Ipv6 {
  return bytes.reduce((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
}
