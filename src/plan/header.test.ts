import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { header } from "./header.ts";

test("the committed header is the generated one", () => {
  const committed = readFileSync(join(import.meta.dirname, "../../../src/datapath/bpf/tables.h"), "utf8");
  assert.equal(committed, header(), "run: node dist/tools/generate-header.js");
});
