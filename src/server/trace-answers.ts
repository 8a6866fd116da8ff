import type { NetworkInterface } from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";
import type { TableReader } from "../plan/tables.ts";
import type { ControlPlane } from "./control-plane.ts";
import { planTables } from "./explain.ts";
import { BadQuestion, type Internal, NotFound } from "./internal.ts";
import { type PacketSource, Watchers } from "./trace.ts";
import { idsIn } from "./trace-entry.ts";
import type { Place } from "./trace-line.ts";
import { interfaceNames } from "./trace-names.ts";
import { tracePacket } from "./trace-packet.ts";

type Sources = {
  readonly plane: ControlPlane;
  readonly pools: readonly string[];
  /** Absent where no packets move, for the reason `noPackets`. */
  readonly kernel: { readonly packets: PacketSource; readonly tables: TableReader; readonly monotonicNow: () => bigint } | undefined;
  readonly noPackets: string | undefined;
  readonly now: () => number;
  readonly log: (message: string, cause: unknown) => void;
};

export type TraceAnswers = Pick<Internal, "watch" | "trace"> & {
  readonly watchers: Watchers | undefined;
  readonly readers: () => readonly Reader[];
  /** Who stands behind interfaces' slots now. */
  readonly places: () => (slot: number) => Place;
};

/** `/_genkan/trace`: what happens to packets, and what would happen to one. */
export function traceAnswers(sources: Sources): TraceAnswers {
  const { plane, kernel, noPackets, now } = sources;
  const readers = () => plane.realms().map((realm) => plane.reader(realm));
  const names = kernel && interfaceNames(readers, kernel.tables);
  const watchers =
    kernel &&
    names &&
    new Watchers({
      packets: kernel.packets,
      names,
      links: () => kernel.tables.lookup("settings", 0) ?? { uplink: 0, services: 0 },
      slotsOf: (id) => interfacesOf(plane, id).map((eni) => eni.slot),
      monotonicNow: kernel.monotonicNow,
      now,
      log: sources.log,
    });
  return {
    readers,
    places: () => (kernel ? interfaceNames(readers, kernel.tables).placeOf : (slot) => ({ kind: "interface", id: `link ${slot}` })),
    watchers,
    watch: (question) => {
      if (!watchers) throw new BadQuestion(`There are no packets to watch: ${noPackets}`);
      return watchers.join(question);
    },
    trace: (id, question) => {
      const sender = id === "internet" ? undefined : interfacesOf(plane, id);
      const tables = kernel?.tables ?? planTables({ readers: readers(), pools: sources.pools });
      return tracePacket({ tables, ids: idsIn(readers(), interfaceNames(readers, tables).placeOf), sender, question });
    },
  };
}

/** Of an instance, its primary interface first; or the one that the id names. @throws NotFound */
function interfacesOf(plane: ControlPlane, id: string): readonly NetworkInterface[] {
  for (const realm of plane.realms()) {
    const reader = plane.reader(realm);
    const eni = reader.get("network-interface", id);
    if (eni) return [eni];
    if (reader.get("instance", id)) {
      const index = (one: NetworkInterface): number => one.attachment?.deviceIndex ?? 0;
      return reader.by("network-interface", "instanceId", id).toSorted((a, b) => index(a) - index(b));
    }
  }
  throw new NotFound(`There is no instance or network interface ${id}.`);
}
