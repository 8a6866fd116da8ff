import { ANY_PEER, blockPeer, isOpen, type Rule, ruleListRows, traffic } from "../contract/rule-list.ts";
import type { Entry } from "../contract/tables.ts";
import { prefixListEntries } from "../model/aws-prefix-list.ts";
import type { SecurityGroup, SecurityGroupRule } from "../model/security-group.ts";
import type { Reader } from "../model/state.ts";

/** A group's two rule lists. */
export function securityGroupRows(reader: Reader, group: SecurityGroup): readonly Entry[] {
  const rules = reader.by("security-group-rule", "groupId", group.id);
  const compiled = (direction: SecurityGroupRule["direction"]): readonly Rule[] =>
    rules
      .filter((rule) => rule.direction === direction)
      .flatMap((rule) => ruleOf(reader, rule))
      .toSorted(byContent);
  const rows = (
    list: "security_group_out" | "security_group_in",
    compiledRules: readonly Rule[],
  ): readonly Entry[] => ruleListRows(list, group.slot, compiledRules, compiledRules.filter(isOpen).length);
  return [
    ...rows("security_group_out", compiled("egress")),
    ...rows("security_group_in", compiled("ingress")),
  ];
}

/** A rule that names a deleted group has no row: that group has no members. */
function ruleOf(reader: Reader, rule: SecurityGroupRule): readonly Rule[] {
  switch (rule.peer.kind) {
    case "ipv4":
    case "ipv6":
      return blockRule(rule, rule.peer.cidr);
    case "prefix-list":
      return prefixListEntries(reader, rule.peer.prefixListId).map(({ cidr }) =>
        allowing(rule, blockPeer(cidr), 0),
      );
    case "group": {
      const peer = reader.get("security-group", rule.peer.groupId);
      return peer ? [allowing(rule, ANY_PEER, peer.slot + 1)] : [];
    }
  }
}

/**
 * The rule for a block, which does not depend on the state. Kept, so that a group of a thousand rules is not
 * compiled anew for each new one.
 */
function blockRule(rule: SecurityGroupRule, cidr: string): readonly Rule[] {
  let known = blockRules.get(rule);
  if (!known) {
    known = [allowing(rule, blockPeer(cidr), 0)];
    blockRules.set(rule, known);
  }
  return known;
}

const blockRules = new WeakMap<SecurityGroupRule, readonly Rule[]>();

function allowing(
  rule: SecurityGroupRule,
  { peer, peer_length }: Pick<Rule, "peer" | "peer_length">,
  group: number,
): Rule {
  const { protocol, port_from, port_to } = traffic(rule.protocol, rule.fromPort, rule.toPort);
  return { peer, group, number: 0, protocol, port_from, port_to, peer_length, action: 1 };
}

/**
 * All rules allow, so their order decides nothing. Rules for everybody come first, then the order depends
 * only on content, never on history.
 */
function byContent(a: Rule, b: Rule): number {
  return (
    Number(isOpen(b)) - Number(isOpen(a)) ||
    a.protocol - b.protocol ||
    a.port_from - b.port_from ||
    a.port_to - b.port_to ||
    a.group - b.group ||
    a.peer_length - b.peer_length ||
    (a.peer < b.peer ? -1 : a.peer > b.peer ? 1 : 0)
  );
}
