import { fieldsOf } from "../contract/layout.ts";
import { rowSizes } from "../contract/map-sizes.ts";
import type { PackedPlan, PackedRows } from "../contract/packed-plan.ts";
import {
  type Delta,
  type Entry,
  LOCK_BYTES,
  TABLES,
  type TableName,
  WRITE_ORDER,
} from "../contract/tables.ts";
import { type Epochs, openEpochs } from "./epoch.ts";
import type { KernelMap } from "./map.ts";
import type { MapName } from "./object.ts";
import { encodeRow, isArray, isLocked, type Row } from "./row.ts";

/**
 * Writes plans into the kernel's tables. A packet that runs meanwhile sees every row whole, the old or the
 * new:
 *   - locked arrays by their rows' locks;
 *   - other arrays because their rows are words of 32 bits that change one at a time, or (settings) change
 * only at start;
 *   - hashes and the trie because the kernel puts a new element in place of the old one. It may use the old
 * element's memory
 *     again at once, so the program reads a value in one go and checks what it says against the interface's
 * row;
 *   - rule lists because the new list's chunks lie under a new version before the list points to it. The old
 * chunks go
 *     when no packet can still be reading them (RETIRE_AFTER).
 */
export type Writer = {
  /** Puts in WRITE_ORDER, removals in reverse. */
  readonly apply: (delta: Delta) => void;
  /** Makes the tables hold exactly these rows, writing only what differs. Returns how many rows that were. */
  readonly reconcile: (plan: PackedPlan) => number;
  /** See {@link Epochs}; for what is not the plan's. */
  readonly change: Epochs["change"];
  /** Removes replaced rule chunks that are old enough. */
  readonly retire: () => void;
};

type Maps = Readonly<Record<MapName, KernelMap>>;

const NO_LOCK = new Uint8Array(LOCK_BYTES);
/** The fields by which an interface is recognized as another one. */
const { vpc, mac } = fieldsOf("interface");
const IDENTITY = [vpc, mac];
const RETIRE_AFTER = 1_000_000_000n;

/**
 * `onRemoved` is called with the slot of every interface that is gone, or whose slot another one has.
 * `fresh`: the tables are new, and no packet reads them yet.
 */
export function openWriter(
  maps: Maps,
  options: {
    readonly fresh: boolean;
    readonly clock: () => bigint;
    readonly onRemoved: (slot: number) => void;
  },
): Writer {
  const retiring: { readonly key: Uint8Array; readonly since: bigint }[] = [];
  let unread = options.fresh;

  const put = (table: TableName, rows: Row[]): void => {
    if (rows.length === 0) return;
    if (table === "rule_chunks") keepChunks(retiring, rows);
    const replaced =
      table === "interfaces"
        ? rows.filter((row) => isZero(row.value) || isOfAnother(maps.interfaces, row))
        : [];
    const keys = Buffer.concat(rows.map((r) => r.key));
    if (isLocked(table))
      maps[table].updateMany(keys, Buffer.concat(rows.flatMap((r) => [NO_LOCK, r.value])), { locked: true });
    else maps[table].updateMany(keys, Buffer.concat(rows.map((r) => r.value)));
    for (const { key } of replaced) options.onRemoved(Buffer.from(key).readUInt32LE());
  };
  const remove = (table: TableName, rows: Row[]): void => {
    if (rows.length === 0) return;
    if (table === "rule_chunks") retiring.push(...rows.map(({ key }) => ({ key, since: options.clock() })));
    else if (isArray(table))
      put(
        table,
        rows.map(({ key, value }) => ({ table, key, value: new Uint8Array(value.length) })),
      );
    else maps[table].deleteMany(Buffer.concat(rows.map((r) => r.key)));
  };
  const epochs = openEpochs(maps);
  const write = (
    puts: Readonly<Record<TableName, Row[]>>,
    removals: Readonly<Record<TableName, Row[]>>,
  ): void => {
    for (const table of WRITE_ORDER) put(table, puts[table]);
    for (const table of [...WRITE_ORDER].reverse()) remove(table, removals[table]);
  };
  const retire = (): void => {
    const before = options.clock() - RETIRE_AFTER;
    const count = retiring.findIndex(({ since }) => since > before);
    const due = retiring.splice(0, count < 0 ? retiring.length : count);
    if (due.length > 0) maps.rule_chunks.deleteMany(Buffer.concat(due.map(({ key }) => key)));
  };
  return {
    apply: (delta) => {
      retire();
      if (delta.puts.length === 0 && delta.removals.length === 0) return;
      const puts = byTable(delta.puts);
      epochs.change(delta.vpcs, () => write(puts, without(byTable(delta.removals), puts)));
    },
    reconcile: (plan) => {
      if (unread) {
        epochs.change(undefined, () => fill(maps, plan));
        unread = false;
        return Object.values(plan).reduce((sum, { count }) => sum + count, 0);
      }
      const changes = differences(maps, plan);
      keepChunks(retiring, rowsOf("rule_chunks", plan.rule_chunks));
      const leaving = new Set(retiring.map(({ key }) => keyText(key)));
      changes.removals.rule_chunks = changes.removals.rule_chunks.filter(
        ({ key }) => !leaving.has(keyText(key)),
      );
      epochs.change(undefined, () => write(changes.puts, changes.removals));
      return Object.values(changes).reduce(
        (sum, tables) => sum + Object.values(tables).reduce((n, rows) => n + rows.length, 0),
        0,
      );
    },
    change: epochs.change,
    retire,
  };
}

