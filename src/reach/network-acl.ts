import { SUBNET_FLAGS } from "../contract/tables.ts";
import { type Direction } from "./connection.ts";
import { drop, type Outcome, pass } from "./outcome.ts";
import { type Passage, receiverOf, senderOf } from "./passage.ts";
import { firstMatch } from "./rule-list.ts";

/**
 * Stages network_acl_out and network_acl_in: stateless, in order, at the border of a subnet and never within
 * it.
 */
export function networkAcl(
  passage: Passage,
  direction: Direction,
): Outcome<"network_acl_out" | "network_acl_in"> {
  if (passage.sameSubnet) return pass("same_subnet", {});
  const { tables, flow } = passage;
  const { subnet: key } = (direction === "out" ? senderOf(passage) : receiverOf(passage)).row;
  const subnet = tables.lookup("subnets", key);
  if (!subnet) return drop("tables_incomplete", { missing: "subnet", slot: key });
  if ((subnet.flags & SUBNET_FLAGS.no_network_acl) !== 0) return pass("no_network_acl", {});
  const acl = subnet.network_acl;
  const list = direction === "out" ? "network_acl_out" : "network_acl_in";
  const peer = direction === "out" ? flow.destination : flow.source;
  const { rule, incomplete, entries } = firstMatch(tables, list, acl, { flow, peer, groups: [] });
  if (incomplete) return drop("tables_incomplete", { missing: "network_acl", slot: acl }, ...entries);
  if (!rule) return drop(list, { acl }, ...entries);
  if (rule.action === 0) return drop(list, { acl, rule }, ...entries);
  return pass(list, { acl, rule }, ...entries);
}
