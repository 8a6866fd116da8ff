import type { CreateRouteRequest, CreateRouteResult, DeleteRouteRequest, ReplaceRouteRequest } from "@aws-sdk/client-ec2";
import { present } from "../lib/assert.ts";
import { type Cidr, cidrContains, cidrOf, formatCidr, sameCidr } from "../lib/cidr.ts";
import { Fault } from "../model/fault.ts";
import type { Route, RouteTable, RouteTarget } from "../model/route-table.ts";
import { routeId } from "../model/route-table.ts";
import type { Reader, Tx } from "../model/state.ts";
import type { Action, Context } from "./action.ts";
import { type Done, DONE, required, requiredCidr } from "./parameter.ts";
import { requireQuota } from "./quota.ts";
import { findRouteTable } from "./route-table.ts";
import { targetOf } from "./route-target.ts";

const CreateRoute: Action<CreateRouteRequest, CreateRouteResult> = (tx, input, context) => {
  createRoute(tx, findRouteTable(tx, input.RouteTableId), input, context);
  return { Return: true };
};

function createRoute(tx: Tx, table: RouteTable, input: CreateRouteRequest, context: Context): void {
  const destination = destinationOf(input);
  const target = targetOf(tx, table, input);
  requireFitting(tx, table, destination, target);
  const text = formatCidr(destination);
  if (isLocal(tx, table, destination) || tx.get("route", routeId(table.id, text))) {
    throw new Fault("RouteAlreadyExists", `The route identified by ${text} already exists.`);
  }
  const used = tx.countBy("route", "routeTableId", table.id) + 1;
  requireQuota(context, "routes-per-table", used, "RouteLimitExceeded", "The maximum number of routes has been reached.");
  putRoute(tx, table, destination, target);
}

/** A route that is known to be good, such as the default VPC's. */
export function putRoute(tx: Tx, table: RouteTable, destination: Cidr, target: RouteTarget): void {
  const text = formatCidr(destination);
  const route: Route = {
    kind: "route",
    id: routeId(table.id, text),
    tags: {},
    routeTableId: table.id,
    vpcId: table.vpcId,
    destination: text,
    target,
  };
  tx.put(route);
}

const ReplaceRoute: Action<ReplaceRouteRequest, Done> = (tx, input) => {
  const table = findRouteTable(tx, input.RouteTableId);
  const destination = destinationOf(input);
  if (input.LocalTarget === true) {
    // The local route always has its local target here, so giving it back changes nothing.
    if (isLocal(tx, table, destination)) return DONE;
    throw new Fault("InvalidParameterValue", `The local target can only be given to a local route, not to ${formatCidr(destination)}.`);
  }
  if (isLocal(tx, table, destination)) throw new Fault("UnsupportedOperation", "Genkan does not offer other targets for the local route.");
  const target = targetOf(tx, table, input);
  findRoute(tx, table, destination);
  requireFitting(tx, table, destination, target);
  putRoute(tx, table, destination, target);
  return DONE;
};

const DeleteRoute: Action<DeleteRouteRequest, Done> = (tx, input) => {
  const table = findRouteTable(tx, input.RouteTableId);
  const destination = destinationOf(input);
  if (isLocal(tx, table, destination)) {
    throw new Fault("InvalidParameterValue", `cannot remove local route ${formatCidr(destination)} in route table ${table.id}`);
  }
  tx.delete("route", findRoute(tx, table, destination).id);
  return DONE;
};

function findRoute(tx: Reader, table: RouteTable, destination: Cidr): Route {
  const text = formatCidr(destination);
  const route = tx.get("route", routeId(table.id, text));
  if (!route) throw new Fault("InvalidRoute.NotFound", `no route with destination-cidr-block ${text} in route table ${table.id}`);
  return route;
}

function destinationOf(input: DeleteRouteRequest): Cidr {
  const { DestinationCidrBlock, DestinationIpv6CidrBlock, DestinationPrefixListId } = input;
  const given = [DestinationCidrBlock, DestinationIpv6CidrBlock, DestinationPrefixListId].filter((value) => value !== undefined);
  if (given.length === 0) {
    throw new Fault("MissingParameter", "The request must contain the parameter destinationCidrBlock or destinationIpv6CidrBlock");
  }
  if (given.length > 1) {
    const words = "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock and destinationPrefixListId";
    throw new Fault("InvalidParameterCombination", words);
  }
  if (DestinationPrefixListId !== undefined) {
    throw new Fault("InvalidPrefixListID.NotFound", `The prefix list ID '${DestinationPrefixListId}' does not exist`);
  }
  if (DestinationIpv6CidrBlock !== undefined) throw new Fault("UnsupportedOperation", "Genkan does not offer routes for IPv6.");
  return requiredCidr(required(DestinationCidrBlock, "destinationCidrBlock"), "destinationCidrBlock");
}

function isLocal(tx: Reader, table: RouteTable, destination: Cidr): boolean {
  return blocksOf(tx, table).some((block) => sameCidr(block, destination));
}

function blocksOf(tx: Reader, table: RouteTable): Cidr[] {
  const vpc = present(tx.get("vpc", table.vpcId), table.vpcId);
  return vpc.cidrBlocks.map(({ cidrBlock }) => cidrOf(cidrBlock));
}

/** Link-local addresses that AWS's own services use: no route may be for them (VPC user guide, "Route tables"). */
const SERVICES = cidrOf("169.254.168.0/22");

/** Inside the VPC's own range a route may only lead to an interface, and only for a whole subnet. */
function requireFitting(tx: Reader, table: RouteTable, destination: Cidr, target: RouteTarget): void {
  const text = formatCidr(destination);
  if (cidrContains(SERVICES, destination)) {
    throw new Fault("InvalidParameterValue", `The destination CIDR block ${text} is reserved for use by AWS services.`);
  }
  const inside = blocksOf(tx, table).find((block) => cidrContains(block, destination));
  if (!inside) return;
  if (target.kind === "internet-gateway") {
    throw new Fault(
      "InvalidParameterValue",
      `The destination CIDR block ${text} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.`,
    );
  }
  if (sameCidr(inside, destination)) return;
  if (!tx.by("subnet", "vpcId", table.vpcId).some((subnet) => sameCidr(cidrOf(subnet.cidrBlock), destination))) {
    throw new Fault("InvalidParameterValue", "Route destination doesn't match any subnet CIDR blocks.");
  }
}

export const routeActions = { CreateRoute, ReplaceRoute, DeleteRoute };
