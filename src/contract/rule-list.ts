import { formatIpv4, formatIpv6, isIpv6Text } from "../lib/address.ts";
import { assert } from "../lib/assert.ts";
import { ipv4BlockOf, ipv6BlockOf } from "../lib/block.ts";
import {
  type Entry,
  MAX_RULES_PER_LIST,
  RULE_LIST,
  type RuleListName,
  RULES_PER_CHUNK,
  type StructValue,
} from "./tables.ts";

export type Rule = StructValue<"rule">;

/** Any protocol, ICMP type or code. */
export const ANY = 0xffff;
/** The bits in front of an IPv4 prefix in a mapped address. */
const MAPPED_BITS = 96;
const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;

/** The other side of a rule that names a block, IPv4 or IPv6. */
export function blockPeer(cidr: string): Pick<Rule, "peer" | "peer_length"> {
  if (isIpv6Text(cidr)) return ipv6Peer(cidr);
  const { base, length } = ipv4BlockOf(cidr);
  return { peer: formatIpv4(base), peer_length: MAPPED_BITS + length };
}

/**
 * A block within ::ffff:0:0/96 would match IPv4 addresses. No IPv6 packet has such an address, so the block
 * becomes ::/128, which no packet has either.
 */
function ipv6Peer(cidr: string): Pick<Rule, "peer" | "peer_length"> {
  const { base, length } = ipv6BlockOf(cidr);
  if (length >= MAPPED_BITS && base >> 32n === 0xffffn) return { peer: "::", peer_length: 128 };
  return { peer: formatIpv6(base), peer_length: length };
}

/** The other side of a rule that names no block. */
export const ANY_PEER: Pick<Rule, "peer" | "peer_length"> = { peer: "::", peer_length: 0 };

/** The protocol and ports of a rule. `from`, `to`: ports, or ICMP type and code; -1 or absent for any. */
export function traffic(
  protocol: number,
  from: number | undefined,
  to: number | undefined,
): Pick<Rule, "protocol" | "port_from" | "port_to"> {
  if (protocol === ICMP || protocol === ICMPV6)
    return { protocol, port_from: orAny(from), port_to: orAny(to) };
  const limited =
    (protocol === TCP || protocol === UDP) && from !== undefined && from >= 0 && to !== undefined;
  return {
    protocol: protocol === -1 ? ANY : protocol,
    port_from: limited ? from : 0,
    port_to: limited ? to : 0xffff,
  };
}

function orAny(value: number | undefined): number {
  return value === undefined || value === -1 ? ANY : value;
}

const NO_RULE: Rule = { ...ANY_PEER, group: 0, number: 0, protocol: 0, port_from: 0, port_to: 0, action: 0 };

/** Whether the rule names everybody: 0.0.0.0/0, or ::/0. */
export function isOpen(rule: Rule): boolean {
  return (
    rule.group === 0 &&
    (rule.peer_length === 0 || (rule.peer_length === MAPPED_BITS && rule.peer.includes(".")))
  );
}

/**
 * A list's rows: the chunks, under a version that is derived from their content, and the row that points to
 * that version. The first `open` rules are {@link isOpen}.
 */
export function ruleListRows(
  name: RuleListName,
  owner: number,
  rules: readonly Rule[],
  open = 0,
): readonly Entry[] {
  assert(
    rules.length <= MAX_RULES_PER_LIST,
    `a list holds at most ${MAX_RULES_PER_LIST} rules, not ${rules.length}`,
  );
  const kind = RULE_LIST[name];
  const version = contentVersion(rules);
  const rows: Entry[] = [
    { table: "rule_lists", key: { kind, owner }, value: { version, count: rules.length, open } },
  ];
  for (let chunk = 0; chunk * RULES_PER_CHUNK < rules.length; chunk++) {
    const first = chunk * RULES_PER_CHUNK;
    rows.push({
      table: "rule_chunks",
      key: { version, kind, owner, chunk, pad: 0 },
      value: {
        rules: Array.from({ length: RULES_PER_CHUNK }, (_, index) => rules[first + index] ?? NO_RULE),
      },
    });
  }
  return rows;
}

/**
 * A 64-bit number derived from the rules' content (two 32-bit FNV-1a hashes with different bases). Should two
 * lists of one owner ever share it, the rows are still right; only the step from one to the other is not
 * atomic.
 */
function contentVersion(rules: readonly Rule[]): bigint {
  let low = 0x811c9dc5;
  let high = 0x050c5d1f;
  for (const rule of rules) {
    const { peer, group, number, protocol, port_from, port_to, peer_length, action } = rule;
    const text = `${peer} ${peer_length} ${protocol} ${port_from} ${port_to} ${number} ${action} ${group}`;
    for (let index = 0; index <= text.length; index++) {
      const code = index < text.length ? text.charCodeAt(index) : 10;
      low = Math.imul(low ^ code, 0x01000193);
      high = Math.imul(high ^ code, 0x01000193) ^ (high >>> 15);
    }
  }
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
