import type { Entry, TableKey, TableName, TableValue } from "./tables.ts";

/** One row, with its key and value checked against its table. */
export function entry<T extends TableName>(table: T, key: TableKey<T>, value: TableValue<T>): Entry {
  return { table, key, value } as unknown as Entry;
}

/** A text that two rows share exactly when they are the same row of the same table. */
export function entryName(row: Entry): string {
  return `${row.table}:${keyText(row.key)}`;
}

export function keyText(key: Entry["key"]): string {
  return typeof key === "number" ? String(key) : Object.values(key).join(",");
}

export function sameValue(a: Entry, b: Entry): boolean {
  return valueText(a.value) === valueText(b.value);
}

export function valueText(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === "bigint" ? part.toString() : part));
}
