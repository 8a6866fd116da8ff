import { assert } from "../lib/assert.ts";
import { cidrOf, cidrSize } from "../lib/cidr.ts";
import { formatIpv4, ipv4, parseIpv4 } from "../lib/ip.ts";
import { MAX_POOLS, type StructValue, TABLES } from "./tables.ts";

export type Pool = StructValue<"pool">;

/** No place in the pools. */
export const NO_POOL = 0xffffffff;

/** The pools as the tables hold them: their addresses stand one pool after the other in `public_addresses`. */
export function poolsOf(cidrs: readonly string[]): readonly Pool[] {
  assert(cidrs.length <= MAX_POOLS, `at most ${MAX_POOLS} pools, not ${cidrs.length}`);
  let first = 0;
  const pools = cidrs.map((text) => {
    const cidr = cidrOf(text);
    const size = cidrSize(cidr);
    const pool = { base: formatIpv4(cidr.base), mask: formatIpv4(ipv4(2 ** 32 - size)), first, size };
    first += size;
    return pool;
  });
  assert(first <= TABLES.public_addresses.max, `the pools' ${first} addresses fit the table`);
  return pools;
}

/** The place of a public address in `public_addresses`, or {@link NO_POOL}. */
export function poolIndex(pools: readonly Pool[], address: string): number {
  const ip = parseIpv4(address);
  if (ip === undefined) return NO_POOL;
  for (const pool of pools) {
    const offset = ip - (parseIpv4(pool.base) ?? 0);
    if (offset >= 0 && offset < pool.size) return pool.first + offset;
  }
  return NO_POOL;
}
