import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { closeSync, existsSync, mkdirSync, mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openConsole, readConsole, trimConsole } from "./console.ts";
import { type Installation, installationAt } from "./installation.ts";
import { output } from "./test-kit.ts";

const ID = "i-00000000000000001";
const GROUP = 65_534;
const skip = process.platform === "linux" && process.getuid?.() === 0 ? false : "needs root on Linux";

function withConsole(
  parent: string,
  body: (installation: Installation, path: string) => void | Promise<void>,
): Promise<void> {
  const home = mkdtempSync(join(parent, "genkan-console-"));
  const installation = installationAt(home);
  mkdirSync(join(installation.instances, ID), { recursive: true });
  closeSync(openConsole(installation, ID, GROUP));
  return Promise.resolve(body(installation, join(installation.instances, ID, "console.log"))).finally(() => {
    rmSync(home, { recursive: true });
  });
}

/** Takes a write lease on its standard input (F_SETLEASE 1024, F_WRLCK 1), and gives it back to nobody. */
const LEASE = '$SIG{IO} = "IGNORE"; fcntl(STDIN, 1024, 1) or exit 7; $| = 1; print "leased"; sleep 100';

test("an instance, whose console it is, can take no lease on it", { skip }, () =>
  withConsole(tmpdir(), (installation) => {
    const file = openConsole(installation, ID, GROUP);
    const argv = [
      "setpriv",
      "--reuid",
      String(GROUP),
      "--regid",
      String(GROUP),
      "--clear-groups",
      "perl",
      "-e",
      LEASE,
    ];
    const taken = spawnSync("timeout", ["20", ...argv], { stdio: [file, "ignore", "ignore"] });
    closeSync(file);
    assert.equal(taken.status, 7);
  }),
);

test("nobody waits for a console that somebody holds a lease on", { skip }, () =>
  withConsole(tmpdir(), async (installation, path) => {
    const holder = spawn("sh", ["-c", 'exec perl -e "$1" < "$2"', "sh", LEASE, path]);
    try {
      assert.equal(String(await new Promise((resolve) => holder.stdout.once("data", resolve))), "leased");
      const began = performance.now();
      assert.equal(readConsole(installation, ID), undefined);
      trimConsole(installation, ID);
      assert.ok(performance.now() - began < 5_000, "the kernel makes whoever waits wait for 45 seconds");
    } finally {
      holder.kill("SIGKILL");
      await new Promise((resolve) => holder.once("exit", resolve));
    }
  }),
);

test(
  "a console of any length is trimmed",
  { skip: skip || (existsSync("/dev/shm") ? false : "needs /dev/shm") },
  () =>
    withConsole("/dev/shm", (installation, path) => {
      // A tmpfs takes sizes that are no exact numbers of JavaScript's.
      output(["truncate", "--size", "9000000000000000000", path]);
      trimConsole(installation, ID);
      assert.equal(statSync(path).size, 65_536);
      truncateSync(path, 10);
      trimConsole(installation, ID);
      assert.equal(readConsole(installation, ID), "\0".repeat(10));
    }),
);
