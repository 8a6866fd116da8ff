import { type Entry, STRUCTS, type TableName, TABLES } from "./tables.ts";

/** A text that identifies the row among those of all tables. */
export function entryKey(entry: Entry): string {
  return `${entry.table} ${keyText(entry.table, entry.key)}`;
}

/** A text that identifies the key among those of its table. */
export function keyText(table: TableName, key: Entry["key"]): string {
  if (typeof key === "number") return String(key);
  const fields = KEY_FIELDS[table];
  const values = key as unknown as Readonly<Record<string, unknown>>;
  let text = "";
  for (const field of fields) text += `${String(values[field])} `;
  return text;
}

const KEY_FIELDS = Object.fromEntries(
  Object.entries(TABLES).map(([name, table]) => [
    name,
    "key" in table ? Object.keys(STRUCTS[table.key]) : [],
  ]),
) as unknown as Readonly<Record<TableName, readonly string[]>>;

/** Whether two rows' values are equal: numbers, texts, and lists and records of them. */
export function sameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const left = Object.entries(a);
  const right = b as Readonly<Record<string, unknown>>;
  return (
    left.length === Object.keys(b).length && left.every(([field, value]) => sameValue(value, right[field]))
  );
}
