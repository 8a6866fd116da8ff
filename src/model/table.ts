import { present } from "../lib/assert.ts";
import { INDEXES, type Kind, type Resource } from "./resource.ts";

/** A resource and its place in the order of creation. */
type Entry = { readonly order: number; resource: Resource };

/** The resources of one kind: by id, in order of creation, and by the kind's indexes. A change costs its own size. */
export class Table {
  readonly #kind: Kind;
  readonly #all = new Group();
  /** By index, then key. Most keys find one resource, which then stands there without a group. */
  readonly #indexes: ReadonlyMap<string, Map<string, Entry | Group>>;

  constructor(kind: Kind) {
    this.#kind = kind;
    this.#indexes = new Map(Object.keys(INDEXES[kind]).map((name) => [name, new Map()]));
  }

  get size(): number {
    return this.#all.size;
  }

  get(id: string): Resource | undefined {
    return this.#all.get(id)?.resource;
  }

  orderOf(id: string): number | undefined {
    return this.#all.get(id)?.order;
  }

  /** All, in order of creation. */
  list(): readonly Resource[] {
    return this.#all.list();
  }

  /** Those under one key of an index, in order of creation. */
  by(index: string, key: string): readonly Resource[] {
    const found = present(this.#indexes.get(index), `index ${index} of ${this.#kind}`).get(key);
    if (!found) return [];
    return found instanceof Group ? found.list() : [found.resource];
  }

  /** Adds a resource at its place, or replaces the one with its id, which keeps its own. */
  put(resource: Resource, order: number): void {
    const old = this.#all.get(resource.id);
    const entry = old ?? { order, resource };
    const before = old?.resource;
    entry.resource = resource;
    if (old) this.#all.changed();
    else this.#all.add(entry);
    for (const [name, keys] of this.#indexes) {
      const now = indexKeys(resource, name);
      const then = before ? indexKeys(before, name) : [];
      for (const key of then) if (!now.includes(key)) leave(keys, key, entry);
      for (const key of now) enter(keys, key, entry);
    }
  }

  delete(id: string): void {
    const entry = this.#all.get(id);
    if (!entry) return;
    this.#all.delete(entry);
    for (const [name, keys] of this.#indexes) for (const key of indexKeys(entry.resource, name)) leave(keys, key, entry);
  }
}

/** The keys under which one index of its kind finds the resource. */
export function indexKeys(resource: Resource, name: string): readonly string[] {
  const index = (INDEXES[resource.kind] as Readonly<Record<string, (r: Resource) => readonly string[]>>)[name];
  return index ? index(resource) : [];
}

/** Puts the entry under the key, or makes the key's answer new when it stands there already. */
function enter(keys: Map<string, Entry | Group>, key: string, entry: Entry): void {
  const there = keys.get(key);
  if (!there) keys.set(key, entry);
  else if (there instanceof Group) there.add(entry);
  else if (there !== entry) keys.set(key, new Group(there, entry));
}

function leave(keys: Map<string, Entry | Group>, key: string, entry: Entry): void {
  const there = keys.get(key);
  if (there === entry) keys.delete(key);
  if (!(there instanceof Group)) return;
  there.delete(entry);
  if (there.size === 0) keys.delete(key);
}

/** Entries in order of creation, with their list kept until something changes. */
class Group {
  #entries = new Map<string, Entry>();
  #inOrder = true;
  /** No entry stands behind this place. */
  #last = -1;
  #list: readonly Resource[] | undefined;

  constructor(...entries: readonly Entry[]) {
    for (const entry of entries) this.add(entry);
  }

  get size(): number {
    return this.#entries.size;
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  add(entry: Entry): void {
    if (!this.#entries.has(entry.resource.id)) {
      if (entry.order < this.#last) this.#inOrder = false;
      else this.#last = entry.order;
      this.#entries.set(entry.resource.id, entry);
    }
    this.#list = undefined;
  }

  delete(entry: Entry): void {
    this.#entries.delete(entry.resource.id);
    this.#list = undefined;
  }

  /** One of its entries has another resource now. */
  changed(): void {
    this.#list = undefined;
  }

  list(): readonly Resource[] {
    if (!this.#inOrder) {
      this.#entries = new Map([...this.#entries].sort(([, a], [, b]) => a.order - b.order));
      this.#inOrder = true;
    }
    this.#list ??= Array.from(this.#entries.values(), (entry) => entry.resource);
    return this.#list;
  }
}
