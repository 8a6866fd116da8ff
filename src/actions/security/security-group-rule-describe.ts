import type { RevokedSecurityGroupRule, SecurityGroupRule as RuleAnswer } from "@aws-sdk/client-ec2";
import type { SecurityGroupRule } from "../../model/security-group.ts";
import type { Reader } from "../../model/state.ts";
import type { Context } from "../kit/action.ts";
import { protocolName } from "../kit/protocol.ts";
import { tagList } from "../kit/tags.ts";
import { describedPeer } from "./security-group-peer.ts";

/** A rule as the API describes it. Where a protocol has no ports, both are -1. */
export function describedRule(tx: Reader, rule: SecurityGroupRule, context: Context): RuleAnswer {
  return {
    ...common(rule),
    GroupOwnerId: context.account,
    ReferencedGroupInfo: rule.peer.kind === "group" ? describedPeer(tx, rule.peer, context) : undefined,
    Tags: tagList(rule.tags),
    SecurityGroupRuleArn: `arn:aws:ec2:${context.region}:${context.account}:security-group-rule/${rule.id}`,
  };
}

/** A rule as the answer to its revocation names it. */
export function revokedRule(rule: SecurityGroupRule): RevokedSecurityGroupRule {
  return { ...common(rule), ReferencedGroupId: rule.peer.kind === "group" ? rule.peer.groupId : undefined };
}

function common(rule: SecurityGroupRule) {
  return {
    SecurityGroupRuleId: rule.id,
    GroupId: rule.groupId,
    IsEgress: rule.direction === "egress",
    IpProtocol: protocolName(rule.protocol),
    FromPort: rule.fromPort,
    ToPort: rule.toPort,
    CidrIpv4: rule.peer.kind === "ipv4" ? rule.peer.cidr : undefined,
    CidrIpv6: rule.peer.kind === "ipv6" ? rule.peer.cidr : undefined,
    ...(rule.peer.kind === "prefix-list" ? { PrefixListId: rule.peer.prefixListId } : {}),
    Description: rule.description,
  };
}
