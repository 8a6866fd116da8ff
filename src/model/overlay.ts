import { KeyCounts } from "./index-keys.ts";
import type { IndexName, Kind, Resource, Resources } from "./resource.ts";
import type { Reader } from "./state.ts";
import { Table } from "./table.ts";

/** A state below an overlay. Without `orderOf`, the overlay's resources come last. */
export type Base = Reader & { readonly orderOf?: (kind: Kind, id: string) => number | undefined };

/** One kind's part of an overlay: the ids that it decides, and their resources. */
type Layer = {
  readonly ids: Set<string>;
  /** Counts what the base has under those ids. */
  readonly hidden: KeyCounts;
  readonly table: Table;
  growth: number;
  list: readonly Resource[] | undefined;
};

/** Greater than every position in a region's order of creation. */
const NEW = 2 ** 48;

/**
 * A state with some resources replaced, added or deleted, without changing the state below. A lookup costs
 * the size of its answer; what the overlay doesn't touch is answered from below without a copy.
 */
export class Overlay implements Reader {
  readonly #base: Base;
  readonly #layers = new Map<Kind, Layer>();
  /** The resources that the overlay decides, in order. */
  readonly #decided = new Map<string, { readonly kind: Kind; readonly id: string }>();
  #next = NEW;

  constructor(base: Base) {
    this.#base = base;
  }

  get = <K extends Kind>(kind: K, id: string): Resources[K] | undefined => {
    const layer = this.#layers.get(kind);
    return layer?.ids.has(id) ? (layer.table.get(id) as Resources[K] | undefined) : this.#base.get(kind, id);
  };

  list = <K extends Kind>(kind: K): readonly Resources[K][] => {
    const layer = this.#layers.get(kind);
    if (!layer) return this.#base.list(kind);
    layer.list ??= this.#merged(kind, layer, this.#base.list(kind), layer.table.list());
    return layer.list as readonly Resources[K][];
  };

  by = <K extends Kind>(kind: K, index: IndexName<K>, key: string): readonly Resources[K][] => {
    const below = this.#base.by(kind, index, key);
    const layer = this.#layers.get(kind);
    return layer
      ? (this.#merged(kind, layer, below, layer.table.by(index, key)) as readonly Resources[K][])
      : below;
  };

  count = (kind: Kind): number => this.#base.count(kind) + (this.#layers.get(kind)?.growth ?? 0);

  countBy = <K extends Kind>(kind: K, index: IndexName<K>, key: string): number => {
    const layer = this.#layers.get(kind);
    const below = this.#base.countBy(kind, index, key);
    return layer ? below - layer.hidden.of(index, key) + layer.table.countBy(index, key) : below;
  };

  sliceBy: Reader["sliceBy"] = (kind, index, key, range) =>
    this.#layers.has(kind)
      ? this.by(kind, index, key).slice(range.start, range.end)
      : this.#base.sliceBy(kind, index, key, range);

  slice = <K extends Kind>(kind: K, start: number, end: number): readonly Resources[K][] =>
    this.#layers.has(kind) ? this.list(kind).slice(start, end) : this.#base.slice(kind, start, end);

  /** Adds the resource at the end, or replaces the one with its id in its position. */
  put(resource: Resource): void {
    const { kind, id } = resource;
    const layer = this.#layer(kind);
    if (this.get(kind, id) === undefined) {
      layer.growth += 1;
      // A resource that was deleted and made again moves to the end.
      this.#decided.delete(`${kind}/${id}`);
    }
    this.#decided.set(`${kind}/${id}`, { kind, id });
    this.#decide(layer, kind, id);
    layer.table.put(resource, this.#base.orderOf?.(kind, id) ?? this.#next++);
  }

  delete(kind: Kind, id: string): void {
    const layer = this.#layer(kind);
    if (this.get(kind, id) !== undefined) layer.growth -= 1;
    this.#decided.set(`${kind}/${id}`, { kind, id });
    this.#decide(layer, kind, id);
    layer.table.delete(id);
  }

  #decide(layer: Layer, kind: Kind, id: string): void {
    if (layer.ids.has(id)) return;
    layer.ids.add(id);
    const below = this.#base.get(kind, id);
    if (below) layer.hidden.add(below);
  }

  /** The resources that the overlay decides, in the order in which they were put. */
  decided(): Iterable<{ readonly kind: Kind; readonly id: string }> {
    return this.#decided.values();
  }

  #layer(kind: Kind): Layer {
    let layer = this.#layers.get(kind);
    if (!layer) {
      layer = { ids: new Set(), hidden: new KeyCounts(), table: new Table(kind), growth: 0, list: undefined };
      this.#layers.set(kind, layer);
    }
    layer.list = undefined;
    return layer;
  }

  /** Merges both answers in order of creation, without resources from below that the overlay decides. */
  #merged(
    kind: Kind,
    layer: Layer,
    below: readonly Resource[],
    above: readonly Resource[],
  ): readonly Resource[] {
    const kept = below.some(({ id }) => layer.ids.has(id))
      ? below.filter(({ id }) => !layer.ids.has(id))
      : below;
    if (above.length === 0) return kept;
    const { orderOf } = this.#base;
    const last = kept.at(-1);
    const first = above[0];
    if (!orderOf || !last || !first || this.#order(layer, first) > (orderOf(kind, last.id) ?? -1))
      return [...kept, ...above];
    const places = new Map<Resource, number>();
    for (const resource of kept) places.set(resource, orderOf(kind, resource.id) ?? -1);
    for (const resource of above) places.set(resource, this.#order(layer, resource));
    return [...places.keys()].sort((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0));
  }

  #order(layer: Layer, resource: Resource): number {
    return layer.table.orderOf(resource.id) ?? -1;
  }
}
