import type {
  CreateRouteRequest,
  CreateRouteResult,
  DeleteRouteRequest,
  ReplaceRouteRequest,
} from "@aws-sdk/client-ec2";
import { isIpv6Text } from "../../lib/address.ts";
import { present } from "../../lib/assert.ts";
import {
  blockContains,
  formatBlock,
  type Ipv4Block,
  ipv4BlockOf,
  type Ipv6Block,
  ipv6BlockOf,
  parseIpv6Block,
} from "../../lib/block.ts";
import { NAT64_BLOCK } from "../../lib/nat64.ts";
import { Fault } from "../../model/fault.ts";
import type { Route, RouteTable, RouteTarget } from "../../model/route-table.ts";
import { routeId } from "../../model/route-table.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Vpc } from "../../model/vpc.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE, required, requiredCidr } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { findPrefixList, weightOf } from "./prefix-list-describe.ts";
import { isEdgeTable, requireEdgeRoute } from "./route-edge.ts";
import { targetOf } from "./route-target.ts";

const CreateRoute: Action<CreateRouteRequest, CreateRouteResult> = (tx, input, context) => {
  createRoute(tx, find(tx, "route-table", input.RouteTableId), input, context);
  return { Return: true };
};

function createRoute(tx: Tx, table: RouteTable, input: CreateRouteRequest, context: Context): void {
  const destination = destinationOf(tx, input, context);
  const target = targetOf(tx, table, input);
  requireFitting(tx, table, destination, target);
  const { text } = destination;
  if (isLocal(tx, table, destination) || tx.get("route", routeId(table.id, text))) {
    throw new Fault("RouteAlreadyExists", `The route identified by ${text} already exists.`);
  }
  // Routes for IPv6 count apart (VPC user guide, "Amazon VPC quotas").
  const isIpv6 = (route: string): boolean =>
    tx.get("prefix-list", route)?.addressFamily === "IPv6" || isIpv6Text(route);
  const weight = (route: string): number => (route.startsWith("pl-") ? weightOf(tx, route, context) : 1);
  const others = tx
    .by("route", "routeTableId", table.id)
    .filter((route) => isIpv6(route.destination) === isIpv6(text));
  const used = others.reduce((sum, route) => sum + weight(route.destination), weight(text));
  requireQuota(
    context,
    "routes-per-table",
    used,
    "RouteLimitExceeded",
    "The maximum number of routes has been reached.",
  );
  putRoute(tx, table, text, target);
}

/** A route that is known to be good, such as the default VPC's. `destination` is canonical. */
export function putRoute(tx: Tx, table: RouteTable, destination: string, target: RouteTarget): void {
  const route: Route = {
    kind: "route",
    id: routeId(table.id, destination),
    tags: {},
    routeTableId: table.id,
    vpcId: table.vpcId,
    destination,
    target,
  };
  tx.put(route);
}

const ReplaceRoute: Action<ReplaceRouteRequest, Done> = (tx, input, context) => {
  const table = find(tx, "route-table", input.RouteTableId);
  const destination = destinationOf(tx, input, context);
  if (input.LocalTarget === true) {
    // A local route with another target is kept as a route of its destination.
    if (isLocal(tx, table, destination)) {
      const replaced = tx.get("route", routeId(table.id, destination.text));
      if (replaced) tx.delete("route", replaced.id);
      return DONE;
    }
    throw new Fault(
      "InvalidParameterValue",
      `The local target can only be given to a local route, not to ${destination.text}.`,
    );
  }
  const target = targetOf(tx, table, input);
  if (!isLocal(tx, table, destination)) refuseEndpointRoute(replacedRoute(tx, table, destination), "replace");
  requireFitting(tx, table, destination, target);
  putRoute(tx, table, destination.text, target);
  return DONE;
};

const DeleteRoute: Action<DeleteRouteRequest, Done> = (tx, input, context) => {
  const table = find(tx, "route-table", input.RouteTableId);
  const destination = destinationOf(tx, input, context);
  if (isLocal(tx, table, destination)) {
    throw new Fault(
      "InvalidParameterValue",
      `cannot remove local route ${destination.text} in route table ${table.id}`,
    );
  }
  const route = findRoute(tx, table, destination);
  refuseEndpointRoute(route, "remove");
  tx.delete("route", route.id);
  return DONE;
};

