import { NO_POOL, type Pool, poolIndex } from "../contract/pool.ts";
import { type Entry, ROUTE_TARGET, SUBNET_FLAGS, type TableReader } from "../contract/tables.ts";
import { isIpv6Text } from "../lib/address.ts";
import { isIn } from "./block.ts";
import { drop, type Outcome, pass, type Passed } from "./outcome.ts";
import {
  addressEntry,
  type Ends,
  has,
  interfaceAt,
  interfaceEntry,
  ipv6Block,
  owns,
  type Passage,
  prefixOf,
  routeTo,
  senderOf,
  translateDestination,
  translateSource,
} from "./passage.ts";

const NONE = "0.0.0.0";

/**
 * Stage internet_gateway, outwards: is it attached, is there a public address, does the internet carry the
 * destination? Then the private source becomes public. The mapping is one-to-one, without state.
 */
export function internetGatewayOut(passage: Passage): Outcome<"internet_gateway"> {
  const { tables, flow, gateway } = passage;
  const sender = senderOf(passage);
  const vpc = vpcEntry(tables, sender.row.vpc);
  if (!vpc || gateway === undefined || vpc.value.internet_gateway !== gateway + 1)
    return drop(
      "no_internet_gateway",
      { vpc: sender.row.vpc, ...(gateway === undefined ? {} : { gateway }) },
      vpc,
    );
  if (subnetFlags(tables, sender) & SUBNET_FLAGS.block_out)
    return drop("block_public_access", { subnet: sender.row.subnet }, vpc);
  const mapping =
    flow.source === sender.row.private_ip
      ? interfaceEntry(sender)
      : addressEntry(tables, sender.row.vpc, flow.source);
  const publicIp = mapping?.value.public_ip ?? NONE;
  if (publicIp === NONE) return drop("no_public_ip", {}, mapping);
  if (!isOurs(tables, flow.destination)) {
    if (isIn(flow.destination, "private")) return drop("private_destination", { gateway: "internet" });
    if (isIn(flow.destination, "shared")) return drop("shared_destination", {});
  }
  translateSource(passage, publicIp);
  return pass("internet_gateway_out", { privateIp: flow.source, publicIp }, vpc, mapping);
}

/** Stage internet_gateway, inwards, from the internet or from another of our public addresses. */
export function internetGatewayIn(passage: Passage): Outcome<"internet_gateway"> {
  const { tables, flow } = passage;
  const index = poolIndex(poolsIn(tables), flow.destination);
  if (index === NO_POOL) return drop("not_for_us", {});
  const row = tables.lookup("public_addresses", index);
  const entry: Entry | undefined = row && { table: "public_addresses", key: index, value: row };
  const target = row && row.interface !== 0 ? interfaceAt(tables, row.interface) : undefined;
  passage.throughGateway = true;
  passage.groupIdentity = false;
  passage.sameSubnet = false;
  if (!row || !target || !owns(tables, target, row.private_ip))
    return drop("public_ip_not_mapped", {}, entry);
  passage.target = target;
  const vpc = vpcEntry(tables, target.row.vpc);
  if (!vpc || vpc.value.internet_gateway === 0)
    return drop("no_internet_gateway", { vpc: target.row.vpc }, entry, vpc);
  if (!passage.source) {
    if (isOurs(tables, flow.source)) return drop("own_source", { gateway: "internet" });
    if (isIn(flow.source, "private")) return drop("private_source", { gateway: "internet" });
    if (isIn(flow.source, "shared")) return drop("shared_source", {});
  }
  translateDestination(passage, row.private_ip);
  if (isBlockedIn(tables, target)) return drop("block_public_access", { subnet: target.row.subnet }, entry);
  const arrived = pass(
    "internet_gateway_in",
    { privateIp: row.private_ip, publicIp: flow.destination },
    entry,
    vpc,
  );
  return vpc.value.gateway_route_table === 0
    ? arrived
    : byGatewayTable(passage, vpc.value.gateway_route_table - 1, target, arrived);
}

/**
 * Where only ingress is blocked, NAT gateways are spared, because they let nothing begin (VPC user guide,
 * "Block public access").
 */
export function isBlockedIn(tables: TableReader, target: Ends): boolean {
  const flags = subnetFlags(tables, target);
  if (!(flags & SUBNET_FLAGS.block_in)) return false;
  return !has(target, "nat_gateway") || (flags & SUBNET_FLAGS.block_out) !== 0;
}

export function subnetFlags(tables: TableReader, { row }: Ends): number {
  return tables.lookup("subnets", row.subnet)?.flags ?? SUBNET_FLAGS.block_out | SUBNET_FLAGS.block_in;
}

type Arrived = Passed<"internet_gateway_in" | "ipv6_gateway_in">;

/**
 * Follows the gateway route table: packets that come in may have to go to an appliance first (VPC user guide,
 * "Gateway route tables").
 */
export function byGatewayTable(
  passage: Passage,
  table: number,
  target: Ends,
  arrived: Arrived,
): Outcome<"internet_gateway"> {
  const { tables, flow } = passage;
  const entry = routeTo(tables, table, flow.destination);
  if (!entry) return drop("no_route", { table, of: "internet_gateway" });
  const { target: kind, slot } = entry.value;
  const led = { destination: prefixOf(entry), table, of: "internet_gateway" } as const;
  if (kind === ROUTE_TARGET.local || (kind === ROUTE_TARGET.interface && slot === target.slot))
    return arrived;
  if (kind !== ROUTE_TARGET.interface) return drop("blackhole", led, entry);
  passage.way = "interface";
  const appliance = interfaceAt(tables, slot);
  if (appliance?.row.vpc !== target.row.vpc) return drop("blackhole", led, entry);
  passage.target = appliance;
  return {
    ...arrived,
    params: { ...arrived.params, first: slot },
    entries: [...arrived.entries, entry],
  } as Arrived;
}

/** Whether the address belongs to one of our pools, or to a VPC's IPv6 block. */
export function isOurs(tables: TableReader, address: string): boolean {
  if (isIpv6Text(address)) return ipv6Block(tables, address) !== undefined;
  return poolIndex(poolsIn(tables), address) !== NO_POOL;
}

function poolsIn(tables: TableReader): readonly Pool[] {
  const settings = tables.lookup("settings", 0);
  return settings ? settings.pools.slice(0, settings.pool_count) : [];
}

export function vpcEntry(tables: TableReader, key: number): Entry<"vpcs"> | undefined {
  const value = tables.lookup("vpcs", key);
  return value && { table: "vpcs", key, value };
}
