import { blockPeer, type Rule, ruleListRows, traffic } from "../contract/rule-list.ts";
import type { Entry } from "../contract/tables.ts";
import { present } from "../lib/assert.ts";
import type { NetworkAcl, NetworkAclEntry } from "../model/network-acl.ts";

/** An ACL's two rule lists, in the order of the rules' numbers. The stage itself ends in the closing deny. */
export function networkAclRows(acl: NetworkAcl): readonly Entry[] {
  const compiled = (egress: boolean): readonly Rule[] =>
    acl.entries
      .filter((entry) => entry.egress === egress)
      .toSorted((a, b) => a.ruleNumber - b.ruleNumber)
      .map(ruleOf);
  return [
    ...ruleListRows("network_acl_out", acl.slot, compiled(true)),
    ...ruleListRows("network_acl_in", acl.slot, compiled(false)),
  ];
}

function ruleOf(entry: NetworkAclEntry): Rule {
  const { icmp, portRange } = entry;
  const what = icmp
    ? traffic(entry.protocol, icmp.type, icmp.code)
    : traffic(entry.protocol, portRange?.from, portRange?.to);
  const peer = blockPeer(
    present(entry.cidrBlock ?? entry.ipv6CidrBlock, `the block of rule ${entry.ruleNumber}`),
  );
  return { ...peer, ...what, group: 0, number: entry.ruleNumber, action: entry.action === "allow" ? 1 : 0 };
}
