import type { Entry, TableKey, TableName, TableReader, TableValue } from "../plan/tables.ts";
import { addressBytes } from "../lib/ip.ts";
import type { KernelMap } from "./map.ts";
import type { MapName } from "./object.ts";
import { decodeKey, decodeValue, encodeKey, isArray, isLocked, LOCK_BYTES } from "./row.ts";
import { eachRow } from "./write.ts";

type Maps = Readonly<Record<MapName, KernelMap>>;

/** The kernel's own tables, as the packets meet them. Every call reads the kernel. */
export function openReader(maps: Maps): TableReader {
  return {
    lookup: <T extends TableName>(table: T, key: TableKey<T>): TableValue<T> | undefined => {
      if (typeof key === "number" && key >= maps[table].shape.maxEntries) return undefined;
      const element = maps[table].lookup(encodeKey(table, key));
      const value = element && isLocked(table) ? element.subarray(LOCK_BYTES) : element;
      if (!value || (isArray(table) && value.every((byte) => byte === 0))) return undefined;
      return decodeValue(table, value);
    },
    longestMatch: (routeTable, address) => longestMatch(maps, routeTable, address),
  };
}

/** All rows of one table. */
export function readTable<T extends TableName>(maps: Maps, table: T): Entry<T>[] {
  const rows: Entry<T>[] = [];
  eachRow(maps, table, (key, value) => {
    rows.push({ table, key: decodeKey(table, key), value: decodeValue(table, Uint8Array.from(value)) } as Entry<T>);
  });
  return rows;
}

const TABLE_BITS = 32;

/** The kernel's own lookup tells the value, not which row it is: that one is found among the rows of the route table. */
function longestMatch(maps: Maps, routeTable: number, address: string): Entry<"routes"> | undefined {
  const wanted = addressBytes(address);
  let best: Buffer | undefined;
  let value: Uint8Array | undefined;
  maps.routes.forEach((key, element) => {
    const length = key.readUInt32LE(0);
    if (key.readUInt32LE(4) !== routeTable || (best && best.readUInt32LE(0) >= length)) return;
    if (!samePrefix(key.subarray(8), wanted, length - TABLE_BITS)) return;
    best = Buffer.from(key);
    value = Uint8Array.from(element);
  });
  return best && value ? { table: "routes", key: decodeKey("routes", best), value: decodeValue("routes", value) } : undefined;
}

function samePrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (((a[whole] ?? 0) ^ (b[whole] ?? 0)) & (0xff00 >> rest) & 0xff) === 0;
}
