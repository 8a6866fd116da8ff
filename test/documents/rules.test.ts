import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ROOT } from "../kit/genkan.ts";

const page = readFileSync(join(ROOT, "docs/rules.md"), "utf8");
const rows = page.split("\n").filter((line) => line.startsWith("| ") && !line.startsWith("| rule "));

describe("docs/rules.md", () => {
  it("names for each rule a test that there is, by its title", () => {
    for (const row of rows) {
      const [, source = "", proof = ""] = row.split(" | ");
      assert.notEqual(source, "", row);
      const named = [...proof.matchAll(/`([^`]+)` “([^”]+)”/g)];
      assert.ok(named.length > 0, `no test: ${row}`);
      for (const [, file = "", title = ""] of named) {
        const path = join(ROOT, `${file}.test.ts`);
        assert.ok(existsSync(path), `${file} is no test: ${row}`);
        assert.ok(readFileSync(path, "utf8").includes(title), `${file} has no test “${title}”`);
      }
    }
  });
});
