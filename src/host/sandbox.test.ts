import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { installationAt } from "./installation.ts";
import { sandboxArgv } from "./sandbox.ts";

test("only the host brings the loopback up: bubblewrap, which would do so at the same time, makes no network namespace", () => {
  const home = mkdtempSync(join(tmpdir(), "genkan-sandbox-"));
  try {
    const argv = sandboxArgv(installationAt(home), "i-00000000000000001", "ip-10-0-1-5");
    assert.ok(argv.includes("bwrap"));
    assert.deepEqual(
      argv.filter((word) => word === "--unshare-net" || word === "--unshare-all"),
      [],
    );
    assert.equal(argv.filter((word) => /\bunshare --net\b/.test(word)).length, 1);
  } finally {
    rmSync(home, { recursive: true });
  }
});
