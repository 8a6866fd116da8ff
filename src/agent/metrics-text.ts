import { assert } from "../lib/assert.ts";

/**
 * Metrics in Prometheus's text format, version 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).
 */

export type Family = {
  readonly name: string;
  readonly help: string;
  readonly type: "counter" | "gauge" | "histogram";
  readonly samples: readonly Sample[];
};
export type Sample = {
  readonly labels?: Labels;
  readonly value: number | bigint;
  /** The suffix of a histogram's sample: `_bucket`, `_sum` or `_count`. */
  readonly suffix?: string;
};
type Labels = Readonly<Record<string, string>>;

export function metricsText(families: readonly Family[]): string {
  return families.map((family) => `${familyLines(family).join("\n")}\n`).join("");
}

function familyLines({ name, help, type, samples }: Family): readonly string[] {
  assert(/^[a-z][a-z0-9_]*$/.test(name), `${name} is a metric's name`);
  assert((type === "counter") === name.endsWith("_total"), `${name}: counters, and no others, end in _total`);
  const rows = samples.map(
    ({ labels = {}, value, suffix = "" }) => `${name}${suffix}${labelsText(labels)} ${numberText(value)}`,
  );
  return [
    `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}`,
    `# TYPE ${name} ${type}`,
    ...rows,
  ];
}

function labelsText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escaped(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function numberText(value: number | bigint): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

/** A counter with labels; its samples keep the order in which they first appeared. */
export type Counter = { readonly add: (labels: Labels) => void; readonly samples: () => readonly Sample[] };

export function openCounter(): Counter {
  const counts = new Map<string, { readonly labels: Labels; value: number }>();
  return {
    add: (labels) => void (entryOf(counts, labels, () => ({ labels, value: 0 })).value += 1),
    samples: () => [...counts.values()],
  };
}

/** The durations of something, in seconds. */
export type Histogram = {
  readonly observe: (seconds: number, labels?: Labels) => void;
  readonly samples: () => readonly Sample[];
};

/** `bounds`: ascending; one more bucket takes everything above the last. */
export function openHistogram(bounds: readonly number[]): Histogram {
  type Row = { readonly labels: Labels; readonly buckets: number[]; sum: number; count: number };
  const rows = new Map<string, Row>();
  return {
    observe: (seconds, labels = {}) => {
      const row = entryOf(rows, labels, () => ({ labels, buckets: bounds.map(() => 0), sum: 0, count: 0 }));
      const index = bounds.findIndex((bound) => seconds <= bound);
      if (index >= 0) row.buckets[index] = (row.buckets[index] ?? 0) + 1;
      row.sum += seconds;
      row.count += 1;
    },
    samples: () =>
      [...rows.values()].flatMap(({ labels, buckets, sum, count }) => {
        let below = 0;
        return [
          ...bounds.map((bound, index) => {
            below += buckets[index] ?? 0;
            return { suffix: "_bucket", labels: { ...labels, le: String(bound) }, value: below };
          }),
          { suffix: "_bucket", labels: { ...labels, le: "+Inf" }, value: count },
          { suffix: "_sum", labels, value: sum },
          { suffix: "_count", labels, value: count },
        ];
      }),
  };
}

function entryOf<T>(entries: Map<string, T>, labels: Labels, first: () => T): T {
  const key = Object.values(labels).join("\0");
  const known = entries.get(key);
  if (known) return known;
  const entry = first();
  entries.set(key, entry);
  return entry;
}
