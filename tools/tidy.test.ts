import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { complaints } from "./tidy.ts";
import { OUTER_ROOMS, ROOMS, WINGS } from "./tidy/rooms.ts";

const ROOT = join(import.meta.dirname, "../..");

/**
 * What tidy says of a tree with these files, where `main.ts` imports every file of `src/` that `files` names,
 * but tests, helpers and `loose` ones.
 */
function said(files: Readonly<Record<string, string>>, loose: readonly string[] = []): readonly string[] {
  const root = mkdtempSync(join(tmpdir(), "genkan-tidy-"));
  try {
    const used = Object.keys(files).filter(
      (path) => path.startsWith("src/") && !/test/.test(path) && !loose.includes(path),
    );
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
  const table = { ...ROOMS, ...OUTER_ROOMS };
  const reach = (room: string, seen: readonly string[] = []): readonly string[] =>
    (table[room] ?? []).flatMap((next) =>
      seen.includes(next) ? [next] : [next, ...reach(next, [...seen, next])],
    );
  for (const room of Object.keys(table)) assert(!reach(room).includes(room), `${room} leads back to itself`);
});

test("a room imports only what the table lets it, also types, re-exports and dynamic imports", () => {
  const lib = { "src/lib/a.ts": "export type A = 1;\nexport const a = 1;" };
  assert.deepEqual(said({ ...lib, "src/model/b.ts": 'import { a } from "../lib/a.ts";' }), []);
  const imports = [
    'import type { B } from "../cli/b.ts";',
    'export { b } from "../cli/b.ts";',
    'const c = () => import("../cli/b.ts");',
  ];
  for (const line of imports) {
    const complaint = ["src/store/c.ts:2 store may not import cli"];
    assert.deepEqual(
      said({ "src/cli/b.ts": "export type B = 1;\nexport const b = 1;", "src/store/c.ts": `\n${line}` }),
      complaint,
    );
  }
  assert.deepEqual(said({ "src/attic/a.ts": "", "src/main.ts": "" }).slice(0, 1), [
    "src/attic/a.ts stands in no known room",
  ]);
});

test("a wing imports only wings below it, never what stands above them all, and there are no others", () => {
  const kit = { "src/actions/kit/a.ts": "export const a = 1;" };
  const tag = { "src/actions/tag/b.ts": 'import { a } from "../kit/a.ts";\nexport const b = a;' };
  const registry = { "src/actions/registry.ts": 'import "./tag/b.ts";\nexport const r = 1;' };
  assert.deepEqual(said({ ...kit, ...tag, ...registry }), []);
  const up = { "src/actions/kit/c.ts": '\nimport type { b } from "../tag/b.ts";', ...kit, ...tag };
  assert.deepEqual(said(up), ["src/actions/kit/c.ts:2 kit may not import tag"]);
  const top = { "src/actions/tag/c.ts": 'import "../registry.ts";', "src/actions/registry.ts": "" };
  assert.deepEqual(said(top), [
    "src/actions/tag/c.ts:1 tag may not import what stands above the wings of actions",
  ]);
  assert.deepEqual(said({ "src/actions/attic/a.ts": "" }), [
    "src/actions/attic/a.ts stands in no known wing of actions",
  ]);
  const looks = { "src/actions/kit/a.test.ts": 'import "../tag/b.ts";', "src/actions/tag/b.ts": "" };
  assert.deepEqual(said(looks), []);
});

test("each wing of the table stands in the tree", () => {
  for (const [room, order] of Object.entries(WINGS)) {
    const folders = readdirSync(join(ROOT, "src", room), { withFileTypes: true }).filter((entry) =>
      entry.isDirectory(),
    );
    assert.deepEqual(order.toSorted(), folders.map(({ name }) => name).toSorted());
  }
});

