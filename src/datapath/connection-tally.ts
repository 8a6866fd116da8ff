/**
 * What one pass over the connections of one kind finds: those of security groups, or those of NAT gateways.
 */
export type Tally = {
  /** Whether an entry of the interface's slot no longer holds. */
  readonly isPast: (slot: number, times: Times) => boolean;
  /** The same for an entry that the pass is at; an entry that still holds is counted. */
  readonly isGone: (slot: number, times: Times) => boolean;
  readonly seen: ReadonlySet<number>;
  /** How many of the entries that existed when the interface was counted are left. */
  readonly alive: (slot: number) => number;
  /** How many of the entries that existed when the pass began are left. */
  readonly left: () => number;
};

/** An entry's times, in nanoseconds of the monotonic clock. */
type Times = { readonly created: bigint; readonly expires: bigint };

/** By slot: how many entries had been created, and when they were counted. */
export type Counted = ReadonlyMap<number, { readonly created: number; readonly at: bigint }>;

type Pass = {
  readonly counted: Counted;
  /** When the pass began. */
  readonly now: bigint;
  /** Entries created before this time belong to a former interface. */
  readonly born: (slot: number) => bigint;
};

/**
 * How long an entry stays after it has expired. The program already ignores it. A packet that takes the entry
 * over in the moment between our reading and removing it loses it again; this delay makes that rare.
 */
const LINGER = 5_000_000_000n;

export function newTally({ counted, now, born }: Pass): Tally {
  const births = new Map<number, bigint>();
  const alive = new Map<number, number>();
  const seen = new Set<number>();
  let left = 0;
  const isPast: Tally["isPast"] = (slot, { created, expires }) => {
    const birth = births.get(slot) ?? born(slot);
    births.set(slot, birth);
    return created < birth || expires + LINGER < now;
  };
  return {
    isPast,
    isGone: (slot, times) => {
      seen.add(slot);
      if (isPast(slot, times)) return true;
      if (times.created <= (counted.get(slot)?.at ?? now)) alive.set(slot, (alive.get(slot) ?? 0) + 1);
      if (times.created <= now) left++;
      return false;
    },
    seen,
    alive: (slot) => alive.get(slot) ?? 0,
    left: () => left,
  };
}
