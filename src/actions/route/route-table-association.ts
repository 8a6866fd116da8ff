import type {
  AssociateRouteTableRequest,
  AssociateRouteTableResult,
  DisassociateRouteTableRequest,
  ReplaceRouteTableAssociationRequest,
  ReplaceRouteTableAssociationResult,
} from "@aws-sdk/client-ec2";
import { present } from "../../lib/assert.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { InternetGateway } from "../../model/internet-gateway.ts";
import type { RouteTable } from "../../model/route-table.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import type { Vpc } from "../../model/vpc.ts";
import type { Action, Context } from "../kit/action.ts";
import { find, found } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { type Done, DONE, refuseUnoffered, required } from "../kit/parameter.ts";
import { isEdgeTable, requireEdgeRoute } from "./route-edge.ts";

/**
 * Gives a subnet a table of its own. Asking again for the same table answers the association that there is.
 */
const AssociateRouteTable: Action<AssociateRouteTableRequest, AssociateRouteTableResult> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["PublicIpv4Pool"]);
  const table = find(tx, "route-table", input.RouteTableId);
  if (input.GatewayId !== undefined) {
    if (input.SubnetId !== undefined) {
      throw new Fault(
        "InvalidParameterCombination",
        "The request must contain exactly one of subnetId and gatewayId",
      );
    }
    refuseNatTable(table);
    return {
      AssociationId: associateGateway(tx, table, input.GatewayId, context),
      AssociationState: { State: "associated" },
    };
  }
  if (input.SubnetId === undefined)
    throw new Fault("MissingParameter", "The request must contain the parameter subnetId or gatewayId");
  refuseNatTable(table);
  const subnet = find(tx, "subnet", input.SubnetId);
  if (table.vpcId !== subnet.vpcId) {
    throw new Fault(
      "InvalidParameterValue",
      `Route table ${table.id} and subnet ${subnet.id} belong to different networks`,
    );
  }
  const old = subnet.routeTableAssociation;
  if (old && old.routeTableId !== table.id) {
    throw new Fault(
      "Resource.AlreadyAssociated",
      `the specified association for route table ${table.id} conflicts with an existing association`,
    );
  }
  const association = old ?? {
    associationId: newId("route-table-association", context.random),
    routeTableId: table.id,
  };
  if (!old) tx.put({ ...subnet, routeTableAssociation: association });
  return { AssociationId: association.associationId, AssociationState: { State: "associated" } };
};

/** The subnet follows the VPC's main table again. */
const DisassociateRouteTable: Action<DisassociateRouteTableRequest, Done> = (tx, input) => {
  const found = findAssociation(tx, input.AssociationId);
  if (found.kind === "main") {
    throw new Fault(
      "InvalidParameterValue",
      `cannot disassociate the main route table association ${input.AssociationId}`,
    );
  }
  const { routeTableAssociation: _, ...rest } = found.kind === "gateway" ? found.gateway : found.subnet;
  tx.put(rest);
  return DONE;
};

/**
 * Moves a subnet to another table, or makes another table the VPC's main one. The association gets a new id.
 */
const ReplaceRouteTableAssociation: Action<
  ReplaceRouteTableAssociationRequest,
  ReplaceRouteTableAssociationResult
> = (tx, input, context) => {
  const found = findAssociation(tx, input.AssociationId);
  const table = find(tx, "route-table", input.RouteTableId);
  refuseNatTable(table);
  if (found.kind === "gateway") requireEdgeTable(tx, table, found.gateway);
  const vpcId =
    found.kind === "main"
      ? found.vpc.id
      : found.kind === "gateway"
        ? found.gateway.vpcId
        : found.subnet.vpcId;
  if (found.kind === "main" && isEdgeTable(tx, table)) {
    throw new Fault(
      "InvalidParameterValue",
      `Route table ${table.id} is associated with a gateway and cannot be the main route table.`,
    );
  }
  if (table.vpcId !== vpcId) throw new Fault("InvalidParameterValue", differentNetworks(table, found));
  const association = {
    associationId: newId("route-table-association", context.random),
    routeTableId: table.id,
  };
  if (found.kind === "main") tx.put({ ...found.vpc, mainRouteTable: association });
  else if (found.kind === "gateway") tx.put({ ...found.gateway, routeTableAssociation: association });
  else tx.put({ ...found.subnet, routeTableAssociation: association });
  return { NewAssociationId: association.associationId, AssociationState: { State: "associated" } };
};

