import { formatIpv4, ipv4, ipv4Of } from "../../lib/address.ts";
import { blockSize, ipv4BlockOf } from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";
import type { Reader } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import { behindReserved, reservedBlocks } from "./subnet-reserved.ts";

/**
 * The network address, the router, the resolver, one for the future; and the broadcast address (VPC user
 * guide, "Subnet sizing").
 */
const RESERVED_FIRST = 4;
const RESERVED = RESERVED_FIRST + 1;

/** The block used for an IPv6-only subnet: all of its addresses are reserved. */
const NO_BLOCK = "0.0.0.0/32";

/**
 * `count` private addresses that no interface of the VPC holds, in the subnet's range.
 * None is reserved. The search starts behind as many addresses as there are interfaces, so that a subnet that
 * only grows is filled without looking twice.
 * @throws InsufficientFreeAddressesInSubnet.
 */
export function freePrivateIps(tx: Reader, subnet: Subnet, count: number): string[] {
  const cidr = ipv4BlockOf(subnet.cidrBlock ?? NO_BLOCK);
  const usable = Math.max(0, blockSize(cidr) - RESERVED);
  const start = tx.countBy("network-interface", "subnetId", subnet.id);
  const found: string[] = [];
  const reserved = reservedBlocks(tx, subnet);
  for (let step = 0; step < usable && found.length < count; step += 1) {
    const address = cidr.base + RESERVED_FIRST + ((start + step) % usable);
    const behind = behindReserved(reserved, address);
    if (behind !== undefined) {
      step += Math.min(behind, cidr.base + RESERVED_FIRST + usable) - address - 1;
      continue;
    }
    const ip = formatIpv4(ipv4(address));
    if (tx.countBy("network-interface", "vpcAddress", `${subnet.vpcId}/${ip}`) === 0) found.push(ip);
  }
  if (found.length < count) {
    throw new Fault(
      "InsufficientFreeAddressesInSubnet",
      `The specified subnet does not have enough free addresses to satisfy the request. (subnet '${subnet.id}')`,
    );
  }
  return found;
}

/**
 * Whether an address of the subnet may be given to an interface: it is in the range and not one of the five
 * reserved.
 */
export function isUsableAddress(subnet: Subnet, address: number): boolean {
  const cidr = ipv4BlockOf(subnet.cidrBlock ?? NO_BLOCK);
  return address >= cidr.base + RESERVED_FIRST && address < cidr.base + blockSize(cidr) - 1;
}

/** How many private addresses of the subnet are free, the reserved ones left out. */
export function availableAddressCount(tx: Reader, subnet: Subnet): number {
  if (subnet.cidrBlock === undefined) return 0;
  const secondary = tx.by("network-interface", "secondarySubnetId", subnet.id);
  const held = secondary.reduce(
    (sum, eni) => sum + eni.privateIpAddresses.length - 1,
    tx.countBy("network-interface", "subnetId", subnet.id),
  );
  return blockSize(ipv4BlockOf(subnet.cidrBlock)) - RESERVED - held;
}

/** How many private addresses somebody could get without naming them: those free less those reserved. */
export function assignableAddressCount(tx: Reader, subnet: Subnet): number {
  const free = availableAddressCount(tx, subnet);
  const reserved = reservedBlocks(tx, subnet);
  if (reserved.length === 0) return free;
  const { base, length } = ipv4BlockOf(subnet.cidrBlock ?? NO_BLOCK);
  const [first, end] = [base + RESERVED_FIRST, base + blockSize({ base, length }) - 1];
  const held = tx
    .by("network-interface", "subnetId", subnet.id)
    .flatMap((eni) => eni.privateIpAddresses)
    .filter((ip) => behindReserved(reserved, ipv4Of(ip)) !== undefined).length;
  const usable = reserved.reduce(
    (sum, block) =>
      sum + Math.max(0, Math.min(end, block.base + blockSize(block)) - Math.max(first, block.base)),
    0,
  );
  return free - (usable - held);
}
