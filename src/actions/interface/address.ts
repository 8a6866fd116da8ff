import type { AllocateAddressRequest, AllocateAddressResult } from "@aws-sdk/client-ec2";
import { formatIpv4, ipv4, parseIpv4 } from "../../lib/address.ts";
import { ipv4BlockOf } from "../../lib/block.ts";
import type { Address } from "../../model/address.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import { type NetworkInterface, primaryPrivateIp } from "../../model/network-interface.ts";
import type { PublicIpv4Pool } from "../../model/public-ipv4-pool.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { found } from "../kit/find.ts";
import { refuseUnoffered, unoffered } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagsFor } from "../kit/tags.ts";

/** The Elastic IP associated with one private address of an interface. */
export function elasticIpOf(tx: Reader, eni: NetworkInterface, privateIp: string): Address | undefined {
  return tx
    .by("address", "networkInterfaceId", eni.id)
    .find((address) => address.association?.privateIpAddress === privateIp);
}

export type PublicIp = {
  readonly publicIp: string;
  /** Absent, like the association's id, for an address that was assigned automatically. */
  readonly allocationId?: string;
  readonly associationId?: string;
  /** Whose address it is: Amazon lends the automatic ones. */
  readonly owner: "amazon" | "account";
};

/**
 * The public address of one private address of an interface: an Elastic IP, or for the primary one the
 * automatic address.
 */
export function publicIpOf(tx: Reader, eni: NetworkInterface, privateIp: string): PublicIp | undefined {
  const elastic = elasticIpOf(tx, eni, privateIp);
  if (elastic?.association) {
    const { associationId } = elastic.association;
    return { publicIp: elastic.publicIp, allocationId: elastic.id, associationId, owner: "account" };
  }
  if (eni.autoPublicIp === undefined || privateIp !== primaryPrivateIp(eni)) return undefined;
  return { publicIp: eni.autoPublicIp, owner: "amazon" };
}

/**
 * Whether any interface of the VPC has a public address, of either sort: then its gateway cannot be detached.
 */
export function hasMappedPublicAddress(tx: Reader, vpcId: string): boolean {
  const isMapped = (eni: NetworkInterface): boolean =>
    eni.autoPublicIp !== undefined || tx.countBy("address", "networkInterfaceId", eni.id) > 0;
  // Where there are any, one is most often among the first.
  const ranges = [
    { start: 0, end: 16 },
    { start: 16, end: Number.POSITIVE_INFINITY },
  ];
  return ranges.some((range) => tx.sliceBy("network-interface", "vpcId", vpcId, range).some(isMapped));
}

/**
 * Guesses at a free address before the search in order: in a pool of which even nine tenths are taken, one is
 * nearly always found.
 */
const GUESSES = 32;

/**
 * Larger pools are searched in order only when no other pool has an address: a full one of a million would
 * slow each request down.
 */
const QUICKLY_SEARCHED = 65_536;

/**
 * A public address that nobody on this machine holds, from the first pool that has one. A pool's first and
 * last addresses (its network and broadcast addresses) are never given out, except of a pool of one or two.
 * @throws InsufficientAddressCapacity when all pools are used up.
 */
export function takePublicIp(tx: Tx, context: Context): string {
  const pools = context.pools.map(addressRangeOf);
  for (const pool of pools) {
    const ip =
      guessed(tx, pool, context) ??
      (pool.count <= QUICKLY_SEARCHED ? searched(tx, pool, context) : undefined);
    if (ip !== undefined) return ip;
  }
  for (const pool of pools) {
    const ip = pool.count > QUICKLY_SEARCHED ? searched(tx, pool, context) : undefined;
    if (ip !== undefined) return ip;
  }
  throw new Fault(
    "InsufficientAddressCapacity",
    "Insufficient capacity to allocate a public IPv4 address. (start Genkan with another --pool)",
  );
}

/** The addresses of a pool that can be given out, counted from 0. */
export type AddressRange = { readonly first: number; readonly count: number };

/** The addresses of a canonical block that can be given out. */
export function addressRangeOf(pool: string): AddressRange {
  const { base, length } = ipv4BlockOf(pool);
  const edge = length >= 31 ? 0 : 1;
  return { first: base + edge, count: 2 ** (32 - length) - 2 * edge };
}

function addressAt({ first, count }: AddressRange, place: number): string {
  return formatIpv4(ipv4(first + (place % count)));
}

