/**
 * What leads to what: circles, files that nothing leads to, and whether the program or only its tests use
 * one.
 */

import { isTest, isTestHelper, type Source } from "./source.ts";

/** Files that import each other in a circle, even if only for types. */
export function circles(sources: readonly Source[]): readonly string[] {
  const graph = new Map(sources.map((s) => [s.path, s.local.map(({ target }) => target)]));
  const done = new Set<string>();
  const found: string[] = [];
  const walk = (path: string, way: readonly string[]): void => {
    const index = way.indexOf(path);
    if (index >= 0) {
      found.push(`import circle: ${[...way.slice(index), path].join(" → ")}`);
      return;
    }
    if (done.has(path)) return;
    for (const next of graph.get(path) ?? []) walk(next, [...way, path]);
    done.add(path);
  };
  for (const path of graph.keys()) walk(path, []);
  return found;
}

type Reached = ReadonlySet<string>;

/** The files that `from` leads to, itself too, through those that `through` lets. */
function reached(
  byPath: ReadonlyMap<string, Source>,
  from: readonly string[],
  through: (path: string) => boolean = () => true,
): Reached {
  const seen = new Set<string>();
  const waiting = [...from];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const source = byPath.get(path);
    if (!source || seen.has(path) || !through(path)) continue;
    seen.add(path);
    waiting.push(...source.local.map(({ target }) => target), ...source.starts);
  }
  return seen;
}

/**
 * Files that nothing leads to, and files whose names don't tell whether the program or only its tests use
 * them.
 */
export function unused(sources: readonly Source[]): readonly string[] {
  const paths = sources.map(({ path }) => path);
  const byPath = new Map(sources.map((source) => [source.path, source]));
  const programs = ["src/main.ts", ...paths.filter((path) => /^tools\/[^/]+$/.test(path) && !isTest(path))];
  const used = reached(byPath, programs);
  // A tool may run what stands in `test/`, which may use what tests use.
  const shipped = reached(byPath, programs, (path) => !path.startsWith("test/"));
  const all = reached(byPath, [...used, ...paths.filter(isTest), "bench/main.ts"]);
  return paths.flatMap((path) => {
    if (!all.has(path)) return [`${path} is dead: nothing imports or starts it`];
    if (!path.startsWith("src/") || isTest(path)) return [];
    if (isTestHelper(path))
      return shipped.has(path) ? [`${path} is used by the program; its name says by tests`] : [];
    return used.has(path) ? [] : [`${path} is used only by tests; name it test-…`];
  });
}
