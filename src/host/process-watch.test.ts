import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { array, assert as always, integer, property } from "fast-check";
import { limitsOfAll, processGuarantee, processShare } from "./cgroup-limits.ts";
import { enterCgroup, ensureCgroups, processCount } from "./cgroup.ts";
import { installationAt } from "./installation.ts";
import { crowdingProcesses } from "./process-watch.ts";

const installation = installationAt(tmpdir());

function crowding(machine: number, counts: readonly number[]): string | undefined {
  const all = counts.reduce((a, b) => a + b, 0);
  const count = (id?: string): number | undefined => (id === undefined ? all : counts[Number(id)]);
  return crowdingProcesses(
    installation,
    counts.map((_, i) => String(i)),
    { bytes: 2 ** 34, processes: machine },
    count,
  )?.id;
}

test("instances that took all the processes they could make way when others need theirs, the largest first", () => {
  const early = [2_048, 2_048, 2_047, 2_048, 2_048, 2_048, 2_048, 2_048];
  assert.equal(crowding(32_768, early), undefined);
  assert.equal(crowding(32_768, [...early, 1_024, 1_024, 1_024]), undefined);
  assert.equal(crowding(32_768, [...early, 1_024, 1_024, 1_024, 1_025, 3, 3, 3, 3]), "0");
  assert.equal(crowding(32_768, [9, 2_048, 9, 2_049, ...early, 900, 1_024, 1_024, 1_024]), "3");
});

test("an instance within its guarantee never makes way, and there is room for the guarantees of all", () => {
  const machines = integer({ min: 4_096, max: 4_194_304 });
  always(
    property(
      machines,
      array(integer({ min: 0, max: 2_048 }), { minLength: 1, maxLength: 400 }),
      (machine, counts) => {
        const sure = processGuarantee({ bytes: 2 ** 34, processes: machine }, counts.length);
        const ended = crowding(machine, counts);
        if (ended !== undefined)
          assert.ok((counts[Number(ended)] ?? 0) > sure && Math.max(...counts) === counts[Number(ended)]);
        // All that is sure fits into what all may have, with room to spare before anybody ends.
        assert.ok(sure * counts.length <= machine / 2);
        assert.equal(
          crowding(
            machine,
            counts.map((count) => Math.min(count, sure)),
          ),
          undefined,
        );
        // Nobody is ended who took no more than he could, while there are as few instances as when he took
        // it.
        const share = processShare({ bytes: 2 ** 34, processes: machine }, counts.length);
        if (share * counts.length <= machine / 2)
          assert.equal(
            crowding(
              machine,
              counts.map(() => share),
            ),
            undefined,
          );
        assert.ok(limitsOfAll({ bytes: 2 ** 34, processes: machine }).processes > (machine * 5) / 8);
      },
    ),
  );
});

test("processes are counted by the kernel, in the group of each instance and of all", () => {
  const mount = mkdtempSync(join(tmpdir(), "genkan-cgroup-"));
  try {
    const own = installationAt(mount);
    assert.equal(processCount(own, "", mount), undefined);
    mkdirSync(join(mount, "pids"));
    writeFileSync(join(mount, "pids", "cgroup.procs"), "");
    ensureCgroups(own, mount);
    enterCgroup(own, "i-00000000000000001", [76], mount);
    writeFileSync(join(mount, "pids", `genkan-${own.id}`, "pids.current"), "12\n");
    writeFileSync(join(mount, "pids", `genkan-${own.id}`, "i-00000000000000001", "pids.current"), "7\n");
    assert.deepEqual(
      [processCount(own, "", mount), processCount(own, "i-00000000000000001", mount)],
      [12, 7],
    );
    assert.equal(processCount(own, "i-00000000000000002", mount), undefined);
  } finally {
    rmSync(mount, { recursive: true });
  }
});
