import { addressBytes, formatBytes } from "../lib/address.ts";
import { keyText } from "./entry.ts";
import {
  type Delta,
  type Entry,
  type TableKey,
  type TableName,
  type TableReader,
  TABLES,
  type TableValue,
} from "./tables.ts";

/** The tables in memory: for tests, and where there is no kernel. */
export type MemoryTables = TableReader & {
  readonly apply: (delta: Delta) => void;
  readonly entries: () => readonly Entry[];
};

const ROUTE_TABLE_BITS = 32;

export function memoryTables(initial: readonly Entry[] = []): MemoryTables {
  const rows = Object.fromEntries(
    Object.keys(TABLES).map((name) => [name, new Map<string, Entry>()]),
  ) as Record<TableName, Map<string, Entry>>;
  /** How many routes each route table has of each prefix length. */
  const lengths = new Map<number, Map<number, number>>();

  const countLength = (entry: Entry, by: 1 | -1): void => {
    if (entry.table !== "routes") return;
    const { route_table: table, prefix_length: length } = entry.key;
    const counts = lengths.get(table) ?? new Map<number, number>();
    lengths.set(table, counts);
    const count = (counts.get(length) ?? 0) + by;
    if (count > 0) counts.set(length, count);
    else counts.delete(length);
  };
  const put = (entry: Entry): void => {
    const key = keyText(entry.table, entry.key);
    if (!rows[entry.table].has(key)) countLength(entry, 1);
    rows[entry.table].set(key, entry);
  };
  const remove = (entry: Entry): void => {
    if (rows[entry.table].delete(keyText(entry.table, entry.key))) countLength(entry, -1);
  };

  for (const entry of initial) put(entry);
  return {
    lookup: <T extends TableName>(table: T, key: TableKey<T>) =>
      rows[table].get(keyText(table, key as Entry["key"]))?.value as TableValue<T> | undefined,
    longestMatch: (routeTable, address) => {
      const candidates = [...(lengths.get(routeTable)?.keys() ?? [])].toSorted((a, b) => b - a);
      for (const length of candidates) {
        const key = {
          prefix_length: length,
          route_table: routeTable,
          address: masked(address, length - ROUTE_TABLE_BITS),
        };
        const found = rows.routes.get(keyText("routes", key));
        if (found) return found as Entry<"routes">;
      }
      return undefined;
    },
    apply: ({ puts, removals }) => {
      for (const entry of puts) put(entry);
      for (const entry of removals) remove(entry);
    },
    entries: () => Object.values(rows).flatMap((table) => [...table.values()]),
  };
}

/** The address with only its first bits kept; bits are counted over the mapped form. */
function masked(address: string, bits: number): string {
  const bytes = addressBytes(address);
  return formatBytes(
    bytes.map((byte, index) => byte & (0xff << Math.max(0, 8 - Math.max(0, bits - index * 8)))),
  );
}
