import { type Commit, StoreError } from "./store.ts";

/** One thing to be written: a commit, or a text kept beside the state. */
export type Write =
  | { readonly kind: "commit"; readonly commit: Commit }
  | { readonly kind: "meta"; readonly key: string; readonly value: string | undefined };

type Waiting = {
  readonly write: Write;
  readonly resolve: (revision: number) => void;
  readonly reject: (error: StoreError) => void;
};

type Options = {
  readonly revision: number;
  /**
   * Writes all of them as one, in order. Resolves when they are on disk; when it throws, none of them was
   * written.
   */
  readonly write: (writes: readonly Write[]) => Promise<void>;
  /** How many of these may be written as one, from the first on: at least 1. All, if it is absent. */
  readonly fitting?: (writes: readonly Write[]) => number;
};

/**
 * The order of commits, the same for every store: compare-and-swap on the revision, one write at a time;
 * everything that arrives during a write goes into the next one. A failed write refuses all that waits behind
 * it.
 */
export class CommitQueue {
  readonly #write: Options["write"];
  readonly #fitting: NonNullable<Options["fitting"]>;
  #waiting: Waiting[] = [];
  /** The newest revision on disk. */
  #durable: number;
  /** The newest revision given to the queue. */
  #tip: number;
  #running: Promise<void> | undefined;
  #closed: StoreError | undefined;

  constructor({ revision, write, fitting = ({ length }) => length }: Options) {
    this.#durable = revision;
    this.#tip = revision;
    this.#write = write;
    this.#fitting = fitting;
  }

  get revision(): number {
    return this.#durable;
  }

  /** Queues one write. Resolves with the newest durable revision once it is written. */
  async add(write: Write): Promise<number> {
    if (this.#closed) throw this.#closed;
    if (write.kind === "commit") {
      const { expected } = write.commit;
      if (expected !== this.#tip)
        throw new StoreError("conflict", `the state is at revision ${this.#tip}, not ${expected}`);
      this.#tip += 1;
    }
    const done = new Promise<number>((resolve, reject) => this.#waiting.push({ write, resolve, reject }));
    this.#running ??= this.#run();
    return await done;
  }

  /** Refuses everything from now on, for this reason. */
  refuse(error: StoreError): void {
    this.#closed ??= error;
  }

  /** Settles when nothing is waiting any more. */
  async drained(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // Everything added in the same turn shares the first write, too.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const fitting = this.#fitting(this.#waiting.map(({ write }) => write));
      const batch = this.#waiting.splice(0, fitting);
      try {
        await this.#write(batch.map((waiting) => waiting.write));
      } catch (cause) {
        this.#fail(batch, asStoreError(cause));
        continue;
      }
      for (const { write, resolve } of batch) {
        if (write.kind === "commit") this.#durable += 1;
        resolve(this.#durable);
      }
    }
    this.#running = undefined;
  }

  #fail(batch: readonly Waiting[], error: StoreError): void {
    const refused = [...batch, ...this.#waiting];
    this.#waiting = [];
    this.#tip = this.#durable;
    for (const { reject } of refused) reject(error);
  }
}

function asStoreError(cause: unknown): StoreError {
  return cause instanceof StoreError
    ? cause
    : new StoreError("failed", "the state could not be written", { cause });
}
