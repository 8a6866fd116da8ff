/**
 * One line of the benchmark's table. A row's figure is the median of its samples: for the data plane a sample
 * is the ratio of two paths in one round, for the rest whatever its measure says.
 */
export type Row = {
  /** What is measured, as a person reads it: `packets/s, G ÷ B`. Unique in a report. */
  readonly measure: string;
  /**
   * The bound that has to be kept, and the one that is wished for; undefined for a row that is told for
   * information.
   */
  readonly must?: Bound;
  readonly aim?: Bound;
  /** The figure, in `unit`. */
  readonly value: number;
  /** What `value` counts: `×` for a ratio, else `packets/s`, `µs`, `ms`, `s`, `MB`, `GB`, `/s`, `Gbit/s`. */
  readonly unit: string;
  readonly spread: Spread;
  /** One sentence: what bounds it, or what was left out. */
  readonly note?: string;
};

/** `atLeast` or `atMost` that many of the row's unit. */
export type Bound = { readonly kind: "atLeast" | "atMost"; readonly value: number };

/** How the samples lie around the median; all equal when there is one sample only. */
export type Spread = {
  readonly samples: number;
  readonly min: number;
  readonly q1: number;
  readonly q3: number;
  readonly max: number;
};

/** A row from its samples, of which there is at least one. */
export function rowOf(row: Omit<Row, "value" | "spread"> & { readonly samples: readonly number[] }): Row {
  const { samples, ...rest } = row;
  const at = (share: number): number => quantile(samples, share);
  return {
    ...rest,
    value: at(0.5),
    spread: { samples: samples.length, min: at(0), q1: at(0.25), q3: at(0.75), max: at(1) },
  };
}

/** The value below which that share (0 to 1) of the numbers lies, interpolated; NaN of none. */
export function quantile(numbers: readonly number[] | Float64Array, share: number): number {
  const sorted = Float64Array.from(numbers).toSorted();
  const at = (sorted.length - 1) * share;
  const [below, above] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return below + (above - below) * (at - Math.floor(at));
}

export const atLeast = (value: number): Bound => ({ kind: "atLeast", value });
export const atMost = (value: number): Bound => ({ kind: "atMost", value });

/** Whether a figure keeps the bound. */
export function keeps(value: number, bound: Bound): boolean {
  return bound.kind === "atLeast" ? value >= bound.value : value <= bound.value;
}
