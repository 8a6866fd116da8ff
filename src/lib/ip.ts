import ipaddr from "ipaddr.js";

/** An IPv4 address as an unsigned 32-bit number in host order. */
export type Ipv4 = number & { readonly __brand: "Ipv4" };

/** The address in dotted-quad text, or undefined when the text is none (no octal, no short forms). */
export function parseIpv4(text: string): Ipv4 | undefined {
  // By hand, because a region of a million addresses reads millions of them at its start.
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

/** A number known to be an address, for example a sum of an address and an offset. */
export function ipv4(value: number): Ipv4 {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) throw new Error(`assertion failed: ${value} is an IPv4 address`);
  return value as Ipv4;
}

export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
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
