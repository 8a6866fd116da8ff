/** Choices that a seed determines: the same seed, the same choices. */
export type Choice = {
  /** A whole number below `limit`. */
  readonly below: (limit: number) => number;
  /** True one time in `n`. */
  readonly oneIn: (n: number) => boolean;
  readonly pick: <T>(list: readonly T[]) => T;
  /** One of the entries, each as often as its weight says. */
  readonly weighted: <T>(entries: readonly (readonly [weight: number, value: T])[]) => T;
};

/** sfc32 (PractRand), started from two numbers. */
export function choices(seed: number, stream: number): Choice {
  let [a, b, c, d] = [seed | 0, stream | 0, 0x9e3779b9 | 0, 1];
  const next = (): number => {
    const t = (((a + b) | 0) + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let round = 0; round < 15; round++) next();
  const below = (limit: number): number => Math.floor((next() / 0x1_0000_0000) * limit);
  const pick = <T>(list: readonly T[]): T => {
    const chosen = list[below(list.length)];
    if (chosen === undefined) throw new Error("nothing to choose from");
    return chosen;
  };
  return {
    below,
    oneIn: (n) => below(n) === 0,
    pick,
    weighted: (entries) => {
      let left = below(entries.reduce((sum, [weight]) => sum + weight, 0));
      for (const [weight, value] of entries) {
        if (left < weight) return value;
        left -= weight;
      }
      throw new Error("nothing to choose from");
    },
  };
}
