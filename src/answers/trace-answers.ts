import type { Writable } from "node:stream";
import { type PacketSource, Watchers } from "../agent/trace.ts";
import { cachedTables } from "../contract/cached-tables.ts";
import type { TableReader } from "../contract/tables.ts";
import type { ControlPlane } from "../control/control-plane.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { RealmReader } from "../model/state.ts";
import type { Reader } from "../model/state.ts";
import type { Handlers } from "../protocol/handlers.ts";
import { BadQuestion, NotFound } from "../protocol/question.ts";
import type { PacketEnd } from "../protocol/trace.ts";
import { idsIn, packetEndIn } from "../reach/ids.ts";
import { explainQuestion, planTables } from "./explain.ts";
import { subjectOf } from "./subject.ts";
import { tracePacket } from "./trace-packet.ts";

type Sources = {
  readonly plane: ControlPlane;
  readonly pools: readonly string[];
  /** Absent where no packets move, for the reason `noPackets`. */
  readonly kernel:
    | { readonly packets: PacketSource; readonly tables: TableReader; readonly monotonicNow: () => bigint }
    | undefined;
  readonly noPackets: string | undefined;
  readonly now: () => number;
  readonly log: (message: string, cause: unknown) => void;
};

export type TraceAnswers = Pick<Handlers<Writable>, "trace" | "tracePacket" | "explain"> & {
  readonly watchers: Watchers | undefined;
  readonly readers: () => readonly Reader[];
  /** Who stands behind interfaces' slots now. */
  readonly packetEndOf: (slot: number) => PacketEnd;
};

/** `/_genkan/trace` and `/_genkan/explain`: what happens to packets, what would happen to one, and why. */
export function traceAnswers(sources: Sources): TraceAnswers {
  const { plane, kernel, noPackets, now } = sources;
  const regions = (): readonly RealmReader[] =>
    plane.realms().map((realm) => ({ realm, reader: plane.reader(realm) }));
  const readers = () => regions().map(({ reader }) => reader);
  const tablesNow = (): TableReader =>
    kernel?.tables ?? planTables({ readers: readers(), pools: sources.pools });
  const packetEndOf = (slot: number): PacketEnd => packetEndIn(readers(), slot);
  const watchers =
    kernel &&
    new Watchers({
      packets: kernel.packets,
      packetEndOf,
      links: () => kernel.tables.lookup("settings", 0) ?? { uplink: 0, services: 0 },
      slotsOf: (id) => interfacesOf(regions(), id).map((eni) => eni.slot),
      monotonicNow: kernel.monotonicNow,
      now,
      log: sources.log,
    });
  return {
    readers,
    packetEndOf,
    watchers,
    trace: ({ question }) => {
      if (!watchers) throw new BadQuestion(`There are no packets to watch: ${noPackets}`);
      return watchers.join(question);
    },
    tracePacket: ({ id, question }) => {
      const sender = id === "internet" ? undefined : interfacesOf(regions(), id);
      const tables = tablesNow();
      return tracePacket({ tables, ids: idsIn(readers()), sender, question });
    },
    explain: ({ id: subject, question }) => {
      const tables = cachedTables(tablesNow());
      const ids = idsIn(readers());
      const draft = (realm: RealmReader["realm"]) => plane.draft(realm);
      return explainQuestion({
        places: regions(),
        draft,
        tables,
        ids,
        pools: sources.pools,
        subject,
        question,
      });
    },
  };
}

/**
 * The interfaces that the text names: an instance's, the primary one first, or the single one with that id,
 * name or address. @throws NotFound
 */
function interfacesOf(regions: readonly RealmReader[], text: string): readonly NetworkInterface[] {
  const subject = subjectOf(regions, text);
  if (!subject) throw new NotFound(`There is no instance or network interface ${text}.`);
  const { eni, place, address, publicIp } = subject;
  if (!eni.attachment || text === eni.id || address !== undefined || publicIp !== undefined) return [eni];
  const index = (one: NetworkInterface): number => one.attachment?.deviceIndex ?? 0;
  return place.reader
    .by("network-interface", "instanceId", eni.attachment.instanceId)
    .toSorted((a, b) => index(a) - index(b));
}
