import type { Crew } from "./crew.ts";
import type { Path, PathName, PerPath } from "./path.ts";
import { quantile } from "./row.ts";

/** One way to measure every path, and how many samples it gives: one figure for each path and name in it. */
export type Measure = {
  readonly name: MeasureName;
  readonly run: (crew: Crew, paths: readonly Path[], options: { readonly seed: number; readonly quick: boolean }) => Promise<Figures>;
};
/** Figures by name: one for each path. */
export type Figures = Readonly<Record<string, PerPath<number>>>;

export const MEASURE_NAMES = ["rate", "flows", "udp", "tcp", "connections", "bulk", "segments"] as const;
export type MeasureName = (typeof MEASURE_NAMES)[number];

export const MEASURES: readonly Measure[] = [
  { name: "rate", run: (crew, paths, options) => packetRate(crew, paths, { ...options, flows: 1 }) },
  { name: "udp", run: (crew, paths, options) => roundTrip(crew, paths, "udp", options) },
  { name: "tcp", run: (crew, paths, options) => roundTrip(crew, paths, "tcp", options) },
  { name: "connections", run: connections },
  { name: "bulk", run: (crew, paths, options) => bulk(crew, paths, { ...options, bytes: 32 << 20 }) },
  { name: "segments", run: segments },
];

type Options = { readonly seed: number; readonly quick: boolean };

async function packetRate(
  crew: Crew,
  paths: readonly Path[],
  { seed, quick, flows }: Options & { readonly flows: number },
): Promise<Figures> {
  const answer = await crew.run({ kind: "rate", paths, flows, batch: 64, milliseconds: 4, slices: quick ? 20 : 100, warm: 5, seed });
  return {
    // The upper decile: what the path does while nothing else disturbs the processor.
    perSecond: mapPaths(answer, ({ perSecond }) => quantile(perSecond, 0.9)),
    lostShare: mapPaths(answer, ({ sent, lost }) => lost / sent),
  };
}

async function roundTrip(crew: Crew, paths: readonly Path[], protocol: "udp" | "tcp", { seed, quick }: Options): Promise<Figures> {
  const job = { kind: "round-trips", paths, protocol, count: 200, slices: quick ? 5 : 25, warm: 3, seed } as const;
  const answer = await crew.run(job, { what: protocol, bytes: 0 });
  return { p50: mapPaths(answer, ({ p50 }) => p50), p99: mapPaths(answer, ({ p99 }) => p99) };
}

async function connections(crew: Crew, paths: readonly Path[], { seed, quick }: Options): Promise<Figures> {
  const job = { kind: "connections", paths, count: 50, slices: quick ? 5 : 25, warm: 3, seed } as const;
  const answer = await crew.run(job, { what: "connections", bytes: 0 });
  return { p50: mapPaths(answer, ({ p50 }) => p50), p99: mapPaths(answer, ({ p99 }) => p99) };
}

async function bulk(crew: Crew, paths: readonly Path[], { seed, quick, bytes }: Options & { readonly bytes: number }): Promise<Figures> {
  const job = { kind: "bulk", paths, bytes, chunk: 1 << 17, slices: quick ? 5 : 25, warm: 3, seed } as const;
  const answer = await crew.run(job, { what: "bulk", bytes });
  return { perSecond: mapPaths(answer, ({ perSecond }) => quantile(perSecond, 0.5)) };
}

/** Bulk with segments cut by the sender's device: every packet on the way has at most 1,500 bytes. */
async function segments(crew: Crew, paths: readonly Path[], options: Options): Promise<Figures> {
  await crew.run({ kind: "offloads", paths, on: false });
  try {
    return await bulk(crew, paths, { ...options, bytes: 4 << 20 });
  } finally {
    await crew.run({ kind: "offloads", paths, on: true });
  }
}

function mapPaths<T, U>(values: PerPath<T>, to: (value: T) => U): PerPath<U> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name as PathName, to(value as T)]));
}
