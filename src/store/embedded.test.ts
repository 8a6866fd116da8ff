import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { openData, openEmbedded } from "./embedded.ts";
import { HEADER_KEY, seal } from "./layout.ts";
import { openReadOnly } from "./read-only.ts";
import type { StoreError } from "./store.ts";
import { Caller, keyPair, networkInterface, refused } from "./test-store.ts";

const PROCESS = join(import.meta.dirname, "test-process.js");
const isRoot = process.platform === "linux" && process.getuid?.() === 0;

async function inFolder(body: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "genkan-store-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function has(program: string, ...args: string[]): boolean {
  return spawnSync(program, args).status === 0;
}

test(
  "a full disk refuses, leaves nothing behind, and the store goes on when there is room",
  { skip: !isRoot && "mounting needs root" },
  () =>
    inFolder((folder) => {
      const mount = `mount -t tmpfs -o size=3m tmpfs ${folder} && exec "$@"`;
      const room = `mount -o remount,size=64m ${folder}`;
      const out = execFileSync(
        "unshare",
        ["-m", "sh", "-c", mount, "sh", process.execPath, PROCESS, "fill", folder, room],
        {
          stdio: ["ignore", "pipe", "ignore"],
        },
      );
      const { kind, code, committed } = JSON.parse(out.toString());
      assert.equal(kind, "full");
      assert([5, 28].includes(code), `the cause has the system's code, ${code}`);
      assert(committed > 5);
    }),
);

test(
  "what somebody else fills the disk with leaves room to end and remove things",
  { skip: !isRoot && "mounting needs root" },
  () =>
    inFolder((folder) => {
      const mount = `mount -t tmpfs -o size=8m tmpfs ${folder} && exec "$@"`;
      const out = execFileSync(
        "unshare",
        ["-m", "sh", "-c", mount, "sh", process.execPath, PROCESS, "short", folder],
        {
          stdio: ["ignore", "pipe", "ignore"],
        },
      );
      assert.deepEqual(JSON.parse(out.toString()), { kind: "full", ids: ["a", "c", "e"], text: "49" });
    }),
);

