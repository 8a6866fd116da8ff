import type { Kind, Resource } from "./resource.ts";
import { indexKeys } from "./index-keys.ts";

/**
 * One index of packed resources: for each key the places of the resources under it, ascending. Keys stand for themselves by a
 * hash, in ascending order; keys of one hash stand one behind the other.
 */
export type PackedIndex = {
  readonly hashes: Uint32Array;
  /** Where each key's places begin in `places`, and at last their number. */
  readonly starts: Uint32Array;
  readonly places: Uint32Array;
};

/** One kind's resources as they lie in a file, in order of creation: nothing is decoded before somebody asks for it. */
export type PackedRecords = {
  readonly size: number;
  /** A resource's place in the region's order of creation; ascending. */
  readonly orderAt: (place: number) => number;
  /** Decodes one. */
  readonly record: (place: number) => Resource;
  /** The index of this name; `id` is one as well. */
  readonly index: (name: string) => PackedIndex;
  /** All of the kind as another source has them now, by place in the order of creation: for when this one is damaged. */
  readonly elsewhere?: () => ReadonlyMap<number, Resource>;
};

/** What lies in the file is not what was written; the cause says of which part. */
export class PackedDamage extends Error {
  override readonly name = "PackedDamage";
}

/** What was decoded last is kept: so many resources of a kind. */
const MOST_KEPT = 1 << 17;

/** Packed resources of one kind, which never change. A lookup costs the size of its answer, and a search among the keys' hashes. */
export class Packed {
  readonly kind: Kind;
  readonly #records: PackedRecords;
  readonly #kept: (Resource | undefined)[];
  readonly #keptPlaces: Int32Array;

  constructor(kind: Kind, records: PackedRecords) {
    this.kind = kind;
    this.#records = records;
    const room = Math.min(MOST_KEPT, 2 ** Math.ceil(Math.log2(records.size + 1)));
    this.#keptPlaces = new Int32Array(room).fill(-1);
    this.#kept = Array.from({ length: room });
  }

  get size(): number {
    return this.#records.size;
  }

  /** The resource at a place: 0 is the one that was created first. */
  at(place: number): Resource {
    const slot = place & (this.#kept.length - 1);
    const kept = this.#keptPlaces[slot] === place ? this.#kept[slot] : undefined;
    if (kept) return kept;
    const resource = this.#records.record(place);
    this.#kept[slot] = resource;
    this.#keptPlaces[slot] = place;
    return resource;
  }

  orderAt(place: number): number {
    return this.#records.orderAt(place);
  }

  /** See {@link PackedRecords.elsewhere}. @throws `damage` when there is no other source. */
  elsewhere(damage: PackedDamage): ReadonlyMap<number, Resource> {
    if (!this.#records.elsewhere) throw damage;
    return this.#records.elsewhere();
  }

  placeOf(id: string): number | undefined {
    return this.#groups("id", id)[0]?.[0];
  }

  /** The places of the resources under one key of an index, ascending. */
  by(index: string, key: string): readonly number[] {
    const [group, ...more] = this.#groups(index, key);
    return group === undefined
      ? []
      : more.length === 0
        ? [...group]
        : [group, ...more].flatMap((one) => [...one]).toSorted((a, b) => a - b);
  }

  countBy(index: string, key: string): number {
    return this.#groups(index, key).reduce((sum, group) => sum + group.length, 0);
  }

  /** The runs of places under this very key: one, or none. */
  #groups(name: string, key: string): readonly Uint32Array[] {
    if (this.size === 0) return [];
    const { hashes, starts, places } = this.#records.index(name);
    const hash = keyHash(key);
    const groups: Uint32Array[] = [];
    for (let at = lowest(hashes, hash); hashes[at] === hash; at++) {
      const group = places.subarray(starts[at], starts[at + 1]);
      const first = this.at(group[0] ?? 0);
      if (name === "id" ? first.id === key : indexKeys(first, name).includes(key)) groups.push(group);
    }
    return groups;
  }
}

/** The first place at which the ascending numbers are not below the one sought. */
function lowest(numbers: Uint32Array, sought: number): number {
  let from = 0;
  let to = numbers.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((numbers[middle] ?? 0) < sought) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** 32 bits that a key's text determines (FNV-1a, then the finish of MurmurHash3). */
export function keyHash(key: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (let place = 0; place < key.length; place++) hash = Math.imul(hash ^ key.charCodeAt(place), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
