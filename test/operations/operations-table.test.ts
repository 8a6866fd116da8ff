import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { operationsTable, staleMarks } from "./operations-table.ts";

test("the committed table of operations is the generated one", () => {
  const committed = readFileSync(join(import.meta.dirname, "../../../docs/operations.md"), "utf8");
  assert.equal(committed, operationsTable(), "run: node dist/tools/generate-operations.js");
});

test("each mark is of parameters that its operation has", () => {
  assert.deepEqual(staleMarks(), []);
});
