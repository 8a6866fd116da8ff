import { accessSync, constants } from "node:fs";
import { packPlan, type PackedPlan } from "../contract/packed-plan.ts";
import type { DropReason } from "../contract/stages.ts";
import type { Delta, Entry, TableName, TableReader } from "../contract/tables.ts";
import { monotonicNow } from "./clock.ts";
import { type Connection, openSweeper, readConnections } from "./connection.ts";
import {
  clearCounts,
  type DropCount,
  readDrops,
  readDropTotals,
  readTraffic,
  readTrafficTotals,
  type Sum,
  type TrafficCount,
} from "./count.ts";
import { type Events, openEvents } from "./events.ts";
import { type FlowLogs, openFlowLogs } from "./flow-log.ts";
import { openLinks } from "./link.ts";
import type { KernelMap } from "./map.ts";
import { type MachineAddress, type NatBlock, openMembership } from "./membership.ts";
import { type NatConnection, readNatConnections } from "./nat-connection.ts";
import { loadObject, type MapName, type ProgramName, removeEarlier, type Sizes } from "./object.ts";
import { openReader, readTable } from "./read.ts";
import { tableSizes, type TableSize } from "./table-size.ts";
import { openWriter } from "./write.ts";

export type DatapathOptions = {
  /** A folder on a bpffs for everything that outlives the process; it is pinned there. */
  readonly pins: string;
  /** Path of the network namespace that holds the links. */
  readonly netns: string;
  /** The compiled kernel program, `genkan.bpf.o`. */
  readonly object: string;
  readonly sizes?: Sizes;
  /** How programs are attached; `auto` (the default) uses TCX where the kernel has it (6.6), else clsact. */
  readonly attachBy?: "auto" | "tcx" | "clsact";
  /** Tests that set `settings.now` give the same time here. */
  readonly clock?: () => bigint;
};

/**
 * The kernel program with its tables and links. All calls are synchronous and throw {@link KernelError} when
 * the kernel refuses. One process at a time may hold it. Closing it, or dying, changes nothing for the
 * packets.
 */
export type Datapath = {
  /**
   * The tables are new and empty: call {@link reconcile} with a full plan; until then links of a former run
   * keep the former program.
   */
  readonly fresh: boolean;
  /** Attaches the program to the interface's link (its index is the slot); harmless when it is attached. */
  readonly attach: (slot: number) => void;
  readonly detach: (slot: number) => void;
  readonly attachUplink: (index: number) => void;
  readonly attachServices: (index: number) => void;
  /**
   * The receiving end of the internal link on which packets are fragmented; its peer is in the same
   * namespace.
   */
  readonly attachFragments: (index: number) => void;
  /** The overlay's link: a VXLAN device in the links' namespace that takes each packet's ends from its metadata. */
  readonly attachOverlay: (index: number) => void;
  /**
   * Makes the kernel know exactly these machines, this one included: where packets for each go, and from whom
   * packets count. No plan knows them: {@link reconcile} leaves them alone, and {@link fresh} tables have none.
   */
  readonly setMachines: (machines: readonly MachineAddress[]) => void;
  /** Likewise which machine has which ports of NAT gateways' addresses. */
  readonly setNatBlocks: (blocks: readonly NatBlock[]) => void;
  readonly links: () => readonly {
    readonly index: number;
    readonly program: ProgramName;
    readonly by: "tcx" | "clsact";
  }[];
  /** Writes one change: the next packet after it returns obeys. */
  readonly apply: (delta: Delta) => void;
  /** Makes the tables hold exactly these rows; returns how many differed. */
  readonly reconcile: (plan: PackedPlan | readonly Entry[]) => number;
  readonly reader: TableReader;
  /** All rows of a table, as the kernel has them. */
  readonly rows: <T extends TableName>(table: T) => readonly Entry<T>[];
  readonly drops: (slot?: number) => readonly DropCount[];
  readonly traffic: (slot: number) => TrafficCount;
  /** Totals of all interfaces, including deleted ones: they only grow, as long as the kernel's maps exist. */
  readonly totals: () => {
    readonly drops: ReadonlyMap<DropReason, Sum>;
    readonly sent: Sum;
    readonly received: Sum;
  };
  readonly tableSizes: () => Promise<readonly TableSize[]>;
  /** How many connections the last {@link Datapath.sweep} left. */
  readonly connectionCount: () => number;
  readonly connections: (slot?: number) => readonly Connection[];
  /** What flow logs count. */
  readonly flowLogs: FlowLogs;
  /** Connections through NAT gateways. */
  readonly natConnections: () => readonly NatConnection[];
  /** What becomes of each packet, while packets are watched. */
  readonly events: Events;
  /**
   * Housekeeping, to be called every few seconds: removes expired connections and replaced rules. A pass
   * takes steps of a few milliseconds; anything may happen between two of them, and the pass may be
   * abandoned. Returns how many connections were removed.
   */
  readonly sweepSteps: () => Generator<void, number>;
  /** Like {@link sweepSteps}, a whole pass at once. */
  readonly sweep: (now?: bigint) => number;
  /** The open maps, for tests and for reading their sizes. */
  readonly maps: Readonly<Record<MapName, KernelMap>>;
  /** Descriptors of the loaded programs, for test runs. */
  readonly programs: Readonly<Record<ProgramName, number>>;
  readonly close: () => void;
};

