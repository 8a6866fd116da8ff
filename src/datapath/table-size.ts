import { readFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { TABLES, type TableName } from "../plan/tables.ts";
import type { KernelMap } from "./map.ts";
import type { MapName } from "./object.ts";

/** How much a table of the kernel holds, and how much it can. */
export type TableSize = {
  readonly table: MapName;
  readonly capacity: number;
  /** Absent of an array: its rows are all there. */
  readonly entries?: number;
  /** Memory, as the kernel accounts for it; absent where it does not say. */
  readonly bytes?: number;
};

/** The tables that are no arrays, and the program's own of drops; connections are counted by whoever sweeps them. */
const COUNTED: ReadonlySet<MapName> = new Set([
  ...(Object.keys(TABLES) as TableName[]).filter((table) => TABLES[table].type !== "array"),
  "drops",
]);
/** What holds more is not counted anew every time. */
const SMALL = 16_384;
const RECOUNT_MS = 60_000;

/**
 * Counts by reading: the kernel does not tell how many entries a hash has. A batch of thousands at a time, with other work
 * let through between two of them; a large table at most once a minute. `clock`: milliseconds.
 */
export function tableSizes(maps: Readonly<Record<MapName, KernelMap>>, clock: () => number): () => Promise<readonly TableSize[]> {
  const counts = new Map<MapName, { readonly entries: number; readonly until: number }>();
  const entriesOf = async (table: MapName): Promise<number> => {
    const known = counts.get(table);
    if (known && clock() < known.until) return known.entries;
    let entries = 0;
    for (const batch of maps[table].batches()) {
      entries += batch.count;
      await turn();
    }
    counts.set(table, { entries, until: entries > SMALL ? clock() + RECOUNT_MS : 0 });
    return entries;
  };
  return async () => {
    const sizes: TableSize[] = [];
    for (const [table, map] of Object.entries(maps) as [MapName, KernelMap][]) {
      const entries = COUNTED.has(table) ? await entriesOf(table) : undefined;
      const bytes = memoryOf(map);
      sizes.push({
        table,
        capacity: map.shape.maxEntries,
        ...(entries === undefined ? {} : { entries }),
        ...(bytes === undefined ? {} : { bytes }),
      });
    }
    return sizes;
  };
}

/**
 * `memlock` of the map's descriptor; exact from Linux 6.4. Before, it is an estimate from keys and values: a ring has none and
 * would count for nothing, so there it is its capacity, which is in bytes.
 */
function memoryOf({ fd, shape }: KernelMap): number | undefined {
  const found = /^memlock:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
  if (found === undefined) return undefined;
  return Math.max(Number(found), shape.keySize === 0 ? shape.maxEntries : 0);
}
