import type {
  CreateRouteTableRequest,
  CreateRouteTableResult,
  DeleteRouteTableRequest,
  DescribeRouteTablesRequest,
  DescribeRouteTablesResult,
  Route as RouteAnswer,
  RouteTable as RouteTableAnswer,
  RouteTableAssociation,
} from "@aws-sdk/client-ec2";
import { isIpv6Text } from "../../lib/address.ts";
import { present } from "../../lib/assert.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import { isActive } from "../../model/route-state.ts";
import { type Route, routeId, type RouteTable } from "../../model/route-table.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagList, tagsFor } from "../kit/tags.ts";

/** The table that a subnet's packets follow: its own, or the VPC's main one. */
export function routeTableOf(tx: Reader, subnet: Subnet): RouteTable {
  const vpc = present(tx.get("vpc", subnet.vpcId), subnet.vpcId);
  const id = subnet.routeTableAssociation?.routeTableId ?? vpc.mainRouteTable.routeTableId;
  return present(tx.get("route-table", id), id);
}

export function deleteRoutesOf(tx: Tx, table: RouteTable): void {
  const routes = [...tx.by("route", "routeTableId", table.id)];
  for (const route of routes) tx.delete("route", route.id);
}

/** What stood in for a VPC's local routes goes with the block that they were for. */
export function deleteLocalRoutesFor(tx: Tx, vpcId: string, block: string): void {
  for (const table of tx.by("route-table", "vpcId", vpcId)) {
    const replaced = tx.get("route", routeId(table.id, block));
    if (replaced) tx.delete("route", replaced.id);
  }
}

const CreateRouteTable: Action<CreateRouteTableRequest, CreateRouteTableResult> = (tx, input, context) => {
  const vpc = find(tx, "vpc", input.VpcId);
  const tags = tagsFor("route-table", input.TagSpecifications, context.quotas);
  const used = tx.countBy("route-table", "vpcId", vpc.id) + 1;
  requireQuota(
    context,
    "route-tables-per-vpc",
    used,
    "RouteTableLimitExceeded",
    "The maximum number of route tables has been reached.",
  );
  const id = newId("route-table", context.random);
  const table: RouteTable = { kind: "route-table", id, slot: tx.slot("route-table"), tags, vpcId: vpc.id };
  tx.put(table);
  return { RouteTable: described(tx, table, context) };
};

const DeleteRouteTable: Action<DeleteRouteTableRequest, Done> = (tx, input) => {
  const table = find(tx, "route-table", input.RouteTableId);
  if (associationsOf(tx, table).length > 0) {
    throw new Fault(
      "DependencyViolation",
      `The routeTable '${table.id}' has dependencies and cannot be deleted.`,
    );
  }
  deleteRoutesOf(tx, table);
  tx.delete("route-table", table.id);
  return DONE;
};

const DescribeRouteTables: Action<DescribeRouteTablesRequest, DescribeRouteTablesResult> = (
  tx,
  input,
  context,
) => {
  const tables = chosen(
    input.RouteTableIds,
    (id) => find(tx, "route-table", id),
    () => candidates(tx, "route-table", input.Filters, { "vpc-id": "vpcId" }),
  );
  const { items, nextToken } = searched(tables, input, fields(tx, context), { min: 5, max: 100 });
  return { RouteTables: items.map((table) => described(tx, table, context)), NextToken: nextToken };
};

function fields(tx: Reader, context: Context): FilterFields<RouteTable> {
  const ofAssociations =
    (member: "RouteTableAssociationId" | "RouteTableId" | "SubnetId" | "GatewayId") => (table: RouteTable) =>
      associationsOf(tx, table).map((association) => association[member]);
  const ofRoutes = (member: keyof RouteAnswer) => (table: RouteTable) =>
    routesOf(tx, table, context).map((route) => route[member]);
  return {
    "association.gateway-id": ofAssociations("GatewayId"),
    "association.main": (table) => associationsOf(tx, table).map(({ Main }) => String(Main)),
    "association.route-table-association-id": ofAssociations("RouteTableAssociationId"),
    "association.route-table-id": ofAssociations("RouteTableId"),
    "association.subnet-id": ofAssociations("SubnetId"),
    "owner-id": () => context.account,
    "route-table-id": (table) => table.id,
    "route.destination-cidr-block": ofRoutes("DestinationCidrBlock"),
    "route.destination-ipv6-cidr-block": ofRoutes("DestinationIpv6CidrBlock"),
    "route.destination-prefix-list-id": ofRoutes("DestinationPrefixListId"),
    "route.egress-only-internet-gateway-id": ofRoutes("EgressOnlyInternetGatewayId"),
    "route.gateway-id": ofRoutes("GatewayId"),
    "route.instance-id": ofRoutes("InstanceId"),
    "route.nat-gateway-id": ofRoutes("NatGatewayId"),
    "route.network-interface-id": ofRoutes("NetworkInterfaceId"),
    "route.origin": ofRoutes("Origin"),
    "route.state": ofRoutes("State"),
    "route.transit-gateway-id": ofRoutes("TransitGatewayId"),
    "route.vpc-peering-connection-id": ofRoutes("VpcPeeringConnectionId"),
    "vpc-id": (table) => table.vpcId,
  };
}

