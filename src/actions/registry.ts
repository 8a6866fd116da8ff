import { accountActions } from "./account.ts";
import type { Action } from "./action.ts";
import { defaultVpcActions } from "./default-vpc.ts";
import { dhcpOptionsActions } from "./dhcp-options.ts";
import { internetGatewayActions } from "./internet-gateway.ts";
import { internetGatewayAttachmentActions } from "./internet-gateway-attachment.ts";
import { notYetActions } from "./not-yet.ts";
import { regionActions } from "./region.ts";
import { routeActions } from "./route.ts";
import { routeTableActions } from "./route-table.ts";
import { routeTableAssociationActions } from "./route-table-association.ts";
import { subnetActions } from "./subnet.ts";
import { subnetCreateActions } from "./subnet-create.ts";
import { tagActions } from "./tag.ts";
import { vpcActions } from "./vpc.ts";
import { vpcCidrBlockActions } from "./vpc-cidr-block.ts";
import { vpcCreateActions } from "./vpc-create.ts";
import { vpcDeleteActions } from "./vpc-delete.ts";

/** Every EC2 operation that Genkan offers. */
export const ACTIONS: Readonly<Record<string, Action<never, unknown>>> = {
  // The network around the gateway
  ...vpcActions,
  ...vpcCreateActions,
  ...vpcDeleteActions,
  ...vpcCidrBlockActions,
  ...defaultVpcActions,
  ...dhcpOptionsActions,
  ...subnetActions,
  ...subnetCreateActions,
  ...routeTableActions,
  ...routeTableAssociationActions,
  ...routeActions,
  ...internetGatewayActions,
  ...internetGatewayAttachmentActions,
  // What belongs to no noun
  ...regionActions,
  ...accountActions,
  ...tagActions,
  ...notYetActions,
};

/** The names of the operations, in alphabetical order. */
export const OFFERED: readonly string[] = Object.keys(ACTIONS).toSorted();
