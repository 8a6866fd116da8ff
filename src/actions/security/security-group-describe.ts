import type {
  DescribeSecurityGroupsRequest,
  DescribeSecurityGroupsResult,
  SecurityGroup as SecurityGroupAnswer,
} from "@aws-sdk/client-ec2";
import type { SecurityGroup, SecurityGroupRule } from "../../model/security-group.ts";
import type { Reader } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, type FilterFields, searched, type Source } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { protocolName } from "../kit/protocol.ts";
import { tagListOrAbsent } from "../kit/tags.ts";
import { permissionsOf } from "./security-group-permission.ts";
import { findSecurityGroupByName, rulesOf, securityGroupArn } from "./security-group.ts";

const DescribeSecurityGroups: Action<DescribeSecurityGroupsRequest, DescribeSecurityGroupsResult> = (
  tx,
  input,
  context,
) => {
  const { items, nextToken } = searched(chosenGroups(tx, input), input, fields(tx, context));
  return { SecurityGroups: items.map((group) => described(tx, group, context)), NextToken: nextToken };
};

/** The groups named by id, and those of the default VPC named by name; without either, all. */
function chosenGroups(
  tx: Reader,
  { GroupIds = [], GroupNames = [], Filters }: DescribeSecurityGroupsRequest,
): Source<SecurityGroup> {
  if (GroupIds.length === 0 && GroupNames.length === 0)
    return candidates(tx, "security-group", Filters, { "vpc-id": "vpcId" });
  return [
    ...new Set([
      ...GroupIds.map((id) => find(tx, "security-group", id)),
      ...GroupNames.map((name) => findSecurityGroupByName(tx, name)),
    ]),
  ];
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
    IpPermissions: permissionsOf(tx, inward, context),
    IpPermissionsEgress: permissionsOf(tx, outward, context),
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

/**
 * Filters on rules. Several of them need not be met by one and the same rule (EC2 API reference,
 * DescribeSecurityGroups).
 */
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
    [`${prefix}.prefix-list-id`]: of((rule) =>
      rule.peer.kind === "prefix-list" ? rule.peer.prefixListId : undefined,
    ),
    [`${prefix}.protocol`]: of((rule) => protocolName(rule.protocol)),
    [`${prefix}.to-port`]: port((rule) => rule.toPort),
    [`${prefix}.user-id`]: of((rule) => (rule.peer.kind === "group" ? context.account : undefined)),
  };
}

export const securityGroupDescribeActions = { DescribeSecurityGroups };
