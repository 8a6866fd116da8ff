import { present } from "../lib/assert.ts";
import type { SecurityGroup, SecurityGroupRule } from "../model/security-group.ts";
import type { Reader } from "../model/state.ts";
import { blockOf, portsOf } from "./rule-match.ts";
import { ANY, type Rule, ruleListEntries } from "./rule-list.ts";
import type { Entry } from "./tables.ts";

/** A group's rules in both directions. All allow; the order is of no consequence. */
export function securityGroupEntries(reader: Reader, group: SecurityGroup): readonly Entry[] {
  const rules = reader.by("security-group-rule", "groupId", group.id);
  const towards = (direction: SecurityGroupRule["direction"]): readonly Rule[] =>
    rules.filter((rule) => rule.direction === direction).map((rule) => ruleOf(reader, rule));
  return [
    ...ruleListEntries("security_group_out", group.slot, towards("egress")),
    ...ruleListEntries("security_group_in", group.slot, towards("ingress")),
  ];
}

function ruleOf(reader: Reader, rule: SecurityGroupRule): Rule {
  const { peer } = rule;
  const block = peer.kind === "group" ? { peer: "::", peer_length: 0 } : blockOf(peer.cidr);
  const group = peer.kind === "group" ? present(reader.get("security-group", peer.groupId), peer.groupId).slot + 1 : 0;
  return {
    ...block,
    group,
    number: 0,
    protocol: rule.protocol === -1 ? ANY : rule.protocol,
    ...portsOf(rule.protocol, rule.fromPort, rule.toPort),
    action: 1,
  };
}
