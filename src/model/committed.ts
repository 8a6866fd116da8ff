import type { Part } from "./state.ts";

/** A change as it was committed: all of it, or nothing. */
export type Committed = {
  /** Revisions count up by one. */
  readonly revision: number;
  readonly parts: readonly Part[];
};

/**
 * What follows the state: a machine's agent. It is called with each change as soon as the change is made in
 * memory, in order, and may look at the state as the change left it.
 * @returns a function to call once the change is durable, again in order; it is never called when the change
 * could not be written. It throws when packets can't obey.
 */
export type Follow = (parts: readonly Part[]) => (commit: Committed) => void;
