import { assert } from "../lib/assert.ts";
import { decodeStruct, encodeStruct } from "../plan/layout.ts";
import { type Entry, type TableKey, TABLES, type TableName, type TableValue } from "../plan/tables.ts";
import { indexKey } from "./map.ts";

/** A table row as the kernel's bytes. For a doubled table `value` is one copy. */
export type Row = { readonly table: TableName; readonly key: Uint8Array; readonly value: Uint8Array };

export function encodeRow(entry: Entry): Row {
  return { table: entry.table, key: encodeKey(entry.table, entry.key as never), value: encodeValue(entry.table, entry.value) };
}

export function encodeKey<T extends TableName>(table: T, key: TableKey<T>): Uint8Array {
  const layout = TABLES[table];
  if (typeof key === "number") return indexKey(key);
  assert("key" in layout, `the keys of ${table} are structs`);
  return encodeStruct(layout.key, key as never);
}

function encodeValue<T extends TableName>(table: T, value: TableValue<T>): Uint8Array {
  return encodeStruct(TABLES[table].value, value as never);
}

export function decodeKey<T extends TableName>(table: T, bytes: Uint8Array): TableKey<T> {
  const layout = TABLES[table];
  if ("key" in layout) return decodeStruct(layout.key, bytes) as TableKey<T>;
  return Buffer.from(bytes.buffer, bytes.byteOffset, 4).readUInt32LE() as TableKey<T>;
}

export function decodeValue<T extends TableName>(table: T, bytes: Uint8Array): TableValue<T> {
  return decodeStruct(TABLES[table].value, bytes) as TableValue<T>;
}

export function isDoubled(table: TableName): boolean {
  return "double" in TABLES[table];
}

export function isArray(table: TableName): boolean {
  return TABLES[table].type === "array";
}

/* Doubled rows: u32 version, u32 pad, copy, copy. The copy in use is the one at version & 1; the version moves within one byte. */

const COPIES_AT = 8;

/** The copy in use. */
export function currentCopy(row: Uint8Array): Uint8Array {
  const size = (row.length - COPIES_AT) / 2;
  const at = COPIES_AT + ((row[0] ?? 0) & 1) * size;
  return row.subarray(at, at + size);
}

/** The row with the other copy replaced: to be written first, and then {@link withNextVersion}. */
export function withOtherCopy(row: Uint8Array, copy: Uint8Array): Uint8Array {
  const next = Uint8Array.from(row);
  next.set(copy, COPIES_AT + (((row[0] ?? 0) & 1) ^ 1) * copy.length);
  return next;
}

export function withNextVersion(row: Uint8Array): Uint8Array {
  const next = Uint8Array.from(row);
  next[0] = ((row[0] ?? 0) + 1) & 0xff;
  return next;
}
