import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

const PROCESS = join(import.meta.dirname, "test-process.js");
const CYCLES = Number(process.env["GENKAN_KILL_CYCLES"] ?? 20);

type Life = { readonly opened: number | undefined; readonly acknowledged: number; readonly error: string };

/** One process that commits under load, killed at a random moment: mostly while it commits, at times while it opens. */
async function live(folder: string): Promise<Life> {
  const child = spawn(process.execPath, [PROCESS, "load", folder], { stdio: ["ignore", "pipe", "pipe"] });
  const kill = (within: number): unknown => setTimeout(() => child.kill("SIGKILL"), Math.random() * within);
  if (Math.random() < 0.1) kill(120);
  let opened: number | undefined;
  let acknowledged = 0;
  let error = "";
  child.stderr.on("data", (chunk) => (error += String(chunk)));
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("opened ")) {
      opened = Number(line.slice(7));
      if (Math.random() < 0.3) kill(60);
    } else {
      // Counted from the first: a slow machine would not come to it.
      if (acknowledged === 0) kill(60);
      acknowledged = Number(line);
    }
  });
  const code = await new Promise((resolve) => child.on("close", resolve));
  return { opened, acknowledged, error: code === null ? "" : `ended by itself with ${String(code)}: ${error}` };
}

test(
  `${CYCLES} times kill -9 under load: nothing acknowledged is lost, nothing is there by half`,
  { timeout: CYCLES * 30_000 },
  async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "genkan-kill-"));
    let promised = 0;
    let cycles = 0;
    try {
      while (cycles < CYCLES) {
        const { opened, acknowledged, error } = await live(folder);
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
