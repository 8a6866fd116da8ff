/** The rooms of the tree, and which may import which. */

import { isTest, isTestHelper, type Source } from "./source.ts";

/**
 * Which rooms a room may import from; itself is understood. The files that stand in `src/` itself are the
 * room `main`.
 */
export const ROOMS: Readonly<Record<string, readonly string[]>> = {
  lib: [],
  model: ["lib"],
  contract: ["lib"],
  protocol: ["lib", "contract"],
  actions: ["lib", "model"],
  wire: ["lib", "model"],
  store: ["lib", "model"],
  plan: ["lib", "model", "contract"],
  reach: ["lib", "model", "contract", "protocol"],
  datapath: ["lib", "contract"],
  host: ["lib", "model", "store"],
  fleet: ["lib", "model", "store"],
  underlay: ["lib", "host"],
  join: ["lib", "store", "host", "fleet"],
  box: ["lib", "store", "host", "underlay", "join"],
  control: ["lib", "model", "contract", "actions", "store", "plan"],
  agent: ["lib", "model", "contract", "store", "plan", "datapath", "host", "underlay", "protocol"],
  answers: ["lib", "model", "contract", "actions", "plan", "reach", "control", "agent", "protocol"],
  api: ["lib", "model", "actions", "wire", "protocol"],
  home: ["lib"],
  start: ["lib", "model", "store", "host", "join", "box", "wire", "api", "home"],
  words: ["lib", "contract", "protocol"],
  cli: ["lib", "protocol", "words", "home"],
  main: [
    "lib",
    "model",
    "contract",
    "protocol",
    "actions",
    "wire",
    "store",
    "plan",
    "reach",
    "datapath",
    "host",
    "control",
    "fleet",
    "underlay",
    "join",
    "box",
    "agent",
    "answers",
    "api",
    "home",
    "start",
    "words",
    "cli",
  ],
};
/**
 * The same of what stands outside `src/`, which nothing in there may import, its tests neither. Tests are
 * bound like the rest: they are what most of these rooms hold. `src` is every room of it.
 */
export const OUTER_ROOMS: Readonly<Record<string, readonly string[]>> = {
  "test/reference": ["lib", "contract", "reach"],
  "test/kit": ["src"],
  "test/fuzz": ["src", "test/kit"],
  "test/random": ["src", "test/kit", "test/reference", "test/fuzz"],
  "test/proof": ["src", "test/kit", "test/reference", "test/random"],
  "test/simulation": ["src"],
  "test/stories": ["src", "test/kit", "test/reference", "test/proof"],
  "test/explain": ["src", "test/kit", "test/reference", "test/random", "test/proof"],
  "test/tables": ["src", "test/kit", "test/random"],
  "test/operations": ["src", "test/fuzz", "test/random"],
  "test/documents": ["src", "test/kit"],
  "test/clients": ["src", "test/kit"],
  bench: ["src"],
  "test/machine": ["src", "test/kit", "test/fuzz", "test/random", "bench"],
  "test/kept": ["src", "test/kit"],
  tools: ["src", "test/kit", "test/fuzz", "test/operations", "test/simulation"],
};
/**
 * The wings of a room: its folders, in order. A wing may import only the wings before it. The files that
 * stand in the room itself are above all wings.
 */
export const WINGS: Readonly<Record<string, readonly string[]>> = {
  actions: [
    "kit",
    "flow-log",
    "route",
    "security",
    "interface",
    "gateway",
    "vpc",
    "storage",
    "instance",
    "tag",
  ],
};

export function roomOf(path: string): string {
  const [top = "", room = "", ...rest] = path.split("/");
  if (top === "test") return rest.length > 0 ? `test/${room}` : "test";
  if (top !== "src") return top;
  return rest.length > 0 ? room : "main";
}

/** Imports that the table of rooms does not let a file make. */
export function rooms(source: Source): readonly string[] {
  const room = roomOf(source.path);
  const allowed = ROOMS[room] ?? OUTER_ROOMS[room];
  if (!allowed) return [`${source.path} stands in no known room`];
  const everyRoom = allowed.includes("src") || (room in ROOMS && isTest(source.path));
  return source.local.flatMap(({ target, line }) => {
    const other = roomOf(target);
    if (other === room || allowed.includes(other) || (everyRoom && other in ROOMS)) return [];
    return [`${source.path}:${line} ${room} may not import ${other}`];
  });
}

/**
 * The place of a file among its room's wings, the lowest 0; the room itself is above them. Undefined: it
 * stands in no known wing.
 */
function floorOf(path: string, order: readonly string[]): number | undefined {
  const [, , wing = "", ...rest] = path.split("/");
  if (rest.length === 0) return order.length;
  return order.includes(wing) ? order.indexOf(wing) : undefined;
}

/** Imports that the order of wings does not let a file make. */
export function wings(source: Source): readonly string[] {
  const room = roomOf(source.path);
  const order = WINGS[room];
  if (!order) return [];
  const floor = floorOf(source.path, order);
  if (floor === undefined) return [`${source.path} stands in no known wing of ${room}`];
  if (isTest(source.path) || isTestHelper(source.path)) return [];
  const nameOf = (place: number): string => order[place] ?? `what stands above the wings of ${room}`;
  return source.local.flatMap(({ target, line }) => {
    const other = roomOf(target) === room ? floorOf(target, order) : undefined;
    return other === undefined || other <= floor
      ? []
      : [`${source.path}:${line} ${nameOf(floor)} may not import ${nameOf(other)}`];
  });
}

/** Two rooms that import each other, whatever the table says. Tests of `src/` may look anywhere in it. */
export function mutual(sources: readonly Source[]): readonly string[] {
  const arrows = new Set(
    sources
      .filter(({ path }) => !path.startsWith("src/") || !isTest(path))
      .flatMap((source) => source.local.map(({ target }) => `${roomOf(source.path)} ${roomOf(target)}`)),
  );
  return [...arrows].flatMap((arrow) => {
    const [from = "", to = ""] = arrow.split(" ");
    return from < to && arrows.has(`${to} ${from}`) ? [`${from} and ${to} import each other`] : [];
  });
}
