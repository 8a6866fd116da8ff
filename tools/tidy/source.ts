/** The files of the tree as tidy reads them: what each imports and starts, and how long its functions are. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { parseSync, Visitor } from "oxc-parser";

type Import = { readonly from: string; readonly line: number };
type Local = { readonly target: string; readonly line: number };
export type Source = {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  /** The files of the tree that it imports, at run time or as types. */
  readonly local: readonly Local[];
  /** And those that it starts as processes. */
  readonly starts: readonly string[];
  readonly functions: readonly { readonly line: number; readonly lines: number }[];
};

/** Every TypeScript file of the tree under `root`. */
export function readSources(root: string): readonly Source[] {
  return ["src", "test", "tools", "bench"]
    .flatMap((folder) => filesUnder(root, folder))
    .map((path) => read(root, path));
}

export function isTest(path: string): boolean {
  return path.endsWith(".test.ts");
}

/** What only tests use, beside the code that it helps to test. */
export function isTestHelper(path: string): boolean {
  return basename(path).startsWith("test-");
}

function filesUnder(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesUnder(root, path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

function read(root: string, path: string): Source {
  const text = readFileSync(join(root, path), "utf8");
  const { module, program } = parseSync(path, text);
  const at = (offset: number): number => text.slice(0, offset).split("\n").length;
  const imports = [
    ...module.staticImports.map((i) => ({ from: i.moduleRequest.value, line: at(i.start) })),
    ...module.staticExports
      .flatMap((e) => e.entries)
      .flatMap((e) => (e.moduleRequest ? [{ from: e.moduleRequest.value, line: at(e.start) }] : [])),
    ...module.dynamicImports.map((i) => ({
      from: text.slice(i.moduleRequest.start + 1, i.moduleRequest.end - 1),
      line: at(i.start),
    })),
  ];
  const local = imports
    .filter((i) => i.from.startsWith("."))
    .map((i) => ({ target: normalize(join(dirname(path), i.from)), line: i.line }));
  const functions: { line: number; lines: number }[] = [];
  const measure = (node: { start: number; end: number }): void => {
    functions.push({ line: at(node.start), lines: at(node.end) - at(node.start) + 1 });
  };
  new Visitor({
    FunctionDeclaration: measure,
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
  }).visit(program);
  return { path, text, imports, local, starts: started(root, path, text), functions };
}

/**
 * Files beside this one, or with a path from the root, whose compiled names stand in its text: `name.js`, or
 * `${…}-main.js` for several.
 */
function started(root: string, path: string, text: string): readonly string[] {
  return [...text.matchAll(/["'`/]((?:\$\{\w+\})?[\w-]+)\.js["'`]/g)].flatMap(([, name = ""]) => {
    const fits = new RegExp(`^${name.replace(/\$\{\w+\}/, "[\\w-]+")}\\.ts$`);
    return readdirSync(join(root, dirname(path)))
      .filter((file) => fits.test(file))
      .map((file) => `${dirname(path)}/${file}`);
  });
}
