import { ANY, type Rule } from "../contract/rule-list.ts";
import {
  type Entry,
  RULE_LIST,
  type RuleListName,
  RULES_PER_CHUNK,
  type TableReader,
} from "../contract/tables.ts";
import { addressBytes, isIpv6Text } from "../lib/address.ts";
import { type Flow, isIcmp, TCP, UDP } from "./packet.ts";

/**
 * The first rule of a list that matches; "incomplete" when the list points to rules that are missing: then
 * the packet is dropped.
 */
export type Match = {
  readonly rule: Rule | undefined;
  readonly incomplete: boolean;
  readonly entries: readonly Entry[];
};

/** What rules are matched against: the flow, the other end's address, and its groups' slots if they count. */
export type Asked = { readonly flow: Flow; readonly peer: string; readonly groups: readonly number[] };

export function firstMatch(tables: TableReader, name: RuleListName, owner: number, asked: Asked): Match {
  const kind = RULE_LIST[name];
  const list = tables.lookup("rule_lists", { kind, owner });
  if (!list) return { rule: undefined, incomplete: false, entries: [] };
  const entry: Entry = { table: "rule_lists", key: { kind, owner }, value: list };
  for (let chunk = 0; chunk * RULES_PER_CHUNK < list.count; chunk++) {
    const key = { version: list.version, kind, owner, chunk, pad: 0 };
    const value = tables.lookup("rule_chunks", key);
    if (!value) return { rule: undefined, incomplete: true, entries: [entry] };
    const rule = value.rules
      .slice(0, list.count - chunk * RULES_PER_CHUNK)
      .find((candidate) => matches(candidate, asked));
    if (rule) return { rule, incomplete: false, entries: [{ table: "rule_chunks", key, value }] };
  }
  return { rule: undefined, incomplete: false, entries: [entry] };
}

/** All rules of a list in order; none when some are missing. */
export function rulesOf(tables: TableReader, name: RuleListName, owner: number): readonly Rule[] {
  const count = tables.lookup("rule_lists", { kind: RULE_LIST[name], owner })?.count ?? 0;
  const rules = rulesAtHand(tables, name, owner);
  return rules.length === count ? rules : [];
}

/** The rules of a list in order, up to the first that is missing. */
export function rulesAtHand(tables: TableReader, name: RuleListName, owner: number): readonly Rule[] {
  const kind = RULE_LIST[name];
  const list = tables.lookup("rule_lists", { kind, owner });
  if (!list) return [];
  const rules: Rule[] = [];
  for (let chunk = 0; chunk * RULES_PER_CHUNK < list.count; chunk++) {
    const value = tables.lookup("rule_chunks", { version: list.version, kind, owner, chunk, pad: 0 });
    if (!value) break;
    rules.push(...value.rules.slice(0, list.count - chunk * RULES_PER_CHUNK));
  }
  return rules;
}

export function matches(rule: Rule, { flow, peer, groups }: Asked): boolean {
  return (
    trafficMatches(rule, flow) &&
    (rule.group !== 0 || isOfFamily(rule, peer)) &&
    inBlock(peer, rule) &&
    (rule.group === 0 || groups.includes(rule.group - 1))
  );
}

/**
 * Whether the address is of the family of the rule's block. (Rules that name groups have none: a group's
 * members may have addresses of both families.)
 */
function isOfFamily(rule: Rule, address: string): boolean {
  return isIpv6Text(address) || rule.peer_length >= MAPPED_BITS;
}

const MAPPED_BITS = 96;

function trafficMatches(rule: Rule, flow: Flow): boolean {
  if (rule.protocol === ANY) return true;
  if (rule.protocol !== flow.protocol) return false;
  if (flow.protocol === TCP || flow.protocol === UDP) {
    const port = flow.destinationPort ?? 0;
    return port >= rule.port_from && port <= rule.port_to;
  }
  if (!isIcmp(flow)) return true;
  return (
    (rule.port_from === ANY || rule.port_from === flow.icmp?.type) &&
    (rule.port_to === ANY || rule.port_to === flow.icmp?.code)
  );
}

/** Whether the address lies in the rule's block; both as sixteen bytes. */
function inBlock(address: string, rule: Pick<Rule, "peer" | "peer_length">): boolean {
  const bytes = addressBytes(address);
  const base = addressBytes(rule.peer);
  return bytes.every((byte, index) => {
    const bits = Math.min(8, Math.max(0, rule.peer_length - index * 8));
    return (byte ^ (base[index] ?? 0)) >> (8 - bits) === 0;
  });
}
