import type {
  DescribeSecurityGroupReferencesRequest,
  DescribeSecurityGroupReferencesResult,
  DescribeStaleSecurityGroupsRequest,
  DescribeStaleSecurityGroupsResult,
  GetSecurityGroupsForVpcRequest,
  GetSecurityGroupsForVpcResult,
  SecurityGroupReference,
  StaleIpPermission,
  StaleSecurityGroup,
} from "@aws-sdk/client-ec2";
import type { SecurityGroup } from "../../model/security-group.ts";
import type { Reader } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { filtered, paged } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { required } from "../kit/parameter.ts";
import { tagList } from "../kit/tags.ts";
import { isStale } from "./security-group-peer.ts";
import { permissionsOf } from "./security-group-permission.ts";
import { rulesOf } from "./security-group.ts";

/** The groups that can be used in a VPC: its own, and those that are associated with it. */
const GetSecurityGroupsForVpc: Action<GetSecurityGroupsForVpcRequest, GetSecurityGroupsForVpcResult> = (
  tx,
  input,
  context,
) => {
  const vpc = find(tx, "vpc", input.VpcId);
  const all = [
    ...tx.by("security-group", "vpcId", vpc.id),
    ...tx.by("security-group", "associatedVpcId", vpc.id),
  ];
  const found = filtered(all, input.Filters, {
    description: (group) => group.description,
    "group-id": (group) => group.id,
    "group-name": (group) => group.name,
    "owner-id": () => context.account,
    "primary-vpc-id": (group) => group.vpcId,
  });
  const { items, nextToken } = paged(found, input);
  const SecurityGroupForVpcs = items.map((group) => ({
    Description: group.description,
    GroupName: group.name,
    OwnerId: context.account,
    GroupId: group.id,
    Tags: tagList(group.tags),
    PrimaryVpcId: group.vpcId,
  }));
  return { SecurityGroupForVpcs, NextToken: nextToken };
};

/** The VPCs at the other side of a peering connection with a rule that names the groups. */
const DescribeSecurityGroupReferences: Action<
  DescribeSecurityGroupReferencesRequest,
  DescribeSecurityGroupReferencesResult
> = (tx, input) => {
  const groups = required(input.GroupId, "groupId").map((id) => find(tx, "security-group", id));
  return { SecurityGroupReferenceSet: groups.flatMap((group) => referencesTo(tx, group)) };
};

function referencesTo(tx: Reader, { id }: SecurityGroup): SecurityGroupReference[] {
  const found = new Map<string, SecurityGroupReference>();
  for (const { groupId, peer } of tx.by("security-group-rule", "referencedGroupId", id)) {
    const ReferencingVpcId = tx.get("security-group", groupId)?.vpcId;
    if (peer.kind !== "group" || !peer.peering || ReferencingVpcId === undefined || isStale(tx, peer))
      continue;
    found.set(ReferencingVpcId, {
      GroupId: id,
      ReferencingVpcId,
      VpcPeeringConnectionId: peer.peering.connectionId,
    });
  }
  return [...found.values()];
}

/**
 * The groups of a VPC with rules that name a group that is gone, or one beyond a peering connection that is.
 */
const DescribeStaleSecurityGroups: Action<
  DescribeStaleSecurityGroupsRequest,
  DescribeStaleSecurityGroupsResult
> = (tx, input, context) => {
  const vpc = find(tx, "vpc", input.VpcId);
  const stale = tx
    .by("security-group", "vpcId", vpc.id)
    .flatMap((group) => describedStale(tx, group, context) ?? []);
  const { items, nextToken } = paged(stale, input, { min: 5, max: 255 });
  return { StaleSecurityGroupSet: [...items], NextToken: nextToken };
};

function describedStale(tx: Reader, group: SecurityGroup, context: Context): StaleSecurityGroup | undefined {
  const rules = rulesOf(tx, group.id).filter(({ peer }) => isStale(tx, peer));
  if (rules.length === 0) return undefined;
  const of = (direction: "ingress" | "egress"): StaleIpPermission[] => {
    const permissions = permissionsOf(
      tx,
      rules.filter((rule) => rule.direction === direction),
      context,
    );
    return permissions.map(({ FromPort, IpProtocol, ToPort, UserIdGroupPairs }) => ({
      FromPort,
      IpProtocol,
      IpRanges: [],
      PrefixListIds: [],
      ToPort,
      UserIdGroupPairs,
    }));
  };
  return {
    Description: group.description,
    GroupId: group.id,
    GroupName: group.name,
    StaleIpPermissions: of("ingress"),
    StaleIpPermissionsEgress: of("egress"),
    VpcId: group.vpcId,
  };
}

export const securityGroupReferenceActions = {
  GetSecurityGroupsForVpc,
  DescribeSecurityGroupReferences,
  DescribeStaleSecurityGroups,
};
