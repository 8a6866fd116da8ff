import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { enterCgroup, ensureCgroups, removeCgroups } from "./cgroup.ts";
import { installationAt } from "./installation.ts";

const INSTANCE = "i-00000000000000001";

function inFolder(body: (mount: string) => void): void {
  const mount = mkdtempSync(join(tmpdir(), "genkan-cgroup-"));
  try {
    body(mount);
  } finally {
    rmSync(mount, { recursive: true });
  }
}

test("version 2: the controllers are handed down, and each instance has a group within that of all", () => {
  inFolder((mount) => {
    const installation = installationAt(mount);
    const all = join(mount, `genkan-${installation.id}`);
    const read = (...path: string[]): string => readFileSync(join(mount, ...path), "utf8");
    mkdirSync(all);
    writeFileSync(join(mount, "cgroup.controllers"), "cpu memory pids\n");
    for (const group of [mount, all]) writeFileSync(join(group, "cgroup.subtree_control"), "cpu\n");
    assert.equal(ensureCgroups(installation, mount), undefined);
    assert.equal(read("cgroup.subtree_control"), "+memory +pids");
    assert.equal(read(`genkan-${installation.id}`, "cgroup.subtree_control"), "+memory +pids");
    assert.ok(Number(read(`genkan-${installation.id}`, "memory.max")) > 0);
    enterCgroup(installation, INSTANCE, 77, mount);
    assert.deepEqual(readdirSync(join(all, INSTANCE)).toSorted(), ["cgroup.procs", "memory.max", "pids.max"]);
    assert.equal(read(`genkan-${installation.id}`, INSTANCE, "cgroup.procs"), "77");
  });
});

test("without control groups an instance starts all the same, and one is told why it has no limits", () => {
  inFolder((mount) => {
    const installation = installationAt(mount);
    assert.match(ensureCgroups(installation, mount) ?? "", /no control groups/);
    enterCgroup(installation, INSTANCE, 77, mount);
    removeCgroups(installation, mount);
    assert.equal(existsSync(join(mount, `genkan-${installation.id}`)), false);
  });
});
