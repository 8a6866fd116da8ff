import type {
  DescribeVpcAttributeRequest,
  DescribeVpcAttributeResult,
  DescribeVpcsRequest,
  DescribeVpcsResult,
  ModifyVpcAttributeRequest,
  ModifyVpcTenancyRequest,
  ModifyVpcTenancyResult,
  Vpc as VpcAnswer,
  VpcCidrBlockAssociation,
  VpcIpv6CidrBlockAssociation,
} from "@aws-sdk/client-ec2";
import { present } from "../../lib/assert.ts";
import { blockModeOf } from "../../model/block-public-access-state.ts";
import { Fault } from "../../model/fault.ts";
import { lingering } from "../../model/lingering.ts";
import type { Reader } from "../../model/state.ts";
import type { Vpc } from "../../model/vpc.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE, required } from "../kit/parameter.ts";
import { tagListOrAbsent } from "../kit/tags.ts";
import { describedIpv6Blocks } from "./vpc-ipv6.ts";

export function primaryCidr(vpc: Vpc): string {
  return present(vpc.cidrBlocks[0], `the primary block of ${vpc.id}`).cidrBlock;
}

/**
 * A VPC as the API describes it. Without tags `Tags` is absent, without IPv6 blocks their list (facts of
 * recorded answers).
 */
export function describedVpc(tx: Reader, vpc: Vpc, context: Context): VpcAnswer {
  const ipv6 = describedIpv6Blocks(vpc, context);
  return {
    VpcId: vpc.id,
    OwnerId: context.account,
    BlockPublicAccessStates: { InternetGatewayBlockMode: blockModeOf(tx, [vpc.id]) },
    State: "available",
    CidrBlock: primaryCidr(vpc),
    CidrBlockAssociationSet: describedBlocks(vpc, context),
    ...(ipv6.length > 0 ? { Ipv6CidrBlockAssociationSet: ipv6 } : {}),
    DhcpOptionsId: vpc.dhcpOptionsId,
    Tags: tagListOrAbsent(vpc.tags),
    InstanceTenancy: vpc.instanceTenancy,
    IsDefault: vpc.isDefault,
  };
}

/** The blocks, and those that it had until a while ago. */
function describedBlocks(vpc: Vpc, { now }: Context): VpcCidrBlockAssociation[] {
  const told = (state: "associated" | "disassociated") => (block: Vpc["cidrBlocks"][number]) => ({
    AssociationId: block.associationId,
    CidrBlock: block.cidrBlock,
    CidrBlockState: { State: state },
  });
  return [
    ...vpc.cidrBlocks.map(told("associated")),
    ...lingering(vpc.endedCidrBlocks, now).map(told("disassociated")),
  ];
}

function fields(context: Context): FilterFields<Vpc> {
  const blocks =
    <T>(of: (block: VpcCidrBlockAssociation) => T) =>
    (vpc: Vpc) =>
      describedBlocks(vpc, context).map(of);
  const ipv6 =
    <T>(of: (block: VpcIpv6CidrBlockAssociation) => T) =>
    (vpc: Vpc) =>
      describedIpv6Blocks(vpc, context).map(of);
  const isDefault = (vpc: Vpc): string => String(vpc.isDefault);
  return {
    cidr: primaryCidr,
    "cidr-block": primaryCidr,
    "cidr-block-association.association-id": blocks((block) => block.AssociationId),
    "cidr-block-association.cidr-block": blocks((block) => block.CidrBlock),
    "cidr-block-association.state": blocks((block) => block.CidrBlockState?.State),
    "dhcp-options-id": (vpc) => vpc.dhcpOptionsId,
    "instance-tenancy": (vpc) => vpc.instanceTenancy,
    "ipv6-cidr-block-association.association-id": ipv6((block) => block.AssociationId),
    "ipv6-cidr-block-association.ipv6-cidr-block": ipv6((block) => block.Ipv6CidrBlock),
    "ipv6-cidr-block-association.ipv6-pool": ipv6((block) => block.Ipv6Pool),
    "ipv6-cidr-block-association.state": ipv6((block) => block.Ipv6CidrBlockState?.State),
    "is-default": isDefault,
    isDefault,
    "owner-id": () => context.account,
    state: () => "available",
    "vpc-id": (vpc) => vpc.id,
  };
}

