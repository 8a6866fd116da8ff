import { readFileSync } from "node:fs";
import { setImmediate as turn } from "node:timers/promises";
import { TABLES, type TableName } from "../contract/tables.ts";
import type { KernelMap } from "./map.ts";
import type { MapName } from "./object.ts";

/** How many entries a table of the kernel has, and how many it has room for. */
export type TableSize = {
  readonly table: MapName;
  readonly capacity: number;
  /** Absent for an array: all its rows exist. */
  readonly entries?: number;
  /** Memory, as the kernel accounts for it; absent when the kernel does not say. */
  readonly bytes?: number;
};

/** Tables that are not arrays, and the program's table of drops. The sweep counts connections. */
const COUNTED: ReadonlySet<MapName> = new Set([
  ...(Object.keys(TABLES) as TableName[]).filter((table) => TABLES[table].type !== "array"),
  "drops",
]);
/** A table with more entries is not counted anew every time. */
const SMALL = 16_384;
const RECOUNT_MILLISECONDS = 60_000;

/**
 * Counts by reading: the kernel does not say how many entries a hash has. It reads thousands at a time, with
 * other work in between; a large table at most once a minute. `clock`: milliseconds.
 */
export function tableSizes(
  maps: Readonly<Record<MapName, KernelMap>>,
  clock: () => number,
): () => Promise<readonly TableSize[]> {
  const counts = new Map<MapName, { readonly entries: number; readonly until: number }>();
  const entriesOf = async (table: MapName): Promise<number> => {
    const known = counts.get(table);
    if (known && clock() < known.until) return known.entries;
    let entries = 0;
    for (const batch of maps[table].batches()) {
      entries += batch.count;
      await turn();
    }
    counts.set(table, { entries, until: entries > SMALL ? clock() + RECOUNT_MILLISECONDS : 0 });
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
 * The map's `memlock`; exact from Linux 6.4 on. Before, it is an estimate from keys and values, which is zero
 * for a ring, so a ring counts with its capacity in bytes.
 */
function memoryOf({ fd, shape }: KernelMap): number | undefined {
  const found = /^memlock:\s*(\d+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"))?.[1];
  if (found === undefined) return undefined;
  return Math.max(Number(found), shape.keySize === 0 ? shape.maxEntries : 0);
}
