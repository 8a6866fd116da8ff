import type {
  AssociateRouteTableRequest,
  AssociateRouteTableResult,
  DisassociateRouteTableRequest,
  ReplaceRouteTableAssociationRequest,
  ReplaceRouteTableAssociationResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../model/fault.ts";
import { newId } from "../model/id.ts";
import type { RouteTable } from "../model/route-table.ts";
import type { Reader } from "../model/state.ts";
import type { Subnet } from "../model/subnet.ts";
import type { Vpc } from "../model/vpc.ts";
import type { Action } from "./action.ts";
import { type Done, DONE, refuseUnoffered, required } from "./parameter.ts";
import { findRouteTable } from "./route-table.ts";
import { findSubnet } from "./subnet.ts";

/** Gives a subnet a table of its own. Asking again for the same table answers the association that there is. */
const AssociateRouteTable: Action<AssociateRouteTableRequest, AssociateRouteTableResult> = (tx, input, context) => {
  refuseUnoffered(input, ["GatewayId", "PublicIpv4Pool"]);
  const table = findRouteTable(tx, input.RouteTableId);
  const subnet = findSubnet(tx, input.SubnetId);
  if (table.vpcId !== subnet.vpcId) {
    throw new Fault("InvalidParameterValue", `Route table ${table.id} and subnet ${subnet.id} belong to different networks`);
  }
  const old = subnet.routeTableAssociation;
  if (old && old.routeTableId !== table.id) {
    throw new Fault(
      "Resource.AlreadyAssociated",
      `the specified association for route table ${table.id} conflicts with an existing association`,
    );
  }
  const association = old ?? { associationId: newId("route-table-association", context.random), routeTableId: table.id };
  if (!old) tx.put({ ...subnet, routeTableAssociation: association });
  return { AssociationId: association.associationId, AssociationState: { State: "associated" } };
};

/** The subnet follows the VPC's main table again. */
const DisassociateRouteTable: Action<DisassociateRouteTableRequest, Done> = (tx, input) => {
  const found = findAssociation(tx, input.AssociationId);
  if (found.kind === "main") {
    throw new Fault("InvalidParameterValue", `cannot disassociate the main route table association ${input.AssociationId}`);
  }
  const { routeTableAssociation: _, ...subnet } = found.subnet;
  tx.put(subnet);
  return DONE;
};

/** Moves a subnet to another table, or makes another table the VPC's main one. The association gets a new id. */
const ReplaceRouteTableAssociation: Action<ReplaceRouteTableAssociationRequest, ReplaceRouteTableAssociationResult> = (
  tx,
  input,
  context,
) => {
  const found = findAssociation(tx, input.AssociationId);
  const table = findRouteTable(tx, input.RouteTableId);
  const vpcId = found.kind === "main" ? found.vpc.id : found.subnet.vpcId;
  if (table.vpcId !== vpcId) throw new Fault("InvalidParameterValue", differentNetworks(table, found));
  const association = { associationId: newId("route-table-association", context.random), routeTableId: table.id };
  if (found.kind === "main") tx.put({ ...found.vpc, mainRouteTable: association });
  else tx.put({ ...found.subnet, routeTableAssociation: association });
  return { NewAssociationId: association.associationId, AssociationState: { State: "associated" } };
};

type Found = { readonly kind: "main"; readonly vpc: Vpc } | { readonly kind: "subnet"; readonly subnet: Subnet };

function differentNetworks(table: RouteTable, found: Found): string {
  const other = found.kind === "main" ? `network ${found.vpc.id}` : `subnet ${found.subnet.id}`;
  return `Route table ${table.id} and ${other} belong to different networks`;
}

function findAssociation(tx: Reader, id: string | undefined): Found {
  const key = required(id, "associationId");
  const vpc = tx.by("vpc", "associationId", key)[0];
  if (vpc?.mainRouteTable.associationId === key) return { kind: "main", vpc };
  const subnet = tx.by("subnet", "associationId", key)[0];
  if (subnet?.routeTableAssociation?.associationId === key) return { kind: "subnet", subnet };
  throw new Fault("InvalidAssociationID.NotFound", `The association ID '${key}' does not exist`);
}

export const routeTableAssociationActions = { AssociateRouteTable, DisassociateRouteTable, ReplaceRouteTableAssociation };
