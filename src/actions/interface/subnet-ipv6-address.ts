import { formatIpv6, parseIpv6 } from "../../lib/address.ts";
import { present } from "../../lib/assert.ts";
import { blockContains, ipv6BlockOf, lastAddress } from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Reader } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import type { Context } from "../kit/action.ts";
import { openRanges6, type Range6 } from "./subnet-reserved.ts";

/** The first four addresses of a subnet's block and its last (VPC user guide, "Subnet sizing for IPv6"). */
const RESERVED_FIRST = 4n;

/** The subnet's block. @throws InvalidParameterValue when it has none. */
function blockOf(subnet: Subnet): string {
  if (subnet.ipv6CidrBlock) return subnet.ipv6CidrBlock.ipv6CidrBlock;
  throw new Fault("InvalidParameterValue", "Subnet does not contain any IPv6 CIDR block ranges");
}

/**
 * The address in canonical text. @throws InvalidParameterValue for what is no address of the subnet's IPv6
 * block, or a reserved one.
 */
export function requireIpv6Address(subnet: Subnet, text: string): string {
  const address = parseIpv6(text);
  if (address === undefined)
    throw new Fault("InvalidParameterValue", `invalid value for parameter address: ${text}`);
  const block = ipv6BlockOf(blockOf(subnet));
  if (!blockContains(block, address)) {
    throw new Fault(
      "InvalidParameterValue",
      `Address ${text} does not fall within the subnet's address range`,
    );
  }
  if (address < block.base + RESERVED_FIRST || address === lastAddress(block)) {
    throw new Fault("InvalidParameterValue", `Address ${text} is in subnet's reserved address range`);
  }
  return formatIpv6(address);
}

/**
 * `count` addresses of the subnet's block that no interface has, anywhere in it, none of them reserved or of
 * `except`.
 * @throws InvalidParameterValue; InsufficientFreeAddressesInSubnet.
 */
export function freeIpv6Addresses(
  tx: Reader,
  subnet: Subnet,
  count: number,
  except: readonly string[],
  { random }: Context,
): string[] {
  const found: string[] = [];
  if (count === 0) return found;
  const block = ipv6BlockOf(blockOf(subnet));
  const open = openRanges6(tx, subnet, { first: block.base + RESERVED_FIRST, last: lastAddress(block) - 1n });
  const size = open.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);
  const taken = new Set(except);
  const take = (place: bigint): void => {
    const ip = formatIpv6(addressIn(open, place));
    if (taken.has(ip) || isIpv6Held(tx, subnet, ip)) return;
    taken.add(ip);
    found.push(ip);
  };
  const guesses = size > 0n ? GUESSES * count : 0;
  for (let guess = 0; guess < guesses && found.length < count; guess += 1) {
    take(BigInt(`0x${random.hex(32)}`) % size);
  }
  // Where nearly everything is reserved: one after the other. So many can't be held that this takes long.
  for (let place = 0n; place < size && found.length < count; place += 1n) take(place);
  if (found.length === count) return found;
  const words = `The specified subnet does not have enough free addresses to satisfy the request. (subnet '${subnet.id}')`;
  throw new Fault("InsufficientFreeAddressesInSubnet", words);
}

/** For each address that is wanted; in a range that is not nearly full the first is good. */
const GUESSES = 16;

function addressIn(ranges: readonly Range6[], place: bigint): bigint {
  let left = place;
  for (const { first, last } of ranges) {
    if (left <= last - first) return first + left;
    left -= last - first + 1n;
  }
  return present<bigint>(undefined, "an address at this place");
}

export function isIpv6Held(tx: Reader, { vpcId }: Pick<NetworkInterface, "vpcId">, ip: string): boolean {
  return tx.countBy("network-interface", "vpcAddress", `${vpcId}/${ip}`) > 0;
}
