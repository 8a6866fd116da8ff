import { formatIpv4, ipv4, ipv4Of, parseIpv4 } from "../lib/address.ts";
import { assert } from "../lib/assert.ts";
import { blockSize, ipv4BlockOf } from "../lib/block.ts";
import { MAX_POOLS, type StructValue, TABLES } from "./tables.ts";

export type Pool = StructValue<"pool">;

/** The address is in no pool. */
export const NO_POOL = 0xffffffff;

/**
 * The pools as the tables hold them: in `public_addresses` the addresses of one pool follow those of the one
 * before.
 */
export function poolsOf(cidrs: readonly string[]): readonly Pool[] {
  assert(cidrs.length <= MAX_POOLS, `at most ${MAX_POOLS} pools, not ${cidrs.length}`);
  let first = 0;
  const pools = cidrs.map((text) => {
    const cidr = ipv4BlockOf(text);
    const size = blockSize(cidr);
    const pool = { base: formatIpv4(cidr.base), mask: formatIpv4(ipv4(2 ** 32 - size)), first, size };
    first += size;
    return pool;
  });
  assert(first <= TABLES.public_addresses.max, `the pools' ${first} addresses fit the table`);
  return pools;
}

/** The index of a public address in `public_addresses`, or {@link NO_POOL}. */
export function poolIndex(pools: readonly Pool[], address: string): number {
  const ip = parseIpv4(address);
  if (ip === undefined) return NO_POOL;
  for (const pool of pools) {
    const offset = ip - ipv4Of(pool.base);
    if (offset >= 0 && offset < pool.size) return pool.first + offset;
  }
  return NO_POOL;
}