test("what stands outside src/ has rooms too, which bind its tests; src/ imports none of them, nor do its tests", () => {
  const kit = { "test/kit/a.ts": "export const a = 1;" };
  const line = 'import { a } from "../kit/a.ts";\nexport const b = a;';
  assert.deepEqual(said({ ...kit, "test/tables/b.test.ts": line }), []);
  assert.deepEqual(said({ ...kit, "test/reference/b.test.ts": line }), [
    "test/reference/b.test.ts:1 test/reference may not import test/kit",
  ]);
  const model = { "src/model/a.ts": "", "test/reference/b.test.ts": 'import "../../src/model/a.ts";' };
  assert.deepEqual(said(model), ["test/reference/b.test.ts:1 test/reference may not import model"]);
  const helped = { ...kit, "src/wire/b.test.ts": 'import "../../test/kit/a.ts";' };
  assert.deepEqual(said(helped), ["src/wire/b.test.ts:1 wire may not import test/kit"]);
  const tool = { "bench/main.ts": "", "tools/a.ts": 'import "../bench/main.ts";' };
  assert.deepEqual(said(tool), ["tools/a.ts:1 tools may not import bench"]);
  assert.deepEqual(said({ "test/a.test.ts": "" }), ["test/a.test.ts stands in no known room"]);
  assert.deepEqual(said({ "test/attic/a.test.ts": "" }), ["test/attic/a.test.ts stands in no known room"]);
});

test("each folder of test/ is a room of the table", () => {
  const folders = readdirSync(join(ROOT, "test")).map((name) => `test/${name}`);
  assert.deepEqual(
    folders.toSorted(),
    Object.keys(OUTER_ROOMS)
      .filter((room) => room.startsWith("test/"))
      .toSorted(),
  );
});

test("two rooms that import each other are named", () => {
  const files = {
    "src/lib/a.ts": 'import "../model/b.ts";',
    "src/lib/c.ts": "",
    "src/model/b.ts": 'import "../lib/c.ts";',
  };
  assert(said(files).includes("lib and model import each other"));
  const outside = {
    "test/kit/a.ts": 'import "../../tools/b.ts";',
    "tools/b.ts": "",
    "tools/c.ts": 'import "../test/kit/a.ts";',
  };
  assert(said(outside).includes("test/kit and tools import each other"));
});

test("a circle of imports is found, also one that imports only types", () => {
  const files = {
    "src/lib/a.ts": 'import type { B } from "./b.ts";\nexport type A = B;',
    "src/lib/b.ts": 'import type { A } from "./a.ts";\nexport type B = A;',
  };
  assert.deepEqual(said(files), ["import circle: src/lib/a.ts → src/lib/b.ts → src/lib/a.ts"]);
});

test("a file that nothing leads to is dead; one that is started by its name is not", () => {
  assert.deepEqual(said({ "src/cli/a.ts": "" }, ["src/cli/a.ts"]), [
    "src/cli/a.ts is dead: nothing imports or starts it",
  ]);
  for (const path of ["test/kit/b.ts", "bench/b.ts", "tools/b/c.ts"]) {
    assert.deepEqual(said({ [path]: "" }), [`${path} is dead: nothing imports or starts it`]);
  }
  assert.deepEqual(said({ "test/kit/a.test.ts": 'import "./b.ts";', "test/kit/b.ts": "" }), []);
  const daemon = { "src/host/daemon.ts": "const path = `./${name}-main.js`;", "src/host/dns-main.ts": "" };
  assert.deepEqual(said(daemon, ["src/host/dns-main.ts"]), []);
});

test("what only tests use is named test-…, and nothing else is", () => {
  const helper = (name: string): Record<string, string> => ({
    [`src/cli/${name}.ts`]: "",
    "src/cli/a.test.ts": `import "./${name}.ts";`,
  });
  assert.deepEqual(said(helper("test-kit")), []);
  assert.deepEqual(said(helper("kit"), ["src/cli/kit.ts"]), [
    "src/cli/kit.ts is used only by tests; name it test-…",
  ]);
  const shipped = { "src/cli/test-kit.ts": "", "src/cli/a.ts": 'import "./test-kit.ts";' };
  assert.deepEqual(said(shipped), ["src/cli/test-kit.ts is used by the program; its name says by tests"]);
  const tool = {
    "src/cli/test-kit.ts": "",
    "test/kit/a.ts": 'import "../../src/cli/test-kit.ts";',
    "tools/b.ts": 'import "../test/kit/a.ts";',
  };
  assert.deepEqual(said(tool), []);
});

