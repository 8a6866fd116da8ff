import { type Entry, NAT_GATEWAY_FLAGS, ROUTE_TARGET, type TableReader } from "../contract/tables.ts";
import { isNat64 } from "../lib/nat64.ts";
import { after, drop, type Dropped, type DropParams, type Outcome, pass } from "./outcome.ts";
import { isIpv6Flow } from "./packet.ts";
import {
  addressEntry,
  has,
  inSubnet,
  interfaceAt,
  type Passage,
  prefixOf,
  routeTo,
  senderOf,
} from "./passage.ts";

/**
 * Stage route: the longest match in the subnet's route table; within a subnet there is nothing to look up.
 * The route is found before groups and ACLs are asked, because a rule may name a group, and then the
 * receiver's interface must be known; but a packet that it drops is dropped after them.
 */
export function route(passage: Passage): Outcome<"route"> {
  const { tables, flow } = passage;
  if (passage.sameSubnet) return toLocal(passage);
  const key = senderOf(passage).row.subnet;
  const subnet = tables.lookup("subnets", key);
  if (!subnet) return drop("tables_incomplete", { missing: "subnet", slot: key });
  const table = subnet.route_table;
  const entry = routeTo(tables, table, flow.destination);
  if (!entry) return drop("no_route", { table, of: "subnet" });
  const { target, slot } = entry.value;
  const by: Led = { entry, destination: prefixOf(entry), table };
  switch (target) {
    case ROUTE_TARGET.local:
      return after(entry, toLocal(passage, by));
    case ROUTE_TARGET.interface:
      return after(entry, toInterface(passage, slot, by));
    case ROUTE_TARGET.nat_gateway:
      return after(entry, toNatGateway(passage, natInZone(tables, slot, subnet.zone), by));
    case ROUTE_TARGET.peering:
      passage.way = "peering";
      return after(entry, toPeer(passage, slot, by));
    case ROUTE_TARGET.remote_peering:
      passage.way = "remote-peering";
      return after(entry, toPeer(passage, slot, by));
    case ROUTE_TARGET.internet_gateway:
      passage.way = "gateway";
      passage.gateway = slot;
      passage.throughGateway = true;
      return pass("route", { destination: by.destination, target: "internet_gateway", slot }, entry);
    case ROUTE_TARGET.nothing:
      return drop("nothing_behind", nowhere(by), entry);
    case ROUTE_TARGET.egress_only:
      if (!isIpv6Flow(flow)) return drop("blackhole", nowhere(by), entry);
      passage.way = "egress-only";
      passage.throughGateway = true;
      return pass("route", { destination: by.destination, target: "egress_only", slot }, entry);
    default:
      return drop("blackhole", nowhere(by), entry);
  }
}

/** The route that was taken, its destination as a block, and the slot of its table. */
type Led = { readonly entry: Entry<"routes">; readonly destination: string; readonly table: number };

function nowhere({ destination, table }: Led): DropParams["blackhole"] {
  return { destination, table, of: "subnet" };
}

/** The interface that has a private address of the sender's VPC. `by` is absent within the subnet. */
function toLocal(passage: Passage, by?: Led): Outcome<"route"> {
  const { tables, flow } = passage;
  const { vpc, subnet } = senderOf(passage).row;
  passage.way = "local";
  const entry = addressEntry(tables, vpc, flow.destination);
  const target = entry && interfaceAt(tables, entry.value.interface);
  if (target?.row.vpc !== vpc) return drop("no_such_private_address", {}, entry);
  passage.target = target;
  passage.sameSubnet = target.row.subnet === subnet;
  passage.groupIdentity = passage.ownSource;
  return by
    ? pass("route", { destination: by.destination, target: "local", slot: target.slot }, entry)
    : pass("within_subnet", {}, entry);
}

/**
 * An appliance: an interface that takes packets for others. Behind it, rules that name groups no longer
 * apply.
 */
function toInterface(passage: Passage, slot: number, by: Led): Outcome<"route"> {
  const sender = senderOf(passage);
  passage.way = "interface";
  if (slot === passage.packet.from) return drop("route_loop", { by: "sender" });
  const target = interfaceAt(passage.tables, slot);
  if (target?.row.vpc !== sender.row.vpc) return drop("blackhole", nowhere(by));
  passage.target = target;
  passage.sameSubnet = target.row.subnet === sender.row.subnet;
  return pass("route", { destination: by.destination, target: "interface", slot });
}

/**
 * An interface of the VPC behind a peering connection. A packet passes only from an address of the sender's
 * own VPC to an address of the other: no gateways or further connections are reached (VPC peering guide, "VPC
 * peering limitations").
 */
function toPeer(passage: Passage, peer: number, by: Led): Outcome<"route"> {
  const { tables, flow, way } = passage;
  if (!addressEntry(tables, senderOf(passage).row.vpc, flow.source)) return drop("peering_source", {});
  const entry = addressEntry(tables, peer, flow.destination);
  const target = entry && interfaceAt(tables, entry.value.interface);
  if (target?.row.vpc !== peer) return drop("no_such_private_address", { peer }, entry);
  passage.target = target;
  passage.sameSubnet = false;
  passage.groupIdentity = passage.ownSource;
  const kind = way === "remote-peering" ? "remote_peering" : "peering";
  return pass("route", { destination: by.destination, target: kind, slot: peer }, entry);
}

/**
 * The interface of a NAT gateway that takes packets from a zone: a regional gateway has one in each zone, a
 * zonal gateway one for all.
 */
function natInZone(tables: TableReader, slot: number, zone: number): number {
  const gateway = tables.lookup("nat_gateways", { interface: slot });
  return gateway && (gateway.flags & NAT_GATEWAY_FLAGS.regional) !== 0 ? (gateway.zones[zone] ?? 0) : slot;
}

/**
 * A NAT gateway, given by its interface. From there the packet goes on by the route table of the gateway's
 * subnet. The only IPv6 packets that a NAT gateway takes are those for NAT64.
 */
function toNatGateway(passage: Passage, slot: number, by: Led): Outcome<"route"> {
  const sender = senderOf(passage);
  passage.way = "nat";
  const target = interfaceAt(passage.tables, slot);
  const { flow } = passage;
  if (
    (isIpv6Flow(flow) && !isNat64(flow.destination)) ||
    !target ||
    !has(target, "nat_gateway") ||
    target.row.vpc !== sender.row.vpc
  )
    return drop("blackhole", nowhere(by));
  passage.target = target;
  passage.sameSubnet = target.row.subnet === sender.row.subnet;
  return pass("route", { destination: by.destination, target: "nat_gateway", slot });
}

/**
 * Moves the packet to the NAT gateway: its interface is the sender from now on, and its subnet's table
 * applies.
 */
export function atNat(passage: Passage): Dropped | undefined {
  const { tables, target, flow } = passage;
  passage.source = target;
  passage.ownSource = false;
  passage.groupIdentity = false;
  passage.throughService = true;
  passage.from = target?.slot ?? 0;
  const key = target?.row.subnet ?? 0;
  const subnet = tables.lookup("subnets", key);
  if (!subnet) return drop("tables_incomplete", { missing: "subnet", slot: key });
  passage.sameSubnet = inSubnet(subnet, flow.destination);
  return undefined;
}
