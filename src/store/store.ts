import type { Part } from "../model/state.ts";
import type { World } from "../model/world.ts";

/**
 * The state of all accounts and regions, kept durably as a sequence of revisions. Every commit makes the next
 * revision, all of it or nothing.
 *
 * Made for pipelining: the caller applies a change in memory, hands it over with the revision that it expects,
 * and goes on to the next without waiting. Commits that wait at the same time share one flush to the disk. When
 * one can't be written, it and every commit handed over after it are refused before anything else happens, and
 * {@link Store.revision} says where to go on from.
 */
export type Store = {
  /** The newest revision that is on disk; 0 before the first commit. */
  readonly revision: () => number;
  /**
   * Makes revision `expected + 1` of the changes. Resolves with it when it is on disk, not before.
   * @throws StoreError `conflict` when `expected` is not the revision of the last commit handed over; `full`, `failed` or
   * `closed` when it was not written: then nothing of it is there, now or after a restart; `broken` when that is not sure.
   */
  readonly commit: (commit: Commit) => Promise<number>;
  /** The whole state at {@link Store.revision}, in order of creation. */
  readonly load: () => Promise<World>;
  /** A small text kept beside the state, such as this machine's identity. Not for secrets. */
  readonly meta: (key: string) => string | undefined;
  /** Keeps the text, or forgets it when it is undefined. Resolves when that is on disk. Makes no revision. */
  readonly setMeta: (key: string, value: string | undefined) => Promise<void>;
  /** Waits for what was handed over, then closes. A second call does nothing. */
  readonly close: () => Promise<void>;
};

/** `parts`: what one request changed, by account and region; each of these once. */
export type Commit = { readonly expected: number; readonly parts: readonly Part[] };

export type StoreErrorKind =
  /** Another commit came first. */
  | "conflict"
  /** No room on the disk; the store goes on when there is some again. Changes of what is there, and removals, have a little in reserve. */
  | "full"
  /** It could not be written, for another reason; nothing of it is there. */
  | "failed"
  /** A write failed and what is on disk is not known; the store takes no more commits until it is opened again. */
  | "broken"
  /** What is on disk is not a whole store. */
  | "corrupt"
  /** Written by a newer Genkan. */
  | "newer-format"
  /** Another process has it open for writing. */
  | "locked"
  /** There is no store to read. */
  | "missing"
  | "closed";

/** What went wrong in the world with a store; `cause` says it in the system's words. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind;
  constructor(kind: StoreErrorKind, message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.name = "StoreError";
    this.kind = kind;
  }
}
