import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { run } from "./command.ts";
import { roomForConnections } from "./descriptors.ts";
import { isAlive, readRecord, recordNames, startTime, writeRecord } from "./processes.ts";

// A process without a free file descriptor can't tell a test runner anything: so it is one of its own.
const INSIDE = "GENKAN_TEST_OF_DESCRIPTORS";

if (process.env[INSIDE] === undefined) {
  test("without a free file descriptor no live process is taken for dead, and a command that cannot start does not end this one", async () => {
    const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
    const child = fork(fileURLToPath(import.meta.url), { env: { ...environment, [INSIDE]: "yes" } });
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });

  test("connections leave a process half of its file descriptors", () => {
    const limits = join(mkdtempSync(join(tmpdir(), "genkan-")), "limits");
    const room = (files: string): number => {
      writeFileSync(
        limits,
        `Limit                     Soft Limit           Hard Limit           Units\nMax open files            ${files} files\n`,
      );
      return roomForConnections(2_000, 0.5, limits);
    };
    assert.equal(room("1024                 524288              "), 512);
    assert.equal(room("1048576              1048576             "), 2_000);
    assert.equal(room("unlimited            unlimited           "), 2_000);
    assert.equal(roomForConnections(2_000, 0.5, "/there/is/none"), 512);
  });
} else {
  await withoutDescriptors();
  process.exit(0);
}

async function withoutDescriptors(): Promise<void> {
  const folder = mkdtempSync(`${tmpdir()}/genkan-`);
  const own = { pid: process.pid, starttime: startTime(process.pid) ?? "" };
  writeRecord(folder, "own", own);
  // What is loaded at the first use must be there.
  await run(["true"]);
  const taken = allDescriptors();
  const full = (cause: unknown): boolean => JSON.stringify(codes(cause)).includes("EMFILE");
  const outcomes = [() => isAlive(own), () => readRecord(folder, "own"), () => recordNames(folder)].map(
    (look) => thrown(look),
  );
  const commands = await Promise.all(
    [1, 2].map(() =>
      run(["true"]).then(
        () => undefined,
        (cause: unknown) => cause,
      ),
    ),
  );
  for (const fd of taken) closeSync(fd);
  for (const outcome of [...outcomes, ...commands]) assert.ok(full(outcome), String(outcome));
  assert.equal(isAlive(own), true);
  assert.deepEqual(recordNames(folder), ["own"]);
  assert.equal(await run(["echo", "again"]), "again\n");
  assert.equal(isAlive({ pid: 0x7fff_fff0, starttime: "1" }), false);
}

function allDescriptors(): readonly number[] {
  const taken: number[] = [];
  for (;;) {
    try {
      taken.push(openSync("/dev/null", "r"));
    } catch {
      return taken;
    }
  }
}

function thrown(look: () => unknown): unknown {
  try {
    return look();
  } catch (cause) {
    return cause;
  }
}

function codes(cause: unknown): readonly unknown[] {
  return cause instanceof Error ? [(cause as NodeJS.ErrnoException).code, ...codes(cause.cause)] : [];
}
