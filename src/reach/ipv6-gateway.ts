import { ROUTE_TARGET, SUBNET_FLAGS } from "../contract/tables.ts";
import { isIn } from "./block.ts";
import { egressOnlyIn, egressOnlyOut } from "./egress-only.ts";
import { byGatewayTable, isBlockedIn, subnetFlags, vpcEntry } from "./internet-gateway.ts";
import { drop, type Outcome, pass } from "./outcome.ts";
import {
  addressEntry,
  type Ends,
  interfaceAt,
  ipv6Block,
  type Passage,
  routeTo,
  senderOf,
} from "./passage.ts";

/**
 * Stage internet_gateway for IPv6, outwards, through the internet gateway or the egress-only one. An IPv6
 * address is public by itself, so nothing is translated; it must be an interface's.
 */
export function ipv6GatewayOut(passage: Passage): Outcome<"internet_gateway"> {
  const { tables, flow, gateway, way } = passage;
  const sender = senderOf(passage);
  const vpc = vpcEntry(tables, sender.row.vpc);
  const attached = vpc && gateway !== undefined && vpc.value.internet_gateway === gateway + 1;
  if (way === "gateway" && !attached)
    return drop(
      "no_internet_gateway",
      { vpc: sender.row.vpc, ...(gateway === undefined ? {} : { gateway }) },
      vpc,
    );
  if (subnetFlags(tables, sender) & SUBNET_FLAGS.block_out)
    return drop("block_public_access", { subnet: sender.row.subnet }, vpc);
  const own = addressEntry(tables, sender.row.vpc, flow.source);
  if (!own) return drop("no_public_ip", {});
  if (!ipv6Block(tables, flow.destination) && isIn(flow.destination, "private"))
    return drop("private_destination", { gateway: way === "gateway" ? "internet" : "egress_only" });
  if (way === "gateway") return pass("ipv6_gateway_out", {}, vpc, own);
  return egressOnlyOut(passage, own.value.interface);
}

/**
 * Inwards, to an interface's address, through the gateway that the interface's own route to the sender names.
 * An attached internet gateway lets in everything; the egress-only one only packets of exchanges that began
 * inside.
 */
export function ipv6GatewayIn(passage: Passage): Outcome<"internet_gateway"> {
  const { tables, flow } = passage;
  const block = ipv6Block(tables, flow.destination);
  if (!block) return drop("not_for_us", {});
  const vpcSlot = block.value.slot;
  const entry = addressEntry(tables, vpcSlot, flow.destination);
  if (!entry) return drop("public_ip_not_mapped", {}, block);
  const target = interfaceAt(tables, entry.value.interface);
  passage.throughGateway = true;
  passage.groupIdentity = false;
  passage.sameSubnet = false;
  if (target?.row.vpc !== vpcSlot) return drop("public_ip_not_mapped", {}, entry);
  passage.target = target;
  const egressOnly = goesByEgressOnly(passage, target);
  const vpc = vpcEntry(tables, vpcSlot);
  if (!egressOnly && (vpc?.value.internet_gateway ?? 0) === 0)
    return drop("no_internet_gateway", { vpc: vpcSlot }, entry, vpc);
  const gateway = egressOnly ? "egress_only" : "internet";
  if (!passage.source) {
    if (ipv6Block(tables, flow.source)) return drop("own_source", { gateway });
    if (isIn(flow.source, "private")) return drop("private_source", { gateway });
  }
  const blocked = egressOnly
    ? (subnetFlags(tables, target) & SUBNET_FLAGS.block_out) !== 0
    : isBlockedIn(tables, target);
  if (blocked) return drop("block_public_access", { subnet: target.row.subnet }, entry);
  if (egressOnly) return egressOnlyIn(passage, target);
  const arrived = pass("ipv6_gateway_in", { interface: target.slot }, entry, vpc);
  const table = vpc?.value.gateway_route_table ?? 0;
  return table === 0 ? arrived : byGatewayTable(passage, table - 1, target, arrived);
}

function goesByEgressOnly({ tables, flow }: Passage, target: Ends): boolean {
  const subnet = tables.lookup("subnets", target.row.subnet);
  return (
    subnet !== undefined &&
    routeTo(tables, subnet.route_table, flow.source)?.value.target === ROUTE_TARGET.egress_only
  );
}
