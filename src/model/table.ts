import { present } from "../lib/assert.ts";
import { indexKeys, KeyCounts } from "./index-keys.ts";
import { type Packed, PackedDamage } from "./packed.ts";
import { INDEXES, type Kind, type Resource } from "./resource.ts";

type Range = { readonly start: number; readonly end: number };
const ALL: Range = { start: 0, end: Number.POSITIVE_INFINITY };

/** A resource and its rank in the order of creation. */
type Entry = { readonly order: number; resource: Resource };

/**
 * The resources of one kind: by id, in order of creation, and by the kind's indexes. A change costs its own
 * size. Loaded resources may stay packed below this table until they are replaced or deleted, or until the
 * packed data turns out to be damaged.
 */
export class Table {
  readonly #kind: Kind;
  /** Resources in this table itself, not in the packed data below. */
  readonly #all = new Group();
  /** By index, then key. Most keys find one resource; then the map holds it without a group. */
  readonly #indexes: ReadonlyMap<string, Map<string, Entry | Group>>;
  #below: Packed | undefined;
  /** Positions in the packed data whose resources were replaced or deleted. */
  readonly #hidden = new Set<number>();
  readonly #hiddenKeys = new KeyCounts();
  #sequence: Int32Array | undefined;

  constructor(kind: Kind, below?: Packed) {
    this.#kind = kind;
    this.#indexes = new Map(Object.keys(INDEXES[kind]).map((name) => [name, new Map()]));
    this.#below = below && below.size > 0 ? below : undefined;
  }

  get size(): number {
    return this.#all.size + (this.#below ? this.#below.size - this.#hidden.size : 0);
  }

