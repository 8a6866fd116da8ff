import { assert } from "../lib/assert.ts";

/**
 * Whole numbers in use. Finding the lowest free one looks at one 32-bit word on each level of a tree over
 * them.
 */
export class Slots {
  readonly #first: number;
  readonly #used = new Bits();

  /** Numbers below `first` are never given. */
  constructor(first: number) {
    this.#first = first;
  }

  /** The lowest free number, from `least` on. It stays free until it is taken. */
  free(least = this.#first): number {
    return this.#used.nextClear(Math.max(least, this.#first));
  }

  /** One more than the highest number in use; 0 when none is. */
  end(): number {
    return this.#used.end();
  }

  has(slot: number): boolean {
    return this.#used.has(slot);
  }

  /** Whether the number can be taken. */
  isFree(slot: number): boolean {
    return Number.isSafeInteger(slot) && slot >= this.#first && !this.#used.has(slot);
  }

  take(slot: number): void {
    assert(this.isFree(slot), `slot ${slot} is free`);
    this.#used.set(slot);
  }

  giveBack(slot: number): void {
    assert(this.#used.has(slot), `slot ${slot} is in use`);
    this.#used.clear(slot);
  }
}

const FULL = 0xffffffff;

/** A set of whole numbers as bits. A smaller set above it says which of its words are full. */
class Bits {
  #words = new Uint32Array(1);
  #full: Bits | undefined;

  has(place: number): boolean {
    return ((this.#word(place >>> 5) >>> (place & 31)) & 1) === 1;
  }

  set(place: number): void {
    const at = place >>> 5;
    if (at >= this.#words.length) this.#grow(at + 1);
    const word = (this.#word(at) | (1 << (place & 31))) >>> 0;
    this.#words[at] = word;
    if (word === FULL) (this.#full ??= new Bits()).set(at);
  }

  clear(place: number): void {
    const at = place >>> 5;
    const word = this.#word(at);
    this.#words[at] = word & ~(1 << (place & 31));
    if (word === FULL) this.#full?.clear(at);
  }

  end(): number {
    for (let at = this.#words.length - 1; at >= 0; at--) {
      const word = this.#word(at);
      if (word !== 0) return at * 32 + 32 - Math.clz32(word);
    }
    return 0;
  }

  /** The lowest number, from `least` on, that is not in the set. */
  nextClear(least: number): number {
    const at = least >>> 5;
    const here = (this.#word(at) | ((1 << (least & 31)) - 1)) >>> 0;
    if (here !== FULL) return at * 32 + lowestClear(here);
    const next = this.#full ? this.#full.nextClear(at + 1) : at + 1;
    return next * 32 + lowestClear(this.#word(next));
  }

  #word(at: number): number {
    return this.#words[at] ?? 0;
  }

  #grow(length: number): void {
    const words = new Uint32Array(Math.max(length, this.#words.length * 2));
    words.set(this.#words);
    this.#words = words;
  }
}

function lowestClear(word: number): number {
  const clear = ~word;
  return 31 - Math.clz32(clear & -clear);
}
