/** Something that has ended, and is still described for a while. */
export type Ended<T> = T & {
  /** ISO 8601. */
  readonly endedAt: string;
};

/** AWS does not say how long. This is long enough for clients that wait to see the final state. */
const LINGERS_MILLISECONDS = 5 * 60 * 1000;

/** At most so many are kept, so that ended ones can't make a record grow without limit. */
const MOST = 8;

/** The ones still described. `now` is ISO 8601. */
export function lingering<T>(ended: readonly Ended<T>[] | undefined, now: string): readonly Ended<T>[] {
  return (ended ?? []).filter(({ endedAt }) => Date.parse(now) < Date.parse(endedAt) + LINGERS_MILLISECONDS);
}

/** The list with one more, which ends now. */
export function withEnded<T>(
  ended: readonly Ended<T>[] | undefined,
  one: T,
  now: string,
): readonly Ended<T>[] {
  return [...lingering(ended, now), { ...one, endedAt: now }].slice(-MOST);
}
