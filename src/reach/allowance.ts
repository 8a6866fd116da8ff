import { present } from "../lib/assert.ts";
import { drop, type Outcome, type Passage } from "./passage.ts";

const SECOND = 1_000_000_000n;

/** The drop of a packet beyond what its interface may send to link-local services in a second; else it is counted. */
export function overAllowance(passage: Passage, slot: number): Outcome | undefined {
  const { tables, packet, now, spent } = passage;
  const second = now / SECOND;
  const before = spent.known.get(slot);
  const packets = before?.second === second ? before.packets : 0;
  const most = present(tables.lookup("settings", 0), "the settings").link_local_allowance;
  if (packets >= most) return drop("link_local_allowance", `${most} packets in a second`);
  spent.changes.set(slot, { second, packets: packets + (packet.packets ?? 1) });
  return undefined;
}