/**
 * Whether the kernel has another interface at the row's slot. Besides removed interfaces, that is one whose
 * removal was never written: the process died, or the kernel refused, and meanwhile another interface got its
 * slot.
 */
function isOfAnother(interfaces: KernelMap, { key, value }: Row): boolean {
  const was = interfaces.lookup(key)?.subarray(LOCK_BYTES);
  return (
    was !== undefined &&
    IDENTITY.some(
      ({ offset, size }) =>
        Buffer.compare(was.subarray(offset, offset + size), value.subarray(offset, offset + size)) !== 0,
    ) &&
    !isZero(was)
  );
}

/** How many rows with locks are made at a time: enough to be quick, few enough to take little memory. */
const FILL = 16_384;

/** Writes all rows into tables that are new and empty. */
function fill(maps: Maps, plan: PackedPlan): void {
  for (const table of WRITE_ORDER) {
    const rows = plan[table];
    const sizes = rowSizes(table);
    for (let from = 0; from < rows.count; from += FILL) {
      const to = Math.min(from + FILL, rows.count);
      const values = rows.values.subarray(from * sizes.value, to * sizes.value);
      const withLocks = isLocked(table) ? locked(values, sizes.value) : values;
      maps[table].updateMany(rows.keys.subarray(from * sizes.key, to * sizes.key), withLocks);
    }
  }
}

/** The values, each with an open lock in front. */
function locked(values: Uint8Array, size: number): Uint8Array {
  const count = values.length / size;
  const filled = new Uint8Array(values.length + count * LOCK_BYTES);
  for (let row = 0; row < count; row++)
    filled.set(values.subarray(row * size, (row + 1) * size), row * (size + LOCK_BYTES) + LOCK_BYTES);
  return filled;
}

function rowsOf(table: TableName, { count, keys, values }: PackedRows): Row[] {
  return Array.from({ length: count }, (_, row) => rowAt(table, keys, values, row));
}

function rowAt(table: TableName, keys: Uint8Array, values: Uint8Array, row: number): Row {
  const sizes = rowSizes(table);
  const part = (bytes: Uint8Array, size: number): Uint8Array => bytes.subarray(row * size, (row + 1) * size);
  return { table, key: part(keys, sizes.key), value: part(values, sizes.value) };
}

function keyText(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString("latin1");
}

function byTable(entries: readonly Entry[]): Record<TableName, Row[]> {
  const tables = Object.fromEntries(Object.keys(TABLES).map((name) => [name, [] as Row[]])) as Record<
    TableName,
    Row[]
  >;
  for (const entry of entries) tables[entry.table].push(encodeRow(entry));
  return tables;
}

