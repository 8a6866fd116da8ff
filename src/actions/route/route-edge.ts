import { blockContains, ipv4BlockOf, ipv6BlockOf, parseIpv4Block, parseIpv6Block } from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";
import type { Route, RouteTable } from "../../model/route-table.ts";
import type { Reader } from "../../model/state.ts";
import type { Vpc } from "../../model/vpc.ts";

/** Whether the table is a gateway route table: one that an internet gateway is associated with. */
export function isEdgeTable(tx: Reader, table: RouteTable): boolean {
  return tx.countBy("internet-gateway", "routeTableId", table.id) > 0;
}

/**
 * A gateway route table may only lead to interfaces, for destinations within the VPC (VPC user guide,
 * "Gateway route tables").
 * @throws InvalidParameterValue.
 */
export function requireEdgeRoute(
  vpc: Vpc,
  table: RouteTable,
  { destination, target }: Pick<Route, "destination" | "target">,
): void {
  if (target.kind === "network-interface" && isWithin(vpc, destination)) return;
  const words = `Route table ${table.id} is for a gateway, whose routes lead to network interfaces, and to destinations within the VPC alone; not ${destination} to ${target.id}.`;
  throw new Fault("InvalidParameterValue", words);
}

function isWithin(vpc: Vpc, destination: string): boolean {
  const block = parseIpv4Block(destination);
  if (block) return vpc.cidrBlocks.some(({ cidrBlock }) => blockContains(ipv4BlockOf(cidrBlock), block));
  const block6 = parseIpv6Block(destination);
  return (
    block6 !== undefined &&
    (vpc.ipv6CidrBlocks ?? []).some(({ ipv6CidrBlock }) => blockContains(ipv6BlockOf(ipv6CidrBlock), block6))
  );
}
