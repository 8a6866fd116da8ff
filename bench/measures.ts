import type { Crew } from "./crew.ts";
import type { Job } from "./job.ts";
import type { Path, PathName, PerPath } from "./path.ts";
import { quantile } from "./row.ts";

/** One way to measure every path: it gives one value for each path and figure. */
export type Measure = {
  readonly name: MeasureName;
  /** Which of the paths; absent: all but the NAT gateways'. */
  readonly on?: (path: Path) => boolean;
  readonly run: (
    crew: Crew,
    paths: readonly Path[],
    options: Options,
  ) => Promise<Partial<Record<FigureName, PerPath<number>>>>;
};
type RateFamily = Extract<Job, { kind: "rate" }>["family"];
type Options = { readonly seed: number; readonly quick: boolean };

/** The words of `--only`. */
export type MeasureName =
  | "rate"
  | "ipv6"
  | "nat"
  | "nat64"
  | "inbound"
  | "flows"
  | "sockets"
  | "udp"
  | "tcp"
  | "connections"
  | "bulk"
  | "tuned"
  | "segments";

/** Every figure, how it reads and in which unit. */
export const FIGURES = {
  rate: { words: "packets/s of 64 bytes", unit: "packets/s" },
  ipv6: { words: "packets/s of 64 bytes, IPv6", unit: "packets/s" },
  nat: { words: "packets/s of 64 bytes, through a NAT gateway", unit: "packets/s" },
  nat64: { words: "packets/s of 64 bytes, IPv6 through NAT64", unit: "packets/s" },
  inbound: { words: "packets/s of 64 bytes, inbound", unit: "packets/s" },
  flows: { words: "packets/s of 64 bytes, 1,024 flows in turn", unit: "packets/s" },
  sockets: { words: "packets/s of 64 bytes, sent by a UDP socket", unit: "packets/s" },
  udp50: { words: "round trip of UDP, p50", unit: "µs" },
  udp99: { words: "round trip of UDP, p99", unit: "µs" },
  tcp50: { words: "round trip of TCP, p50", unit: "µs" },
  tcp99: { words: "round trip of TCP, p99", unit: "µs" },
  connection50: { words: "connect, request, answer, close, p50", unit: "µs" },
  connection99: { words: "connect, request, answer, close, p99", unit: "µs" },
  connections: { words: "connections/s, one after another", unit: "/s" },
  bulk: { words: "bulk TCP with segmentation offload", unit: "Gbit/s" },
  tuned: { words: "bulk TCP with segmentation offload, buffers as the kernel tunes them", unit: "Gbit/s" },
  segments: { words: "bulk TCP without segmentation offload", unit: "Gbit/s" },
} as const;
export type FigureName = keyof typeof FIGURES;

export const MEASURES: readonly Measure[] = [
  {
    name: "rate",
    run: async (crew, paths, options) => ({
      rate: await packetRate(crew, paths, options, { flows: 1, direction: "out", by: "frames" }),
    }),
  },
  {
    name: "ipv6",
    on: ({ ipv6 }) => ipv6 !== undefined,
    run: async (crew, paths, options) => ({
      ipv6: await packetRate(crew, paths, options, { flows: 1, direction: "out", by: "frames", family: 6 }),
    }),
  },
  {
    name: "nat",
    on: ({ name, changesPorts }) => name === "A" || changesPorts === true,
    run: async (crew, paths, options) => ({
      nat: await packetRate(crew, paths, options, { flows: 1, direction: "out", by: "frames" }),
    }),
  },
  {
    name: "nat64",
    on: ({ name, nat64 }) => name === "A" || nat64 !== undefined,
    run: async (crew, paths, options) => ({
      nat64: await packetRate(crew, paths, options, {
        flows: 1,
        direction: "out",
        by: "frames",
        family: "nat64",
      }),
    }),
  },
  {
    name: "inbound",
    run: async (crew, paths, options) => ({
      inbound: await packetRate(crew, paths, options, { flows: 1, direction: "in", by: "frames" }),
    }),
  },
  {
    name: "flows",
    run: async (crew, paths, options) => ({
      flows: await packetRate(crew, paths, options, { flows: 1024, direction: "out", by: "frames" }),
    }),
  },
  {
    name: "sockets",
    run: async (crew, paths, options) => ({
      sockets: await packetRate(crew, paths, options, { flows: 1, direction: "out", by: "socket" }),
    }),
  },
  {
    name: "udp",
    run: async (crew, paths, options) => {
      const [udp50, udp99] = await roundTrip(crew, paths, "udp", options);
      return { udp50, udp99 };
    },
  },
  {
    name: "tcp",
    run: async (crew, paths, options) => {
      const [tcp50, tcp99] = await roundTrip(crew, paths, "tcp", options);
      return { tcp50, tcp99 };
    },
  },
  { name: "connections", run: connections },
  {
    name: "bulk",
    run: async (crew, paths, options) => ({
      bulk: await bulk(crew, paths, options, { bytes: 32 << 20, buffer: BUFFER }),
    }),
  },
  {
    name: "tuned",
    run: async (crew, paths, options) => ({
      tuned: await bulk(crew, paths, options, { bytes: 32 << 20, buffer: 0 }),
    }),
  },
  { name: "segments", run: segments },
];

