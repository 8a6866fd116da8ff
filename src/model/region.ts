import { INDEXES, type IndexName, type Kind, KINDS, type Resource, type Resources } from "./resource.ts";
import type { Change, Reader } from "./state.ts";

type Index = ReadonlyMap<string, Map<string, Map<string, Resource>>>;

/**
 * One account's region in memory: for each kind its resources in order of creation, and the secondary indexes.
 * A replaced resource keeps its place. Adding, replacing and removing cost the size of the change.
 */
export class Region implements Reader {
  /** By kind, then id. A Map keeps the order of creation. */
  readonly #tables: ReadonlyMap<Kind, Map<string, Resource>> = new Map(KINDS.map((kind) => [kind, new Map()]));
  /** By kind, then index, then key, then id. */
  readonly #indexes: ReadonlyMap<Kind, Index> = new Map(
    KINDS.map((kind) => [kind, new Map(Object.keys(INDEXES[kind]).map((name) => [name, new Map()]))]),
  );
  /** When each resource came, for putting an answer of several keys in order. */
  readonly #order = new Map<string, number>();
  readonly #lists = new Map<Kind, readonly Resource[]>();
  #next = 0;

  get = <K extends Kind>(kind: K, id: string): Resources[K] | undefined => this.#tables.get(kind)?.get(id) as Resources[K] | undefined;

  list = <K extends Kind>(kind: K): readonly Resources[K][] => {
    let list = this.#lists.get(kind);
    if (!list) {
      list = this.#sorted(kind, [...(this.#tables.get(kind)?.values() ?? [])]);
      this.#lists.set(kind, list);
    }
    return list as readonly Resources[K][];
  };

  by = <K extends Kind>(kind: K, index: IndexName<K>, key: string): readonly Resources[K][] => {
    const found = this.#indexes.get(kind)?.get(index)?.get(key);
    return found ? (this.#sorted(kind, [...found.values()]) as readonly Resources[K][]) : [];
  };

  count = (kind: Kind): number => this.#tables.get(kind)?.size ?? 0;

  /** When the resource came, relative to others of its kind; a later one has a greater number. */
  orderOf(kind: Kind, id: string): number | undefined {
    return this.#order.get(`${kind}/${id}`);
  }

  /** Adds or replaces. `order` restores a resource's old place, at loading and undoing. */
  put(resource: Resource, order?: number): void {
    const { kind, id } = resource;
    const table = this.#tables.get(kind);
    const old = table?.get(id);
    if (old) this.#unindex(old);
    table?.set(id, resource);
    this.#lists.delete(kind);
    const place = order ?? this.#order.get(`${kind}/${id}`) ?? this.#next;
    this.#order.set(`${kind}/${id}`, place);
    this.#next = Math.max(this.#next, place + 1);
    for (const [map, key] of this.#keys(resource)) {
      const ids = map.get(key);
      if (ids) ids.set(id, resource);
      else map.set(key, new Map([[id, resource]]));
    }
  }

  delete(kind: Kind, id: string): void {
    const old = this.#tables.get(kind)?.get(id);
    if (!old) return;
    this.#unindex(old);
    this.#tables.get(kind)?.delete(id);
    this.#order.delete(`${kind}/${id}`);
    this.#lists.delete(kind);
  }

  #unindex(resource: Resource): void {
    for (const [map, key] of this.#keys(resource)) {
      const ids = map.get(key);
      ids?.delete(resource.id);
      if (ids?.size === 0) map.delete(key);
    }
  }

  #keys(resource: Resource): readonly (readonly [Map<string, Map<string, Resource>>, string])[] {
    return [...(this.#indexes.get(resource.kind) ?? [])].flatMap(([name, map]) =>
      indexKeys(resource, name).map((key) => [map, key] as const),
    );
  }

  #sorted(kind: Kind, resources: Resource[]): readonly Resource[] {
    return resources.sort((a, b) => (this.orderOf(kind, a.id) ?? 0) - (this.orderOf(kind, b.id) ?? 0));
  }
}

/** The keys under which one index of its kind finds the resource. */
export function indexKeys(resource: Resource, name: string): readonly string[] {
  const index = (INDEXES[resource.kind] as Readonly<Record<string, (r: Resource) => readonly string[]>>)[name];
  return index ? index(resource) : [];
}

/** The state as it was before some changes, over the state as it is after them. */
export function readerBefore(after: Reader, changes: readonly Change[]): Reader {
  return overlay(
    after,
    new Map(changes.map((change) => [`${change.kind}/${change.id}`, { kind: change.kind, id: change.id, now: change.before }])),
  );
}

/** What one resource is in an overlay; `now` undefined: it is not there. */
export type Overlaid = { readonly kind: Kind; readonly id: string; readonly now: Resource | undefined };

/** A reader with some resources replaced, added or gone. New ones stand last, in the overlay's order. */
export function overlay(base: Reader, overlaid: ReadonlyMap<string, Overlaid>): Reader {
  const merge = (kind: Kind, from: readonly Resource[], belongs: (resource: Resource) => boolean): readonly Resource[] => {
    let touched = false;
    for (const item of overlaid.values()) touched ||= item.kind === kind;
    if (!touched) return from;
    const seen = new Set<string>();
    const kept = from.flatMap((resource) => {
      const item = overlaid.get(`${kind}/${resource.id}`);
      if (!item) return [resource];
      seen.add(resource.id);
      return item.now && belongs(item.now) ? [item.now] : [];
    });
    const added = [...overlaid.values()].flatMap((item) =>
      item.kind === kind && item.now && !seen.has(item.id) && belongs(item.now) ? [item.now] : [],
    );
    return [...kept, ...added];
  };
  return {
    get: <K extends Kind>(kind: K, id: string) => {
      const item = overlaid.get(`${kind}/${id}`);
      return (item ? item.now : base.get(kind, id)) as Resources[K] | undefined;
    },
    list: <K extends Kind>(kind: K) => merge(kind, base.list(kind), () => true) as readonly Resources[K][],
    by: <K extends Kind>(kind: K, index: IndexName<K>, key: string) =>
      merge(kind, base.by(kind, index, key), (resource) => indexKeys(resource, index).includes(key)) as readonly Resources[K][],
    count: (kind) => {
      let sum = base.count(kind);
      for (const item of overlaid.values())
        if (item.kind === kind) sum += Number(item.now !== undefined) - Number(base.get(kind, item.id) !== undefined);
      return sum;
    },
  };
}