/** The removals whose key is not among the puts: a row that is put again was replaced, not removed. */
function without(
  removals: Record<TableName, Row[]>,
  puts: Record<TableName, Row[]>,
): Record<TableName, Row[]> {
  const keep = (table: TableName): Row[] => {
    if (removals[table].length === 0 || puts[table].length === 0) return removals[table];
    const put = new Set(puts[table].map((r) => keyText(r.key)));
    return removals[table].filter((r) => !put.has(keyText(r.key)));
  };
  return Object.fromEntries(Object.keys(TABLES).map((name) => [name, keep(name as TableName)])) as Record<
    TableName,
    Row[]
  >;
}

/** A chunk that is written again must not be removed. */
function keepChunks(retiring: { readonly key: Uint8Array }[], rows: readonly Row[]): void {
  if (retiring.length === 0) return;
  const written = new Set(rows.map((r) => keyText(r.key)));
  for (let i = retiring.length - 1; i >= 0; i--)
    if (written.has(keyText(retiring[i]?.key ?? new Uint8Array()))) retiring.splice(i, 1);
}

function differences(
  maps: Maps,
  plan: PackedPlan,
): { puts: Record<TableName, Row[]>; removals: Record<TableName, Row[]> } {
  const puts = byTable([]);
  const removals = byTable([]);
  for (const name of Object.keys(TABLES) as TableName[]) {
    const { count, keys, values } = plan[name];
    const { value: size } = rowSizes(name);
    const placeOf = isArray(name) ? placesByIndex(keys) : placesByKey(keys, count, rowSizes(name).key);
    const same = new Uint8Array(count);
    eachRow(maps, name, (key, value) => {
      const row = placeOf(key);
      const want = row === undefined ? undefined : values.subarray(row * size, (row + 1) * size);
      // An array's row that is all zero is an absent one: where the kernel has another, that one is removed.
      if (row === undefined || !want || (isArray(name) && isZero(want)))
        removals[name].push({ table: name, key: Uint8Array.from(key), value: Uint8Array.from(value) });
      else if (Buffer.compare(want, value) === 0) same[row] = 1;
    });
    for (let row = 0; row < count; row++) {
      if (same[row] === 1) continue;
      const put = rowAt(name, keys, values, row);
      if (!isArray(name) || !isZero(put.value)) puts[name].push(put);
    }
  }
  return { puts, removals };
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

type PlaceOf = (key: Buffer) => number | undefined;

function placesByIndex(keys: Uint8Array): PlaceOf {
  const indexes = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
  const places: number[] = [];
  for (let row = 0; row * 4 < keys.length; row++) places[indexes.getUint32(row * 4, true)] = row;
  return (key) => places[key.readUInt32LE()];
}

function placesByKey(keys: Uint8Array, count: number, size: number): PlaceOf {
  const places = new Map<string, number>();
  for (let row = 0; row < count; row++) places.set(keyText(keys.subarray(row * size, (row + 1) * size)), row);
  return (key) => places.get(keyText(key));
}

/** Visits every row that exists; in an array, every element that is not zero. The buffers are reused. */
export function eachRow(maps: Maps, table: TableName, visit: (key: Buffer, value: Uint8Array) => void): void {
  const map = maps[table];
  if (!isArray(table)) return map.forEach(visit);
  const from = isLocked(table) ? LOCK_BYTES : 0;
  const size = map.valueBytes;
  let zeros = Buffer.alloc(0);
  map.forEachBatch((keys, values, count) => {
    if (zeros.length !== values.length) zeros = Buffer.alloc(values.length);
    // Most of an array is empty, so a whole batch is compared at once.
    if (values.compare(zeros, 0, count * size, 0, count * size) === 0) return;
    for (let i = 0; i < count; i++) {
      const element = values.subarray(i * size, (i + 1) * size);
      const value = element.subarray(from);
      if (value.some((byte) => byte !== 0)) visit(keys.subarray(i * 4, i * 4 + 4), value);
    }
  });
}
