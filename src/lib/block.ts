import {
  type Address,
  addressBytes,
  formatAddress,
  formatIpv6,
  type Ipv4,
  type Ipv6,
  ipv6OfBytes,
  isIpv6,
  isIpv6Text,
  parseIpv4,
} from "./address.ts";
import { present } from "./assert.ts";

/** A CIDR block in canonical form: no host bit is set. `length`: the prefix's, in bits. */
export type Ipv4Block = { readonly base: Ipv4; readonly length: number };
export type Ipv6Block = { readonly base: Ipv6; readonly length: number };
export type Block = Ipv4Block | Ipv6Block;

/**
 * The block in `address/length` text, in canonical form (as AWS makes it), or undefined when the text is not
 * one.
 */
export function parseBlock(text: string): Block | undefined {
  return isIpv6Text(text) ? parseIpv6Block(text) : parseIpv4Block(text);
}

/** The block in text that is known to be valid, such as the state's. */
export function blockOf(text: string): Block {
  return present(parseBlock(text), text);
}

/** The same for IPv4 only. */
export function parseIpv4Block(text: string): Ipv4Block | undefined {
  const { address, bits } = partsOf(text, 32) ?? {};
  const base = address === undefined ? undefined : parseIpv4(address);
  if (base === undefined || bits === undefined) return undefined;
  return { base: (base - (base % 2 ** (32 - bits))) as Ipv4, length: bits };
}

export function ipv4BlockOf(text: string): Ipv4Block {
  return present(parseIpv4Block(text), text);
}

/** The same for IPv6 only. Undefined as well for a block of mapped IPv4 addresses. */
export function parseIpv6Block(text: string): Ipv6Block | undefined {
  const { address, bits } = partsOf(text, 128) ?? {};
  if (address === undefined || bits === undefined || !isIpv6(address)) return undefined;
  const host = BigInt(128 - bits);
  const base = (ipv6OfBytes(addressBytes(address)) >> host) << host;
  return isIpv6Text(formatIpv6(base)) ? { base, length: bits } : undefined;
}

export function ipv6BlockOf(text: string): Ipv6Block {
  return present(parseIpv6Block(text), text);
}

export function formatBlock({ base, length }: Block): string {
  return `${formatAddress(base)}/${length}`;
}

/** How many addresses the block holds. */
export function blockSize(block: Ipv4Block): number {
  return 2 ** (32 - block.length);
}

export function lastAddress(block: Ipv4Block): Ipv4;
export function lastAddress(block: Ipv6Block): Ipv6;
export function lastAddress(block: Block): Address;
export function lastAddress({ base, length }: Block): Address {
  return typeof base === "number"
    ? ((base + 2 ** (32 - length) - 1) as Ipv4)
    : base + (1n << BigInt(128 - length)) - 1n;
}

/** Whether all of `inner` is in `outer`; false for two families. */
export function blockContains(outer: Block, inner: Block | Address): boolean {
  if (typeof inner !== "object")
    return typeof inner === typeof outer.base && inner >= outer.base && inner <= lastAddress(outer);
  return inner.length >= outer.length && blockContains(outer, inner.base);
}

/** Whether they share an address; false for two families. */
export function blocksOverlap(a: Block, b: Block): boolean {
  return blockContains(a, b) || blockContains(b, a);
}

function partsOf(
  text: string,
  most: number,
): { readonly address: string; readonly bits: number } | undefined {
  const [address, length, ...rest] = text.split("/");
  if (address === undefined || length === undefined || rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length))
    return undefined;
  const bits = Number(length);
  return bits <= most ? { address, bits } : undefined;
}