/**
 * Loads the program, on a former run's tables when their layout is the same, and puts it in place of the
 * former program on every link. With fresh tables that waits for the first {@link Datapath.reconcile}, so
 * that no packet meets empty tables.
 */
export function openDatapath(options: DatapathOptions): Datapath {
  accessSync(options.object, constants.R_OK);
  const { maps, programs, fresh, close } = loadObject(options.object, options.pins, options.sizes ?? {});
  const links = openLinks({
    pins: options.pins,
    netns: options.netns,
    programs,
    by: options.attachBy ?? "auto",
  });
  const clock = options.clock ?? monotonicNow;
  const sweeper = openSweeper(maps);
  const events = openEvents(maps);
  const flowLogs = openFlowLogs(maps);
  const writer = openWriter(maps, {
    fresh,
    clock,
    onRemoved: (slot) => {
      sweeper.forget(slot, clock());
      clearCounts(maps, slot);
    },
  });
  const membership = openMembership(maps, writer.change);
  const sweepSteps = function* (at: () => bigint): Generator<void, number> {
    writer.retire();
    return yield* sweeper.steps(at);
  };
  let upgraded = false;
  const upgrade = (): void => {
    if (!upgraded) {
      links.upgrade();
      removeEarlier(options.pins);
    }
    upgraded = true;
  };
  if (!fresh) upgrade();
  return {
    fresh,
    attach: (slot) => links.attach(slot, "from_eni"),
    detach: (slot) => links.detach(slot, "from_eni"),
    attachUplink: (index) => links.attach(index, "from_uplink"),
    attachServices: (index) => links.attach(index, "from_services"),
    attachFragments: (index) => links.attach(index, "from_fragments"),
    attachOverlay: (index) => links.attach(index, "from_overlay"),
    ...membership,
    links: links.attached,
    apply: writer.apply,
    reconcile: (plan) => {
      const changed = writer.reconcile("settings" in plan ? plan : packPlan(plan));
      upgrade();
      return changed;
    },
    reader: openReader(maps),
    rows: (table) => readTable(maps, table),
    drops: (slot) => readDrops(maps.drops, slot),
    traffic: (slot) => readTraffic(maps.traffic, slot),
    totals: () => ({ drops: readDropTotals(maps.drops), ...readTrafficTotals(maps.traffic) }),
    tableSizes: tableSizes(maps, () => performance.now()),
    connectionCount: sweeper.count,
    connections: (slot) => readConnections(maps, slot),
    natConnections: () => readNatConnections(maps.nat_connections),
    sweepSteps: () => sweepSteps(clock),
    sweep: (now = clock()) => {
      const steps = sweepSteps(() => now);
      for (;;) {
        const { done, value } = steps.next();
        if (done) return value;
      }
    },
    maps,
    flowLogs,
    events,
    programs,
    close: () => {
      events.close();
      close();
    },
  };
}
