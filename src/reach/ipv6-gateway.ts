import { ROUTE_TARGET, SUBNET_FLAGS } from "../plan/tables.ts";
import { isIn } from "./block.ts";
import { egressOnlyIn, egressOnlyOut } from "./egress-only.ts";
import { byGatewayTable, isBlockedIn, subnetFlags, vpcEntry } from "./internet-gateway.ts";
import { addressEntry, drop, type Ends, interfaceAt, ipv6Block, type Outcome, pass, type Passage, routeTo, senderOf } from "./passage.ts";

/**
 * Stage internet_gateway for IPv6, outwards, by the internet gateway or the egress-only one: an address is public by itself, so
 * nothing is translated; it must be an interface's.
 */
export function ipv6GatewayOut(passage: Passage): Outcome {
  const { tables, flow, gateway, way } = passage;
  const sender = senderOf(passage);
  const vpc = vpcEntry(tables, sender.row.vpc);
  const attached = vpc && gateway !== undefined && vpc.value.internet_gateway === gateway + 1;
  if (way === "gateway" && !attached)
    return drop("no_internet_gateway", `gateway ${gateway} is not attached to VPC ${sender.row.vpc}`, vpc);
  if (subnetFlags(tables, sender) & SUBNET_FLAGS.block_out)
    return drop("block_public_access", `subnet ${sender.row.subnet} is blocked`, vpc);
  const own = addressEntry(tables, sender.row.vpc, flow.source);
  if (!own) return drop("no_public_ip", `no interface of the VPC has ${flow.source}`);
  if (!ipv6Block(tables, flow.destination) && isIn(flow.destination, "private")) return drop("private_destination", flow.destination);
  if (way === "gateway") return pass(`${flow.source} is public`, vpc, own);
  return egressOnlyOut(passage, own.value.interface);
}

/**
 * Inwards: an interface's address, behind whichever gateway the interface's own way to the sender goes by. The internet gateway lets
 * in whatever comes, when it is attached; the egress-only one what belongs to an exchange that began inside.
 */
export function ipv6GatewayIn(passage: Passage): Outcome {
  const { tables, flow } = passage;
  const block = ipv6Block(tables, flow.destination);
  if (!block) return drop("not_for_us", `${flow.destination} is in no VPC's block`);
  const vpcSlot = block.value.slot;
  const entry = addressEntry(tables, vpcSlot, flow.destination);
  if (!entry) return drop("public_ip_not_mapped", `no interface has ${flow.destination}`, block);
  const target = interfaceAt(tables, entry.value.interface);
  passage.throughGateway = true;
  passage.groupIdentity = false;
  passage.sameSubnet = false;
  if (target?.row.vpc !== vpcSlot) return drop("public_ip_not_mapped", flow.destination, entry);
  passage.target = target;
  const egressOnly = goesByEgressOnly(passage, target);
  const vpc = vpcEntry(tables, vpcSlot);
  if (!egressOnly && (vpc?.value.internet_gateway ?? 0) === 0)
    return drop("no_internet_gateway", `none is attached to VPC ${vpcSlot}`, entry, vpc);
  if (!passage.source) {
    if (ipv6Block(tables, flow.source)) return drop("own_source", flow.source);
    if (isIn(flow.source, "private")) return drop("private_source", flow.source);
  }
  const blocked = egressOnly ? (subnetFlags(tables, target) & SUBNET_FLAGS.block_out) !== 0 : isBlockedIn(tables, target);
  if (blocked) return drop("block_public_access", `subnet ${target.row.subnet} is blocked`, entry);
  if (egressOnly) return egressOnlyIn(passage, target);
  const arrived = pass(`${flow.destination} is interface ${target.slot}'s`, entry, vpc);
  const table = vpc?.value.gateway_route_table ?? 0;
  return table === 0 ? arrived : byGatewayTable(passage, table - 1, target, arrived);
}

function goesByEgressOnly({ tables, flow }: Passage, target: Ends): boolean {
  const subnet = tables.lookup("subnets", target.row.subnet);
  return subnet !== undefined && routeTo(tables, subnet.route_table, flow.source)?.value.target === ROUTE_TARGET.egress_only;
}
