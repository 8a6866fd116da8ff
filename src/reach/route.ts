import { isIpv6Flow } from "./packet.ts";
import { NAT_GATEWAY_FLAGS, ROUTE_TARGET, type TableReader } from "../plan/tables.ts";
import { isNat64 } from "../lib/nat64.ts";
import {
  addressEntry,
  drop,
  has,
  inSubnet,
  interfaceAt,
  type Outcome,
  pass,
  type Passage,
  prefixOf,
  routeTo,
  senderOf,
} from "./passage.ts";

/**
 * Stage route: the longest match of the subnet's route table; within a subnet there is nothing to look up. It is read
 * before groups and ACLs are asked, because a rule may name a group, which the receiver's interface tells; what it
 * drops is dropped after them.
 */
export function route(passage: Passage): Outcome {
  const { tables, flow } = passage;
  if (passage.sameSubnet) return toLocal(passage, "within the subnet");
  const subnet = tables.lookup("subnets", senderOf(passage).row.subnet);
  if (!subnet) return drop("tables_incomplete", "no subnet");
  const entry = routeTo(tables, subnet.route_table, flow.destination);
  if (!entry) return drop("no_route", `no route to ${flow.destination} in table ${subnet.route_table}`);
  const prefix = prefixOf(entry);
  switch (entry.value.target) {
    case ROUTE_TARGET.local: {
      const local = toLocal(passage, `${prefix} is local`);
      return { ...local, entries: [entry, ...local.entries] };
    }
    case ROUTE_TARGET.interface: {
      const appliance = toInterface(passage, entry.value.slot, prefix);
      return { ...appliance, entries: [entry, ...appliance.entries] };
    }
    case ROUTE_TARGET.nat_gateway: {
      const gateway = toNatGateway(passage, natInZone(tables, entry.value.slot, subnet.zone), prefix);
      return { ...gateway, entries: [entry, ...gateway.entries] };
    }
    case ROUTE_TARGET.peering:
    case ROUTE_TARGET.remote_peering: {
      passage.way = entry.value.target === ROUTE_TARGET.peering ? "peering" : "remote-peering";
      const peer = toPeer(passage, entry.value.slot, prefix);
      return { ...peer, entries: [entry, ...peer.entries] };
    }
    case ROUTE_TARGET.internet_gateway:
      passage.way = "gateway";
      passage.gateway = entry.value.slot;
      passage.throughGateway = true;
      return pass(`${prefix} to internet gateway ${entry.value.slot}`, entry);
    case ROUTE_TARGET.nothing:
      return drop("nothing_behind", `${prefix} leads to a gateway with nothing behind it`, entry);
    case ROUTE_TARGET.egress_only:
      if (!isIpv6Flow(flow)) return drop("blackhole", `${prefix} is for IPv6 alone`, entry);
      passage.way = "egress-only";
      passage.throughGateway = true;
      return pass(`${prefix} to the egress-only internet gateway`, entry);
    default:
      return drop("blackhole", `${prefix} leads nowhere`, entry);
  }
}

/** The interface behind a private address of the sender's VPC. */
function toLocal(passage: Passage, why: string): Outcome {
  const { tables, flow } = passage;
  const { vpc, subnet } = senderOf(passage).row;
  passage.way = "local";
  const entry = addressEntry(tables, vpc, flow.destination);
  const target = entry && interfaceAt(tables, entry.value.interface);
  if (target?.row.vpc !== vpc) return drop("no_such_private_address", `nobody has ${flow.destination}`, entry);
  passage.target = target;
  passage.sameSubnet = target.row.subnet === subnet;
  passage.groupIdentity = passage.ownSource;
  return pass(why, entry);
}

/** An appliance: an interface that takes packets for others. The groups of both ends are not preserved over it. */
function toInterface(passage: Passage, slot: number, prefix: string): Outcome {
  const sender = senderOf(passage);
  passage.way = "interface";
  if (slot === passage.packet.from) return drop("route_loop", `${prefix} leads back to the sender`);
  const target = interfaceAt(passage.tables, slot);
  if (target?.row.vpc !== sender.row.vpc) return drop("blackhole", `${prefix} to interface ${slot}, which is gone`);
  passage.target = target;
  passage.sameSubnet = target.row.subnet === sender.row.subnet;
  return pass(`${prefix} to interface ${slot}`);
}

/**
 * An interface of the VPC behind a peering connection. Only what comes from an address of the sender's own VPC passes, and only to
 * an address of the other: nobody's gateways or further connections are reached (VPC peering guide, "VPC peering limitations").
 */
function toPeer(passage: Passage, peer: number, prefix: string): Outcome {
  const { tables, flow } = passage;
  if (!addressEntry(tables, senderOf(passage).row.vpc, flow.source)) return drop("peering_source", `nobody in the VPC has ${flow.source}`);
  const entry = addressEntry(tables, peer, flow.destination);
  const target = entry && interfaceAt(tables, entry.value.interface);
  if (target?.row.vpc !== peer) return drop("no_such_private_address", `nobody in the peer VPC has ${flow.destination}`, entry);
  passage.target = target;
  passage.sameSubnet = false;
  passage.groupIdentity = passage.ownSource;
  return pass(`${prefix} to the peer VPC ${peer}`, entry);
}

/** A regional NAT gateway takes what comes from a zone at that zone's own interface; a zonal one has one interface for all. */
function natInZone(tables: TableReader, slot: number, zone: number): number {
  const gateway = tables.lookup("nat_gateways", { interface: slot });
  return gateway && (gateway.flags & NAT_GATEWAY_FLAGS.regional) !== 0 ? (gateway.zones[zone] ?? 0) : slot;
}

/** A NAT gateway, by its interface, which of IPv6 takes what NAT64 is for; it goes on from there by its own subnet's table. */
function toNatGateway(passage: Passage, slot: number, prefix: string): Outcome {
  const sender = senderOf(passage);
  passage.way = "nat";
  const target = interfaceAt(passage.tables, slot);
  const { flow } = passage;
  if ((isIpv6Flow(flow) && !isNat64(flow.destination)) || !target || !has(target, "nat_gateway") || target.row.vpc !== sender.row.vpc)
    return drop("blackhole", `${prefix} to NAT gateway ${slot}, which is gone`);
  passage.target = target;
  passage.sameSubnet = target.row.subnet === sender.row.subnet;
  return pass(`${prefix} to NAT gateway ${slot}`);
}

/** From a NAT gateway on: what goes on has its interface as the source, and its subnet's table to go by. */
export function atNat(passage: Passage): Outcome {
  const { tables, target, flow } = passage;
  passage.source = target;
  passage.ownSource = false;
  passage.groupIdentity = false;
  passage.throughService = true;
  passage.from = target?.slot ?? 0;
  const subnet = tables.lookup("subnets", target?.row.subnet ?? 0);
  if (!subnet) return drop("tables_incomplete", "no subnet");
  passage.sameSubnet = inSubnet(subnet, flow.destination);
  return pass("from the NAT gateway on");
}
