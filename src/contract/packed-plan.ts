import { assert } from "../lib/assert.ts";
import { encodeStructAt } from "./layout.ts";
import { rowSizes } from "./map-sizes.ts";
import { type Delta, type Entry, TABLES, type TableName } from "./tables.ts";

/**
 * The rows of one table as the kernel's bytes: all keys in a row, and all values (without locks) in a row.
 */
export type PackedRows = { readonly count: number; readonly keys: Uint8Array; readonly values: Uint8Array };
export type PackedPlan = Readonly<Record<TableName, PackedRows>>;

const NAMES = Object.keys(TABLES) as readonly TableName[];

export function packPlan(entries: Iterable<Entry>): PackedPlan {
  const packers = byTable((name) => new RowPacker(name));
  for (const entry of entries) packers[entry.table].add(entry);
  return byTable((name) => packers[name].rows());
}

/** The rows with these bytes. @throws when the bytes are not whole rows. */
export function packedRows(table: TableName, keys: Uint8Array, values: Uint8Array): PackedRows {
  const sizes = rowSizes(table);
  const count = keys.length / sizes.key;
  assert(Number.isInteger(count) && values.length === count * sizes.value, `whole rows of ${table}`);
  return { count, keys, values };
}

/** The plan with changes made to it. It looks at every key of the tables that change. */
export function patchedPlan(
  plan: PackedPlan,
  { puts, removals }: Pick<Delta, "puts" | "removals">,
): PackedPlan {
  const added = packPlan(puts);
  const gone = packPlan(removals);
  return byTable((name) => patchedRows(name, plan[name], added[name], gone[name]));
}

function patchedRows(table: TableName, rows: PackedRows, added: PackedRows, gone: PackedRows): PackedRows {
  if (added.count + gone.count === 0) return rows;
  const { key: keySize, value: valueSize } = rowSizes(table);
  const leaving = new Set<string>();
  for (const { keys, count } of [added, gone])
    for (let row = 0; row < count; row++) leaving.add(keyText(keys, row, keySize));
  const keys: Uint8Array[] = [];
  const values: Uint8Array[] = [];
  let from = 0;
  for (let row = 0; row <= rows.count; row++) {
    if (row < rows.count && !leaving.has(keyText(rows.keys, row, keySize))) continue;
    keys.push(rows.keys.subarray(from * keySize, row * keySize));
    values.push(rows.values.subarray(from * valueSize, row * valueSize));
    from = row + 1;
  }
  return packedRows(table, joined([...keys, added.keys]), joined([...values, added.values]));
}

/** A text that identifies a row's key among those of its table. */
export function keyText(keys: Uint8Array, row: number, size: number): string {
  let text = "";
  for (let at = row * size; at < (row + 1) * size; at++) text += String.fromCharCode(keys[at] ?? 0);
  return text;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function byTable<T>(make: (name: TableName) => T): Record<TableName, T> {
  return Object.fromEntries(NAMES.map((name) => [name, make(name)])) as Record<TableName, T>;
}

class RowPacker {
  readonly #table: TableName;
  readonly #sizes: { readonly key: number; readonly value: number };
  #room = 16;
  #count = 0;
  #keys: DataView<ArrayBuffer>;
  #values: DataView<ArrayBuffer>;

  constructor(table: TableName) {
    this.#table = table;
    this.#sizes = rowSizes(table);
    this.#keys = new DataView(new ArrayBuffer(this.#room * this.#sizes.key));
    this.#values = new DataView(new ArrayBuffer(this.#room * this.#sizes.value));
  }

  add({ key, value }: Entry): void {
    if (this.#count === this.#room) this.#grow();
    const layout = TABLES[this.#table];
    if (typeof key === "number") this.#keys.setUint32(this.#count * 4, key, true);
    else if ("key" in layout)
      encodeStructAt(layout.key, key as never, this.#keys, this.#count * this.#sizes.key);
    encodeStructAt(layout.value, value as never, this.#values, this.#count * this.#sizes.value);
    this.#count += 1;
  }

  rows(): PackedRows {
    const bytes = (view: DataView<ArrayBuffer>, size: number): Uint8Array =>
      new Uint8Array(view.buffer, 0, this.#count * size);
    return packedRows(
      this.#table,
      bytes(this.#keys, this.#sizes.key),
      bytes(this.#values, this.#sizes.value),
    );
  }

  #grow(): void {
    this.#room *= 2;
    this.#keys = new DataView(grown(this.#keys.buffer));
    this.#values = new DataView(grown(this.#values.buffer));
  }
}

function grown(bytes: ArrayBuffer): ArrayBuffer {
  const larger = new Uint8Array(bytes.byteLength * 2);
  larger.set(new Uint8Array(bytes));
  return larger.buffer;
}
