import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { RECORD_MAPS } from "../../src/contract/records.ts";
import { TABLES } from "../../src/contract/tables.ts";
import { ROOT } from "../kit/genkan.ts";

const read = (name: string): string => readFileSync(join(ROOT, name), "utf8");
/** Where a path may begin: the documents leave out what is the same everywhere. */
const BEGINNINGS = ["", "src", "src/datapath"];

for (const name of ["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"]) {
  describe(name, () => {
    it("names files that there are", () => {
      const named = [...read(name).matchAll(/`([\w./-]+\/[\w.-]+\.(?:ts|h|c|md|sh))`/g)].map(
        ([, path = ""]) => path,
      );
      assert.ok(named.length > 2, "files are found");
      const missing = named.filter(
        (path) => !BEGINNINGS.some((beginning) => existsSync(join(ROOT, beginning, path))),
      );
      assert.deepEqual(missing, []);
    });
  });
}

describe("ARCHITECTURE.md", () => {
  it("tells of every map of the kernel where it is pinned", () => {
    const lines = read("ARCHITECTURE.md").split("\n");
    const told = (beginning: string): readonly string[] => {
      const [, maps = ""] = lines.find((line) => line.startsWith(`| ${beginning}`))?.split(" | ") ?? [];
      return [...maps.matchAll(/`(\w+)`/g)].map(([, map = ""]) => map);
    };
    const living = (...lives: readonly string[]): readonly string[] =>
      Object.entries(RECORD_MAPS).flatMap(([map, layout]) => (lives.includes(layout.lives) ? [map] : []));
    assert.deepEqual(
      told("`/run/genkan-ID/bpf/plan-N/`").toSorted(),
      [...Object.keys(TABLES), ...living("tables")].toSorted(),
    );
    assert.deepEqual(
      told("`/run/genkan-ID/bpf/state-N/`").toSorted(),
      [...living("state", "interfaces", "flow_logs")].toSorted(),
    );
    assert.deepEqual(told("nowhere").toSorted(), [...living("load"), "scratch"].toSorted());
  });
});
