import type {
  DescribeSecurityGroupReferencesRequest,
  DescribeSecurityGroupReferencesResult,
  DescribeSecurityGroupsRequest,
  DescribeSecurityGroupsResult,
  DescribeStaleSecurityGroupsRequest,
  DescribeStaleSecurityGroupsResult,
  GetSecurityGroupsForVpcRequest,
  GetSecurityGroupsForVpcResult,
  SecurityGroup as SecurityGroupAnswer,
} from "@aws-sdk/client-ec2";
import type { SecurityGroup, SecurityGroupRule } from "../model/security-group.ts";
import type { Reader } from "../model/state.ts";
import type { Action, Context } from "./action.ts";
import { candidates, type FilterFields, filtered, paged, searched, type Source } from "./describe.ts";
import { required } from "./parameter.ts";
import { protocolName } from "./protocol.ts";
import { findSecurityGroup, findSecurityGroupByName, rulesOf, securityGroupArn } from "./security-group.ts";
import { permissionsOf } from "./security-group-permission.ts";
import { tagListOrAbsent } from "./tags.ts";
import { findVpc } from "./vpc.ts";

const DescribeSecurityGroups: Action<DescribeSecurityGroupsRequest, DescribeSecurityGroupsResult> = (tx, input, context) => {
  const { items, nextToken } = searched(chosenGroups(tx, input), input, fields(tx, context));
  return { SecurityGroups: items.map((group) => described(tx, group, context)), NextToken: nextToken };
};

/** The groups named by id, and those of the default VPC named by name; without either, all. */
function chosenGroups(tx: Reader, { GroupIds = [], GroupNames = [], Filters }: DescribeSecurityGroupsRequest): Source<SecurityGroup> {
  if (GroupIds.length === 0 && GroupNames.length === 0) return candidates(tx, "security-group", Filters, { "vpc-id": "vpcId" });
  return [...new Set([...GroupIds.map((id) => findSecurityGroup(tx, id)), ...GroupNames.map((name) => findSecurityGroupByName(tx, name))])];
}

function described(tx: Reader, group: SecurityGroup, context: Context): SecurityGroupAnswer {
  const rules = rulesOf(tx, group.id);
  const inward = rules.filter((rule) => rule.direction === "ingress");
  const outward = rules.filter((rule) => rule.direction === "egress");
  return {
    GroupId: group.id,
    GroupName: group.name,
    Description: group.description,
    OwnerId: context.account,
    VpcId: group.vpcId,
    IpPermissions: permissionsOf(inward, context),
    IpPermissionsEgress: permissionsOf(outward, context),
    Tags: tagListOrAbsent(group.tags),
    SecurityGroupArn: securityGroupArn(group, context),
  };
}

function fields(tx: Reader, context: Context): FilterFields<SecurityGroup> {
  return {
    description: (group) => group.description,
    "group-id": (group) => group.id,
    "group-name": (group) => group.name,
    "owner-id": () => context.account,
    "vpc-id": (group) => group.vpcId,
    ...permissionFields(tx, context, "ingress", "ip-permission"),
    ...permissionFields(tx, context, "egress", "egress.ip-permission"),
  };
}

/** Filters on rules. Several of them need not be met by one and the same rule (EC2 API reference, DescribeSecurityGroups). */
function permissionFields(
  tx: Reader,
  context: Context,
  direction: SecurityGroupRule["direction"],
  prefix: string,
): FilterFields<SecurityGroup> {
  const of = (value: (rule: SecurityGroupRule) => string | undefined) => (group: SecurityGroup) =>
    rulesOf(tx, group.id).flatMap((rule) => (rule.direction === direction ? (value(rule) ?? []) : []));
  const port = (value: (rule: SecurityGroupRule) => number) =>
    of((rule) => ([6, 17, 1, 58].includes(rule.protocol) ? String(value(rule)) : undefined));
  const peerGroup = (rule: SecurityGroupRule) => (rule.peer.kind === "group" ? rule.peer.groupId : undefined);
  return {
    [`${prefix}.cidr`]: of((rule) => (rule.peer.kind === "ipv4" ? rule.peer.cidr : undefined)),
    [`${prefix}.from-port`]: port((rule) => rule.fromPort),
    [`${prefix}.group-id`]: of(peerGroup),
    [`${prefix}.group-name`]: of((rule) => tx.get("security-group", peerGroup(rule) ?? "")?.name),
    [`${prefix}.ipv6-cidr`]: of((rule) => (rule.peer.kind === "ipv6" ? rule.peer.cidr : undefined)),
    [`${prefix}.prefix-list-id`]: () => undefined,
    [`${prefix}.protocol`]: of((rule) => protocolName(rule.protocol)),
    [`${prefix}.to-port`]: port((rule) => rule.toPort),
    [`${prefix}.user-id`]: of((rule) => (rule.peer.kind === "group" ? context.account : undefined)),
  };
}

/** The groups that can be used in a VPC: those of its own. */
const GetSecurityGroupsForVpc: Action<GetSecurityGroupsForVpcRequest, GetSecurityGroupsForVpcResult> = (tx, input, context) => {
  const vpc = findVpc(tx, input.VpcId);
  const found = filtered(tx.by("security-group", "vpcId", vpc.id), input.Filters, {
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
    Tags: tagListOrAbsent(group.tags),
    PrimaryVpcId: group.vpcId,
  }));
  return { SecurityGroupForVpcs, NextToken: nextToken };
};

/** References from the other side of a peering connection: there are none. */
const DescribeSecurityGroupReferences: Action<DescribeSecurityGroupReferencesRequest, DescribeSecurityGroupReferencesResult> = (
  tx,
  input,
) => {
  for (const id of required(input.GroupId, "groupId")) findSecurityGroup(tx, id);
  return { SecurityGroupReferenceSet: [] };
};

/** Rules that name a group beyond a deleted peering connection: there are none. */
const DescribeStaleSecurityGroups: Action<DescribeStaleSecurityGroupsRequest, DescribeStaleSecurityGroupsResult> = (tx, input) => {
  findVpc(tx, input.VpcId);
  return { StaleSecurityGroupSet: [...paged([], input).items] };
};

export const securityGroupDescribeActions = {
  DescribeSecurityGroups,
  GetSecurityGroupsForVpc,
  DescribeSecurityGroupReferences,
  DescribeStaleSecurityGroups,
};
