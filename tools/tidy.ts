/**
 * Checks the shape of the tree: which room may import which, circles, dead files, purity, and the lengths of files
 * and functions. Says what is wrong, a line each.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { parseSync, Visitor } from "oxc-parser";

/** Which rooms a room may import from; itself is understood. The files that stand in `src/` itself are the room `main`. */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  model: ["lib"],
  actions: ["lib", "model"],
  wire: ["lib", "model"],
  store: ["lib", "model"],
  plan: ["lib", "model"],
  reach: ["lib", "model", "plan"],
  datapath: ["lib", "model", "plan"],
  host: ["lib", "model", "store"],
  server: ["lib", "model", "actions", "wire", "store", "plan", "reach"],
  cli: ["lib"],
  main: ["lib", "model", "actions", "wire", "store", "plan", "reach", "datapath", "host", "server", "cli"],
};
const PURE = new Set(["lib", "model", "actions", "plan", "reach", "wire"]);
/** What a pure room may take from outside: values and parsers, no I/O. */
const PURE_PACKAGES = new Set(["@aws-sdk/client-ec2", "@smithy/core/schema", "@smithy/core/serde", "ipaddr.js", "node:crypto"]);
const IMPURE = /\b(Date\.now|new Date\(\)|Math\.random|process\.|async |await )/;
/** Where the program begins (the processes that it starts are found by their names), and the reference that the kernel program is held against. */
const ENTRIES = ["src/main.ts", "src/reach/forward.ts"];
const FILE_LINES = 420;
const FUNCTION_LINES = 75;

type Import = { readonly from: string; readonly line: number };
type Source = {
  readonly path: string;
  readonly text: string;
  readonly imports: readonly Import[];
  /** The files of the tree that it imports, at run time or as types. */
  readonly local: readonly { readonly target: string; readonly line: number }[];
  /** And those that it starts as processes. */
  readonly starts: readonly string[];
  readonly long: readonly string[];
};

/** What is wrong with the tree under `root`; in order, nothing. */
export function complaints(root: string): readonly string[] {
  const sources = ["src", "test", "tools", "bench"].flatMap((folder) => filesUnder(root, folder)).map((path) => read(root, path));
  const house = sources.filter((source) => source.path.startsWith("src/"));
  return [
    ...house.flatMap(lengths),
    ...house.flatMap(rooms),
    ...house.flatMap(purity),
    ...mutual(house),
    ...circles(sources),
    ...unused(sources),
  ];
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
    ...module.dynamicImports.map((i) => ({ from: text.slice(i.moduleRequest.start + 1, i.moduleRequest.end - 1), line: at(i.start) })),
  ];
  const local = imports
    .filter((i) => i.from.startsWith("."))
    .map((i) => ({ target: normalize(join(dirname(path), i.from)), line: i.line }));
  const long: string[] = [];
  const measure = (node: { start: number; end: number }): void => {
    const lines = at(node.end) - at(node.start) + 1;
    if (lines > FUNCTION_LINES) long.push(`${path}:${at(node.start)} a function of ${lines} lines (at most ${FUNCTION_LINES})`);
  };
  new Visitor({ FunctionDeclaration: measure, FunctionExpression: measure, ArrowFunctionExpression: measure }).visit(program);
  return { path, text, imports, local, starts: started(root, path, text), long };
}

/** Files beside this one, or with a path from the root, whose compiled names stand in its text: `name.js`, or `${…}-main.js` for several. */
function started(root: string, path: string, text: string): readonly string[] {
  return [...text.matchAll(/["'`/]((?:\$\{\w+\})?[\w-]+)\.js["'`]/g)].flatMap(([, name = ""]) => {
    const fits = new RegExp(`^${name.replace(/\$\{\w+\}/, "[\\w-]+")}\\.ts$`);
    return readdirSync(join(root, dirname(path)))
      .filter((file) => fits.test(file))
      .map((file) => `${dirname(path)}/${file}`);
  });
}

function isTest(path: string): boolean {
  return path.endsWith(".test.ts");
}

/** What only tests use, beside the code that it helps to test. */
function isTestHelper(path: string): boolean {
  return basename(path).startsWith("test-");
}

function roomOf(path: string): string {
  const [, room = "", ...rest] = path.split("/");
  return rest.length > 0 ? room : "main";
}

function lengths(source: Source): readonly string[] {
  const lines = source.text.split("\n").length;
  const long = isTest(source.path) ? [] : source.long;
  return lines > FILE_LINES ? [`${source.path} has ${lines} lines (at most ${FILE_LINES})`, ...long] : long;
}

function rooms(source: Source): readonly string[] {
  const room = roomOf(source.path);
  const allowed = ROOMS[room];
  if (!allowed) return [`${source.path} stands in no known room`];
  if (isTest(source.path)) return [];
  return source.local.flatMap(({ target, line }) => {
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
      IMPURE.test(line.replace(/\/\/.*|^\s*\*.*/, "")) ? [`${source.path}:${place + 1} is not pure: ${line.trim()}`] : [],
    );
  return [...outside, ...impure];
}

/** Two rooms that import each other, whatever the table says. Tests may look anywhere. */
function mutual(house: readonly Source[]): readonly string[] {
  const arrows = new Set(
    house
      .filter(({ path }) => !isTest(path))
      .flatMap((source) => source.local.map(({ target }) => `${roomOf(source.path)} ${roomOf(target)}`)),
  );
  return [...arrows].flatMap((arrow) => {
    const [from = "", to = ""] = arrow.split(" ");
    return from < to && arrows.has(`${to} ${from}`) ? [`${from} and ${to} import each other`] : [];
  });
}

/** Files that import each other in a circle, be it for types alone. */
function circles(sources: readonly Source[]): readonly string[] {
  const graph = new Map(sources.map((s) => [s.path, s.local.map(({ target }) => target)]));
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, way: readonly string[]): void => {
    const place = way.indexOf(path);
    if (place >= 0) {
      found.push(`import circle: ${[...way.slice(place), path].join(" → ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) walk(next, [...way, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return found;
}

/** Files that nothing leads to, and files whose names don't tell whether the program or only its tests use them. */
function unused(sources: readonly Source[]): readonly string[] {
  const paths = sources.map(({ path }) => path);
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const reached = (from: readonly string[]): ReadonlySet<string> => {
    const seen = new Set<string>();
    const waiting = [...from];
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const source = byPath.get(path);
      if (!source || seen.has(path)) continue;
      seen.add(path);
      waiting.push(...source.local.map(({ target }) => target), ...source.starts);
    }
    return seen;
  };
  const tools = paths.filter((path) => path.startsWith("tools/") && !isTest(path));
  const program = reached([...ENTRIES, ...tools]);
  const tests = reached([...paths.filter(isTest), "bench/main.ts"]);
  return paths.flatMap((path) => {
    if (!program.has(path) && !tests.has(path)) return [`${path} is dead: nothing imports or starts it`];
    if (!path.startsWith("src/") || isTest(path) || program.has(path) !== isTestHelper(path)) return [];
    return [
      isTestHelper(path) ? `${path} is used by the program; its name says by tests` : `${path} is used by tests alone; name it test-…`,
    ];
  });
}

if (process.argv[1] === import.meta.filename) {
  const found = complaints(normalize(join(import.meta.dirname, "../..")));
  for (const complaint of found) console.error(complaint);
  if (found.length > 0) process.exitCode = 1;
  else console.log("tidy: the tree is in order");
}
