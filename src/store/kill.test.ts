import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { live } from "./test-life.ts";

const CYCLES = Number(process.env["GENKAN_KILL_CYCLES"] ?? 20);

test(
  `${CYCLES} times kill -9 under load: nothing acknowledged is lost, nothing is there by half`,
  { timeout: CYCLES * 30_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "genkan-kill-"));
    let promised = 0;
    let cycles = 0;
    try {
      while (cycles < CYCLES) {
        const { opened, acknowledged, error } = await live(["load", folder]);
        assert.equal(error, "", `after revision ${promised}`);
        if (opened !== undefined) {
          assert(opened >= promised, `revision ${promised} was acknowledged, ${opened} was found`);
          promised = Math.max(opened, acknowledged);
          cycles += 1;
        }
      }
      assert(promised > 0, "something was acknowledged");
    } finally {
      rmSync(folder, { recursive: true });
    }
    t.diagnostic(`${cycles} cycles, ${promised} revisions`);
  },
);
