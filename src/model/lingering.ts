/** Something that has ended, and is described a while longer. */
export type Ended<T> = T & {
  /** ISO 8601. */
  readonly endedAt: string;
};

/** AWS does not say how long; long enough for clients that wait for the last state to see it. */
const LINGERS_MS = 5 * 60 * 1000;

/** No record grows by what has ended. */
const MOST = 8;

/** Those that are still described. `now` is ISO 8601. */
export function lingering<T>(ended: readonly Ended<T>[] | undefined, now: string): readonly Ended<T>[] {
  return (ended ?? []).filter(({ endedAt }) => Date.parse(now) < Date.parse(endedAt) + LINGERS_MS);
}

/** The same with one more, which ends now. */
export function withEnded<T>(ended: readonly Ended<T>[] | undefined, one: T, now: string): readonly Ended<T>[] {
  return [...lingering(ended, now), { ...one, endedAt: now }].slice(-MOST);
}
