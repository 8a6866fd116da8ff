import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assert as always, integer, property, record } from "fast-check";
import { limitsOfAll, limitsOfOne, processShare } from "./cgroup-limits.ts";
import { enterCgroup, ensureCgroups, removeCgroup, removeCgroups } from "./cgroup.ts";
import { installationAt } from "./installation.ts";

const INSTANCE = "i-00000000000000001";

function inFolder(
  body: (
    mount: string,
    installation: ReturnType<typeof installationAt>,
    read: (...path: string[]) => string,
  ) => void,
): void {
  const mount = mkdtempSync(join(tmpdir(), "genkan-cgroup-"));
  const installation = installationAt(mount);
  try {
    body(mount, installation, (...path) => readFileSync(join(mount, ...path), "utf8"));
  } finally {
    rmSync(mount, { recursive: true });
  }
}

/** A hierarchy of version 1. */
function hierarchy(mount: string, controller: string): void {
  mkdirSync(join(mount, controller));
  writeFileSync(join(mount, controller, "cgroup.procs"), "");
}

test("version 2: the controllers are handed down, and each instance has a group within that of all", () => {
  inFolder((mount, installation, read) => {
    const name = `genkan-${installation.id}`;
    const all = join(mount, name);
    mkdirSync(all);
    writeFileSync(join(mount, "cgroup.controllers"), "cpuset cpu io memory pids\n");
    for (const group of [mount, all]) writeFileSync(join(group, "cgroup.subtree_control"), "cpu memory\n");
    assert.deepEqual(ensureCgroups(installation, mount), []);
    // The kernel adds what is written to what is there.
    for (const group of [mount, all]) {
      assert.equal(readFileSync(join(group, "cgroup.subtree_control"), "utf8"), "+pids");
      writeFileSync(join(group, "cgroup.subtree_control"), "cpu memory pids\n");
    }
    assert.ok(Number(read(name, "memory.max")) > 0);
    assert.equal(read(name, "cpu.weight"), "100");
    enterCgroup(installation, INSTANCE, [76, 77], mount);
    assert.deepEqual(readdirSync(join(all, INSTANCE)).toSorted(), [
      "cgroup.procs",
      "cpu.weight",
      "memory.max",
      "pids.max",
    ]);
    assert.equal(read(name, INSTANCE, "cgroup.procs"), "77");
    assert.equal(read(name, INSTANCE, "cpu.weight"), "100");
    assert.equal(read(name, INSTANCE, "memory.max"), String(4 * 2 ** 30));
  });
});

test("version 2 without a controller: the others keep their limits, and one is told what instances can do", () => {
  inFolder((mount, installation) => {
    const all = join(mount, `genkan-${installation.id}`);
    mkdirSync(all);
    writeFileSync(join(mount, "cgroup.controllers"), "memory pids\n");
    for (const group of [mount, all]) writeFileSync(join(group, "cgroup.subtree_control"), "memory pids\n");
    assert.deepEqual(ensureCgroups(installation, mount), [
      `instances can take the machine's processors from others: there is no such control group at ${mount}`,
    ]);
    enterCgroup(installation, INSTANCE, [76, 77], mount);
    assert.deepEqual(readdirSync(join(all, INSTANCE)).toSorted(), ["cgroup.procs", "memory.max", "pids.max"]);
  });
});

test("version 1: a group in each hierarchy, processors in equal parts, and sockets' memory counted by itself", () => {
  inFolder((mount, installation, read) => {
    const name = `genkan-${installation.id}`;
    for (const controller of ["cpu", "memory", "pids"]) hierarchy(mount, controller);
    assert.deepEqual(ensureCgroups(installation, mount), []);
    assert.equal(read("cpu", name, "cpu.shares"), "1024");
    enterCgroup(installation, INSTANCE, [76, 77], mount);
    assert.deepEqual(readdirSync(join(mount, "cpu", name, INSTANCE)).toSorted(), [
      "cgroup.procs",
      "cpu.shares",
    ]);
    assert.equal(read("cpu", name, INSTANCE, "cpu.shares"), "1024");
    assert.equal(read("memory", name, INSTANCE, "memory.limit_in_bytes"), String(4 * 2 ** 30));
    assert.equal(read("memory", name, INSTANCE, "memory.kmem.tcp.limit_in_bytes"), String(2 ** 28));
    assert.equal(read("memory", name, INSTANCE, "cgroup.procs"), "77");
    assert.deepEqual(readdirSync(join(mount, "pids", name, INSTANCE)).toSorted(), [
      "cgroup.procs",
      "pids.max",
    ]);
  });
});

