/** Numbers and checksums in packets' bytes. */

export const ETHERNET = 14;

export function read16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

export function read32(bytes: Uint8Array, at: number): number {
  return read16(bytes, at) * 0x10000 + read16(bytes, at + 2);
}

export function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value & 0xff;
}

export function write32(bytes: Uint8Array, at: number, value: number): void {
  write16(bytes, at, value >>> 16);
  write16(bytes, at + 2, value & 0xffff);
}

/** A sum of 16-bit words with its carries added in: the one's complement sum (RFC 1071). */
export function folded(sum: number): number {
  let rest = sum;
  while (rest > 0xffff) rest = (rest & 0xffff) + Math.floor(rest / 0x10000);
  return rest;
}

/** The sum of `length` bytes' 16-bit words; an odd byte at the end is the high one of its word. */
export function wordSum(bytes: Uint8Array, at: number, length: number): number {
  let sum = 0;
  const even = at + (length & ~1);
  for (let index = at; index < even; index += 2) sum += read16(bytes, index);
  return length & 1 ? sum + ((bytes[even] ?? 0) << 8) : sum;
}

/** RFC 1071: over bytes whose own checksum field counts as it stands (zero, when it is to be computed). */
export function checksum(bytes: Uint8Array, at: number, length: number): number {
  return ~folded(wordSum(bytes, at, length)) & 0xffff;
}

/**
 * RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), for words of 16 bits. A checksum that was wrong stays as
 * wrong as it was.
 */
export function adjusted16(before: number, from: number, to: number): number {
  return ~folded((~before & 0xffff) + (~from & 0xffff) + to) & 0xffff;
}

/** The same for 32 bits, such as an address. */
export function adjusted32(before: number, from: number, to: number): number {
  return adjusted16(adjusted16(before, from >>> 16, to >>> 16), from & 0xffff, to & 0xffff);
}

/** Sets the checksum of the IPv4 header at `at` (RFC 791, section 3.1). */
export function sealHeader(bytes: Uint8Array, at: number): void {
  write16(bytes, at + 10, 0);
  write16(bytes, at + 10, checksum(bytes, at, ((bytes[at] ?? 0) & 15) * 4));
}
