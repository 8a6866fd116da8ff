import { inNetwork, run } from "../src/host/command.ts";
import { type FigureName, FIGURES, type Measure, type MeasureName, MEASURES } from "./measures.ts";
import { type Order, seededOrder } from "./order.ts";
import { type Path, type PathName, PATHS, type PerPath } from "./path.ts";
import { atLeast, atMost, type Bound, quantile, type Row, rowOf, type Spread } from "./row.ts";
import { openStage, type Stage } from "./stage.ts";

export type DataPlaneOptions = {
  readonly rounds: number;
  readonly quick: boolean;
  /** The processor on which everything happens. */
  readonly cpu: number;
  /** Which measures to take. */
  readonly chosen: (name: MeasureName) => boolean;
  readonly say: (line: string) => void;
};

/** The paths' own figures, besides the ratios between them. */
export type Figure = {
  readonly measure: string;
  readonly unit: string;
  /** `toRouter`: the median of the rounds' ratios to path B, when that was measured. */
  readonly values: PerPath<{ readonly value: number; readonly spread: Spread; readonly toRouter: number }>;
};

export type DataPlaneReport = {
  readonly rows: readonly Row[];
  readonly figures: readonly Figure[];
  /** What was found of this machine that bears on the figures. */
  readonly notes: readonly string[];
};

/**
 * Measures the paths. They all exist at once, are made anew for each round, and take turns, in an order that
 * is shuffled in every round and slice, so that whatever else the machine does falls on all alike. A ratio is
 * that of two values of one round; its figure the median of the rounds. Needs root, and namespaces of its
 * own. Throws when a path does not do what it is said to do: then there is no figure.
 */
export async function dataPlaneRows(options: DataPlaneOptions): Promise<DataPlaneReport> {
  const { samples, notes } = await takeRounds(options);
  return { rows: ratioRows(samples), figures: figuresOf(samples), notes };
}

/** By figure: each round's value of each path. */
type Samples = ReadonlyMap<FigureName, readonly PerPath<number>[]>;

async function takeRounds({
  rounds,
  quick,
  cpu,
  chosen,
  say,
}: DataPlaneOptions): Promise<{ samples: Samples; notes: readonly string[] }> {
  const order = seededOrder(1);
  const samples = new Map<FigureName, PerPath<number>[]>();
  const measures = MEASURES.filter(({ name }) => chosen(name));
  const notes = new Set<string>();
  for (let round = 1; round <= rounds; round += 1) {
    const stage = await openStage(cpu);
    try {
      for (const measure of order.shuffled(measures))
        for (const [name, values] of Object.entries(
          await takeOnce(stage, measure, order, { seed: round, quick }),
        ))
          samples.set(name as FigureName, [...(samples.get(name as FigureName) ?? []), values]);
      for (const note of stage.notes) notes.add(note);
    } finally {
      await stage.close();
    }
    say(`round ${round} of ${rounds}`);
  }
  return { samples, notes: [...notes] };
}

/** Packets that one measure makes at least, on each path. */
const LEAST_PACKETS = 1_000;

/**
 * Proves the paths, measures them, and sees that the packets went where they should and that none was dropped
 * on the way.
 */
async function takeOnce(
  { crew, paths: all, genkan }: Stage,
  measure: Measure,
  order: Order,
  options: { readonly seed: number; readonly quick: boolean },
): Promise<Awaited<ReturnType<Measure["run"]>>> {
  genkan.housekeeping();
  const paths = all.filter(measure.on ?? (({ changesPorts }) => changesPorts !== true));
  await provePaths({ crew, paths, genkan });
  const before = await carriedBy(paths);
  const counts = genkan.counts();
  const figures = await measure.run(crew, order.shuffled(paths), options);
  const after = await carriedBy(paths);
  const { drops, dropped, packets } = genkan.counts();
  if (drops !== counts.drops) throw new Error(`Genkan dropped packets during ${measure.name}: ${dropped}`);
  if (packets - counts.packets < LEAST_PACKETS)
    throw new Error(`${measure.name}: Genkan's program saw ${packets - counts.packets} packets`);
  for (const { name } of paths) {
    const carried = (after[name] ?? 0) - (before[name] ?? 0);
    if (carried < LEAST_PACKETS) throw new Error(`${measure.name}: path ${name} carried ${carried} packets`);
  }
  return figures;
}

async function provePaths({ crew, paths, genkan }: Pick<Stage, "crew" | "paths" | "genkan">): Promise<void> {
  for (const path of paths)
    try {
      await crew.run({ kind: "prove", path });
    } catch (cause) {
      const drops =
        path.name === "G" || path.name === "N"
          ? ` Its drops so far: ${genkan.counts().dropped || "none"}.`
          : "";
      throw new Error(`Path ${path.name} (${PATHS[path.name]}) does not do what it should.${drops}`, {
        cause,
      });
    }
}

