/** A repeatable source of orders (xorshift32). */
export type Order = {
  readonly shuffled: <T>(list: readonly T[]) => readonly T[];
  /** A number from 0 to one less than `limit`. */
  readonly below: (limit: number) => number;
};

export function seededOrder(seed: number): Order {
  let x = seed >>> 0 || 1;
  const next = (below: number): number => {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x % below;
  };
  return {
    below: next,
    shuffled: (list) => {
      const result = [...list];
      for (let last = result.length - 1; last > 0; last -= 1) {
        const other = next(last + 1);
        [result[last], result[other]] = [
          result[other] as (typeof result)[number],
          result[last] as (typeof result)[number],
        ];
      }
      return result;
    },
  };
}
