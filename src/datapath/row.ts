import { decodeStruct, encodeStruct } from "../contract/layout.ts";
import { type Entry, type TableKey, TABLES, type TableName, type TableValue } from "../contract/tables.ts";
import { assert } from "../lib/assert.ts";
import { indexKey } from "./map.ts";

/** A table row as the kernel's bytes. `value` leaves out the lock of the kernel's element. */
export type Row = { readonly table: TableName; readonly key: Uint8Array; readonly value: Uint8Array };

export function encodeRow(entry: Entry): Row {
  return {
    table: entry.table,
    key: encodeKey(entry.table, entry.key as never),
    value: encodeValue(entry.table, entry.value),
  };
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

export function isLocked(table: TableName): boolean {
  return "locked" in TABLES[table];
}

export function isArray(table: TableName): boolean {
  return TABLES[table].type === "array";
}
