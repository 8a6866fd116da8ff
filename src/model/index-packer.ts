import { indexKeys } from "./index-keys.ts";
import { keyHash, type PackedIndex } from "./packed.ts";
import { INDEXES, type Kind, type Resource } from "./resource.ts";

/** The names of a kind's packed indexes: `id` and the secondary ones. */
function packedIndexNames(kind: Kind): readonly string[] {
  return ["id", ...Object.keys(INDEXES[kind])];
}

/** Packs the indexes of one kind. Resources are added in order of creation. */
export class IndexPacker {
  readonly #indexes: ReadonlyMap<string, KeyList>;
  #added = 0;

  constructor(kind: Kind) {
    this.#indexes = new Map(packedIndexNames(kind).map((name) => [name, new KeyList()]));
  }

  add(resource: Resource): void {
    for (const [name, list] of this.#indexes)
      for (const key of name === "id" ? [resource.id] : new Set(indexKeys(resource, name)))
        list.add(key, this.#added);
    this.#added += 1;
  }

  finish(): ReadonlyMap<string, PackedIndex> {
    return new Map([...this.#indexes].map(([name, list]) => [name, list.packed()]));
  }
}

const SECOND_SEED = 0x9747b28c;

/** Keys, each as two hashes, with the positions of their resources. */
class KeyList {
  #count = 0;
  #hashes = new Uint32Array(16);
  #seconds = new Uint32Array(16);
  #places = new Uint32Array(16);

  add(key: string, place: number): void {
    if (this.#count === this.#hashes.length) {
      this.#hashes = grown(this.#hashes);
      this.#seconds = grown(this.#seconds);
      this.#places = grown(this.#places);
    }
    this.#hashes[this.#count] = keyHash(key);
    this.#seconds[this.#count] = keyHash(key, SECOND_SEED);
    this.#places[this.#count++] = place;
  }

  packed(): PackedIndex {
    const entries = this.#sorted();
    const hashes = new Uint32Array(entries.length);
    const starts = new Uint32Array(entries.length + 1);
    const places = new Uint32Array(entries.length);
    let keys = 0;
    for (const [at, entry] of entries.entries()) {
      const before = entries[at - 1];
      if (before === undefined || this.#compare(before, entry) !== 0) {
        hashes[keys] = this.#hashes[entry] ?? 0;
        starts[keys++] = at;
      }
      places[at] = this.#places[entry] ?? 0;
    }
    starts[keys] = entries.length;
    return { hashes: hashes.slice(0, keys), starts: starts.slice(0, keys + 1), places };
  }

  /** The entries sorted by both hashes; those of one key stay in the order in which they were added. */
  #sorted(): Uint32Array {
    // Words of 64 bits in the machine's byte order: the entry's number in the lower half, its hash in the
    // upper.
    const words = new BigUint64Array(this.#count);
    const halves = new Uint32Array(words.buffer);
    for (let entry = 0; entry < this.#count; entry++) {
      halves[2 * entry] = entry;
      halves[2 * entry + 1] = this.#hashes[entry] ?? 0;
    }
    words.sort();
    const entries = Uint32Array.from({ length: this.#count }, (_, at) => halves[2 * at] ?? 0);
    for (let from = 0, to = 1; from < entries.length; from = to++) {
      while (to < entries.length && halves[2 * to + 1] === halves[2 * from + 1]) to++;
      if (to - from > 1) entries.subarray(from, to).sort((a, b) => this.#compare(a, b) || a - b);
    }
    return entries;
  }

  #compare(a: number, b: number): number {
    return (
      (this.#hashes[a] ?? 0) - (this.#hashes[b] ?? 0) || (this.#seconds[a] ?? 0) - (this.#seconds[b] ?? 0)
    );
  }
}

function grown(numbers: Uint32Array): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(numbers.length * 2);
  larger.set(numbers);
  return larger;
}
