import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { compile, headersText } from "../datapath/test-compile.ts";
import { noKernel } from "../datapath/test-kit.ts";
import { HEADERS } from "./header.ts";
import { RECORDS } from "./records.ts";
import { STRUCTS, TABLES } from "./tables.ts";

const FOLDER = join(import.meta.dirname, "../../../src/datapath/bpf");

for (const [file, header] of Object.entries(HEADERS)) {
  test(`the committed ${file} is the generated one`, () => {
    assert.equal(
      readFileSync(join(FOLDER, file), "utf8"),
      header(),
      "run: node dist/tools/generate-header.js",
    );
  });
}

const STRUCT = /^struct (\w+) \{\n((?:\t.*\n)+)\};/gm;

/**
 * The structs that the compiler lays out differently from `layout.ts` after `plant` has changed their fields.
 */
function found(plant: (fields: string) => string): readonly string[] {
  const text = headersText().replace(
    STRUCT,
    (_, name: string, fields: string) => `struct ${name} {\n${plant(fields)}};`,
  );
  const said = compile(text, ["-fsyntax-only", "-ferror-limit=0"]);
  const blamed = [
    ...said.matchAll(
      /static.assert\w* failed[^"]*"(\w+)"|error: padding (?:size of )?(?:struct )?'struct (\w+)'/g,
    ),
  ];
  return [...new Set(blamed.map(([, size, padded]) => size ?? padded ?? ""))].toSorted();
}

const ROWS = Object.values(TABLES).flatMap((table) => ("locked" in table ? [`${table.value}_row`] : []));
const ALL: readonly string[] = [...Object.keys(STRUCTS), ...Object.keys(RECORDS), ...ROWS].toSorted();

test("the compiler lays every struct out as user space does", { skip: noKernel }, () => {
  assert.equal(compile(headersText(), ["-fsyntax-only"]), "");
});

test("a struct that has a field more, or one of another size, does not compile", { skip: noKernel }, () => {
  assert.deepEqual(
    found((fields) => `${fields}\t__u64 planted;\n`),
    ALL,
  );
  for (const [type, other] of [
    ["__u8", "__u16"],
    ["__u16", "__u8"],
    ["__u32", "__u64"],
    ["__be32", "__u64"],
    ["__u64", "__u32"],
    ["union address_bytes", "__be32"],
  ] as const) {
    const having = new Set<string>();
    for (const header of Object.values(HEADERS))
      for (const [, name = "", fields = ""] of header().matchAll(STRUCT))
        if (fields.includes(`\t${type} `)) having.add(name);
    const blamed = new Set(found((fields) => fields.replaceAll(`\t${type} `, `\t${other} `)));
    assert.deepEqual(
      [...having].filter((name) => !blamed.has(name)),
      [],
      `${type} as ${other}`,
    );
    assert.ok(having.size > 0, type);
  }
});