/** Only an endpoint's route tables add and remove its routes (AWS PrivateLink guide, "Gateway endpoints"). */
function refuseEndpointRoute({ target, destination, routeTableId }: Route, verb: "remove" | "replace"): void {
  if (target.kind !== "vpc-endpoint") return;
  throw new Fault(
    "InvalidParameterValue",
    `cannot ${verb} VPC endpoint route ${destination} in route table ${routeTableId}`,
  );
}

function replacedRoute(tx: Reader, table: RouteTable, { text }: Destination): Route {
  const route = tx.get("route", routeId(table.id, text));
  if (route) return route;
  throw new Fault(
    "InvalidParameterValue",
    `There is no route defined for '${text}' in the route table. Use CreateRoute instead.`,
  );
}

function findRoute(tx: Reader, table: RouteTable, { kind, text }: Destination): Route {
  const route = tx.get("route", routeId(table.id, text));
  if (route) return route;
  const parameter = PARAMETERS[kind];
  throw new Fault("InvalidRoute.NotFound", `no route with ${parameter} ${text} in route table ${table.id}`);
}

const PARAMETERS = {
  ipv4: "destination-cidr-block",
  ipv6: "destination-ipv6-cidr-block",
  "prefix-list": "destination-prefix-list-id",
} as const satisfies Record<Destination["kind"], string>;

/** Where a route leads; `text` is canonical. */
type Destination =
  | { readonly kind: "ipv4"; readonly text: string; readonly cidr: Ipv4Block }
  | { readonly kind: "ipv6"; readonly text: string; readonly cidr: Ipv6Block }
  | { readonly kind: "prefix-list"; readonly text: string; readonly family: "IPv4" | "IPv6" };

type Block = Exclude<Destination, { readonly kind: "prefix-list" }>;

function destinationOf(tx: Reader, input: DeleteRouteRequest, context: Context): Destination {
  const { DestinationCidrBlock, DestinationIpv6CidrBlock, DestinationPrefixListId } = input;
  const given = [DestinationCidrBlock, DestinationIpv6CidrBlock, DestinationPrefixListId].filter(
    (value) => value !== undefined,
  );
  if (given.length === 0) {
    throw new Fault(
      "MissingParameter",
      "The request must contain the parameter destinationCidrBlock or destinationIpv6CidrBlock",
    );
  }
  if (given.length > 1) {
    const words =
      "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock and destinationPrefixListId";
    throw new Fault("InvalidParameterCombination", words);
  }
  if (DestinationPrefixListId !== undefined) {
    const { id: text, addressFamily: family } = findPrefixList(tx, DestinationPrefixListId, context);
    return { kind: "prefix-list", text, family };
  }
  if (DestinationIpv6CidrBlock !== undefined) return ipv6Destination(DestinationIpv6CidrBlock);
  const cidr = requiredCidr(required(DestinationCidrBlock, "destinationCidrBlock"), "destinationCidrBlock");
  return { kind: "ipv4", text: formatBlock(cidr), cidr };
}

function ipv6Destination(text: string): Destination {
  const cidr = parseIpv6Block(required(text, "destinationIpv6CidrBlock"));
  if (cidr) return { kind: "ipv6", text: formatBlock(cidr), cidr };
  const words = `Value (${text}) for parameter destinationIpv6CidrBlock is invalid. This is not a valid CIDR block.`;
  throw new Fault("InvalidParameterValue", words);
}

function isLocal(tx: Reader, table: RouteTable, { text }: Destination): boolean {
  const { cidrBlocks, ipv6CidrBlocks = [] } = vpcOf(tx, table);
  return (
    cidrBlocks.some(({ cidrBlock }) => cidrBlock === text) ||
    ipv6CidrBlocks.some(({ ipv6CidrBlock }) => ipv6CidrBlock === text)
  );
}

function vpcOf(tx: Reader, table: RouteTable): Vpc {
  return present(tx.get("vpc", table.vpcId), table.vpcId);
}

/**
 * Link-local addresses that AWS's own services use: no route may be for them (VPC user guide, "Route
 * tables").
 */