function described(tx: Reader, table: RouteTable, context: Context): RouteTableAnswer {
  return {
    RouteTableId: table.id,
    VpcId: table.vpcId,
    OwnerId: context.account,
    Routes: routesOf(tx, table, context),
    Associations: associationsOf(tx, table),
    PropagatingVgws: (table.propagatingGateways ?? []).map((GatewayId) => ({ GatewayId })),
    Tags: tagList(table.tags),
  };
}

/**
 * The main association first, then those of subnets, then of a gateway. A regional NAT gateway's table has
 * only one.
 */
function associationsOf(tx: Reader, table: RouteTable): RouteTableAssociation[] {
  const { mainRouteTable: main } = present(tx.get("vpc", table.vpcId), table.vpcId);
  const associated = { AssociationState: { State: "associated" } } as const;
  const ofMain =
    main.routeTableId === table.id
      ? [{ RouteTableAssociationId: main.associationId, RouteTableId: table.id, Main: true, ...associated }]
      : [];
  const ofSubnets = tx.by("subnet", "routeTableId", table.id).map((subnet) => ({
    RouteTableAssociationId: subnet.routeTableAssociation?.associationId,
    RouteTableId: table.id,
    SubnetId: subnet.id,
    Main: false,
    ...associated,
  }));
  const ofGateways = tx.by("internet-gateway", "routeTableId", table.id).map((gateway) => ({
    RouteTableAssociationId: gateway.routeTableAssociation?.associationId,
    RouteTableId: table.id,
    GatewayId: gateway.id,
    Main: false,
    ...associated,
  }));
  const { natGateway } = table;
  const ofNatGateway = natGateway
    ? [
        {
          RouteTableAssociationId: natGateway.associationId,
          RouteTableId: table.id,
          GatewayId: natGateway.id,
          Main: false,
          ...associated,
        },
      ]
    : [];
  return [...ofMain, ...ofSubnets, ...ofGateways, ...ofNatGateway];
}

/** A local route for each of the VPC's blocks, to whatever target it was given, then the user's routes. */
function routesOf(tx: Reader, table: RouteTable, context: Context): RouteAnswer[] {
  const { cidrBlocks, ipv6CidrBlocks = [] } = present(tx.get("vpc", table.vpcId), table.vpcId);
  const blocks = [
    ...cidrBlocks.map(({ cidrBlock }) => cidrBlock),
    ...ipv6CidrBlocks.map(({ ipv6CidrBlock }) => ipv6CidrBlock),
  ];
  const local = blocks.map((block): RouteAnswer => {
    const replaced = tx.get("route", routeId(table.id, block));
    if (replaced) return { ...describedRoute(tx, replaced, context), Origin: "CreateRouteTable" };
    return {
      ...describedDestination(block),
      GatewayId: "local",
      Origin: "CreateRouteTable",
      State: "active",
    };
  });
  const routes = tx
    .by("route", "routeTableId", table.id)
    .filter(({ destination }) => !blocks.includes(destination));
  return [...local, ...routes.map((route) => describedRoute(tx, route, context))];
}

function describedDestination(destination: string): RouteAnswer {
  if (destination.startsWith("pl-")) return { DestinationPrefixListId: destination };
  return isIpv6Text(destination)
    ? { DestinationIpv6CidrBlock: destination }
    : { DestinationCidrBlock: destination };
}

function describedRoute(tx: Reader, route: Route, context: Context): RouteAnswer {
  const { target } = route;
  const common = {
    ...describedDestination(route.destination),
    Origin: "CreateRoute",
    State: isActive(tx, route) ? "active" : "blackhole",
  } as const;
  switch (target.kind) {
    case "internet-gateway":
      return { ...common, GatewayId: target.id };
    case "nat-gateway":
      return { ...common, NatGatewayId: target.id };
    case "egress-only-internet-gateway":
      return { ...common, EgressOnlyInternetGatewayId: target.id };
    case "vpc-peering-connection":
      return { ...common, VpcPeeringConnectionId: target.id };
    case "carrier-gateway":
      return { ...common, CarrierGatewayId: target.id };
    case "vpn-gateway":
    case "vpc-endpoint":
      return { ...common, GatewayId: target.id };
    case "network-interface":
      break;
  }
  const instanceId = tx.get("network-interface", target.id)?.attachment?.instanceId;
  const instance =
    instanceId === undefined ? {} : { InstanceId: instanceId, InstanceOwnerId: context.account };
  return { ...common, ...instance, NetworkInterfaceId: target.id };
}

export const routeTableActions = { CreateRouteTable, DeleteRouteTable, DescribeRouteTables };
