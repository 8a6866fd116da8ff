import { fieldsOf, viewOf } from "../contract/layout.ts";
import {
  type Entry,
  LOCK_BYTES,
  type TableKey,
  type TableName,
  type TableReader,
  type TableValue,
} from "../contract/tables.ts";
import { addressBytes } from "../lib/address.ts";
import type { KernelMap } from "./map.ts";
import type { MapName } from "./object.ts";
import { decodeKey, decodeValue, encodeKey, isArray, isLocked } from "./row.ts";
import { eachRow } from "./write.ts";

type Maps = Readonly<Record<MapName, KernelMap>>;

/** The kernel's own tables, as packets meet them. Every call reads the kernel. */
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
    rows.push({
      table,
      key: decodeKey(table, key),
      value: decodeValue(table, Uint8Array.from(value)),
    } as Entry<T>);
  });
  return rows;
}

const ROUTE = fieldsOf("route_key");
/** The prefix begins with the route table's number. */
const TABLE_BITS = 8 * ROUTE.route_table.size;

/**
 * The kernel's own lookup returns the value but not the row: the row is searched among those of the route
 * table.
 */
function longestMatch(maps: Maps, routeTable: number, address: string): Entry<"routes"> | undefined {
  const wanted = addressBytes(address);
  let best: Buffer | undefined;
  let value: Uint8Array | undefined;
  let longest = -1;
  maps.routes.forEach((key, element) => {
    const view = viewOf(key);
    const length = ROUTE.prefix_length.read(view, 0);
    if (ROUTE.route_table.read(view, 0) !== routeTable || longest >= length) return;
    if (!samePrefix(key.subarray(ROUTE.address.offset), wanted, length - TABLE_BITS)) return;
    longest = length;
    best = Buffer.from(key);
    value = Uint8Array.from(element);
  });
  return best && value
    ? { table: "routes", key: decodeKey("routes", best), value: decodeValue("routes", value) }
    : undefined;
}

function samePrefix(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (((a[whole] ?? 0) ^ (b[whole] ?? 0)) & (0xff00 >> rest) & 0xff) === 0;
}
