import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTAS } from "../model/quota.ts";
import { regionSettingsOf, unlessNone } from "./region-options.ts";

test("options of different starts are one region's settings", () => {
  const kept = { pool: ["192.0.2.0/25"], quota: ["vpcs=9"] };
  const { pools, byoip, quotas } = regionSettingsOf({ ...kept, byoip: ["203.0.112.0/24"] });
  assert.deepEqual(pools, ["192.0.2.0/25", "203.0.112.0/24"]);
  assert.deepEqual(byoip, ["203.0.112.0/24"]);
  assert.deepEqual(quotas, { ...DEFAULT_QUOTAS, vpcs: 9 });
  assert.deepEqual(regionSettingsOf({}).pools, ["203.0.113.0/24"]);
  assert.throws(() => regionSettingsOf({ pool: ["192.0.2.0/24"], byoip: ["192.0.2.0/24"] }), /overlap/);
});

test("none alone takes an option back", () => {
  assert.deepEqual(unlessNone(["none"]), []);
  assert.deepEqual(unlessNone(["none", "more"]), ["none", "more"]);
  assert.deepEqual(unlessNone([]), []);
});
