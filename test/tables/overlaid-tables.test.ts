import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { memoryTables } from "../../src/contract/memory-tables.ts";
import { overlaidTables } from "../../src/contract/overlaid-tables.ts";
import { poolsOf } from "../../src/contract/pool.ts";
import { fullPlan } from "../../src/plan/compile.ts";
import { SETTINGS } from "../kit/scene.ts";
import { POOLS, randomRegion, randomSteps, SEED } from "../random/random-region.ts";

test("tables with a delta over them read as the tables that the delta leads to", () => {
  const settings = { ...SETTINGS, pools: POOLS };
  fc.assert(
    fc.property(randomSteps(20), (steps) => {
      const region = randomRegion();
      for (const step of steps) {
        const before = memoryTables(fullPlan(region.readers(), settings));
        const delta = region.delta(region.run(step), poolsOf(POOLS));
        const after = memoryTables(fullPlan(region.readers(), settings));
        const over = overlaidTables(before, delta);
        for (const row of [...after.entries(), ...delta.removals]) {
          assert.deepEqual(
            over.lookup(row.table, row.key as never),
            after.lookup(row.table, row.key as never),
          );
          if (row.table !== "routes" || delta.removals.some(({ table }) => table === "routes")) continue;
          const { route_table: table, address } = row.key;
          assert.deepEqual(over.longestMatch(table, address), after.longestMatch(table, address));
        }
      }
    }),
    { numRuns: 30, seed: SEED },
  );
});
