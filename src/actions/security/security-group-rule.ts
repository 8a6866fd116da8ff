import type {
  AuthorizeSecurityGroupEgressRequest,
  AuthorizeSecurityGroupEgressResult,
  AuthorizeSecurityGroupIngressRequest,
  AuthorizeSecurityGroupIngressResult,
  IpPermission,
  RevokeSecurityGroupEgressRequest,
  RevokeSecurityGroupEgressResult,
  RevokeSecurityGroupIngressRequest,
  RevokeSecurityGroupIngressResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { SecurityGroup, SecurityGroupRule } from "../../model/security-group.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagsFor } from "../kit/tags.ts";
import { weightOf } from "../route/prefix-list-describe.ts";
import { requireLivePeer } from "./security-group-peer.ts";
import { permissionsOf, type RuleSpec, ruleKey, ruleSpecs, ruleWords } from "./security-group-permission.ts";
import { describedRule, revokedRule } from "./security-group-rule-describe.ts";
import { rulesOf, securityGroupOf } from "./security-group.ts";

type Direction = SecurityGroupRule["direction"];

/**
 * The parameters of both directions. GroupName and the single rule's members only work for ingress, as on
 * AWS.
 */
type AuthorizeRequest =
  | AuthorizeSecurityGroupIngressRequest
  | (AuthorizeSecurityGroupEgressRequest & { readonly GroupName?: undefined });
type RevokeRequest =
  | RevokeSecurityGroupIngressRequest
  | (RevokeSecurityGroupEgressRequest & { readonly GroupName?: undefined });

function authorize(
  tx: Tx,
  input: AuthorizeRequest,
  direction: Direction,
  context: Context,
): AuthorizeSecurityGroupIngressResult {
  const group = securityGroupOf(tx, input);
  const specs = ruleSpecs(tx, group, permissionsIn(input, direction), context);
  for (const { peer } of specs) requireLivePeer(tx, peer);
  const tags = tagsFor("security-group-rule", input.TagSpecifications, context.quotas);
  requireNew(tx, group, direction, specs);
  requireRoom(tx, group, direction, specs, context);
  const rules = specs.map((spec): SecurityGroupRule => {
    return {
      kind: "security-group-rule",
      id: newId("security-group-rule", context.random),
      tags,
      groupId: group.id,
      direction,
      ...spec,
    };
  });
  for (const rule of rules) tx.put(rule);
  return { Return: true, SecurityGroupRules: rules.map((rule) => describedRule(tx, rule, context)) };
}

/**
 * @throws InvalidPermission.Duplicate when the group has one of the rules already; `except` is the id of a
 * rule being changed.
 */
export function requireNew(
  tx: Reader,
  group: SecurityGroup,
  direction: Direction,
  specs: readonly RuleSpec[],
  except?: string,
): void {
  const known = new Set(
    rulesIn(tx, group, direction).flatMap((rule) => (rule.id === except ? [] : [ruleKey(rule)])),
  );
  const repeated = specs.find((spec) => known.has(ruleKey(spec)));
  if (!repeated) return;
  throw new Fault(
    "InvalidPermission.Duplicate",
    `the specified rule "${ruleWords(repeated)}" already exists`,
  );
}

/**
 * The quota counts each direction, and IPv4 and IPv6 apart; a rule that names a group counts in both (VPC
 * user guide, "Amazon VPC quotas").
 */
function requireRoom(
  tx: Reader,
  group: SecurityGroup,
  direction: Direction,
  specs: readonly RuleSpec[],
  context: Context,
): void {
  const all = [...rulesIn(tx, group, direction), ...specs];
  const words = "The maximum number of rules per security group has been reached.";
  for (const other of ["ipv4", "ipv6"]) {
    const counted = all.filter(
      ({ peer }) =>
        peer.kind !== other && (peer.kind !== "prefix-list" || familyOf(tx, peer.prefixListId) !== other),
    );
    const used = counted.reduce(
      (sum, { peer }) => sum + (peer.kind === "prefix-list" ? weightOf(tx, peer.prefixListId, context) : 1),
      0,
    );
    requireQuota(context, "rules-per-security-group", used, "RulesPerSecurityGroupLimitExceeded", words);
  }
}

/** In lower case; a list that AWS manages is for IPv4. */
function familyOf(tx: Reader, prefixListId: string): "ipv4" | "ipv6" {
  return tx.get("prefix-list", prefixListId)?.addressFamily === "IPv6" ? "ipv6" : "ipv4";
}

function rulesIn(tx: Reader, group: SecurityGroup, direction: Direction): readonly SecurityGroupRule[] {
  return rulesOf(tx, group.id).filter((rule) => rule.direction === direction);
}

function revoke(
  tx: Tx,
  input: RevokeRequest,
  direction: Direction,
  context: Context,
): RevokeSecurityGroupIngressResult {
  const group = securityGroupOf(tx, input);
  const ids = input.SecurityGroupRuleIds ?? [];
  const { rules, unknown } =
    ids.length > 0
      ? { rules: ids.map((id) => findRuleIn(tx, group, id, direction)), unknown: [] }
      : matching(tx, group, direction, ruleSpecs(tx, group, permissionsIn(input, direction), context));
  for (const rule of rules) tx.delete("security-group-rule", rule.id);
  return {
    Return: true,
    UnknownIpPermissions: permissionsOf(tx, unknown, context),
    RevokedSecurityGroupRules: rules.map(revokedRule),
  };
}

/** The rule, which must be one of the group's, and of the direction when it is given. */
export function findRuleIn(
  tx: Reader,
  group: SecurityGroup,
  id: string | undefined,
  direction?: Direction,
): SecurityGroupRule {
  const rule = find(tx, "security-group-rule", id);
  if (rule.groupId === group.id && (direction === undefined || rule.direction === direction)) return rule;
  throw notFound("security-group-rule", rule.id);
}

/**
 * The group's rules that say the same, whatever their descriptions. In the default VPC a rule that isn't
 * there is only reported.
 * @throws InvalidPermission.NotFound in any other VPC (EC2 API reference, RevokeSecurityGroupIngress).
 */
function matching(
  tx: Reader,
  group: SecurityGroup,
  direction: Direction,
  specs: readonly RuleSpec[],
): { readonly rules: readonly SecurityGroupRule[]; readonly unknown: readonly RuleSpec[] } {
  const known = new Map(rulesIn(tx, group, direction).map((rule) => [ruleKey(rule), rule]));
  const unknown = specs.filter((spec) => !known.has(ruleKey(spec)));
  if (unknown.length > 0 && tx.get("vpc", group.vpcId)?.isDefault !== true) {
    throw new Fault(
      "InvalidPermission.NotFound",
      "The specified rule does not exist in this security group.",
    );
  }
  return { rules: specs.flatMap((spec) => known.get(ruleKey(spec)) ?? []), unknown };
}

/** The rule that the group has for a description of it. @throws InvalidPermission.NotFound. */
export function requiredMatch(
  tx: Reader,
  group: SecurityGroup,
  direction: Direction,
  spec: RuleSpec,
): SecurityGroupRule {
  const rule = rulesIn(tx, group, direction).find((one) => ruleKey(one) === ruleKey(spec));
  if (!rule)
    throw new Fault(
      "InvalidPermission.NotFound",
      "The specified rule does not exist in this security group.",
    );
  return rule;
}

const SINGLE = [
  "IpProtocol",
  "FromPort",
  "ToPort",
  "CidrIp",
  "SourceSecurityGroupName",
  "SourceSecurityGroupOwnerId",
] as const;
type Single = Pick<AuthorizeSecurityGroupIngressRequest, (typeof SINGLE)[number]>;
type PermissionsIn = Single & { readonly IpPermissions?: readonly IpPermission[] | undefined };

/**
 * A request's permissions: the list, or inward the one that its own members say. Outward they are "not
 * supported" (EC2 API reference).
 */
function permissionsIn(input: PermissionsIn, direction: Direction): readonly IpPermission[] {
  const single = SINGLE.find((name) => input[name] !== undefined);
  const permissions = input.IpPermissions ?? [];
  if (permissions.length > 0) {
    if (single === undefined) return permissions;
    const name = single.charAt(0).toLowerCase() + single.slice(1);
    throw new Fault(
      "InvalidParameterCombination",
      `The parameter 'ipPermissions' may not be used in combination with '${name}'`,
    );
  }
  if (single === undefined || direction === "egress") {
    throw new Fault("MissingParameter", "The request must contain the parameter ipPermissions");
  }
  return input.SourceSecurityGroupName === undefined ? [singlePermission(input)] : groupPermissions(input);
}

function singlePermission({ IpProtocol, FromPort, ToPort, CidrIp }: Single): IpPermission {
  return { IpProtocol, FromPort, ToPort, IpRanges: CidrIp === undefined ? [] : [{ CidrIp }] };
}

/** A source group by name grants everything that TCP, UDP and ICMP carry, and takes no ports. */
function groupPermissions(input: Single): readonly IpPermission[] {
  const other = (["IpProtocol", "FromPort", "ToPort", "CidrIp"] as const).find(
    (name) => input[name] !== undefined,
  );
  if (other !== undefined) {
    const name = other.charAt(0).toLowerCase() + other.slice(1);
    throw new Fault(
      "InvalidParameterCombination",
      `The parameter 'sourceSecurityGroupName' may not be used in combination with '${name}'`,
    );
  }
  const UserIdGroupPairs = [
    { GroupName: input.SourceSecurityGroupName, UserId: input.SourceSecurityGroupOwnerId },
  ];
  return [
    { IpProtocol: "tcp", FromPort: 0, ToPort: 65_535, UserIdGroupPairs },
    { IpProtocol: "udp", FromPort: 0, ToPort: 65_535, UserIdGroupPairs },
    { IpProtocol: "icmp", FromPort: -1, ToPort: -1, UserIdGroupPairs },
  ];
}

const AuthorizeSecurityGroupIngress: Action<
  AuthorizeSecurityGroupIngressRequest,
  AuthorizeSecurityGroupIngressResult
> = (tx, input, context) => authorize(tx, input, "ingress", context);

const AuthorizeSecurityGroupEgress: Action<
  AuthorizeSecurityGroupEgressRequest,
  AuthorizeSecurityGroupEgressResult
> = (tx, input, context) => {
  find(tx, "security-group", input.GroupId);
  return authorize(tx, input, "egress", context);
};

const RevokeSecurityGroupIngress: Action<
  RevokeSecurityGroupIngressRequest,
  RevokeSecurityGroupIngressResult
> = (tx, input, context) => revoke(tx, input, "ingress", context);

const RevokeSecurityGroupEgress: Action<RevokeSecurityGroupEgressRequest, RevokeSecurityGroupEgressResult> = (
  tx,
  input,
  context,
) => {
  find(tx, "security-group", input.GroupId);
  return revoke(tx, input, "egress", context);
};

export const securityGroupRuleActions = {
  AuthorizeSecurityGroupIngress,
  AuthorizeSecurityGroupEgress,
  RevokeSecurityGroupIngress,
  RevokeSecurityGroupEgress,
};
