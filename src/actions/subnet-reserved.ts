import { type Cidr, cidrOf, cidrSize } from "../lib/cidr.ts";
import { type Cidr6, cidr6Of, lastAddress6 } from "../lib/cidr6.ts";
import type { Reader } from "../model/state.ts";
import type { Subnet } from "../model/subnet.ts";

/** The blocks of a subnet that are reserved: nobody gets an address of theirs without naming it. */
export function reservedBlocks(tx: Reader, subnet: Subnet): readonly Cidr[] {
  return textsOf(tx, subnet)
    .filter((cidr) => !cidr.includes(":"))
    .map(cidrOf);
}

function textsOf(tx: Reader, { id }: Subnet): readonly string[] {
  return tx.by("subnet-cidr-reservation", "subnetId", id).map(({ cidr }) => cidr);
}

/** Where a search may go on after an address that is reserved: behind its block. Undefined: the address is not reserved. */
export function behindReserved(blocks: readonly Cidr[], address: number): number | undefined {
  const block = blocks.find(({ base, length }) => address >= base && address < base + cidrSize({ base, length }));
  return block && block.base + cidrSize(block);
}

/** A range of addresses, both ends within. */
export type Range6 = { readonly first: bigint; readonly last: bigint };

/** What is left of a range when a subnet's reservations for IPv6 are taken out, in order. */
export function openRanges6(tx: Reader, subnet: Subnet, whole: Range6): readonly Range6[] {
  const reserved = textsOf(tx, subnet)
    .filter((cidr) => cidr.includes(":"))
    .map(cidr6Of)
    .toSorted((a, b) => (a.base < b.base ? -1 : 1));
  const open: Range6[] = [];
  let first = whole.first;
  for (const block of reserved) {
    if (block.base > first) open.push({ first, last: earlier(block, whole) });
    if (lastAddress6(block) >= first) first = lastAddress6(block) + 1n;
  }
  if (first <= whole.last) open.push({ first, last: whole.last });
  return open.filter((range) => range.first <= range.last);
}

function earlier({ base }: Cidr6, { last }: Range6): bigint {
  return base - 1n < last ? base - 1n : last;
}
