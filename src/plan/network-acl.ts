import type { NetworkAcl, NetworkAclEntry } from "../model/network-acl.ts";
import { ANY, type Rule, ruleListEntries } from "./rule-list.ts";
import { blockOf, portsOf } from "./rule-match.ts";
import type { Entry } from "./tables.ts";

/** An ACL's rules in both directions, lowest number first. Behind the last one everything is denied. */
export function networkAclEntries(acl: NetworkAcl): readonly Entry[] {
  const towards = (egress: boolean): readonly Rule[] =>
    acl.entries
      .filter((rule) => rule.egress === egress)
      .toSorted((a, b) => a.ruleNumber - b.ruleNumber)
      .map(ruleOf);
  return [...ruleListEntries("network_acl_out", acl.slot, towards(true)), ...ruleListEntries("network_acl_in", acl.slot, towards(false))];
}

function ruleOf(rule: NetworkAclEntry): Rule {
  const [from, to] = rule.icmp ? [rule.icmp.type, rule.icmp.code] : [rule.portRange?.from ?? -1, rule.portRange?.to ?? -1];
  return {
    ...blockOf(rule.cidrBlock ?? rule.ipv6CidrBlock ?? "::/0"),
    group: 0,
    number: rule.ruleNumber,
    protocol: rule.protocol === -1 ? ANY : rule.protocol,
    ...portsOf(rule.protocol, from, to),
    action: rule.action === "allow" ? 1 : 0,
  };
}
