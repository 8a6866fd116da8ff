import { NO_POOL, type Pool, poolIndex } from "../plan/pool.ts";
import { type Entry, ROUTE_TARGET, SUBNET_FLAGS, type TableReader } from "../plan/tables.ts";
import { isIn } from "./block.ts";
import {
  addressEntry,
  drop,
  type Ends,
  has,
  interfaceAt,
  interfaceEntry,
  ipv6Block,
  type Outcome,
  owns,
  pass,
  type Passage,
  routeTo,
  senderOf,
  translateDestination,
  translateSource,
} from "./passage.ts";

const NONE = "0.0.0.0";

/**
 * Stage internet_gateway, outwards: attached? a public address? a destination that the internet carries? Then the
 * private source becomes public. One-to-one, and no state is kept.
 */
export function internetGatewayOut(passage: Passage): Outcome {
  const { tables, flow, gateway } = passage;
  const sender = senderOf(passage);
  const vpc = vpcEntry(tables, sender.row.vpc);
  if (!vpc || gateway === undefined || vpc.value.internet_gateway !== gateway + 1)
    return drop("no_internet_gateway", `gateway ${gateway} is not attached to VPC ${sender.row.vpc}`, vpc);
  if (subnetFlags(tables, sender) & SUBNET_FLAGS.block_out)
    return drop("block_public_access", `subnet ${sender.row.subnet} is blocked`, vpc);
  const mapping = flow.source === sender.row.private_ip ? interfaceEntry(sender) : addressEntry(tables, sender.row.vpc, flow.source);
  const publicIp = mapping?.value.public_ip ?? NONE;
  if (publicIp === NONE) return drop("no_public_ip", `${flow.source} has none`, mapping);
  if (!isOurs(tables, flow.destination)) {
    if (isIn(flow.destination, "private")) return drop("private_destination", flow.destination);
    if (isIn(flow.destination, "shared")) return drop("shared_destination", flow.destination);
  }
  translateSource(passage, publicIp);
  return pass(`${flow.source} becomes ${publicIp}`, vpc, mapping);
}

/** Stage internet_gateway, inwards, from the internet or from another of our public addresses. */
export function internetGatewayIn(passage: Passage): Outcome {
  const { tables, flow } = passage;
  const index = poolIndex(poolsIn(tables), flow.destination);
  if (index === NO_POOL) return drop("not_for_us", `${flow.destination} is in no pool`);
  const row = tables.lookup("public_addresses", index);
  const entry: Entry | undefined = row && { table: "public_addresses", key: index, value: row };
  const target = row && row.interface !== 0 ? interfaceAt(tables, row.interface) : undefined;
  passage.throughGateway = true;
  passage.groupIdentity = false;
  passage.sameSubnet = false;
  if (!row || !target || !owns(tables, target, row.private_ip)) return drop("public_ip_not_mapped", flow.destination, entry);
  passage.target = target;
  const vpc = vpcEntry(tables, target.row.vpc);
  if (!vpc || vpc.value.internet_gateway === 0) return drop("no_internet_gateway", `none is attached to VPC ${target.row.vpc}`, entry, vpc);
  if (!passage.source) {
    if (isOurs(tables, flow.source)) return drop("own_source", flow.source);
    if (isIn(flow.source, "private")) return drop("private_source", flow.source);
    if (isIn(flow.source, "shared")) return drop("shared_source", flow.source);
  }
  translateDestination(passage, row.private_ip);
  if (isBlockedIn(tables, target)) return drop("block_public_access", `subnet ${target.row.subnet} is blocked`, entry);
  const arrived = pass(`${flow.destination} becomes ${row.private_ip}`, entry, vpc);
  return vpc.value.gateway_route_table === 0 ? arrived : byGatewayTable(passage, vpc.value.gateway_route_table - 1, target, arrived);
}

/** VPC user guide, "Block public access": where ingress alone is blocked, NAT gateways are spared, which let nothing begin. */
export function isBlockedIn(tables: TableReader, target: Ends): boolean {
  const flags = subnetFlags(tables, target);
  if (!(flags & SUBNET_FLAGS.block_in)) return false;
  return !has(target, "nat_gateway") || (flags & SUBNET_FLAGS.block_out) !== 0;
}

export function subnetFlags(tables: TableReader, { row }: Ends): number {
  return tables.lookup("subnets", row.subnet)?.flags ?? SUBNET_FLAGS.block_out | SUBNET_FLAGS.block_in;
}

/** The gateway route table: what comes in may have to meet an appliance first (VPC user guide, "Gateway route tables"). */
export function byGatewayTable(passage: Passage, table: number, target: Ends, arrived: Outcome): Outcome {
  const { tables, flow } = passage;
  const entry = routeTo(tables, table, flow.destination);
  if (!entry) return drop("no_route", `no route to ${flow.destination} in the gateway's table ${table}`);
  const { target: kind, slot } = entry.value;
  if (kind === ROUTE_TARGET.local || (kind === ROUTE_TARGET.interface && slot === target.slot)) return arrived;
  if (kind !== ROUTE_TARGET.interface) return drop("blackhole", "the gateway's table leads nowhere", entry);
  passage.way = "interface";
  const appliance = interfaceAt(tables, slot);
  if (appliance?.row.vpc !== target.row.vpc)
    return drop("blackhole", `the gateway's table leads to interface ${slot}, which is gone`, entry);
  passage.target = appliance;
  return pass(`${arrived.detail}, and goes to interface ${slot} first`, ...arrived.entries, entry);
}

/** Whether the address belongs to one of our pools, or to a VPC's IPv6 block. */
export function isOurs(tables: TableReader, address: string): boolean {
  if (address.includes(":")) return ipv6Block(tables, address) !== undefined;
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