test("instances' parts of the processes get smaller for all when there are more of them, and larger again", () => {
  inFolder((mount, installation, read) => {
    const name = `genkan-${installation.id}`;
    hierarchy(mount, "pids");
    ensureCgroups(installation, mount);
    const machine = { bytes: 2 ** 34, processes: Number(read("pids", name, "pids.max")) };
    const most = Math.ceil((machine.processes * 8) / 7 / 2 / 2_048) + 1;
    // A machine with room for millions gives each the most.
    if (most > 2_000) return;
    const ids = Array.from({ length: most }, (_, i) => `i-${String(i).padStart(17, "0")}`);
    for (const id of ids) enterCgroup(installation, id, [76, 77], mount);
    const shares = (of: readonly string[]): ReadonlySet<string> =>
      new Set(of.map((id) => read("pids", name, id, "pids.max")));
    const many = shares(ids);
    assert.equal(many.size, 1);
    assert.ok(Number([...many][0]) < 2_048);
    // Folders of the kernel's go with their files.
    for (const id of ids.slice(1)) {
      for (const file of readdirSync(join(mount, "pids", name, id)))
        rmSync(join(mount, "pids", name, id, file));
      removeCgroup(installation, id, mount);
    }
    assert.deepEqual(shares(ids.slice(0, 1)), new Set(["2048"]));
  });
});

test("instances are never guaranteed more than half of the machine's processes, except for the least that each needs", () => {
  const machines = record({
    bytes: integer({ min: 2 ** 28, max: 2 ** 40 }),
    processes: integer({ min: 4_096, max: 4_194_304 }),
  });
  always(
    property(machines, integer({ min: 1, max: 5_000 }), (machine, instances) => {
      const share = processShare(machine, instances);
      assert.ok(share >= 128 && share <= 2_048);
      assert.ok(share === 128 || share * instances <= machine.processes / 2);
      assert.ok(share >= processShare(machine, instances + 1));
      // Those who took theirs while there were few leave room for the others.
      assert.ok(limitsOfAll(machine).processes >= share + machine.processes / 4 || share === 2_048);
      assert.ok(limitsOfAll(machine).bytes < machine.bytes);
      assert.equal(limitsOfOne(machine, instances).processes, share);
    }),
  );
});

test("without control groups an instance starts all the same, and one is told why it has no limits", () => {
  inFolder((mount, installation) => {
    const said = ensureCgroups(installation, mount);
    assert.equal(said.length, 3);
    assert.ok(said.every((line) => line.includes("there is no such control group")));
    enterCgroup(installation, INSTANCE, [76, 77], mount);
    removeCgroups(installation, mount);
    assert.equal(existsSync(join(mount, `genkan-${installation.id}`)), false);
  });
});

test("version 1 without a controller, whose empty folder is there: the others keep their limits, and one is told", () => {
  inFolder((mount, installation) => {
    for (const controller of ["cpu", "pids"]) hierarchy(mount, controller);
    mkdirSync(join(mount, "memory"));
    assert.deepEqual(ensureCgroups(installation, mount), [
      `instances can use up the machine's memory: there is no such control group at ${mount}`,
    ]);
    enterCgroup(installation, INSTANCE, [76, 77], mount);
    assert.deepEqual(readdirSync(join(mount, "memory")), []);
    assert.equal(existsSync(join(mount, "pids", `genkan-${installation.id}`, INSTANCE)), true);
  });
});

const mounts = process.platform === "linux" && process.getuid?.() === 0 ? false : "needs root on Linux";

test(
  "where no group could be made, as nothing can be written there, there is none to remove",
  { skip: mounts },
  () => {
    inFolder((mount, installation) => {
      execFileSync("mount", ["-t", "tmpfs", "tmpfs", mount]);
      try {
        writeFileSync(join(mount, "cgroup.controllers"), "cpu memory pids\n");
        execFileSync("mount", ["-o", "remount,ro", mount]);
        assert.equal(ensureCgroups(installation, mount).length, 3);
        removeCgroup(installation, INSTANCE, mount);
        removeCgroups(installation, mount);
      } finally {
        execFileSync("umount", [mount]);
      }
    });
  },
);