function guessed(tx: Tx, pool: AddressRange, context: Context): string | undefined {
  for (let guess = 0; guess < GUESSES; guess += 1) {
    const ip = addressAt(pool, randomNumber(context));
    if (!tx.publicIpTaken(ip)) return ip;
  }
  return undefined;
}

function searched(tx: Tx, pool: AddressRange, context: Context): string | undefined {
  const start = randomNumber(context) % pool.count;
  for (let step = 0; step < pool.count; step += 1) {
    const ip = addressAt(pool, start + step);
    if (!tx.publicIpTaken(ip)) return ip;
  }
  return undefined;
}

function randomNumber({ random }: Context): number {
  return Number.parseInt(random.hex(8), 16);
}

/**
 * Takes an Elastic IP from its private address; it stays allocated. The interface may be due an automatic one
 * then: the caller sees to it.
 */
export function unmapAddress(tx: Tx, address: Address): void {
  const { association: _, ...unmapped } = address;
  tx.put(unmapped);
}

const AllocateAddress: Action<AllocateAddressRequest, AllocateAddressResult> = (tx, input, context) => {
  refuseUnoffered(input, ["CustomerOwnedIpv4Pool", "IpamPoolId"]);
  if (input.Domain !== undefined && input.Domain !== "vpc") {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${input.Domain}) for parameter domain is invalid. Valid values: vpc.`,
    );
  }
  if (input.NetworkBorderGroup !== undefined && input.NetworkBorderGroup !== context.region) {
    const words = `Value (${input.NetworkBorderGroup}) for parameter networkBorderGroup is invalid.`;
    throw new Fault("InvalidParameterValue", words);
  }
  const pool = ownPoolIn(tx, input);
  const tags = tagsFor("elastic-ip", input.TagSpecifications, context.quotas);
  const words = "The maximum number of addresses has been reached.";
  const used = tx.count("address") - tx.countBy("address", "serviceManaged", "rnat") + 1;
  requireQuota(context, "elastic-ips", used, "AddressLimitExceeded", words);
  const address: Address = {
    kind: "address",
    id: newId("address", context.random),
    tags,
    publicIp: pool ? takeFrom(tx, pool, input.Address, context) : takePublicIp(tx, context),
    ...(pool ? { pool: pool.id } : {}),
  };
  tx.put(address);
  return {
    PublicIp: address.publicIp,
    AllocationId: address.id,
    PublicIpv4Pool: pool?.id ?? AMAZON_POOL,
    NetworkBorderGroup: context.region,
    Domain: "vpc",
  };
};

export const AMAZON_POOL = "amazon";

/** @throws InvalidPublicIpv4PoolID.NotFound. */
export function findPublicIpv4Pool(tx: Reader, id: string): PublicIpv4Pool {
  return found(tx.get("public-ipv4-pool", id), "public-ipv4-pool", id);
}

/**
 * The user's own pool that a request names, by its id or by an address of it; undefined for Amazon's.
 * @throws UnsupportedOperation for an address of no such pool: those that were released do not come back
 * here.
 */
function ownPoolIn(
  tx: Reader,
  { PublicIpv4Pool: id, Address: ip }: AllocateAddressRequest,
): PublicIpv4Pool | undefined {
  if (id !== undefined && id !== AMAZON_POOL) return findPublicIpv4Pool(tx, id);
  if (ip === undefined) return undefined;
  const pool = id === undefined ? tx.list("public-ipv4-pool").find((one) => holds(one, ip)) : undefined;
  if (!pool) throw unoffered("Address");
  return pool;
}

function holds({ cidr }: PublicIpv4Pool, ip: string): boolean {
  const address = parseIpv4(ip);
  if (address === undefined) return false;
  const { first, count } = addressRangeOf(cidr);
  return address >= first && address < first + count;
}

/** The address asked for, or any. @throws InvalidParameterValue; InsufficientAddressCapacity. */
function takeFrom(tx: Tx, pool: PublicIpv4Pool, wanted: string | undefined, context: Context): string {
  if (wanted === undefined) return takePublicIp(tx, { ...context, pools: [pool.cidr] });
  if (!holds(pool, wanted) || tx.publicIpTaken(wanted)) {
    throw new Fault(
      "InvalidParameterValue",
      `The address ${wanted} of the pool '${pool.id}' is not available.`,
    );
  }
  return wanted;
}

export const addressActions = { AllocateAddress };
