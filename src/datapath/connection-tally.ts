/** What one pass over the connections finds, of one kind: those of security groups, or those of NAT gateways. */
export type Tally = {
  /** Whether an entry of the interface's slot no longer holds. */
  readonly isPast: (slot: number, times: Times) => boolean;
  /** The same of an entry that the pass comes to; if it still holds, it is counted. */
  readonly isGone: (slot: number, times: Times) => boolean;
  readonly seen: ReadonlySet<number>;
  /** Of those that were there when the interface's were counted, how many are left. */
  readonly alive: (slot: number) => number;
  /** Of those that were there when the pass began. */
  readonly left: () => number;
};

/** Of an entry, in nanoseconds of the monotonic clock. */
type Times = { readonly created: bigint; readonly expires: bigint };

/** By slot: how many entries had been made, and when that was. */
export type Counted = ReadonlyMap<number, { readonly created: number; readonly at: bigint }>;

type Pass = {
  readonly counted: Counted;
  /** When it began. */
  readonly now: bigint;
  /** What was made before is a former interface's. */
  readonly born: (slot: number) => bigint;
};

/**
 * How long an entry stays after it has expired. To the program it is gone already; a packet that takes it over in the
 * moment between its reading and its removal here loses it again, which this makes as rare as a connection is short.
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
