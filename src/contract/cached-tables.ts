import { keyText } from "./entry.ts";
import type { Entry, TableReader } from "./tables.ts";

/**
 * The same tables, with each row read only once: for questions that look at the same rows many times, and are
 * over before the tables change.
 */
export function cachedTables(base: TableReader): TableReader {
  const rows = new Map<string, unknown>();
  const routes = new Map<string, Entry<"routes"> | undefined>();
  const once = <T>(known: Map<string, unknown>, key: string, read: () => T): T => {
    if (!known.has(key)) known.set(key, read());
    return known.get(key) as T;
  };
  return {
    lookup: (table, key) =>
      once(rows, `${table} ${keyText(table, key as Entry["key"])}`, () => base.lookup(table, key)),
    longestMatch: (routeTable, address) =>
      once(routes, `${routeTable} ${address}`, () => base.longestMatch(routeTable, address)),
  };
}
