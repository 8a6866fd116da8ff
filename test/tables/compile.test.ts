import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { entryKey, sameValue } from "../../src/contract/entry.ts";
import { decodeStruct, encodeStruct } from "../../src/contract/layout.ts";
import { memoryTables } from "../../src/contract/memory-tables.ts";
import { poolsOf } from "../../src/contract/pool.ts";
import { type Entry, TABLES } from "../../src/contract/tables.ts";
import { violations } from "../../src/model/invariants.ts";
import { fullPlan } from "../../src/plan/compile.ts";
import { lint } from "../../src/plan/lint.ts";
import type { PlanSettings } from "../../src/plan/settings.ts";
import { POOLS, randomRegion, randomSteps, SEED } from "../random/random-region.ts";

const SETTINGS: PlanSettings = {
  pools: POOLS,
  uplink: 2,
  services: 3,
  fragments: 5,
  uplinkMac: "02:00:00:00:00:02",
  uplinkPeerMac: "02:00:00:00:00:12",
  servicesMac: "02:00:00:00:00:03",
  servicesPeerMac: "02:00:00:00:00:13",
  connectionLimit: 100,
};

const byKey = (entries: readonly Entry[]): readonly (readonly [string, unknown])[] =>
  entries.map((entry) => [entryKey(entry), entry.value] as const).toSorted(([a], [b]) => (a < b ? -1 : 1));

test("increments applied one after another equal a full compile, and plan and state are in order after each", () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(randomSteps(100), (steps) => {
      const region = randomRegion();
      const tables = memoryTables(fullPlan(region.readers(), SETTINGS));
      for (const step of steps) {
        const parts = region.run(step);
        if (parts.length > 0) seen.set(step.request, (seen.get(step.request) ?? 0) + 1);
        if (parts.length > 1) seen.set("two regions", (seen.get("two regions") ?? 0) + 1);
        const delta = region.delta(parts, poolsOf(POOLS));
        for (const { table, key, value } of delta.puts)
          assert.ok(
            !sameValue(tables.lookup(table, key as never), value),
            "nothing is written that is there already",
          );
        for (const entry of delta.removals)
          assert.ok(tables.lookup(entry.table, entry.key as never), "what is removed was there");
        tables.apply(delta);
        const full = fullPlan(region.readers(), SETTINGS);
        assert.deepEqual(byKey(tables.entries()), byKey(full), step.request);
        assert.deepEqual(lint(full), []);
        assert.deepEqual(violations(region.places()), [], step.request);
      }
    }),
    { numRuns: 200, seed: SEED },
  );
  if (SEED !== 1) return;
  for (const request of [
    "detachGateway",
    "deleteGateway",
    "replaceRoute",
    "mainTable",
    "block",
    "terminate",
    "release",
    "deleteGroup",
    "two regions",
  ])
    assert.ok(
      (seen.get(request) ?? 0) > 0,
      `${request} succeeded at least once: ${JSON.stringify(Object.fromEntries(seen))}`,
    );
});

test("every row survives its bytes", () => {
  fc.assert(
    fc.property(randomSteps(40), (steps) => {
      const region = randomRegion();
      for (const step of steps) region.run(step);
      for (const entry of fullPlan(region.readers(), SETTINGS)) {
        const layout = TABLES[entry.table];
        assert.deepEqual(
          decodeStruct(layout.value, encodeStruct(layout.value, entry.value as never)),
          entry.value,
        );
        if ("key" in layout)
          assert.deepEqual(decodeStruct(layout.key, encodeStruct(layout.key, entry.key as never)), entry.key);
      }
    }),
    { numRuns: 30 },
  );
});
