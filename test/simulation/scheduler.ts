/** Simulated time and chance: what happens is a function of the seed. */

import type { Clock } from "../../src/lib/clock.ts";

export type Chance = {
  /** At least 0, less than 1. */
  readonly next: () => number;
  readonly below: (end: number) => number;
  readonly happens: (share: number) => boolean;
};

/** Mulberry32. */
export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (end) => Math.floor(next() * end), happens: (share) => next() < share };
}

type Due = { readonly time: number; readonly order: number; readonly body: () => void };

/** What is due, in the order of time; between two of them everything that they woke has run. */
export class Scheduler {
  readonly #due: Due[] = [];
  #now = 0;
  #order = 0;

  get now(): number {
    return this.#now;
  }

  after(milliseconds: number, body: () => void): void {
    const due = { time: this.#now + Math.max(0, milliseconds), order: this.#order++, body };
    let low = 0;
    let high = this.#due.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#due[middle]?.time ?? 0) > due.time) low = middle + 1;
      else high = middle;
    }
    this.#due.splice(low, 0, due);
  }

  /** Runs until this time. `look`: called after each step. */
  async until(time: number, look: () => void): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      look();
      const next = this.#due.at(-1);
      if (!next || next.time > time) break;
      this.#due.pop();
      this.#now = next.time;
      next.body();
    }
    this.#now = time;
  }

  /** The time of a machine; it stands still when the machine has ended. */
  clock(isAlive: () => boolean): Clock {
    return {
      now: () => this.#now,
      delay: (milliseconds, signal) =>
        new Promise((resolve) => {
          const end = (): void => {
            if (isAlive()) resolve();
          };
          if (signal?.aborted) return end();
          signal?.addEventListener("abort", end, { once: true });
          this.after(milliseconds, () => {
            signal?.removeEventListener("abort", end);
            end();
          });
        }),
    };
  }
}
