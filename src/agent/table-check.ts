import { entryKey, sameValue } from "../contract/entry.ts";
import { type Entry, type TableName, TABLES } from "../contract/tables.ts";
import type { Reader } from "../model/state.ts";
import { resourceRows } from "../plan/compile.ts";
import { lint } from "../plan/lint.ts";

type Rows = <T extends TableName>(table: T) => readonly Entry<T>[];

/**
 * What is wrong with the kernel's rows: what the state has otherwise or not at all, and what points to
 * nothing.
 */
export function checkTables(
  rowsOf: Rows,
  readers: Iterable<Reader>,
  pools: readonly string[],
): { readonly rows: number; readonly complaints: readonly string[] } {
  const wanted = new Map(Array.from(resourceRows(readers, pools), (row) => [entryKey(row), row]));
  const tables = Object.keys(TABLES) as readonly TableName[];
  // A rule list that was replaced stays for some seconds, for the packets that are reading it.
  const rows = tables
    .flatMap((table) => rowsOf(table))
    .filter((row) => row.table !== "rule_chunks" || wanted.has(entryKey(row)));
  const found = new Map(rows.map((row) => [entryKey(row), row]));
  const strays = rows.flatMap((row) => {
    const known = row.table === "settings" || wanted.has(entryKey(row));
    return known ? [] : [`${entryKey(row)}: nothing in the state asks for it`];
  });
  const others = [...wanted].flatMap(([key, row]) => {
    const there = found.get(key);
    if (!there) return [`${key}: is missing`];
    return sameValue(there.value, row.value) ? [] : [`${key}: is not what the state says`];
  });
  return { rows: rows.length, complaints: [...strays, ...others, ...lint(rows)] };
}
