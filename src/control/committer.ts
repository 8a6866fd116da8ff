import type { Committed, Follow } from "../model/committed.ts";
import { Fault } from "../model/fault.ts";
import type { Realm } from "../model/realm.ts";
import type { Part } from "../model/state.ts";
import { applyParts, beginTx, catchUp, type Missed, type Transaction, type World } from "../model/world.ts";
import { type Store, StoreError } from "../store/store.ts";

/** What came to be elsewhere: the difference to the world, and the state's revision with it. */
export type Adopted = { readonly missed: readonly Missed[]; readonly revision: number };

type Pending = {
  readonly commit: Committed;
  readonly obey: (commit: Committed) => void;
  readonly undo: () => void;
  readonly finish: () => void;
  readonly abort: (cause: unknown) => void;
};

type Options = {
  readonly world: World;
  readonly store: Pick<Store, "commit" | "revision">;
  /** What must obey a change before its answer leaves. */
  readonly follow: Follow;
  /** Settles when all other machines obey the revision, or after a while; absent: there are none. */
  readonly everywhere?: (revision: number) => Promise<void>;
  readonly log: (message: string, cause?: unknown) => void;
};

/**
 * Runs requests one after another against the state in memory, and lets each answer out only when every
 * change that it saw or made is durable, and obeyed by all that follows the state. Commits are pipelined, so
 * that many requests share one flush; when a commit can't be written, it and all later ones are undone.
 */
export class Committer {
  readonly #options: Options;
  readonly #pending: Pending[] = [];
  #revision: number;
  /** Settles when everything pending at that time has settled. */
  #tail: Promise<void> = Promise.resolve();
  /** Counts the undoings: an answer computed before one may have seen a state that never came to be. */
  #undone = 0;
  /** Requests wait for it, while there is one. */
  #gate: Promise<void> | undefined;

  constructor(options: Options) {
    this.#options = options;
    this.#revision = options.store.revision();
  }

  /** The number of the newest change in memory; it may not be durable yet. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * Runs `body` on the realm's state and commits its changes, which may be in several of the account's
   * regions.
   * @throws what `body` throws (then nothing changed); Unavailable when the change could not be written.
   */
  async run<T>(realm: Realm, body: (tx: Transaction) => T): Promise<T> {
    for (;;) {
      if (this.#gate) await this.#gate;
      const undone = this.#undone;
      const tx = beginTx(this.#options.world, realm.account, realm.region);
      let outcome: { readonly value: T } | { readonly thrown: unknown };
      try {
        outcome = { value: body(tx) };
      } catch (thrown) {
        outcome = { thrown };
      }
      const parts = "value" in outcome ? tx.parts() : [];
      if (parts.length > 0) {
        const revision = await this.#commit(parts);
        await this.#options.everywhere?.(revision);
      } else await this.#tail;
      // What was read or refused may rest on a change that was undone meanwhile: run it again.
      if (parts.length === 0 && undone !== this.#undone) continue;
      if ("thrown" in outcome) throw outcome.thrown;
      return outcome.value;
    }
  }

  /**
   * Brings the state in memory to one that came to be elsewhere, while no request is under way; requests
   * wait meanwhile. Returns what is different in memory.
   */
  async adopt({ missed, revision }: Adopted): Promise<readonly Part[]> {
    const { world, follow } = this.#options;
    let open = (): void => undefined;
    this.#gate = new Promise((resolve) => (open = resolve));
    try {
      while (this.#pending.length > 0) await this.#tail;
      const parts = catchUp(world, missed);
      this.#undone += 1;
      this.#revision = revision;
      try {
        follow(parts)({ revision, parts });
      } catch (cause) {
        this.#options.log(UNOBEYED, cause);
      }
      return parts;
    } finally {
      this.#gate = undefined;
      open();
    }
  }

  /** Settles with the revision of the change when it is durable and obeyed here. */
  #commit(parts: readonly Part[]): Promise<number> {
    const { world, store, follow } = this.#options;
    const undo = applyParts(world, parts);
    const obey = follow(parts);
    const expected = this.#revision;
    this.#revision += 1;
    return new Promise((resolve, reject) => {
      const pending: Pending = {
        commit: { revision: expected + 1, parts },
        obey,
        undo,
        finish: () => resolve(expected + 1),
        abort: reject,
      };
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

  #settle({ commit, obey, finish, abort }: Pending): void {
    const { log } = this.#options;
    this.#pending.shift();
    try {
      obey(commit);
    } catch (cause) {
      log(UNOBEYED, cause);
      abort(
        new Fault(
          "InternalError",
          "The change is recorded, but the kernel's tables could not be written; restart Genkan to repair them.",
        ),
      );
      return;
    }
    finish();
  }

  #undo(cause: unknown): void {
    const { store, log } = this.#options;
    log("the state could not be written; the change is refused", cause);
    this.#undone += 1;
    const undone = this.#pending.splice(0);
    for (const { undo } of undone.toReversed()) undo();
    this.#revision = store.revision();
    for (const { abort } of undone) abort(refusalOf(cause));
  }
}

const UNOBEYED = "the kernel's tables could not be written";

/** What a client is told of a change that could not be written. */
function refusalOf(cause: unknown): Fault {
  const kind = cause instanceof StoreError ? cause.kind : undefined;
  if (kind === "too-large") return new Fault("ResourceCountExceeded", `${(cause as StoreError).message}.`);
  if (kind === "broken")
    return new Fault(
      "Unavailable",
      "Whether the change was written is not known. Describe the resources before you repeat it.",
    );
  if (kind === "unavailable" || kind === "deposed")
    return new Fault(
      "Unavailable",
      "The state in etcd is out of reach: most of etcd's members must answer. Nothing was changed.",
    );
  return new Fault("Unavailable", "The state could not be written to disk. Nothing was changed.");
}
