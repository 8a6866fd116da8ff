/** Which revision the packets of each machine obey, as the leader hears it; answers wait for the live ones. */

import type { Clock } from "../lib/clock.ts";

type Options = {
  /** The numbers of the machines that are there, without this one. */
  readonly others: () => readonly number[];
  readonly clock: Clock;
  /** Called when a machine is waited for no more. */
  readonly left: (machine: number, revision: number) => void;
};

type Waiting = { readonly revision: number; readonly look: () => void };

/** How long an answer waits for the packets of other machines. */
const WAIT_MILLISECONDS = 1_000;

export class Obedience {
  readonly #options: Options;
  readonly #obeyed = new Map<number, number>();
  /** Those that did not come in time, until they have caught up. */
  readonly #behind = new Set<number>();
  readonly #waiting = new Set<Waiting>();
  #newest = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** The newest revision that each machine has told of. */
  get obeyed(): ReadonlyMap<number, number> {
    return this.#obeyed;
  }

  isBehind(machine: number): boolean {
    return this.#behind.has(machine);
  }

  /** Notes what a machine tells of itself. */
  told(machine: number, revision: number): void {
    this.#obeyed.set(machine, revision);
    if (revision >= this.#newest) this.#behind.delete(machine);
    this.look();
  }

  /** Call this when the machines have changed. */
  look(): void {
    for (const { look } of this.#waiting) look();
  }

  /** What was heard by an earlier leader does not count. */
  forget(): void {
    this.#obeyed.clear();
    this.#behind.clear();
    this.look();
  }

  /** Settles when every live machine obeys the revision, or after a second. */
  async until(revision: number): Promise<void> {
    this.#newest = Math.max(this.#newest, revision);
    if (this.#missing(revision).length === 0) return;
    const { clock, left } = this.#options;
    const done = new AbortController();
    const waiting: Waiting = {
      revision,
      look: () => {
        if (this.#missing(revision).length === 0) done.abort();
      },
    };
    this.#waiting.add(waiting);
    await clock.delay(WAIT_MILLISECONDS, done.signal);
    this.#waiting.delete(waiting);
    for (const machine of this.#missing(revision)) {
      this.#behind.add(machine);
      left(machine, revision);
    }
  }

  #missing(revision: number): readonly number[] {
    const { others } = this.#options;
    return others().filter(
      (machine) => !this.#behind.has(machine) && (this.#obeyed.get(machine) ?? -1) < revision,
    );
  }
}
