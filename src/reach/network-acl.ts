import { SUBNET_FLAGS } from "../plan/tables.ts";
import { type Direction } from "./connection.ts";
import { drop, type Outcome, pass, type Passage, receiverOf, senderOf } from "./passage.ts";
import { firstMatch } from "./rule-list.ts";

/** Stages network_acl_out and network_acl_in: stateless, in order, at the border of a subnet and never within it. */
export function networkAcl(passage: Passage, direction: Direction): Outcome {
  if (passage.sameSubnet) return pass("not asked within a subnet");
  const { tables, flow } = passage;
  const { subnet: key } = (direction === "out" ? senderOf(passage) : receiverOf(passage)).row;
  const subnet = tables.lookup("subnets", key);
  if (!subnet) return drop("tables_incomplete", `no subnet ${key}`);
  if ((subnet.flags & SUBNET_FLAGS.no_network_acl) !== 0) return pass("no ACL guards a regional NAT gateway");
  const list = direction === "out" ? "network_acl_out" : "network_acl_in";
  const peer = direction === "out" ? flow.destination : flow.source;
  const { rule, incomplete, entries } = firstMatch(tables, list, subnet.network_acl, { flow, peer, groups: [] });
  if (incomplete) return drop("tables_incomplete", `rules of ACL ${subnet.network_acl} are missing`, ...entries);
  if (!rule) return drop(list, `no rule of ACL ${subnet.network_acl} matches`, ...entries);
  if (rule.action === 0) return { ...drop(list, `rule ${rule.number} of ACL ${subnet.network_acl} denies`, ...entries), rule };
  return { ...pass(`rule ${rule.number} of ACL ${subnet.network_acl} allows`, ...entries), rule };
}
