import { Overlay } from "./overlay.ts";
import type { Packed } from "./packed.ts";
import { type IndexName, type Kind, KINDS, type Resource, type Resources } from "./resource.ts";
import type { Change, Reader } from "./state.ts";
import { Table } from "./table.ts";

/** One account's region in memory. A reader sees its present content; only `model/world.ts` changes it. */
export class Region implements Reader {
  readonly #tables: Readonly<Record<Kind, Table>>;
  #next = 0;

  /** `packed`: the resources to begin with. */
  constructor(packed: readonly Packed[] = []) {
    const below = new Map(packed.map((one) => [one.kind, one]));
    this.#tables = Object.fromEntries(
      KINDS.map((kind) => [kind, new Table(kind, below.get(kind))]),
    ) as Record<Kind, Table>;
    for (const one of packed) this.#next = Math.max(this.#next, one.orderAt(one.size - 1) + 1);
  }

  get = <K extends Kind>(kind: K, id: string): Resources[K] | undefined =>
    this.#tables[kind].get(id) as Resources[K] | undefined;

  list = <K extends Kind>(kind: K): readonly Resources[K][] =>
    this.#tables[kind].list() as readonly Resources[K][];

  by = <K extends Kind>(kind: K, index: IndexName<K>, key: string): readonly Resources[K][] =>
    this.#tables[kind].by(index, key) as readonly Resources[K][];

  count = (kind: Kind): number => this.#tables[kind].size;

  countBy = <K extends Kind>(kind: K, index: IndexName<K>, key: string): number =>
    this.#tables[kind].countBy(index, key);

  sliceBy: Reader["sliceBy"] = <K extends Kind>(
    kind: K,
    index: IndexName<K>,
    key: string,
    range: { start: number; end: number },
  ) => this.#tables[kind].by(index, key, range) as readonly Resources[K][];

  slice = <K extends Kind>(kind: K, start: number, end: number): readonly Resources[K][] =>
    this.#tables[kind].slice(start, end) as readonly Resources[K][];

  /** How many resources of all kinds there are. */
  total(): number {
    return KINDS.reduce((sum, kind) => sum + this.count(kind), 0);
  }

  /** The resource's rank in the region's order of creation; later ones have greater ranks. */
  orderOf = (kind: Kind, id: string): number | undefined => this.#tables[kind].orderOf(id);

  /**
   * Adds a resource at the end, or replaces the one with its id in its position. `order`: an old position to
   * restore, when loading and undoing.
   */
  put(resource: Resource, order: number = this.#next): void {
    this.#tables[resource.kind].put(resource, order);
    this.#next = Math.max(this.#next, order + 1);
  }

  delete(kind: Kind, id: string): void {
    this.#tables[kind].delete(id);
  }
}

/** The state before some changes, as an overlay on the state after them. What they deleted comes last. */
export function readerBefore(after: Reader, changes: readonly Change[]): Reader {
  const before = new Overlay(after);
  for (const change of changes) {
    if (change.before) before.put(change.before);
    else before.delete(change.kind, change.id);
  }
  return before;
}
