import { entryKey, keyText } from "./entry.ts";
import { memoryTables } from "./memory-tables.ts";
import type { Delta, Entry, TableReader } from "./tables.ts";

/**
 * The tables as they would be with a delta on top. A removed route is assumed to leave no other one that
 * covers as much.
 */
export function overlaidTables(base: TableReader, { puts, removals }: Delta): TableReader {
  const above = memoryTables(puts);
  const gone = new Set(removals.map(entryKey));
  return {
    lookup: (table, key) => {
      const isGone = gone.has(`${table} ${keyText(table, key as Entry["key"])}`);
      return above.lookup(table, key) ?? (isGone ? undefined : base.lookup(table, key));
    },
    longestMatch: (routeTable, address) => {
      const [over, under] = [above.longestMatch(routeTable, address), base.longestMatch(routeTable, address)];
      const left = under && !gone.has(entryKey(under)) ? under : undefined;
      return over && (!left || over.key.prefix_length >= left.key.prefix_length) ? over : left;
    },
  };
}