  get(id: string): Resource | undefined {
    return this.#whole(() => {
      const entry = this.#all.get(id);
      if (entry || !this.#below) return entry?.resource;
      const place = this.#placeBelow(id);
      return place === undefined ? undefined : this.#below.at(place);
    });
  }

  orderOf(id: string): number | undefined {
    return this.#whole(() => {
      const entry = this.#all.get(id);
      if (entry || !this.#below) return entry?.order;
      const place = this.#placeBelow(id);
      return place === undefined ? undefined : this.#below.orderAt(place);
    });
  }

  /** All, in order of creation. */
  list(): readonly Resource[] {
    return this.#below ? this.slice(0, this.size) : this.#all.list();
  }

  /** The ones from the `start`th up to, but without, the `end`th in order of creation. */
  slice(start: number, end: number): readonly Resource[] {
    return this.#whole(() => this.#slice(start, end));
  }

  #slice(start: number, end: number): readonly Resource[] {
    const below = this.#below;
    if (!below) return this.#all.slice(start, end);
    const own = this.#all.list();
    if (own.length === 0 && this.#hidden.size === 0)
      return range(start, Math.min(end, below.size)).map((place) => below.at(place));
    this.#sequence ??= this.#merged(below);
    return Array.from(
      this.#sequence.subarray(start, end),
      (place) => (place < 0 ? own[-1 - place] : below.at(place)) as Resource,
    );
  }

  /** The ones under one key of an index, in order of creation: all, or those in a range. */
  by(index: string, key: string, range: Range = ALL): readonly Resource[] {
    return this.#whole(() => this.#by(index, key, range));
  }

  #by(index: string, key: string, { start, end }: Range): readonly Resource[] {
    const found = this.#indexOf(index).get(key);
    const own = !found ? [] : found instanceof Group ? found.list() : [found.resource];
    const below = this.#below;
    const places = below ? below.by(index, key).filter((place) => !this.#hidden.has(place)) : [];
    if (!below || places.length === 0) return start === 0 && end >= own.length ? own : own.slice(start, end);
    const under = places.map((place) => ({ order: below.orderAt(place), at: () => below.at(place) }));
    const here = own.map((resource) => ({
      order: this.#all.get(resource.id)?.order ?? 0,
      at: () => resource,
    }));
    const both = here.length === 0 ? under : [...under, ...here].sort((a, b) => a.order - b.order);
    return both.slice(start, end).map(({ at }) => at());
  }

  /** How many are under one key of an index; takes the same time for any number. */
  countBy(index: string, key: string): number {
    return this.#whole(() => {
      const found = this.#indexOf(index).get(key);
      const own = !found ? 0 : found instanceof Group ? found.size : 1;
      return own + (this.#below ? this.#below.countBy(index, key) - this.#hiddenKeys.of(index, key) : 0);
    });
  }

  /** Adds a resource at a position, or replaces the one with its id in its own position. */
  put(resource: Resource, order: number): void {
    const hidden = this.#all.get(resource.id) ? undefined : this.#whole(() => this.#hide(resource.id));
    // A resource from below may have moved into this table by now.
    const old = this.#all.get(resource.id);
    const entry = old ?? { order: hidden ?? order, resource };
    const before = old?.resource;
    entry.resource = resource;
    if (old) this.#all.changed();
    else this.#all.add(entry);
    if (!old) this.#sequence = undefined;
    for (const [name, keys] of this.#indexes) {
      const now = indexKeys(resource, name);
      const then = before ? indexKeys(before, name) : [];
      for (const key of then) if (!now.includes(key)) leave(keys, key, entry);
      for (const key of now) enter(keys, key, entry);
    }
  }

  delete(id: string): void {
    this.#sequence = undefined;
    if (!this.#all.get(id)) this.#whole(() => this.#hide(id));
    const entry = this.#all.get(id);
    if (!entry) return;
    this.#all.delete(entry);
    for (const [name, keys] of this.#indexes)
      for (const key of indexKeys(entry.resource, name)) leave(keys, key, entry);
  }

  /** Reads the packed data, and reads again when that turned out to be damaged. */
  #whole<T>(read: () => T): T {
    try {
      return read();
    } catch (cause) {
      if (!(cause instanceof PackedDamage) || !this.#below) throw cause;
      this.#unpack(this.#below, cause);
      return read();
    }
  }

  /**
   * Replaces the packed data by the same resources from another, undamaged source. They have not changed
   * since they were packed.
   */
  #unpack(below: Packed, damage: PackedDamage): void {
    const elsewhere = below.elsewhere(damage);
    const found: { readonly resource: Resource; readonly order: number }[] = [];
    for (let index = 0; index < below.size; index++) {
      const order = below.orderAt(index);
      if (!this.#hidden.has(index))
        found.push({ order, resource: present(elsewhere.get(order), `${this.#kind} number ${order}`) });
    }
    this.#below = undefined;
    this.#hidden.clear();
    this.#sequence = undefined;
    for (const { resource, order } of found) this.put(resource, order);
  }

  #indexOf(name: string): Map<string, Entry | Group> {
    return present(this.#indexes.get(name), `index ${name} of ${this.#kind}`);
  }

  #placeBelow(id: string): number | undefined {
    const place = this.#below?.placeOf(id);
    return place !== undefined && this.#hidden.has(place) ? undefined : place;
  }

  /** Hides the packed resource with this id. Returns its rank in the order of creation, if there is one. */
  #hide(id: string): number | undefined {
    const place = this.#placeBelow(id);
    if (place === undefined || !this.#below) return undefined;
    this.#hiddenKeys.add(this.#below.at(place));
    this.#hidden.add(place);
    return this.#below.orderAt(place);
  }

  /**
   * All resources in order of creation: a position in the packed data, or -1 minus the index in this table's
   * own list.
   */
  #merged(below: Packed): Int32Array {
    const sequence = new Int32Array(this.size);
    const own = this.#all.orders();
    let mine = 0;
    let at = 0;
    for (let index = 0; index < below.size; index++) {
      if (this.#hidden.has(index)) continue;
      while (mine < own.length && (own[mine] ?? 0) < below.orderAt(index)) sequence[at++] = -1 - mine++;
      sequence[at++] = index;
    }
    while (mine < own.length) sequence[at++] = -1 - mine++;
    return sequence;
  }
}

function range(start: number, end: number): readonly number[] {
  return Array.from({ length: Math.max(0, end - start) }, (_, index) => start + index);
}

/** Adds the entry under the key; if it is already there, invalidates the cached list. */
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

const FIRST = 1024;

/** Entries in order of creation; their list is cached until something changes. */
class Group {
  #entries = new Map<string, Entry>();
  #inOrder = true;
  /** No entry has a greater rank. */
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

  /** Called when one of the entries has another resource. */
  changed(): void {
    this.#list = undefined;
  }

  list(): readonly Resource[] {
    this.#sort();
    this.#list ??= Array.from(this.#entries.values(), (entry) => entry.resource);
    return this.#list;
  }

  /** A part of the list. The first few are found without making the list. */
  slice(start: number, end: number): readonly Resource[] {
    if (this.#list || end > FIRST) return this.list().slice(start, end);
    this.#sort();
    const first: Resource[] = [];
    for (const { resource } of this.#entries.values()) {
      if (first.length >= end) break;
      first.push(resource);
    }
    return first.slice(start);
  }

  /** The ranks in the order of creation of the entries in the list. */
  orders(): Float64Array {
    this.#sort();
    return Float64Array.from(this.#entries.values(), ({ order }) => order);
  }

  #sort(): void {
    if (this.#inOrder) return;
    this.#entries = new Map([...this.#entries].sort(([, a], [, b]) => a.order - b.order));
    this.#inOrder = true;
  }
}