test("a pure room takes no clock, no randomness and no I/O", () => {
  assert.deepEqual(
    said({ "src/plan/a.ts": 'import "node:fs";\nconst now = Date.now();\n// Date.now in a comment' }),
    [
      "src/plan/a.ts:1 a pure room may not import node:fs",
      "src/plan/a.ts:2 is not pure: const now = Date.now();",
    ],
  );
  assert.deepEqual(said({ "src/store/a.ts": 'import "node:fs";\nconst now = Date.now();' }), []);
  assert.deepEqual(said({ "src/protocol/a.ts": 'import type { Writable } from "node:stream";' }), [
    "src/protocol/a.ts:1 a pure room may not import node:stream",
  ]);
  const reference = {
    "test/reference/a.ts": "const now = Date.now();",
    "test/proof/a.test.ts": 'import "../reference/a.ts";',
  };
  assert.deepEqual(said(reference), ["test/reference/a.ts:1 is not pure: const now = Date.now();"]);
  assert.deepEqual(
    said({ "src/plan/test-a.ts": 'import "node:fs";', "src/plan/a.test.ts": 'import "./test-a.ts";' }),
    [],
  );
});

test("files and functions have a length at which they are too long", () => {
  assert.deepEqual(said({ "src/cli/a.ts": "//\n".repeat(520) }), [
    "src/cli/a.ts has 521 lines (at most 520)",
  ]);
  const long = `function f() {\n${"//\n".repeat(89)}}`;
  assert.deepEqual(said({ "src/cli/a.ts": long }), ["src/cli/a.ts:1 a function of 91 lines (at most 90)"]);
  assert.deepEqual(said({ "tools/a.ts": long }), ["tools/a.ts:1 a function of 91 lines (at most 90)"]);
  const play = (lines: number): readonly string[] =>
    said({
      "test/kit/a.ts": `function f() {\n${"//\n".repeat(lines - 2)}}`,
      "test/kit/a.test.ts": 'import "./a.ts";',
    });
  assert.deepEqual(play(185), []);
  assert.deepEqual(play(186), ["test/kit/a.ts:1 a function of 186 lines (at most 185)"]);
});

test("ARCHITECTURE.md has the tables of rooms", () => {
  const [, section = ""] = readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8").split("\n## Rooms\n");
  const rows = section.matchAll(/^\| `([\w/]+)` \|.*\|([^|]*)\|$/gm);
  const told = Object.fromEntries(
    [...rows].map(([, room = "", may = ""]) => [room, may.split(/[, ]+/).filter((word) => word !== "")]),
  );
  const every = Object.keys(ROOMS).filter((room) => room !== "main");
  assert.deepEqual(
    Object.fromEntries(
      Object.entries(told).map(([room, may]) => [
        room,
        may.join() === "all" ? every.toSorted() : may.toSorted(),
      ]),
    ),
    Object.fromEntries(
      Object.entries({ ...ROOMS, ...OUTER_ROOMS }).map(([room, may]) => [room, may.toSorted()]),
    ),
  );
});

test("ARCHITECTURE.md has the wings of actions, in their order", () => {
  const order = (WINGS["actions"] ?? []).map((wing) => `\`${wing}\``).join(", ");
  assert(readFileSync(join(ROOT, "ARCHITECTURE.md"), "utf8").includes(`in this order: ${order}.`));
});

test("docs/differences.md names every parameter that the actions refuse", () => {
  const told = readFileSync(join(ROOT, "docs/differences.md"), "utf8");
  const folder = join(ROOT, "src/actions");
  const texts = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.includes("test"))
    .map((name) => readFileSync(join(folder, name), "utf8"));
  const lists = texts.flatMap((text) => [
    ...text.matchAll(/(?:refuseUnoffered\(\w+, |UNOFFERED_BLOCKS = )\[([^\]]*)\]/g),
  ]);
  const names = lists.flatMap(([, list = ""]) => [...list.matchAll(/"(\w+)"/g)].map(([, name = ""]) => name));
  assert(names.length > 60, "the lists are found");
  assert.deepEqual(
    [...new Set(names)].filter((name) => !told.includes(`\`${name}\``)),
    [],
  );
});
