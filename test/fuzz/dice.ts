/** Chances from a seed: the same seed, the same run. */
export type Dice = {
  /** A whole number from 0 to below `count`. */
  readonly below: (count: number) => number;
  readonly oneIn: (count: number) => boolean;
  readonly pick: <T>(of: readonly T[]) => T;
};

/** mulberry32. */
export function dice(seed: number): Dice {
  let state = seed >>> 0;
  const below = (count: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % count;
  };
  return {
    below,
    oneIn: (count) => below(count) === 0,
    pick: <T>(of: readonly T[]) => of[below(of.length)] as T,
  };
}