const DescribeVpcs: Action<DescribeVpcsRequest, DescribeVpcsResult> = (tx, input, context) => {
  const vpcs = chosen(
    input.VpcIds,
    (id) => find(tx, "vpc", id),
    () => candidates(tx, "vpc", input.Filters, {}),
  );
  const { items, nextToken } = searched(vpcs, input, fields(context));
  return { Vpcs: items.map((vpc) => describedVpc(tx, vpc, context)), NextToken: nextToken };
};

const ModifyVpcAttribute: Action<ModifyVpcAttributeRequest, Done> = (tx, input) => {
  const vpc = find(tx, "vpc", input.VpcId);
  const given = (
    ["EnableDnsSupport", "EnableDnsHostnames", "EnableNetworkAddressUsageMetrics"] as const
  ).filter((name) => input[name] !== undefined);
  const [name, second] = given;
  if (name === undefined) throw new Fault("InvalidParameterCombination", "No attributes specified.");
  if (second !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      `Fields for multiple attribute types specified: ${given.map(memberName).join(", ")}`,
    );
  }
  const value = required(input[name]?.Value, `${memberName(name)}.value`);
  // EC2 API reference, ModifyVpcAttribute: "You can only enable DNS hostnames if you've enabled DNS support."
  if (name === "EnableDnsHostnames" && value && !vpc.enableDnsSupport) {
    throw new Fault(
      "InvalidParameterValue",
      `DNS hostnames cannot be enabled for ${vpc.id}, because its DNS support is not enabled.`,
    );
  }
  tx.put({ ...vpc, [memberName(name)]: value });
  return DONE;
};

type AttributeName = "EnableDnsSupport" | "EnableDnsHostnames" | "EnableNetworkAddressUsageMetrics";

function memberName<N extends AttributeName>(name: N): Uncapitalize<N> {
  return (name.charAt(0).toLowerCase() + name.slice(1)) as Uncapitalize<N>;
}

const DescribeVpcAttribute: Action<DescribeVpcAttributeRequest, DescribeVpcAttributeResult> = (tx, input) => {
  const vpc = find(tx, "vpc", input.VpcId);
  const attribute = required(input.Attribute, "attribute");
  switch (attribute) {
    case "enableDnsSupport":
      return { VpcId: vpc.id, EnableDnsSupport: { Value: vpc.enableDnsSupport } };
    case "enableDnsHostnames":
      return { VpcId: vpc.id, EnableDnsHostnames: { Value: vpc.enableDnsHostnames } };
    case "enableNetworkAddressUsageMetrics":
      return {
        VpcId: vpc.id,
        EnableNetworkAddressUsageMetrics: { Value: vpc.enableNetworkAddressUsageMetrics },
      };
    default:
      throw new Fault(
        "InvalidParameterValue",
        `Value (${String(attribute)}) for parameter attribute is invalid. Unknown VPC attribute`,
      );
  }
};

const ModifyVpcTenancy: Action<ModifyVpcTenancyRequest, ModifyVpcTenancyResult> = (tx, input) => {
  const vpc = find(tx, "vpc", input.VpcId);
  if (required(input.InstanceTenancy, "instanceTenancy") !== "default") {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${String(input.InstanceTenancy)}) for parameter instanceTenancy is invalid.`,
    );
  }
  tx.put({ ...vpc, instanceTenancy: "default" });
  return { ReturnValue: true };
};

export const vpcActions = { DescribeVpcs, ModifyVpcAttribute, DescribeVpcAttribute, ModifyVpcTenancy };
