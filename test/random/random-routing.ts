/** Requests about gateway route tables and Block Public Access for random regions. */

import { perform } from "../../src/actions/perform.ts";
import { newId } from "../../src/model/id.ts";
import { isManaged } from "../../src/model/network-interface.ts";
import { routeId } from "../../src/model/route-table.ts";
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
    perform(
      tx,
      "CreateRoute",
      { RouteTableId: routeTableId, DestinationCidrBlock: subnet.cidrBlock, NetworkInterfaceId: eni.id },
      context,
    );
  tx.put({
    ...gateway,
    routeTableAssociation: { associationId: newId("route-table-association", context.random), routeTableId },
  });
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

/** A gateway endpoint, and a table whose routes lead to it. */
const endpoint: Request = ({ tx, context, number, pick }) => {
  const [table, old] = [pick("route-table"), pick("vpc-endpoint")];
  if (old && number(3) === 0)
    return void perform(tx, "DeleteVpcEndpoints", { VpcEndpointIds: [old.id] }, context);
  if (!table) return;
  const service = { VpcId: table.vpcId, ServiceName: `com.amazonaws.${context.region}.s3` };
  perform(tx, "CreateVpcEndpoint", { ...service, RouteTableIds: [table.id] }, context);
};

/** An interface endpoint in any subnet, with any group of its VPC. */
const interfaceEndpoint: Request = ({ tx, context, number, pick }) => {
  const subnet = pick("subnet");
  if (!subnet) return;
  const groups = tx.by("security-group", "vpcId", subnet.vpcId);
  const service = {
    VpcId: subnet.vpcId,
    ServiceName: `com.amazonaws.${context.region}.ec2messages`,
    VpcEndpointType: "Interface",
  };
  const ends = { SubnetIds: [subnet.id], SecurityGroupIds: [groups[number(groups.length)]?.id] };
  perform(tx, "CreateVpcEndpoint", { ...service, ...ends, PrivateDnsEnabled: false }, context);
};

/** A VPN that would lead where the internet answers from. */
const vpn: Request = ({ tx, context, number, pick }) => {
  const [table, old] = [pick("route-table"), pick("vpn-gateway")];
  if (old?.vpcId !== undefined && number(3) === 0)
    return void perform(tx, "DetachVpnGateway", { VpnGatewayId: old.id, VpcId: old.vpcId }, context);
  if (!table) return;
  const there = tx.by("vpn-gateway", "vpcId", table.vpcId)[0];
  const made = there ? "" : JSON.stringify(perform(tx, "CreateVpnGateway", { Type: "ipsec.1" }, context));
  const VpnGatewayId = there?.id ?? /vgw-[0-9a-f]{17}/.exec(made)?.[0];
  if (!there) perform(tx, "AttachVpnGateway", { VpnGatewayId, VpcId: table.vpcId }, context);
  const block = ["198.51.100.0/24", "0.0.0.0/0", "::/0"][number(3)] ?? "";
  const destination = block.includes(":")
    ? { DestinationIpv6CidrBlock: block }
    : { DestinationCidrBlock: block };
  const verb = tx.get("route", routeId(table.id, block)) ? "ReplaceRoute" : "CreateRoute";
  perform(tx, verb, { RouteTableId: table.id, ...destination, GatewayId: VpnGatewayId }, context);
};

/** A range that was brought, advertised and withdrawn, and an interface with an address of it. */
const brought: Request = ({ tx, context, number, pick }) => {
  const [pool, eni] = [pick("public-ipv4-pool"), pick("network-interface")];
  const [Cidr = ""] = context.byoip;
  if (!pool)
    return void perform(
      tx,
      "ProvisionByoipCidr",
      { Cidr, CidrAuthorizationContext: { Message: "m", Signature: "s" } },
      context,
    );
  if (number(2) === 0)
    return void perform(tx, pool.advertised ? "WithdrawByoipCidr" : "AdvertiseByoipCidr", { Cidr }, context);
  if (!eni || isManaged(eni)) return;
  const answer = JSON.stringify(perform(tx, "AllocateAddress", { PublicIpv4Pool: pool.id }, context));
  const AllocationId = /eipalloc-[0-9a-f]{17}/.exec(answer)?.[0];
  perform(tx, "AssociateAddress", { AllocationId, NetworkInterfaceId: eni.id }, context);
};

export const ROUTING_REQUESTS: Readonly<Record<string, Request>> = {
  edge,
  block,
  exclude,
  endpoint,
  interfaceEndpoint,
  vpn,
  brought,
};
