/** A source of randomness, passed as an argument so that pure code stays pure and tests stay repeatable. */
export type Random = {
  /** `length` random lower-case hexadecimal digits. */
  readonly hex: (length: number) => string;
};

/** A repeatable source for tests and golden scenarios (xorshift32; not for secrets). */
export function seededRandom(seed: number): Random {
  let x = seed >>> 0 || 1;
  const digit = (): string => {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return (x & 15).toString(16);
  };
  return { hex: (length) => Array.from({ length }, digit).join("") };
}