test(
  "a limit on the file's size refuses in the same way",
  { skip: !has("prlimit", "--version") && "prlimit is missing" },
  () =>
    inFolder((folder) => {
      const limit = 'ulimit -S -f 4000 && exec "$@"';
      const room = 'prlimit --pid "$PPID" --fsize=unlimited';
      const out = execFileSync("sh", ["-c", limit, "sh", process.execPath, PROCESS, "fill", folder, room], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      assert.equal(JSON.parse(out.toString()).kind, "failed");
    }),
);

test(
  "a commit resolves after its data are on disk, and many share one flush",
  { skip: !has("strace", "-o", "/dev/null", "true") && "strace is missing" },
  () =>
    inFolder((folder) => {
      const trace = join(folder, "trace");
      const calls = "trace=write,pwrite64,writev,pwritev,fdatasync,fsync,openat";
      const store = join(folder, "store");
      const { status } = spawnSync(
        "strace",
        ["-f", "-y", "-qq", "-e", calls, "-o", trace, process.execPath, PROCESS, "traced", store],
        {
          stdio: "ignore",
        },
      );
      assert.equal(status, 0);
      const lines = readFileSync(trace, "utf8").split("\n");
      assert(
        lines.some((line) => /openat\(.*data\.mdb", O_WRONLY\|O_DSYNC/.test(line)),
        "the page that makes a transaction true is written through to the disk",
      );
      const between = (name: string): readonly string[] => {
        const from = lines.findIndex((line) => line.includes(`"begin ${name}\\n"`));
        const to = lines.findIndex((line) => line.includes(`"end ${name}\\n"`));
        assert(from >= 0 && to > from, name);
        return lines.slice(from, to);
      };
      for (const name of ["0", "1", "2"]) {
        const calls = between(name);
        const flushed = calls.findIndex((line) =>
          /fdatasync(\(\d+<.*data\.mdb>| resumed>)\) += 0/.test(line),
        );
        assert(flushed >= 0, `commit ${name} was flushed`);
        assert(
          calls
            .slice(flushed)
            .some((line) => /pwrite64(\(\d+<.*data\.mdb>.*, 128, \d+| resumed>.*)\) += 128/.test(line)),
          `commit ${name} was made true after that`,
        );
      }
      const flushes = between("many").filter((line) => /fdatasync\(/.test(line)).length;
      assert(flushes >= 1 && flushes <= 3, `${flushes} flushes for 40 commits`);
    }),
);

test("a second writer is refused by name, in this process and in another", () =>
  inFolder(async (folder) => {
    const store = openEmbedded(folder);
    await refused("locked", (async () => openEmbedded(folder))());
    const said = execFileSync(process.execPath, [PROCESS, "write", folder]).toString();
    assert.equal(said, `locked: ${folder} is in use by process ${process.pid}\n`);
    await store.close();
    assert.equal(execFileSync(process.execPath, [PROCESS, "write", folder]).toString(), "opened\n");
  }));

test(
  "programs that this process starts do not inherit the store's files",
  { skip: process.platform !== "linux" },
  () =>
    inFolder(async (folder) => {
      const store = openEmbedded(folder);
      await new Caller(store).change((tx) => tx.put(keyPair("a")));
      const open = execFileSync("ls", ["-l", "/proc/self/fd"]).toString();
      assert(!open.includes(folder), open);
      await store.close();
    }),
);

test("only this user can read the folder", () =>
  inFolder(async (folder) => {
    const store = openEmbedded(join(folder, "store"));
    assert.equal(statSync(join(folder, "store")).mode & 0o777, 0o700);
    await store.close();
  }));

/** A process that reads while this one writes; it answers each question with one line. */
function reading(folder: string): {
  readonly child: ChildProcess;
  readonly next: () => Promise<string>;
  readonly ask: (slot: number) => Promise<object>;
} {
  const child = spawn(process.execPath, [PROCESS, "read", folder], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => String((await lines.next()).value);
  return {
    child,
    next,
    ask: async (slot) => {
      child.stdin.write(`${slot}\n`);
      return JSON.parse(await next());
    },
  };
}

test("another process reads what was committed, at once", () =>
  inFolder(async (folder) => {
    const store = openEmbedded(folder);
    const caller = new Caller(store);
    const attachment = {
      attachmentId: "a",
      instanceId: "i-1",
      deviceIndex: 0,
      networkCardIndex: 0,
      deleteOnTermination: true,
      attachTime: "",
    };
    const reader = reading(folder);
    assert.equal(await reader.next(), "ready");
    assert.deepEqual(await reader.ask(16), { revision: 0 });
    await caller.change((tx) => tx.put(networkInterface("eni-z", 16, { attachment })), "eu-west-1");
    assert.deepEqual(await reader.ask(16), {
      revision: 1,
      id: "eni-z",
      region: "eu-west-1",
      attached: ["eni-z"],
    });
    await caller.change((tx) => tx.put(networkInterface("eni-a", 17, { attachment })), "eu-west-1");
    assert.deepEqual(await reader.ask(17), {
      revision: 2,
      id: "eni-a",
      region: "eu-west-1",
      attached: ["eni-z", "eni-a"],
    });
    await caller.change((tx) => tx.put(networkInterface("eni-z", 16)), "eu-west-1");
    assert.deepEqual(await reader.ask(16), {
      revision: 3,
      id: "eni-z",
      region: "eu-west-1",
      attached: ["eni-a"],
    });
    await caller.change((tx) => tx.delete("network-interface", "eni-z"), "eu-west-1");
    await caller.change((tx) => tx.put(networkInterface("eni-n", 16)), "us-east-1");
    for (let n = 0; n < 100; n++) {
      const revision = await caller.change((tx) =>
        tx.put(networkInterface("eni-n", 16, { description: String(n) })),
      );
      assert.deepEqual(await reader.ask(16), { revision, id: "eni-n", region: "us-east-1", attached: [] });
    }
    await store.close();
    assert.deepEqual(await reader.ask(17), {
      revision: 105,
      id: "eni-a",
      region: "eu-west-1",
      attached: ["eni-a"],
    });
    reader.child.stdin?.end();
  }));

/** Makes a store with some content, damages it, and expects it to be refused at opening or loading. */
async function spoiled(
  kind: "corrupt" | "newer-format",
  spoil: (folder: string, data: string) => Promise<void> | void,
): Promise<StoreError> {
  let error: StoreError | undefined;
  await inFolder(async (folder) => {
    const store = openEmbedded(folder);
    const caller = new Caller(store);
    for (let n = 0; n < 300; n++)
      void caller.change((tx) => tx.put(keyPair(`key-${n}`, `SECRET${"x".repeat(500)}`)));
    await store.close();
    await spoil(folder, join(folder, "data.mdb"));
    error = await refused(
      kind,
      (async () => {
        const again = openEmbedded(folder);
        try {
          await again.load();
        } finally {
          await again.close();
        }
      })(),
    );
  });
  assert(error);
  return error;
}

test("a newer format is refused", async () => {
  const error = await spoiled("newer-format", async (folder) => {
    const db = openData(folder, false);
    await db.put(HEADER_KEY, seal(JSON.stringify({ format: 2, revision: 1 })));
    await db.close();
  });
  assert.match(error.message, /newer Genkan \(format 2/);
});

test("a file that is no store is refused", async () => {
  await spoiled("corrupt", (_, data) => writeFileSync(data, Buffer.alloc(100_000, "garbage")));
});

test("records without a header are refused", async () => {
  await spoiled("corrupt", async (folder) => {
    const db = openData(folder, false);
    await db.remove(HEADER_KEY);
    await db.close();
  });
});

test("a damaged record is refused by name", async () => {
  const error = await spoiled("corrupt", (_, data) => {
    const bytes = readFileSync(data);
    for (let at = bytes.indexOf("SECRET"); at >= 0; at = bytes.indexOf("SECRET", at + 1)) bytes[at] = 0x20;
    writeFileSync(data, bytes);
  });
  assert.match(error.message, /the record resource\|123456789012\|us-east-1\|key-pair\|key-\d+ is damaged/);
});

test("a file cut short is refused", async () => {
  for (const pages of [3, 8, 20]) await spoiled("corrupt", (_, data) => truncateSync(data, pages * 4096));
});

test("there is nothing to read before the first writer", () =>
  inFolder(async (folder) => {
    await refused("missing", (async () => openReadOnly(folder))());
  }));
