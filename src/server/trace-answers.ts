import type { NetworkInterface } from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";
import type { TableReader } from "../plan/tables.ts";
import type { ControlPlane } from "./control-plane.ts";
import { cachedTables } from "./cached-tables.ts";
import { explainQuestion, planTables } from "./explain.ts";
import { BadQuestion, type Internal, NotFound } from "./internal.ts";
import { type Place as Region, subjectOf } from "./subject.ts";
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

export type TraceAnswers = Pick<Internal, "watch" | "trace" | "explain"> & {
  readonly watchers: Watchers | undefined;
  readonly readers: () => readonly Reader[];
  /** Who stands behind interfaces' slots now. */
  readonly places: () => (slot: number) => Place;
};

/** `/_genkan/trace` and `/_genkan/explain`: what happens to packets, what would happen to one, and why. */
export function traceAnswers(sources: Sources): TraceAnswers {
  const { plane, kernel, noPackets, now } = sources;
  const regions = (): readonly Region[] => plane.realms().map((realm) => ({ realm, reader: plane.reader(realm) }));
  const readers = () => regions().map(({ reader }) => reader);
  const tablesNow = (): TableReader => kernel?.tables ?? planTables({ readers: readers(), pools: sources.pools });
  const names = kernel && interfaceNames(readers, kernel.tables);
  const watchers =
    kernel &&
    names &&
    new Watchers({
      packets: kernel.packets,
      names,
      links: () => kernel.tables.lookup("settings", 0) ?? { uplink: 0, services: 0 },
      slotsOf: (id) => interfacesOf(regions(), id).map((eni) => eni.slot),
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
      const sender = id === "internet" ? undefined : interfacesOf(regions(), id);
      const tables = tablesNow();
      return tracePacket({ tables, ids: idsIn(readers(), interfaceNames(readers, tables).placeOf), sender, question });
    },
    explain: (subject, question) => {
      const tables = cachedTables(tablesNow());
      const ids = idsIn(readers(), interfaceNames(readers, tables).placeOf);
      const draft = (realm: Region["realm"]) => plane.draft(realm);
      return explainQuestion({ places: regions(), draft, tables, ids, pools: sources.pools, subject, question });
    },
  };
}

/** Of an instance, its primary interface first; or the one that the id, name or address means. @throws NotFound */
function interfacesOf(regions: readonly Region[], text: string): readonly NetworkInterface[] {
  const subject = subjectOf(regions, text);
  if (!subject) throw new NotFound(`There is no instance or network interface ${text}.`);
  const { eni, place, address, publicIp } = subject;
  if (!eni.attachment || text === eni.id || address !== undefined || publicIp !== undefined) return [eni];
  const index = (one: NetworkInterface): number => one.attachment?.deviceIndex ?? 0;
  return place.reader.by("network-interface", "instanceId", eni.attachment.instanceId).toSorted((a, b) => index(a) - index(b));
}