/** Only a regional NAT gateway uses its table. */
function refuseNatTable({ id, natGateway }: RouteTable): void {
  if (!natGateway) return;
  throw new Fault(
    "InvalidParameterValue",
    `Route table ${id} is for the regional NAT gateway ${natGateway.id}.`,
  );
}

/**
 * From then on the table routes everything that comes in through the gateway (VPC user guide, "Gateway route
 * tables").
 */
function associateGateway(tx: Tx, table: RouteTable, gatewayId: string, context: Context): string {
  if (tx.get("vpn-gateway", gatewayId)) {
    throw new Fault(
      "UnsupportedOperation",
      "Genkan does not offer route tables of virtual private gateways.",
    );
  }
  const gateway = found(tx.get("internet-gateway", gatewayId), "gateway", gatewayId);
  requireEdgeTable(tx, table, gateway);
  const old = gateway.routeTableAssociation;
  if (old && old.routeTableId !== table.id) {
    throw new Fault(
      "Resource.AlreadyAssociated",
      `the specified association for route table ${table.id} conflicts with an existing association`,
    );
  }
  const association = old ?? {
    associationId: newId("route-table-association", context.random),
    routeTableId: table.id,
  };
  if (!old) tx.put({ ...gateway, routeTableAssociation: association });
  return association.associationId;
}

/**
 * @throws InvalidParameterValue for a table of another VPC, the main one, or one with a route that a
 * gateway's may not have.
 */
function requireEdgeTable(tx: Reader, table: RouteTable, gateway: InternetGateway): void {
  if (gateway.vpcId !== table.vpcId) {
    throw new Fault(
      "InvalidParameterValue",
      `Route table ${table.id} and network gateway ${gateway.id} belong to different networks`,
    );
  }
  const vpc = present(tx.get("vpc", table.vpcId), table.vpcId);
  if (vpc.mainRouteTable.routeTableId === table.id) {
    throw new Fault(
      "InvalidParameterValue",
      `The main route table ${table.id} cannot be associated with a gateway.`,
    );
  }
  for (const route of tx.by("route", "routeTableId", table.id)) requireEdgeRoute(vpc, table, route);
}

type Found =
  | { readonly kind: "main"; readonly vpc: Vpc }
  | { readonly kind: "subnet"; readonly subnet: Subnet }
  | { readonly kind: "gateway"; readonly gateway: InternetGateway };

function differentNetworks(table: RouteTable, found: Found): string {
  const other =
    found.kind === "main"
      ? `network ${found.vpc.id}`
      : found.kind === "subnet"
        ? `subnet ${found.subnet.id}`
        : "gateway";
  return `Route table ${table.id} and ${other} belong to different networks`;
}

function findAssociation(tx: Reader, id: string | undefined): Found {
  const key = required(id, "associationId");
  const vpc = tx.by("vpc", "associationId", key)[0];
  if (vpc?.mainRouteTable.associationId === key) return { kind: "main", vpc };
  const subnet = tx.by("subnet", "associationId", key)[0];
  if (subnet?.routeTableAssociation?.associationId === key) return { kind: "subnet", subnet };
  const gateway = tx.by("internet-gateway", "associationId", key)[0];
  if (gateway) return { kind: "gateway", gateway };
  throw notFound("association", key);
}

export const routeTableAssociationActions = {
  AssociateRouteTable,
  DisassociateRouteTable,
  ReplaceRouteTableAssociation,
};
