import { layoutOf, type SharedName } from "./layout.ts";
import { RECORD_MAPS, type RecordMapName } from "./records.ts";
import type { MapLayout } from "./struct.ts";
import { LOCK_BYTES, type TableName, TABLES } from "./tables.ts";

type Sizes = { readonly key: number; readonly value: number };
const MAPS: Readonly<Record<TableName | RecordMapName, MapLayout<SharedName>>> = {
  ...TABLES,
  ...RECORD_MAPS,
};

/** The bytes of the map's key and value. A ring has neither. */
export function rowSizes(name: TableName | RecordMapName): Sizes {
  const layout = MAPS[name];
  return layout.type === "ringbuf"
    ? { key: 0, value: 0 }
    : { key: sizeOf(layout.key ?? "u32"), value: sizeOf(layout.value) };
}

/** The sizes in the kernel, where a locked table's row includes its lock. */
export function mapSizes(name: TableName | RecordMapName): Sizes {
  const { key, value } = rowSizes(name);
  return { key, value: value + ("locked" in MAPS[name] ? LOCK_BYTES : 0) };
}

const SCALAR_BYTES = { u32: 4, u64: 8 } as const;

function sizeOf(type: SharedName | "u32" | "u64"): number {
  return type === "u32" || type === "u64" ? SCALAR_BYTES[type] : layoutOf(type).size;
}
