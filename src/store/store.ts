import type { Part } from "../model/state.ts";
import type { World } from "../model/world.ts";

/**
 * The state of all accounts and regions, kept durably as a sequence of revisions. Every commit makes the next
 * revision, all of it or nothing.
 *
 * It is made for pipelining: the caller applies a change in memory, commits it with the revision that it
 * expects, and goes on to the next one without waiting. Commits that wait at the same time share one flush to
 * the disk. When a commit can't be written, it and every later one are refused before anything else happens,
 * and {@link Store.revision} says where to go on from.
 */
export type Store = {
  /** The newest revision that is on disk; 0 before the first commit. */
  readonly revision: () => number;
  /**
   * Makes revision `expected + 1` of the changes. Resolves with that number when it is on disk, not before.
   * @throws StoreError `conflict` when `expected` is not the revision of the latest commit; `full`, `failed`
   * or `closed` when nothing was written, so that nothing of it is there, now or after a restart; `broken`
   * when that is not certain.
   */
  readonly commit: (commit: Commit) => Promise<number>;
  /** The whole state at {@link Store.revision}, in order of creation. */
  readonly load: () => Promise<World>;
  /** A small text kept beside the state, such as this machine's identity. Not for secrets. */
  readonly meta: (key: string) => string | undefined;
  /**
   * Stores the text, or removes it when it is undefined. Resolves when that is on disk. Makes no revision.
   */
  readonly setMeta: (key: string, value: string | undefined) => Promise<void>;
  /** Waits for pending commits, then closes. A second call does nothing. */
  readonly close: () => Promise<void>;
};

/** `parts`: the changes of one request, by realm; each realm once. */
export type Commit = { readonly expected: number; readonly parts: readonly Part[] };

export type StoreErrorKind =
  /** Another commit came first. */
  | "conflict"
  /**
   * No room on the disk; the store continues when there is room again. A small reserve is left for deletions
   * and changes of existing resources.
   */
  | "full"
  /** The commit has more in it than the store takes at once; nothing of it is there. */
  | "too-large"
  /** It could not be written, for another reason; nothing of it is on disk. */
  | "failed"
  /** A write failed, and what is on disk is unknown; the store refuses commits until it is opened again. */
  | "broken"
  /** etcd does not answer, so nothing was written; the store goes on when it answers again. */
  | "unavailable"
  /** Another machine leads the region, and writes; the store refuses commits until it is opened again. */
  | "deposed"
  /** What is on disk is not a complete store. */
  | "corrupt"
  /** Written by a newer Genkan. */
  | "newer-format"
  /** Another process has it open for writing. */
  | "locked"
  /** There is no store to read. */
  | "missing"
  | "closed";

/** A failure of a store that is no programmer's error; `cause` has the system's words. */
export class StoreError extends Error {
  readonly kind: StoreErrorKind;
  constructor(kind: StoreErrorKind, message: string, options?: { readonly cause: unknown }) {
    super(message, options);
    this.name = "StoreError";
    this.kind = kind;
  }
}
