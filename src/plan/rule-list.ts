import { entry, valueText } from "./entry.ts";
import { type Entry, RULE_LIST, type RuleListName, RULES_PER_CHUNK, type StructValue } from "./tables.ts";

export type Rule = StructValue<"rule">;

/** Fills the last chunk; never read, since the list tells its count. */
const EMPTY: Rule = { peer: "::", group: 0, number: 0, protocol: 0, port_from: 0, port_to: 0, peer_length: 0, action: 0 };

export const ANY = 0xffff;

/**
 * The rows of one list: its chunks under a version that follows from what they say, and the pointer to them.
 * A changed list has another version, so it stands beside the old one until the pointer moves.
 */
export function ruleListEntries(list: RuleListName, owner: number, rules: readonly Rule[]): readonly Entry[] {
  const kind = RULE_LIST[list];
  const version = digest(valueText(rules));
  const chunks = Array.from({ length: Math.ceil(rules.length / RULES_PER_CHUNK) }, (_, chunk) => {
    const some = rules.slice(chunk * RULES_PER_CHUNK, (chunk + 1) * RULES_PER_CHUNK);
    const full = [...some, ...Array.from({ length: RULES_PER_CHUNK - some.length }, () => EMPTY)];
    return entry("rule_chunks", { version, kind, owner, chunk, pad: 0 }, { rules: full });
  });
  return [...chunks, entry("rule_lists", { kind, owner }, { version, count: rules.length, pad: 0 })];
}

/** FNV-1a, 64 bits (draft-eastlake-fnv). */
function digest(text: string): bigint {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash;
}
