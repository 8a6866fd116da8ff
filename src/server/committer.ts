import type { Change, Part } from "../model/state.ts";
import { Fault } from "../model/fault.ts";
import { applyParts, beginTx, readerOf, type Transaction, type World } from "../model/world.ts";
import { joinedDelta, planDelta } from "../plan/compile.ts";
import type { Pool } from "../plan/pool.ts";
import type { Delta } from "../plan/tables.ts";
import type { Store } from "../store/store.ts";

/** A realm is one account's region: the unit that a request sees. */
export type Realm = { readonly account: string; readonly region: string };

type Pending = {
  readonly parts: readonly Part[];
  readonly delta: Delta;
  readonly undo: () => void;
  readonly finish: () => void;
  readonly abort: (cause: unknown) => void;
};

type Options = {
  readonly world: World;
  readonly store: Pick<Store, "commit" | "revision">;
  readonly pools: readonly Pool[];
  /** Writes to the kernel's tables; throws when the kernel refuses. */
  readonly applyDelta: (delta: Delta) => void;
  /** Told of every change once it is durable and packets obey it; of one in several regions, region by region. */
  readonly onCommitted: (realm: Realm, changes: readonly Change[]) => void;
  readonly log: (message: string, cause?: unknown) => void;
};

/**
 * Runs requests one after another against the state in memory, and lets each answer out only when every change
 * that it saw or made is on disk and in the kernel's tables. Commits are pipelined, so that many requests
 * share one flush; when one can't be written, it and all that came after it are undone.
 */
export class Committer {
  readonly #options: Options;
  readonly #pending: Pending[] = [];
  #revision: number;
  /** Settles when all that was pending at the time has settled. */
  #tail: Promise<void> = Promise.resolve();
  /** Grows with every undoing: an answer computed before it saw a state that never was. */
  #undone = 0;

  constructor(options: Options) {
    this.#options = options;
    this.#revision = options.store.revision();
  }

  /** The number of the newest change in memory; it may not be durable yet. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Runs `body` on the realm's state and commits what it changed, in whichever of the account's regions.
   * @throws what `body` throws (then nothing changed); Unavailable when the change could not be written.
   */
  async run<T>(realm: Realm, body: (tx: Transaction) => T): Promise<T> {
    for (;;) {
      const undone = this.#undone;
      const tx = beginTx(this.#options.world, realm.account, realm.region);
      let outcome: { readonly value: T } | { readonly thrown: unknown };
      try {
        outcome = { value: body(tx) };
      } catch (thrown) {
        outcome = { thrown };
      }
      const parts = "value" in outcome ? tx.parts() : [];
      if (parts.length > 0) await this.#commit(parts);
      else await this.#tail;
      // What was read, or refused, may rest on a change that was undone meanwhile: look again.
      if (parts.length === 0 && undone !== this.#undone) continue;
      if ("thrown" in outcome) throw outcome.thrown;
      return outcome.value;
    }
  }

  #commit(parts: readonly Part[]): Promise<void> {
    const { world, store, pools } = this.#options;
    const undo = applyParts(world, parts);
    const delta = joinedDelta(parts.map(({ account, region, changes }) => planDelta(readerOf(world, account, region), changes, pools)));
    const expected = this.#revision;
    this.#revision += 1;
    return new Promise((resolve, reject) => {
      const pending: Pending = { parts, delta, undo, finish: resolve, abort: reject };
      this.#pending.push(pending);
      const written = store.commit({ expected, parts });
      written.catch(() => undefined);
      this.#tail = this.#tail.then(async () => {
        if (!this.#pending.includes(pending)) return;
        try {
          await written;
        } catch (cause) {
          this.#undo(cause);
          return;
        }
        this.#settle(pending);
      });
    });
  }

  #settle(pending: Pending): void {
    const { applyDelta, onCommitted, log } = this.#options;
    this.#pending.shift();
    try {
      applyDelta(pending.delta);
    } catch (cause) {
      log("the kernel's tables could not be written", cause);
      pending.abort(
        new Fault("InternalError", "The change is recorded, but the kernel's tables could not be written; restart Genkan to repair them."),
      );
      return;
    }
    for (const { account, region, changes } of pending.parts) onCommitted({ account, region }, changes);
    pending.finish();
  }

  #undo(cause: unknown): void {
    const { store, log } = this.#options;
    log("the state could not be written to disk; the change is refused", cause);
    this.#undone += 1;
    const undone = this.#pending.splice(0);
    for (const { undo } of undone.toReversed()) undo();
    this.#revision = store.revision();
    for (const { abort } of undone) abort(new Fault("Unavailable", "The state could not be written to disk. Nothing was changed."));
  }
}