/** What is lost on one processor is lost for a reason; more than this share is no measurement. */
const LOST_SHARE = 0.001;

async function packetRate(
  crew: Crew,
  paths: readonly Path[],
  { seed, quick }: Options,
  how: {
    readonly flows: number;
    readonly direction: "out" | "in";
    readonly by: "frames" | "socket";
    readonly family?: RateFamily;
  },
): Promise<PerPath<number>> {
  const answer = await crew.run({
    kind: "rate",
    paths,
    family: 4,
    ...how,
    batch: 64,
    milliseconds: 4,
    slices: quick ? 20 : 100,
    warm: 5,
    seed,
  });
  for (const [name, { sent, lost }] of Object.entries(answer))
    if (!(lost / sent <= LOST_SHARE)) throw new Error(`${name} lost ${lost} of ${sent} packets`);
  // The upper decile: what the path does while nothing else disturbs the processor.
  return mapPaths(answer, ({ perSecond }) => quantile(perSecond, 0.9));
}

async function roundTrip(
  crew: Crew,
  paths: readonly Path[],
  protocol: "udp" | "tcp",
  { seed, quick }: Options,
): Promise<readonly [PerPath<number>, PerPath<number>]> {
  const job = {
    kind: "round-trips",
    paths,
    protocol,
    count: 200,
    slices: quick ? 5 : 25,
    warm: 3,
    seed,
  } as const;
  const answer = await crew.run(job, { what: protocol });
  return [mapPaths(answer, ({ p50 }) => p50), mapPaths(answer, ({ p99 }) => p99)];
}

async function connections(
  crew: Crew,
  paths: readonly Path[],
  { seed, quick }: Options,
): Promise<Partial<Record<FigureName, PerPath<number>>>> {
  const job = { kind: "connections", paths, count: 50, slices: quick ? 5 : 25, warm: 3, seed } as const;
  const answer = await crew.run(job, { what: "connections" });
  return {
    connection50: mapPaths(answer, ({ p50 }) => p50),
    connection99: mapPaths(answer, ({ p99 }) => p99),
    connections: mapPaths(answer, ({ perSecond }) => perSecond),
  };
}

/**
 * The buffers of bulk connections. Left to itself the kernel tunes each connection's anew, to sizes within
 * and beyond the processor's cache, and then the luck of a connection is much of its speed. These are within,
 * where the path weighs most.
 */
const BUFFER = 256 << 10;

type Amount = { readonly bytes: number; readonly buffer: number };

/** In Gbit/s. */
async function bulk(
  crew: Crew,
  paths: readonly Path[],
  { seed, quick }: Options,
  { bytes, buffer }: Amount,
): Promise<PerPath<number>> {
  const job = {
    kind: "bulk",
    paths,
    bytes,
    buffer,
    chunk: 1 << 17,
    slices: quick ? 5 : 25,
    warm: 3,
    seed,
  } as const;
  const answer = await crew.run(job, { what: "bulk", bytes, buffer });
  return mapPaths(answer, ({ perSecond }) => (quantile(perSecond, 0.5) * 8) / 1e9);
}

/** Segments are cut by the sender's device: every packet on the way has at most 1,500 bytes. */
async function segments(
  crew: Crew,
  paths: readonly Path[],
  options: Options,
): Promise<Partial<Record<FigureName, PerPath<number>>>> {
  await crew.run({ kind: "offloads", paths, on: false });
  try {
    return { segments: await bulk(crew, paths, options, { bytes: 4 << 20, buffer: BUFFER }) };
  } finally {
    await crew.run({ kind: "offloads", paths, on: true });
  }
}

function mapPaths<T, U>(values: PerPath<T>, to: (value: T) => U): PerPath<U> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name as PathName, to(value as T)]),
  );
}
