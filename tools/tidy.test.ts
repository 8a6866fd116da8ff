import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { complaints, ROOMS } from "./tidy.ts";

const ROOT = join(import.meta.dirname, "../..");

/** What tidy says of a tree with these files, where `main.ts` imports every file of `src/` that `files` names, but tests, helpers and `loose` ones. */
function said(files: Readonly<Record<string, string>>, loose: readonly string[] = []): readonly string[] {
  const root = mkdtempSync(join(tmpdir(), "genkan-tidy-"));
  try {
    const used = Object.keys(files).filter((path) => path.startsWith("src/") && !/test/.test(path) && !loose.includes(path));
    const main = used.map((path) => `import "./${path.slice("src/".length)}";\n`).join("");
    for (const [path, text] of Object.entries({ "src/main.ts": main, ...files })) {
      mkdirSync(join(root, dirname(path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    return complaints(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

test("this tree is in order", () => {
  assert.deepEqual(complaints(ROOT), []);
});

test("no two rooms of the table may import each other, and none itself by a detour", () => {
  const reach = (room: string, seen: readonly string[] = []): readonly string[] =>
    (ROOMS[room] ?? []).flatMap((next) => (seen.includes(next) ? [next] : [next, ...reach(next, [...seen, next])]));
  for (const room of Object.keys(ROOMS)) assert(!reach(room).includes(room), `${room} leads back to itself`);
});

test("a room imports only what the table lets it, also types, re-exports and dynamic imports", () => {
  const lib = { "src/lib/a.ts": "export type A = 1;\nexport const a = 1;" };
  assert.deepEqual(said({ ...lib, "src/model/b.ts": 'import { a } from "../lib/a.ts";' }), []);
  const imports = ['import type { B } from "../cli/b.ts";', 'export { b } from "../cli/b.ts";', 'const c = () => import("../cli/b.ts");'];
  for (const line of imports) {
    const complaint = ["src/store/c.ts:2 store may not import cli"];
    assert.deepEqual(said({ "src/cli/b.ts": "export type B = 1;\nexport const b = 1;", "src/store/c.ts": `\n${line}` }), complaint);
  }
  assert.deepEqual(said({ "src/attic/a.ts": "", "src/main.ts": "" }).slice(0, 1), ["src/attic/a.ts stands in no known room"]);
});

test("two rooms that import each other are named", () => {
  const files = {
    "src/lib/a.ts": 'import "../model/b.ts";',
    "src/lib/c.ts": "",
    "src/model/b.ts": 'import "../lib/c.ts";',
  };
  assert(said(files).includes("lib and model import each other"));
});

test("a circle is found, also one of types alone", () => {
  const files = {
    "src/lib/a.ts": 'import type { B } from "./b.ts";\nexport type A = B;',
    "src/lib/b.ts": 'import type { A } from "./a.ts";\nexport type B = A;',
  };
  assert.deepEqual(said(files), ["import circle: src/lib/a.ts → src/lib/b.ts → src/lib/a.ts"]);
});

test("a file that nothing leads to is dead; one that is started by its name is not", () => {
  assert.deepEqual(said({ "src/cli/a.ts": "" }, ["src/cli/a.ts"]), ["src/cli/a.ts is dead: nothing imports or starts it"]);
  assert.deepEqual(said({ "test/kit.ts": "" }), ["test/kit.ts is dead: nothing imports or starts it"]);
  assert.deepEqual(said({ "test/a.test.ts": 'import "./kit.ts";', "test/kit.ts": "" }), []);
  const daemon = { "src/host/daemon.ts": "const path = `./${name}-main.js`;", "src/host/dns-main.ts": "" };
  assert.deepEqual(said(daemon, ["src/host/dns-main.ts"]), []);
});

test("what only tests use is named test-…, and nothing else is", () => {
  const helper = (name: string): Record<string, string> => ({
    [`src/cli/${name}.ts`]: "",
    "src/cli/a.test.ts": `import "./${name}.ts";`,
  });
  assert.deepEqual(said(helper("test-kit")), []);
  assert.deepEqual(said(helper("kit"), ["src/cli/kit.ts"]), ["src/cli/kit.ts is used by tests alone; name it test-…"]);
  const shipped = { "src/cli/test-kit.ts": "", "src/cli/a.ts": 'import "./test-kit.ts";' };
  assert.deepEqual(said(shipped), ["src/cli/test-kit.ts is used by the program; its name says by tests"]);
});

test("a pure room takes no clock, no randomness and no I/O", () => {
  assert.deepEqual(said({ "src/plan/a.ts": 'import "node:fs";\nconst now = Date.now();\n// Date.now in a comment' }), [
    "src/plan/a.ts:1 a pure room may not import node:fs",
    "src/plan/a.ts:2 is not pure: const now = Date.now();",
  ]);
  assert.deepEqual(said({ "src/store/a.ts": 'import "node:fs";\nconst now = Date.now();' }), []);
});

test("files and functions have a length at which they are too long", () => {
  assert.deepEqual(said({ "src/cli/a.ts": "//\n".repeat(420) }), ["src/cli/a.ts has 421 lines (at most 420)"]);
  const long = `function f() {\n${"//\n".repeat(74)}}`;
  assert.deepEqual(said({ "src/cli/a.ts": long }), ["src/cli/a.ts:1 a function of 76 lines (at most 75)"]);
});

test("ARCHITECTURE.md has the table of rooms", () => {
  const rows = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8").matchAll(/^\| `(\w+)` \|.*\|([^|]*)\|$/gm);
  const table = Object.fromEntries([...rows].map(([, room = "", may = ""]) => [room, may.split(/[, ]+/).filter((word) => word !== "")]));
  const every = Object.keys(ROOMS).filter((room) => room !== "main");
  assert.deepEqual(
    Object.fromEntries(Object.entries(table).map(([room, may]) => [room, may.join() === "all" ? every.toSorted() : may.toSorted()])),
    Object.fromEntries(Object.entries(ROOMS).map(([room, may]) => [room, may.toSorted()])),
  );
});

test("docs/differences.md names every parameter that the actions refuse", () => {
  const told = readFileSync(join(ROOT, "docs/differences.md"), "utf8");
  const folder = join(ROOT, "src/actions");
  const texts = readdirSync(folder)
    .filter((name) => !name.includes("test"))
    .map((name) => readFileSync(join(folder, name), "utf8"));
  const lists = texts.flatMap((text) => [...text.matchAll(/(?:refuseUnoffered\(\w+, |UNOFFERED_BLOCKS = )\[([^\]]*)\]/g)]);
  const names = lists.flatMap(([, list = ""]) => [...list.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name));
  assert(names.length > 60, "the lists are found");
  assert.deepEqual(
    [...new Set(names)].filter((name) => !told.includes(`\`${name}\``)),
    [],
  );
});