const SERVICES = ipv4BlockOf("169.254.168.0/22");
const SERVICES_IPV6 = ipv6BlockOf("fd00:ec2::/32");

/** Checks a route in a regional NAT gateway's own table, whoever makes it. @throws InvalidParameterValue. */
export function requireNatTarget({ id, natGateway }: RouteTable, target: RouteTarget): void {
  if (!natGateway || NAT_TARGETS.has(target.kind)) return;
  const words = `Route table ${id} is for the regional NAT gateway ${natGateway.id}: its routes lead to the internet gateway, and back to network interfaces.`;
  throw new Fault("InvalidParameterValue", words);
}

const NAT_TARGETS: ReadonlySet<RouteTarget["kind"]> = new Set(["internet-gateway", "network-interface"]);

/**
 * A route within the VPC's own range must be for a whole subnet, and lead to an interface or a NAT gateway;
 * one for the VPC's whole block may only lead to an interface (VPC user guide, "Subnet route tables"; Gateway
 * Load Balancer endpoints are not offered).
 */
function requireFitting(tx: Reader, table: RouteTable, destination: Destination, target: RouteTarget): void {
  const { text } = destination;
  requireFamily(destination, target);
  requireNatTarget(table, target);
  if (destination.kind === "prefix-list") {
    if (isEdgeTable(tx, table)) requireEdgeRoute(vpcOf(tx, table), table, { destination: text, target });
    return;
  }
  const reserved =
    destination.kind === "ipv4"
      ? blockContains(SERVICES, destination.cidr)
      : blockContains(SERVICES_IPV6, destination.cidr);
  if (reserved)
    throw new Fault(
      "InvalidParameterValue",
      `The destination CIDR block ${text} is reserved for use by AWS services.`,
    );
  if (isEdgeTable(tx, table)) requireEdgeRoute(vpcOf(tx, table), table, { destination: text, target });
  const inside = blockAround(tx, table, destination);
  if (inside === undefined) return;
  const fits = target.kind === "network-interface" || (target.kind === "nat-gateway" && inside !== text);
  if (!fits) {
    throw new Fault(
      "InvalidParameterValue",
      `The destination CIDR block ${text} is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.`,
    );
  }
  if (inside === text) return;
  const blocks = tx
    .by("subnet", "vpcId", table.vpcId)
    .flatMap((subnet) => [subnet.cidrBlock, subnet.ipv6CidrBlock?.ipv6CidrBlock]);
  if (!blocks.includes(text))
    throw new Fault("InvalidParameterValue", "Route destination doesn't match any subnet CIDR blocks.");
}

/** Some targets carry only one family; a NAT gateway takes only what NAT64 is for of IPv6. */
function requireFamily(destination: Destination, target: RouteTarget): void {
  const { text } = destination;
  const isIpv6 =
    destination.kind === "prefix-list" ? destination.family === "IPv6" : destination.kind === "ipv6";
  if (!isIpv6 && target.kind === "egress-only-internet-gateway") {
    const words = `The destination CIDR block ${text} is not an IPv6 CIDR block. An egress-only internet gateway can be the target of IPv6 routes only.`;
    throw new Fault("InvalidParameterValue", words);
  }
  if (isIpv6 && target.kind === "nat-gateway") {
    if (text === NAT64_BLOCK) return;
    throw new Fault(
      "InvalidParameterValue",
      `A NAT gateway can't be the target of the IPv6 route for ${text}.`,
    );
  }
}

/** The VPC's block that the destination is or lies in. */
function blockAround(tx: Reader, table: RouteTable, destination: Block): string | undefined {
  const { cidrBlocks, ipv6CidrBlocks = [] } = vpcOf(tx, table);
  if (destination.kind === "ipv4")
    return cidrBlocks.find(({ cidrBlock }) => blockContains(ipv4BlockOf(cidrBlock), destination.cidr))
      ?.cidrBlock;
  return ipv6CidrBlocks.find(({ ipv6CidrBlock }) =>
    blockContains(ipv6BlockOf(ipv6CidrBlock), destination.cidr),
  )?.ipv6CidrBlock;
}

export const routeActions = { CreateRoute, ReplaceRoute, DeleteRoute };
