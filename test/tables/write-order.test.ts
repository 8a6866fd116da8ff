import assert from "node:assert/strict";
import { test } from "node:test";
import { TABLES, WRITE_ORDER } from "../../src/contract/tables.ts";

test("every table has one place in the order in which changes are written: without one it would stay empty", () => {
  assert.deepEqual(WRITE_ORDER.toSorted(), Object.keys(TABLES).toSorted());
});
