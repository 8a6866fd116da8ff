import type { CreateVpcRequest, CreateVpcResult } from "@aws-sdk/client-ec2";
import { formatBlock } from "../../lib/block.ts";
import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { RouteTable } from "../../model/route-table.ts";
import type { Tx } from "../../model/state.ts";
import type { Vpc } from "../../model/vpc.ts";
import type { Action, Context } from "../kit/action.ts";
import { refuseUnoffered, requiredCidr } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagsFor } from "../kit/tags.ts";
import { createNetworkAcl } from "../security/network-acl.ts";
import { createSecurityGroup } from "../security/security-group.ts";
import { defaultDhcpOptions } from "./dhcp-options.ts";
import { associateIpv6Block, wantsIpv6Block } from "./vpc-ipv6-association.ts";
import { describedIpv6Block } from "./vpc-ipv6.ts";
import { requireVpcRange, UNOFFERED_BLOCKS } from "./vpc-range.ts";
import { describedVpc } from "./vpc.ts";

type NewVpc = {
  /** Canonical. */
  readonly cidrBlock: string;
  readonly isDefault: boolean;
  readonly instanceTenancy: Vpc["instanceTenancy"];
  readonly tags: Tags;
};

/**
 * A VPC with what comes with every one: its main route table, default security group and default network ACL.
 */
export function createVpc(
  tx: Tx,
  { cidrBlock, isDefault, instanceTenancy, tags }: NewVpc,
  context: Context,
): Vpc {
  const { random } = context;
  requireQuota(
    context,
    "vpcs",
    tx.count("vpc") + 1,
    "VpcLimitExceeded",
    "The maximum number of VPCs has been reached.",
  );
  const id = newId("vpc", random);
  const table: RouteTable = {
    kind: "route-table",
    id: newId("route-table", random),
    slot: tx.slot("route-table"),
    tags: {},
    vpcId: id,
  };
  tx.put(table);
  const description = "default VPC security group";
  const group = createSecurityGroup(
    tx,
    { vpcId: id, name: "default", description, tags: {}, isDefault: true },
    context,
  );
  const acl = createNetworkAcl(tx, { vpcId: id, isDefault: true, tags: {} }, context);
  const vpc: Vpc = {
    kind: "vpc",
    id,
    slot: tx.slot("vpc"),
    tags,
    cidrBlocks: [{ associationId: newId("vpc-cidr-association", random), cidrBlock }],
    isDefault,
    instanceTenancy,
    dhcpOptionsId: defaultDhcpOptions(tx, context).id,
    enableDnsSupport: true,
    enableDnsHostnames: isDefault,
    enableNetworkAddressUsageMetrics: false,
    mainRouteTable: { associationId: newId("route-table-association", random), routeTableId: table.id },
    defaultNetworkAclId: acl.id,
    defaultSecurityGroupId: group.id,
  };
  tx.put(vpc);
  return vpc;
}

const CreateVpc: Action<CreateVpcRequest, CreateVpcResult> = (tx, input, context) => {
  refuseUnoffered(input, [...UNOFFERED_BLOCKS, "VpcEncryptionControl"]);
  if (input.CidrBlock === undefined) {
    throw new Fault("MissingParameter", "Either 'cidrBlock' or 'ipv4IpamPoolId' should be provided.");
  }
  const cidr = requiredCidr(input.CidrBlock, "cidrBlock");
  requireVpcRange(cidr);
  const tags = tagsFor("vpc", input.TagSpecifications, context.quotas);
  const instanceTenancy = tenancyOf(input);
  const wantsIpv6 = wantsIpv6Block(input, context);
  const vpc = createVpc(
    tx,
    { cidrBlock: formatBlock(cidr), isDefault: false, instanceTenancy, tags },
    context,
  );
  const blocks = wantsIpv6
    ? [describedIpv6Block(associateIpv6Block(tx, vpc, context).added, "associating", context)]
    : [];
  const { BlockPublicAccessStates: _, ...answer } = describedVpc(tx, vpc, context);
  return { Vpc: { ...answer, State: "pending", Ipv6CidrBlockAssociationSet: blocks } };
};

function tenancyOf({ InstanceTenancy: tenancy = "default" }: CreateVpcRequest): Vpc["instanceTenancy"] {
  if (tenancy === "default" || tenancy === "dedicated") return tenancy;
  throw new Fault("InvalidParameterValue", `Value (${tenancy}) for parameter instanceTenancy is invalid.`);
}

export const vpcCreateActions = { CreateVpc };
