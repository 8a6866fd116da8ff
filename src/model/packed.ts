import { indexKeys } from "./index-keys.ts";
import type { Kind, Resource } from "./resource.ts";

/**
 * One index of packed resources: for each key the ascending positions of its resources. A key is represented
 * by a hash; hashes are in ascending order, and keys that share a hash follow each other.
 */
export type PackedIndex = {
  readonly hashes: Uint32Array;
  /** Where each key's positions begin in `places`; the last element is their total number. */
  readonly starts: Uint32Array;
  readonly places: Uint32Array;
};

/**
 * One kind's resources as they lie in a file, in order of creation. A resource is decoded only when somebody
 * asks for it.
 */
export type PackedRecords = {
  readonly size: number;
  /** A resource's rank in the region's order of creation; ascending. */
  readonly orderAt: (place: number) => number;
  /** Decodes one resource. */
  readonly record: (place: number) => Resource;
  /** The index with this name; `id` is an index, too. */
  readonly index: (name: string) => PackedIndex;
  /**
   * All resources of the kind from another source, by rank in the order of creation: used when this one is
   * damaged.
   */
  readonly elsewhere?: () => ReadonlyMap<number, Resource>;
};

/** The file's content is not what was written; the cause says in which part. */
export class PackedDamage extends Error {
  override readonly name = "PackedDamage";
}

/** How many decoded resources of a kind are kept: the latest ones. */
const MOST_KEPT = 1 << 17;

/**
 * Packed resources of one kind, which never change. A lookup costs the size of its answer and a search among
 * the keys' hashes.
 */
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

  /** The resource at a position; 0 is the one created first. */
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

  /** The ascending positions of the resources under one key of an index. */
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

  /** The run of positions under exactly this key: one, or none. */
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

/** The first index in the ascending numbers whose number is not below the one sought. */
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

/** A 32-bit hash of the key's text (FNV-1a, then MurmurHash3's finish). */
export function keyHash(key: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
