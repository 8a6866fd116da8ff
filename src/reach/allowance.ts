import { present } from "../lib/assert.ts";
import { drop, type Dropped } from "./outcome.ts";
import type { Passage } from "./passage.ts";

const SECOND = 1_000_000_000n;

/**
 * Drops a packet beyond the number that its interface may send to link-local services in a second; else
 * counts it.
 */
export function overAllowance(passage: Passage, slot: number): Dropped | undefined {
  const { tables, packet, now, spent } = passage;
  const second = now / SECOND;
  const before = spent.known.get(slot);
  const packets = before?.second === second ? before.packets : 0;
  const most = present(tables.lookup("settings", 0), "the settings").link_local_allowance;
  if (packets >= most) return drop("link_local_allowance", { most });
  spent.changes.set(slot, { second, packets: packets + (packet.packets ?? 1) });
  return undefined;
}
