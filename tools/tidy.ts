/** Checks the shape of the tree: the room table, import cycles, purity, and the lengths of files and functions. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { parseSync, Visitor } from "oxc-parser";

const EVERY_ROOM = ["lib", "model", "actions", "wire", "store", "plan", "reach", "datapath", "host", "server", "cli"];

/** Which rooms a room may import from; itself is understood. A room that is not here may import nothing. */
const ROOMS: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  model: ["lib"],
  actions: ["lib", "model"],
  plan: ["lib", "model"],
  reach: ["lib", "model", "plan"],
  wire: ["lib", "model"],
  store: ["lib", "model"],
  datapath: ["lib", "model", "plan"],
  host: ["lib", "model", "store"],
  server: ["lib", "model", "actions", "wire", "store", "plan", "reach"],
  cli: ["lib"],
  "main.ts": ["up.ts", ...EVERY_ROOM],
  "up.ts": ["answers.ts", ...EVERY_ROOM],
  "answers.ts": ["up.ts", ...EVERY_ROOM],
};
const PURE = new Set(["lib", "model", "actions", "plan", "reach", "wire"]);
/** What a pure room may take from outside: values and parsers, no I/O. */
const PURE_PACKAGES = new Set([
  "@aws-sdk/client-ec2",
  "@aws-sdk/client-sts",
  "@smithy/core/schema",
  "@smithy/core/serde",
  "ipaddr.js",
  "node:crypto",
]);
const FILE_LINES = 420;
const FUNCTION_LINES = 75;

type Import = { readonly from: string; readonly line: number };
type Source = { readonly path: string; readonly text: string; readonly imports: readonly Import[]; readonly long: readonly string[] };

export function complaints(root: string): readonly string[] {
  const sources = filesUnder(root, "src").map((path) => read(root, path));
  return [...sources.flatMap(lengths), ...sources.flatMap(rooms), ...sources.flatMap(purity), ...cycles(sources)];
}

function filesUnder(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return filesUnder(root, path);
    return entry.name.endsWith(".ts") ? [path] : [];
  });
}

function read(root: string, path: string): Source {
  const text = readFileSync(join(root, path), "utf8");
  const parsed = parseSync(path, text);
  const imports = parsed.module.staticImports.map((i) => ({ from: i.moduleRequest.value, line: lineAt(text, i.start) }));
  const reexports = parsed.module.staticExports
    .flatMap((e) => e.entries)
    .flatMap((e) => (e.moduleRequest ? [{ from: e.moduleRequest.value, line: lineAt(text, e.start) }] : []));
  const long: string[] = [];
  const measure = (node: { start: number; end: number }): void => {
    const lines = lineAt(text, node.end) - lineAt(text, node.start) + 1;
    if (lines > FUNCTION_LINES) long.push(`${path}:${lineAt(text, node.start)} a function of ${lines} lines (at most ${FUNCTION_LINES})`);
  };
  new Visitor({ FunctionDeclaration: measure, FunctionExpression: measure, ArrowFunctionExpression: measure }).visit(parsed.program);
  return { path, text, imports: [...imports, ...reexports], long: isTest(path) ? [] : long };
}

function lineAt(text: string, offset: number): number {
  return text.slice(0, offset).split("\n").length;
}

function isTest(path: string): boolean {
  return path.endsWith(".test.ts");
}

function lengths(source: Source): readonly string[] {
  const lines = source.text.split("\n").length;
  return lines > FILE_LINES ? [`${source.path} has ${lines} lines (at most ${FILE_LINES})`, ...source.long] : source.long;
}

function roomOf(path: string): string {
  return path.split("/")[1] ?? "";
}

function rooms(source: Source): readonly string[] {
  const room = roomOf(source.path);
  const allowed = ROOMS[room];
  if (!allowed) return [`${source.path} stands in no known room`];
  if (isTest(source.path)) return [];
  return local(source).flatMap(({ target, line }) => {
    const other = roomOf(target);
    return other === room || allowed.includes(other) ? [] : [`${source.path}:${line} ${room} may not import ${other}`];
  });
}

function purity(source: Source): readonly string[] {
  if (!PURE.has(roomOf(source.path)) || isTest(source.path)) return [];
  const outside = source.imports
    .filter((i) => !i.from.startsWith(".") && !PURE_PACKAGES.has(i.from))
    .map((i) => `${source.path}:${i.line} a pure room may not import ${i.from}`);
  const impure = source.text
    .split("\n")
    .flatMap((line, place) =>
      /\b(Date\.now|new Date\(\)|Math\.random|process\.|async |await )/.test(line.replace(/\/\/.*|^\s*\*.*/, ""))
        ? [`${source.path}:${place + 1} is not pure: ${line.trim()}`]
        : [],
    );
  return [...outside, ...impure];
}

function local(source: Source): { target: string; line: number }[] {
  return source.imports
    .filter((i) => i.from.startsWith("."))
    .map((i) => ({ target: normalize(join(dirname(source.path), i.from)), line: i.line }));
}

function cycles(sources: readonly Source[]): readonly string[] {
  const graph = new Map(sources.map((s) => [s.path, isTest(s.path) ? [] : valueImports(s)]));
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, way: readonly string[]): void => {
    const place = way.indexOf(path);
    if (place >= 0) {
      found.push(`import cycle: ${[...way.slice(place), path].join(" → ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) walk(next, [...way, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return found;
}

/** Imports that exist at run time: a type-only import makes no cycle. */
function valueImports(source: Source): string[] {
  const typeOnly = new Set(source.text.split("\n").flatMap((line) => /^import type .* from "(\..*)";/.exec(line)?.[1] ?? []));
  return local(source)
    .map((i) => i.target)
    .filter((target) => ![...typeOnly].some((spec) => normalize(join(dirname(source.path), spec)) === target));
}

const root = normalize(join(import.meta.dirname, "../.."));
const found = complaints(root);
for (const complaint of found) console.error(complaint);
if (found.length > 0) process.exitCode = 1;
else console.log(`tidy: ${relative(process.cwd(), root) || "."} is in order`);
