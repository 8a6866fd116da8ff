import type {
  DescribeSecurityGroupRulesRequest,
  DescribeSecurityGroupRulesResult,
  ModifySecurityGroupRulesRequest,
  ModifySecurityGroupRulesResult,
  SecurityGroupRuleRequest,
  UpdateSecurityGroupRuleDescriptionsEgressRequest,
  UpdateSecurityGroupRuleDescriptionsEgressResult,
  UpdateSecurityGroupRuleDescriptionsIngressRequest,
  UpdateSecurityGroupRuleDescriptionsIngressResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { isWellFormedId } from "../../model/id.ts";
import type { RulePeer, SecurityGroup, SecurityGroupRule } from "../../model/security-group.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { noSuch } from "../kit/not-found.ts";
import { required } from "../kit/parameter.ts";
import { groupPeer, requireLivePeer } from "./security-group-peer.ts";
import {
  describedAs,
  ipv4Peer,
  ipv6Peer,
  listPeer,
  portsOf,
  type RuleSpec,
  ruleSpecs,
} from "./security-group-permission.ts";
import { describedRule } from "./security-group-rule-describe.ts";
import { findRuleIn, requiredMatch, requireNew } from "./security-group-rule.ts";
import { securityGroupOf } from "./security-group.ts";

const DescribeSecurityGroupRules: Action<
  DescribeSecurityGroupRulesRequest,
  DescribeSecurityGroupRulesResult
> = (tx, input, context) => {
  for (const { Name, Values = [] } of input.Filters ?? [])
    if (Name === "group-id") Values.forEach(requireGroupId);
  const rules = chosen(
    input.SecurityGroupRuleIds,
    (id) => find(tx, "security-group-rule", id),
    () => candidates(tx, "security-group-rule", input.Filters, { "group-id": "groupId" }),
  );
  const { items, nextToken } = searched(rules, input, {
    "group-id": (rule) => rule.groupId,
    "security-group-rule-id": (rule) => rule.id,
  });
  return { SecurityGroupRules: items.map((rule) => describedRule(tx, rule, context)), NextToken: nextToken };
};

/** @throws InvalidGroupId.Malformed for what is neither an id nor a pattern for ids. */
function requireGroupId(text: string): void {
  if (/[*?\\]/.test(text) || isWellFormedId("security-group", text)) return;
  throw noSuch("security-group", text);
}

/**
 * Gives rules, named by id, other contents: all of a rule's members are set anew, its direction and id stay.
 */
const ModifySecurityGroupRules: Action<ModifySecurityGroupRulesRequest, ModifySecurityGroupRulesResult> = (
  tx,
  input,
  context,
) => {
  const group = find(tx, "security-group", input.GroupId);
  for (const { SecurityGroupRuleId, SecurityGroupRule } of required(
    input.SecurityGroupRules,
    "securityGroupRules",
  )) {
    const { description: _, ...rule } = findRuleIn(tx, group, SecurityGroupRuleId);
    const spec = specOf(tx, group, required(SecurityGroupRule, "securityGroupRule"), context);
    requireLivePeer(tx, spec.peer);
    requireNew(tx, group, rule.direction, [spec], rule.id);
    tx.put({ ...rule, ...spec });
  }
  return { Return: true };
};

function specOf(
  tx: Reader,
  group: SecurityGroup,
  request: SecurityGroupRuleRequest,
  context: Context,
): RuleSpec {
  return {
    ...portsOf(request),
    peer: peerOf(tx, group, request, context),
    ...describedAs(request.Description),
  };
}

function peerOf(
  tx: Reader,
  group: SecurityGroup,
  request: SecurityGroupRuleRequest,
  context: Context,
): RulePeer {
  const given = (["CidrIpv4", "CidrIpv6", "PrefixListId", "ReferencedGroupId"] as const).filter(
    (name) => request[name] !== undefined,
  );
  const [name, second] = given;
  if (name === undefined) {
    const words =
      "The request must contain exactly one of: cidrIp, cidrIpv6, prefixListId, or referencedGroupId";
    throw new Fault("MissingParameter", words);
  }
  if (second !== undefined) {
    const words = "Only one of cidrIp, cidrIpv6, prefixListId, or referencedGroupId can be specified";
    throw new Fault("InvalidParameterCombination", words);
  }
  switch (name) {
    case "CidrIpv4":
      return ipv4Peer(request.CidrIpv4);
    case "CidrIpv6":
      return ipv6Peer(request.CidrIpv6);
    case "ReferencedGroupId":
      return groupPeer(tx, group, { GroupId: request.ReferencedGroupId }, context);
    case "PrefixListId":
      return listPeer(tx, request.PrefixListId, context);
  }
}

type UpdateRequest = UpdateSecurityGroupRuleDescriptionsIngressRequest;

/**
 * Sets, or with an empty text removes, rules' descriptions: the rules are named by id or by what they say.
 */
function updateDescriptions(
  tx: Tx,
  input: UpdateRequest,
  direction: SecurityGroupRule["direction"],
  context: Context,
): void {
  const group = securityGroupOf(tx, input);
  const byId = input.SecurityGroupRuleDescriptions ?? [];
  const permissions = input.IpPermissions ?? [];
  if (byId.length > 0 === permissions.length > 0) {
    const words = "Either 'ipPermissions' or 'securityGroupRuleDescriptions' should be provided.";
    throw new Fault(byId.length > 0 ? "InvalidParameterCombination" : "MissingParameter", words);
  }
  for (const { SecurityGroupRuleId, Description } of byId) {
    describe(tx, findRuleIn(tx, group, SecurityGroupRuleId, direction), describedAs(Description));
  }
  for (const spec of ruleSpecs(tx, group, permissions, context)) {
    describe(tx, requiredMatch(tx, group, direction, spec), spec);
  }
}

function describe(tx: Tx, rule: SecurityGroupRule, { description }: { readonly description?: string }): void {
  const { description: _, ...bare } = rule;
  tx.put({ ...bare, ...(description === undefined ? {} : { description }) });
}

const UpdateSecurityGroupRuleDescriptionsIngress: Action<
  UpdateRequest,
  UpdateSecurityGroupRuleDescriptionsIngressResult
> = (tx, input, context) => {
  updateDescriptions(tx, input, "ingress", context);
  return { Return: true };
};

const UpdateSecurityGroupRuleDescriptionsEgress: Action<
  UpdateSecurityGroupRuleDescriptionsEgressRequest,
  UpdateSecurityGroupRuleDescriptionsEgressResult
> = (tx, input, context) => {
  updateDescriptions(tx, input, "egress", context);
  return { Return: true };
};

export const securityGroupRuleModifyActions = {
  DescribeSecurityGroupRules,
  ModifySecurityGroupRules,
  UpdateSecurityGroupRuleDescriptionsIngress,
  UpdateSecurityGroupRuleDescriptionsEgress,
};
