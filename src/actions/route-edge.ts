import { cidrContains, cidrOf, parseCidr } from "../lib/cidr.ts";
import { cidr6Contains, cidr6Of, parseCidr6 } from "../lib/cidr6.ts";
import { Fault } from "../model/fault.ts";
import type { Route, RouteTable } from "../model/route-table.ts";
import type { Reader } from "../model/state.ts";
import type { Vpc } from "../model/vpc.ts";

/** Whether the table is a gateway route table: one that an internet gateway is associated with. */
export function isEdgeTable(tx: Reader, table: RouteTable): boolean {
  return tx.countBy("internet-gateway", "routeTableId", table.id) > 0;
}

/**
 * A gateway route table leads to interfaces alone, and for destinations within the VPC (VPC user guide, "Gateway route tables").
 * @throws InvalidParameterValue.
 */
export function requireEdgeRoute(vpc: Vpc, table: RouteTable, { destination, target }: Pick<Route, "destination" | "target">): void {
  if (target.kind === "network-interface" && isWithin(vpc, destination)) return;
  const words = `Route table ${table.id} is for a gateway, whose routes lead to network interfaces, and to destinations within the VPC alone; not ${destination} to ${target.id}.`;
  throw new Fault("InvalidParameterValue", words);
}

function isWithin(vpc: Vpc, destination: string): boolean {
  const block = parseCidr(destination);
  if (block) return vpc.cidrBlocks.some(({ cidrBlock }) => cidrContains(cidrOf(cidrBlock), block));
  const block6 = parseCidr6(destination);
  return block6 !== undefined && (vpc.ipv6CidrBlocks ?? []).some(({ ipv6CidrBlock }) => cidr6Contains(cidr6Of(ipv6CidrBlock), block6));
}
