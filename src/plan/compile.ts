import { entryKey, sameValue } from "../contract/entry.ts";
import { type Pool, poolsOf } from "../contract/pool.ts";
import type { Delta, Entry } from "../contract/tables.ts";
import { readerBefore } from "../model/region.ts";
import type { Resources } from "../model/resource.ts";
import type { Change, Reader } from "../model/state.ts";
import { affectedUnits, type Unit, UNIT_KINDS, type UnitKind } from "./affected.ts";
import { concernedVpcs } from "./concerned.ts";
import { networkAclRows } from "./network-acl.ts";
import { networkInterfaceRows } from "./network-interface.ts";
import { routeRows, routeTableRows } from "./route-table.ts";
import { securityGroupRows } from "./security-group.ts";
import { type PlanSettings, settingsRow } from "./settings.ts";
import { subnetRows } from "./subnet.ts";
import { vpcRows } from "./vpc.ts";

/** Every row of the tables, for the regions of all accounts on this machine. */
export function fullPlan(readers: Iterable<Reader>, settings: PlanSettings): readonly Entry[] {
  return [settingsRow(settings), ...resourceRows(readers, settings.pools)];
}

/** The rows one at a time, without the settings' row. */
export function* resourceRows(readers: Iterable<Reader>, pools: readonly string[]): Iterable<Entry> {
  const places = poolsOf(pools);
  for (const reader of readers) {
    for (const kind of UNIT_KINDS) {
      const count = reader.count(kind);
      // In slices: a list of all resources at once would need too much memory.
      for (let from = 0; from < count; from += STRIDE)
        for (const resource of reader.slice(kind, from, from + STRIDE))
          yield* rowsOf(reader, kind, resource, places);
    }
  }
}

const STRIDE = 1000;

/**
 * What one region's changes make of the tables; `after` is the region with the changes in it. Deltas applied
 * one after another to a full plan give the full plan of the state that they lead to. The cost grows with
 * what the changes touch.
 */
export function planDelta(after: Reader, changes: readonly Change[], pools: readonly Pool[]): Delta {
  const before = readerBefore(after, changes);
  const units = affectedUnits({ before, after }, changes);
  const old = rowsByKey(before, units, pools);
  const puts: Entry[] = [];
  for (const [key, row] of rowsByKey(after, units, pools)) {
    const was = old.get(key);
    if (!was || !sameValue(was.value, row.value)) puts.push(row);
    old.delete(key);
  }
  return { puts, removals: [...old.values()], vpcs: concernedVpcs({ before, after }, units) };
}

/** Joins the deltas of several regions; no row belongs to two regions. */
export function joinedDelta(deltas: readonly Delta[]): Delta {
  const [only, ...more] = deltas;
  if (only && more.length === 0) return only;
  return {
    puts: deltas.flatMap(({ puts }) => puts),
    removals: deltas.flatMap(({ removals }) => removals),
    vpcs: [...new Set(deltas.flatMap(({ vpcs = [] }) => vpcs))],
  };
}

const ROWS: {
  readonly [K in UnitKind]: (
    reader: Reader,
    resource: Resources[K],
    pools: readonly Pool[],
  ) => readonly Entry[];
} = {
  vpc: vpcRows,
  subnet: subnetRows,
  "route-table": routeTableRows,
  route: routeRows,
  "network-interface": networkInterfaceRows,
  "security-group": securityGroupRows,
  "network-acl": (_reader, acl) => networkAclRows(acl),
};

function rowsOf<K extends UnitKind>(
  reader: Reader,
  kind: K,
  resource: Resources[K],
  pools: readonly Pool[],
): readonly Entry[] {
  return ROWS[kind](reader, resource, pools);
}

function rowsByKey(reader: Reader, units: readonly Unit[], pools: readonly Pool[]): Map<string, Entry> {
  const rows = new Map<string, Entry>();
  for (const { kind, id } of units) {
    const resource = reader.get(kind, id);
    if (resource) for (const row of rowsOf(reader, kind, resource, pools)) rows.set(entryKey(row), row);
  }
  return rows;
}
