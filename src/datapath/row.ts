import { assert } from "../lib/assert.ts";
import { decodeStruct, encodeStruct, encodeStructAt, layoutOf } from "../plan/layout.ts";
import { type Entry, type TableKey, TABLES, type TableName, type TableValue } from "../plan/tables.ts";
import { indexKey } from "./map.ts";

/** A table row as the kernel's bytes. A lock that the kernel's element has is not part of `value`. */
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

export function isLocked(table: TableName): boolean {
  return "locked" in TABLES[table];
}

export function isArray(table: TableName): boolean {
  return TABLES[table].type === "array";
}

/** Bytes of the lock in front of a locked table's row. */
export const LOCK_BYTES = 4;

/** Many rows of one table as the kernel takes them: keys one behind the other, values (with their locks) likewise. */
export type Encoded = { readonly keys: Buffer; readonly values: Buffer };

/** Encodes `count` rows from `from` on, into new buffers. */
export function encodeRows<T extends TableName>(table: T, entries: readonly Entry<T>[], from: number, count: number): Encoded {
  const layout = TABLES[table];
  const lock = isLocked(table) ? LOCK_BYTES : 0;
  const keySize = "key" in layout ? layoutOf(layout.key).size : 4;
  const valueSize = lock + layoutOf(layout.value).size;
  const keys = Buffer.alloc(count * keySize);
  const values = Buffer.alloc(count * valueSize);
  const [keyView, valueView] = [viewOf(keys), viewOf(values)];
  for (let i = 0; i < count; i++) {
    const { key, value } = entries[from + i] as Entry<T>;
    if (typeof key === "number") keyView.setUint32(i * keySize, key, true);
    else if ("key" in layout) encodeStructAt(layout.key, key as never, keyView, i * keySize);
    encodeStructAt(layout.value, value as never, valueView, i * valueSize + lock);
  }
  return { keys, values };
}

function viewOf(buffer: Buffer): DataView {
  return new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
}
