/** Time as an argument: the machine's own, or that of a simulation. */
export type Clock = {
  /** Milliseconds since some moment; never less than before. */
  readonly now: () => number;
  /** Settles after so many milliseconds, or as soon as `signal` is aborted. */
  readonly delay: (milliseconds: number, signal?: AbortSignal) => Promise<void>;
};
