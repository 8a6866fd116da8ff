/** Requests about gateway route tables and Block Public Access for random regions. */
import { perform } from "../src/actions/perform.ts";
import { putRoute } from "../src/actions/route.ts";
import { newId } from "../src/model/id.ts";
import { routeId } from "../src/model/route-table.ts";
import type { Request } from "./random-request.ts";

/** What comes in through the gateway meets an interface first, or no longer. */
const edge: Request = ({ tx, context, number, pick }) => {
  const { routeTableAssociation: _, ...gateway } = pick("internet-gateway") ?? {};
  if (!("id" in gateway) || gateway.vpcId === undefined) return;
  if (number(2) === 0) return tx.put(gateway);
  const answer = JSON.stringify(perform(tx, "CreateRouteTable", { VpcId: gateway.vpcId }, context));
  const routeTableId = /rtb-[0-9a-f]{17}/.exec(answer)?.[0] ?? "";
  const subnet = tx.by("subnet", "vpcId", gateway.vpcId)[number(3)];
  const eni = tx.by("network-interface", "vpcId", gateway.vpcId)[number(4)];
  if (subnet && eni)
    perform(tx, "CreateRoute", { RouteTableId: routeTableId, DestinationCidrBlock: subnet.cidrBlock, NetworkInterfaceId: eni.id }, context);
  tx.put({ ...gateway, routeTableAssociation: { associationId: newId("route-table-association", context.random), routeTableId } });
};

const block: Request = ({ tx, context, number }) => {
  const mode = (["block-ingress", "block-bidirectional"] as const)[number(8)] ?? "off";
  tx.put({ kind: "block-public-access", id: context.region, tags: {}, mode, updatedAt: context.now });
};

const exclude: Request = ({ tx, context, number, pick }) => {
  const resourceId = (number(2) === 0 ? pick("vpc") : pick("subnet"))?.id;
  if (resourceId === undefined) return;
  tx.put({
    kind: "block-public-access-exclusion",
    id: newId("block-public-access-exclusion", context.random),
    tags: {},
    resourceId,
    mode: number(2) === 0 ? "allow-bidirectional" : "allow-egress",
    state: number(3) === 0 ? "deleted" : "active",
    createdAt: context.now,
    updatedAt: context.now,
  });
};

/** A gateway endpoint, and a table whose routes lead to it: also one for everything that the internet answers from. */
const endpoint: Request = ({ tx, context, number, pick }) => {
  const [table, old] = [pick("route-table"), pick("vpc-endpoint")];
  if (old && number(3) === 0) return void perform(tx, "DeleteVpcEndpoints", { VpcEndpointIds: [old.id] }, context);
  if (!table) return;
  const service = { VpcId: table.vpcId, ServiceName: `com.amazonaws.${context.region}.s3` };
  const answer = JSON.stringify(perform(tx, "CreateVpcEndpoint", { ...service, RouteTableIds: [table.id] }, context));
  const id = /vpce-[0-9a-f]{17}/.exec(answer)?.[0] ?? "";
  // No request makes such a route; frames go there.
  if (number(2) === 0 && tx.get("route", routeId(table.id, "198.51.100.0/24")) === undefined)
    putRoute(tx, table, "198.51.100.0/24", { kind: "vpc-endpoint", id });
};

export const ROUTING_REQUESTS: Readonly<Record<string, Request>> = {
  edge,
  block,
  exclude,
  endpoint,
};