/** Packets through the device of the internet's end, both ways. */
async function carriedBy(paths: readonly Path[]): Promise<PerPath<number>> {
  const counts = paths.map(async ({ name, internet }) => {
    const text = await run([...inNetwork(internet), "ip", "-j", "-s", "link", "show", "dev", "eth0"]);
    const [link] = JSON.parse(text) as readonly {
      stats64: { rx: { packets: number }; tx: { packets: number } };
    }[];
    return [name, (link?.stats64.rx.packets ?? 0) + (link?.stats64.tx.packets ?? 0)] as const;
  });
  return Object.fromEntries(await Promise.all(counts));
}

type Ratio = {
  readonly figure: FigureName;
  /** Whose value; absent: G's. */
  readonly of?: "N" | "K";
  readonly by: "A" | "B" | "C" | "M" | "R";
  readonly words: string;
  readonly must?: Bound;
  readonly aim?: Bound;
};

const RATIOS: readonly Ratio[] = [
  { figure: "rate", by: "B", words: "packets/s", must: atLeast(1), aim: atLeast(1.2) },
  { figure: "rate", by: "A", words: "packets/s", must: atLeast(0.8), aim: atLeast(0.95) },
  { figure: "rate", by: "C", words: "packets/s", must: atLeast(1.8), aim: atLeast(2.3) },
  { figure: "udp50", by: "B", words: "round trip p50, UDP", must: atMost(1), aim: atMost(0.9) },
  { figure: "tcp50", by: "B", words: "round trip p50, TCP", must: atMost(1), aim: atMost(0.9) },
  {
    figure: "connection50",
    by: "B",
    words: "connect-request-close time p50",
    must: atMost(1.02),
    aim: atMost(0.95),
  },
  { figure: "bulk", by: "A", words: "bulk TCP with offload", must: atLeast(0.95), aim: atLeast(1) },
  { figure: "segments", by: "B", words: "bulk TCP without offload", must: atLeast(1), aim: atLeast(1.1) },
  { figure: "ipv6", by: "B", words: "packets/s, IPv6" },
  { figure: "ipv6", by: "A", words: "packets/s, IPv6" },
  { figure: "nat", of: "N", by: "M", words: "packets/s through a NAT gateway" },
  { figure: "nat", of: "N", by: "A", words: "packets/s through a NAT gateway" },
  { figure: "nat64", of: "N", by: "A", words: "packets/s through NAT64" },
  { figure: "tuned", by: "A", words: "bulk TCP with offload, buffers as the kernel tunes them" },
  { figure: "sockets", by: "B", words: "packets/s sent by a UDP socket" },
  { figure: "sockets", by: "A", words: "packets/s sent by a UDP socket" },
  { figure: "sockets", by: "C", words: "packets/s sent by a UDP socket" },
  { figure: "inbound", by: "B", words: "packets/s, inbound" },
  { figure: "flows", by: "B", words: "packets/s, 1,024 flows in turn" },
  { figure: "rate", of: "K", by: "R", words: "packets/s" },
  { figure: "inbound", of: "K", by: "R", words: "packets/s, inbound" },
  { figure: "udp50", of: "K", by: "R", words: "round trip p50, UDP" },
  { figure: "udp99", by: "B", words: "round trip p99, UDP" },
  { figure: "tcp99", by: "B", words: "round trip p99, TCP" },
];

function ratioRows(samples: Samples): readonly Row[] {
  return RATIOS.flatMap(({ figure, of = "G" as const, by, words, ...bounds }) => {
    const rounds = samples.get(figure);
    if (!rounds?.some((round) => round[of] !== undefined)) return [];
    const bound = quantile(ratios(rounds, "R", by), 0.5);
    const note =
      bounds.aim && !Number.isNaN(bound)
        ? { note: `a program that only hands packets on reaches ${bound.toFixed(2)}` }
        : {};
    return [
      rowOf({
        measure: `${words}, ${of} ÷ ${by}`,
        ...bounds,
        ...note,
        unit: "×",
        samples: ratios(rounds, of, by),
      }),
    ];
  });
}

/** A path's value by another's, round by round. */
function ratios(rounds: readonly PerPath<number>[], path: PathName, by: PathName): readonly number[] {
  return rounds.map((round) => (round[path] ?? Number.NaN) / (round[by] ?? Number.NaN));
}

function figuresOf(samples: Samples): readonly Figure[] {
  return [...samples]
    .toSorted(([one], [other]) => Object.keys(FIGURES).indexOf(one) - Object.keys(FIGURES).indexOf(other))
    .map(([name, rounds]) => {
      const { words: measure, unit } = FIGURES[name];
      const values = Object.keys(rounds[0] ?? {})
        .toSorted()
        .map((path) => {
          const { value, spread } = rowOf({
            measure,
            unit,
            samples: rounds.map((round) => round[path as PathName] ?? Number.NaN),
          });
          const toRouter = quantile(ratios(rounds, path as PathName, "B"), 0.5);
          return [path, { value, spread, toRouter }];
        });
      return { measure, unit, values: Object.fromEntries(values) };
    });
}
