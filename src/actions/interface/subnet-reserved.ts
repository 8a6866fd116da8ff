import { isIpv6Text } from "../../lib/address.ts";
import {
  blockSize,
  type Ipv4Block,
  ipv4BlockOf,
  type Ipv6Block,
  ipv6BlockOf,
  lastAddress,
} from "../../lib/block.ts";
import type { Reader } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";

/** The blocks of a subnet that are reserved: nobody gets an address of theirs without naming it. */
export function reservedBlocks(tx: Reader, subnet: Subnet): readonly Ipv4Block[] {
  return textsOf(tx, subnet)
    .filter((cidr) => !isIpv6Text(cidr))
    .map(ipv4BlockOf);
}

function textsOf(tx: Reader, { id }: Subnet): readonly string[] {
  return tx.by("subnet-cidr-reservation", "subnetId", id).map(({ cidr }) => cidr);
}

/**
 * Where a search may go on after an address that is reserved: behind its block. Undefined: the address is not
 * reserved.
 */
export function behindReserved(blocks: readonly Ipv4Block[], address: number): number | undefined {
  const block = blocks.find(
    ({ base, length }) => address >= base && address < base + blockSize({ base, length }),
  );
  return block && block.base + blockSize(block);
}

/** A range of addresses, both ends within. */
export type Range6 = { readonly first: bigint; readonly last: bigint };

/** What is left of a range when a subnet's reservations for IPv6 are taken out, in order. */
export function openRanges6(tx: Reader, subnet: Subnet, whole: Range6): readonly Range6[] {
  const reserved = textsOf(tx, subnet)
    .filter((cidr) => isIpv6Text(cidr))
    .map(ipv6BlockOf)
    .toSorted((a, b) => (a.base < b.base ? -1 : 1));
  const open: Range6[] = [];
  let first = whole.first;
  for (const block of reserved) {
    if (block.base > first) open.push({ first, last: earlier(block, whole) });
    if (lastAddress(block) >= first) first = lastAddress(block) + 1n;
  }
  if (first <= whole.last) open.push({ first, last: whole.last });
  return open.filter((range) => range.first <= range.last);
}

function earlier({ base }: Ipv6Block, { last }: Range6): bigint {
  return base - 1n < last ? base - 1n : last;
}
