import { readdirSync } from "node:fs";
import { type DropReason, DROPS } from "../contract/stages.ts";
import { KINDS } from "../model/resource.ts";
import type { Reader } from "../model/state.ts";
import type { PacketEnd } from "../protocol/trace.ts";
import type { Commit, Store } from "../store/store.ts";
import { type Family, metricsText, openCounter, openHistogram, type Sample } from "./metrics-text.ts";

type Sum = { readonly packets: bigint; readonly bytes: bigint };
type TableSize = {
  readonly table: string;
  readonly capacity: number;
  readonly entries?: number;
  readonly bytes?: number;
};

/** The kernel's counters: see `Datapath` in datapath/loader.ts. */
type PacketCounters = {
  readonly totals: () => {
    readonly drops: ReadonlyMap<DropReason, Sum>;
    readonly sent: Sum;
    readonly received: Sum;
  };
  readonly drops: () => readonly (Sum & { readonly interface: number; readonly reason: DropReason })[];
  readonly tableSizes: () => Promise<readonly TableSize[]>;
  readonly connectionCount: () => number;
};

export type MetricSources = {
  readonly version: string;
  /** Absent where no packets move. */
  readonly packets: PacketCounters | undefined;
  readonly readers: () => readonly Reader[];
  readonly watchers: { readonly count: number; readonly lost: bigint } | undefined;
  /** The holder of an interface's slot now. */
  readonly packetEndOf: (slot: number) => PacketEnd;
  /** The newest revision of the state, and the newest that packets obey. */
  readonly revisions: { readonly newest: number; readonly obeyed: number };
};

/** What the server notes of its own work. */
export type Gauges = {
  /**
   * Called for each answered request of the EC2 API. `operation`: absent when it was never determined;
   * `code`: the fault's.
   */
  readonly answered: (request: {
    readonly operation?: string;
    readonly code?: string;
    readonly seconds: number;
  }) => void;
  /** Wraps a store so that its commits are timed. */
  readonly timed: <S extends Store>(store: S) => S;
  readonly families: () => readonly Family[];
};

const REQUEST_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const COMMIT_BOUNDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

export function openGauges(): Gauges {
  const requests = openCounter();
  const latency = openHistogram(REQUEST_BOUNDS);
  const commits = openHistogram(COMMIT_BOUNDS);
  return {
    answered: ({ operation = "none", code = "ok", seconds }) => {
      requests.add({ operation, code });
      latency.observe(seconds, { operation });
    },
    timed: (store) => ({
      ...store,
      commit: async (commit: Commit) => {
        const began = performance.now();
        const revision = await store.commit(commit);
        commits.observe((performance.now() - began) / 1000);
        return revision;
      },
    }),
    families: () => [
      counter(
        "genkan_api_requests_total",
        "Requests of the EC2 API, by operation and AWS's error code (ok: none).",
        requests.samples(),
      ),
      {
        name: "genkan_api_request_duration_seconds",
        help: "Time to answer a request of the EC2 API, its body read, until its answer is ready.",
        type: "histogram",
        samples: latency.samples(),
      },
      {
        name: "genkan_store_commit_duration_seconds",
        help: "Time until a change of the state was on disk; those that were refused are left out.",
        type: "histogram",
        samples: commits.samples(),
      },
    ],
  };
}

/** The answer of `GET /_genkan/metrics`. `detail`: also counts drops by interface. */
export async function metrics(sources: MetricSources, gauges: Gauges, detail: boolean): Promise<string> {
  const { version, packets, readers, watchers, packetEndOf, revisions } = sources;
  const kinds = KINDS.map(
    (kind) => [kind, readers().reduce((sum, reader) => sum + reader.count(kind), 0)] as const,
  );
  return metricsText([
    gauge("genkan_build_info", "Always 1; the version is its label.", [{ labels: { version }, value: 1 }]),
    gauge(
      "genkan_resources",
      "Resources of all accounts and regions, by kind.",
      kinds.map(([kind, value]) => ({ labels: { kind }, value })),
    ),
    gauge("genkan_revision", "The number of the newest change of the state; it may not be durable yet.", [
      { value: revisions.newest },
    ]),
    gauge("genkan_revision_obeyed", "The number of the newest change that packets obey.", [
      { value: revisions.obeyed },
    ]),
    ...(packets
      ? [...packetFamilies(packets), ...tableFamilies(await packets.tableSizes(), new Map(kinds))]
      : []),
    ...(packets && detail ? [interfaceDrops(packets, packetEndOf)] : []),
    ...(watchers ? traceFamilies(watchers) : []),
    ...gauges.families(),
    ...processFamilies(),
  ]);
}

