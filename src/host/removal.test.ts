import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { installationAt } from "./installation.ts";
import { Removal } from "./removal.ts";
import { output } from "./test-kit.ts";

const ID = "i-00000000000000001";

async function inHome(
  body: (instances: string, open: () => Removal, said: string[]) => Promise<void>,
): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), "genkan-removal-"));
  const installation = installationAt(home);
  const said: string[] = [];
  mkdirSync(installation.instances);
  try {
    await body(
      installation.instances,
      () => new Removal(installation, (message) => said.push(message)),
      said,
    );
  } finally {
    spawnSync("rm", ["-rf", home]);
  }
}

/** Folders within each other, whose path is longer than any call takes one. */
function makeDeep(folder: string): void {
  mkdirSync(folder);
  const script =
    'chdir $ARGV[0]; my $name = "d" x 200; for (1 .. 3000) { mkdir $name or die; chdir $name or die }';
  output(["perl", "-e", script, folder]);
}

test("files are put aside at once and removed later, however deep and many", async () => {
  await inHome(async (instances, open, said) => {
    makeDeep(join(instances, ID));
    mkdirSync(join(instances, "i-00000000000000002"));
    const removal = open();
    removal.discard(ID);
    assert.deepEqual(readdirSync(instances).toSorted(), ["i-00000000000000001.gone", "i-00000000000000002"]);
    // One of the same name, as a self-check's is at each start, while the first is still there.
    mkdirSync(join(instances, ID));
    removal.discard(ID);
    removal.discard("i-00000000000000009");
    assert.ok(!existsSync(join(instances, ID)));
    await removal.settled();
    assert.deepEqual(readdirSync(instances), ["i-00000000000000002"]);
    assert.deepEqual(said, []);
  });
});

test("files that one start did not remove, the next one does", async () => {
  await inHome(async (instances, open) => {
    makeDeep(join(instances, ID));
    const removal = open();
    removal.discard(ID);
    await removal.close(0);
    const heir = open();
    heir.resume();
    await heir.settled();
    assert.deepEqual(readdirSync(instances), []);
  });
});

test(
  "what can't be removed is told once, and keeps nothing else",
  { skip: process.getuid?.() === 0 ? false : "needs root" },
  async () => {
    await inHome(async (instances, open, said) => {
      mkdirSync(join(instances, ID, "rootfs"), { recursive: true });
      writeFileSync(join(instances, ID, "rootfs/file"), "");
      const mount = (...argv: string[]): string => output(["sh", "-c", '"$@"', "sh", ...argv]);
      mount("mount", "--bind", join(instances, ID, "rootfs"), join(instances, ID, "rootfs"));
      const removal = open();
      try {
        removal.discard(ID);
        await removal.settled();
        mkdirSync(join(instances, "i-00000000000000002"));
        removal.discard("i-00000000000000002");
        await removal.settled();
        assert.deepEqual(readdirSync(instances), [`${ID}.gone`]);
        assert.equal(said.length, 1);
        assert.match(said[0] ?? "", /\.gone can't be removed: rm: .*(busy|different device)/i);
      } finally {
        mount("umount", join(instances, `${ID}.gone/rootfs`));
      }
      rmSync(join(instances, `${ID}.gone`), { recursive: true });
    });
  },
);