function packetFamilies(packets: PacketCounters): readonly Family[] {
  const { sent, received, drops } = packets.totals();
  const both = (pick: (sum: Sum) => bigint): readonly Sample[] => [
    { labels: { direction: "sent" }, value: pick(sent) },
    { labels: { direction: "received" }, value: pick(received) },
  ];
  const reasons = (pick: (sum: Sum) => bigint): readonly Sample[] =>
    [...drops].map(([reason, sum]) => ({ labels: { reason, stage: DROPS[reason].stage }, value: pick(sum) }));
  return [
    counter(
      "genkan_packets_total",
      "Packets that instances sent, or received, and that passed.",
      both((sum) => sum.packets),
    ),
    counter(
      "genkan_bytes_total",
      "Bytes of these packets' frames.",
      both((sum) => sum.bytes),
    ),
    counter(
      "genkan_dropped_packets_total",
      "Packets dropped, by reason and the stage that drops for it.",
      reasons((sum) => sum.packets),
    ),
    counter(
      "genkan_dropped_bytes_total",
      "Bytes of the dropped packets' frames.",
      reasons((sum) => sum.bytes),
    ),
    gauge(
      "genkan_connections",
      "Connections that security groups remember, as of the last sweep, a few seconds ago.",
      [{ value: packets.connectionCount() }],
    ),
  ];
}

/** A table that is an array has one row for each resource of its kind. */
const ROWS: Readonly<Record<string, (typeof KINDS)[number]>> = {
  vpcs: "vpc",
  subnets: "subnet",
  interfaces: "network-interface",
};

function tableFamilies(
  sizes: readonly TableSize[],
  resources: ReadonlyMap<string, number>,
): readonly Family[] {
  const entries = sizes.flatMap(({ table, entries }) => {
    const kind = ROWS[table];
    const value = entries ?? (kind === undefined ? undefined : resources.get(kind));
    return value === undefined ? [] : [{ labels: { table }, value }];
  });
  return [
    gauge(
      "genkan_table_entries",
      "Entries of the kernel's tables; a large one is counted at most once a minute.",
      entries,
    ),
    gauge(
      "genkan_table_capacity",
      "How many entries a table of the kernel can have; of the ring trace_events, its bytes.",
      sizes.map(({ table, capacity }) => ({ labels: { table }, value: capacity })),
    ),
    gauge(
      "genkan_table_bytes",
      "Memory of the kernel's tables as it accounts for it (before Linux 6.4: what they may take at most).",
      sizes.flatMap(({ table, bytes }) => (bytes === undefined ? [] : [{ labels: { table }, value: bytes }])),
    ),
  ];
}

function interfaceDrops(packets: PacketCounters, packetEndOf: (slot: number) => PacketEnd): Family {
  const labelsOf = (slot: number): Record<string, string> => {
    const place: PacketEnd = slot === 0 ? { kind: "internet" } : packetEndOf(slot);
    return place.kind === "interface"
      ? { interface: place.id, instance: place.instance ?? "" }
      : { interface: place.kind, instance: "" };
  };
  return counter(
    "genkan_interface_dropped_packets_total",
    "Packets dropped at one interface, which exists; `internet`: what came from there for nobody.",
    packets.drops().map(({ interface: slot, reason, packets: value }) => ({
      labels: { ...labelsOf(slot), reason },
      value,
    })),
  );
}

function traceFamilies({ count, lost }: NonNullable<MetricSources["watchers"]>): readonly Family[] {
  return [
    gauge("genkan_trace_watchers", "How many watch packets (genkan trace).", [{ value: count }]),
    counter("genkan_trace_lost_packets_total", "Packets that came too fast to be told to those who watch.", [
      { value: lost },
    ]),
  ];
}

/** The process's own metrics, under the names that Prometheus's client libraries use. */
function processFamilies(): readonly Family[] {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed, heapTotal } = process.memoryUsage();
  return [
    counter("process_cpu_seconds_total", "Processor time of the control plane.", [
      { value: (user + system) / 1e6 },
    ]),
    gauge("process_resident_memory_bytes", "Resident memory of the control plane.", [{ value: rss }]),
    gauge("process_start_time_seconds", "When the control plane started, in seconds since 1970.", [
      { value: performance.timeOrigin / 1000 },
    ]),
    ...openDescriptors(),
    gauge("nodejs_heap_size_used_bytes", "Memory of JavaScript's heap in use.", [{ value: heapUsed }]),
    gauge("nodejs_heap_size_total_bytes", "Memory of JavaScript's heap.", [{ value: heapTotal }]),
  ];
}

function openDescriptors(): readonly Family[] {
  if (process.platform !== "linux") return [];
  return [
    gauge("process_open_fds", "Open file descriptors of the control plane.", [
      { value: readdirSync("/proc/self/fd").length },
    ]),
  ];
}

function counter(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: "counter", samples };
}

function gauge(name: string, help: string, samples: readonly Sample[]): Family {
  return { name, help, type: "gauge", samples };
}
