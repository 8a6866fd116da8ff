import type { FlowCount } from "../contract/flow-count.ts";
import type { FlowLog } from "../model/flow-log.ts";
import { holderOf } from "../model/holder.ts";
import { isHidden } from "../model/nat-gateway-state.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { Realm } from "../model/realm.ts";
import type { Change, Reader } from "../model/state.ts";
import { zonesOf } from "../model/zone.ts";
import type { FlowLogFiles } from "./flow-log-files.ts";
import { Followers } from "./flow-log-follow.ts";
import { fileOf } from "./flow-log-place.ts";
import { type FlowSubject, headerLine, type Hop, recordLine, type Told } from "./flow-record.ts";

/** The kernel's side of flow logs: see `FlowLogs` in datapath/flow-log.ts. */
type FlowSource = {
  readonly take: () => { readonly flows: readonly FlowCount[]; readonly skipped: ReadonlySet<number> };
  /** The kernel program's clock, in nanoseconds. */
  readonly monotonicNow: () => bigint;
};

type Sources = {
  /** Absent where no packets move. */
  readonly kernel: FlowSource | undefined;
  readonly realms: () => readonly Realm[];
  readonly reader: (realm: Realm) => Reader;
  readonly files: FlowLogFiles;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly log: (message: string, cause: unknown) => void;
};

/** The interface that has, or had, a slot. */
type Owner = { readonly realm: Realm; readonly eni: NetworkInterface };
type Batch = { readonly path: readonly string[]; readonly header: string; readonly lines: string[] };

const MINUTE = 60_000;
/**
 * The aggregation interval, in milliseconds, while somebody follows. AWS's intervals are "up to" a minute, so
 * shorter is allowed.
 */
const FOLLOWED = 1_000;
/** A flow log that covers more interfaces than this gets no NODATA records. */
const MOST_NODATA = 1_000;

/**
 * Writes flow logs. Once a minute, on the minute, it takes the kernel's counts, and writes a line for each
 * flow into every flow log that covers its interface. The kernel goes on counting while the control plane is
 * away.
 */
export class FlowRecorder {
  readonly followers: Followers;
  readonly #sources: Sources;
  /** Interfaces that were deleted since the last window, by slot. */
  readonly #gone = new Map<number, Owner[]>();
  /** Pairs `LOG INTERFACE` that had a record since the minute began. */
  readonly #told = new Set<string>();
  #minute: number;
  #since: number;

  constructor(sources: Sources) {
    this.#sources = sources;
    this.#since = sources.now();
    this.#minute = this.#since;
    this.followers = new Followers({
      files: sources.files,
      live: sources.kernel !== undefined,
      refresh: () => this.collect(),
      log: sources.log,
    });
  }

  /** Discards everything recorded so far, and everything waiting to be written. */
  async forget(): Promise<void> {
    await this.collect();
    await this.#sources.files.clear();
  }

  /** Called with every change of the state. */
  changed(realm: Realm, changes: readonly Change[]): void {
    for (const { kind, before, after } of changes) {
      if (kind !== "network-interface" || !before || after) continue;
      const eni = before as NetworkInterface;
      this.#gone.set(eni.slot, [...(this.#gone.get(eni.slot) ?? []), { realm, eni }]);
    }
  }

  /** Call this about every second. A failed write is tried again with the next window. */
  async tick(): Promise<void> {
    const now = this.#sources.now();
    this.followers.greet(now);
    const minutes = Math.floor(now / MINUTE) !== Math.floor(this.#since / MINUTE);
    if (!minutes && !(this.followers.count > 0 && now - this.#since >= FOLLOWED)) return;
    await this.collect();
  }

  /** Ends the window and writes its records. */
  async collect(): Promise<void> {
    const { kernel, realms, reader, now, files, log } = this.#sources;
    const at = now();
    const span = { start: seconds(this.#since), end: seconds(at) };
    const minute =
      Math.floor(at / MINUTE) === Math.floor(this.#minute / MINUTE)
        ? undefined
        : { start: seconds(this.#minute), end: span.end };
    this.#since = at;
    if (minute) this.#minute = at;
    const batches = new Map<string, Batch>();
    const tell = (owner: Owner, told: Told): void => this.#tell(owner, told, { batches, at: new Date(at) });
    const logged = realms().filter((realm) => reader(realm).count("flow-log") > 0);
    if (kernel) this.#takeWindow(kernel, { logged, span, at, tell });
    if (minute && kernel) for (const realm of logged) this.#tellNothing(realm, minute, tell);
    if (minute) this.#told.clear();
    for (const { path, header, lines } of batches.values()) {
      await files
        .append(path, header, lines)
        .catch((cause: unknown) => log(`flow log records could not be written to ${path.join("/")}`, cause));
    }
  }

  #takeWindow(kernel: FlowSource, { logged, span, at, tell }: Window): void {
    const { flows, skipped } = kernel.take();
    // The time, in milliseconds since 1970, at which the monotonic clock was zero.
    const zero = at - Number(kernel.monotonicNow() / 1_000n) / 1_000;
    const clock = (time: bigint): number => seconds(zero + Number(time / 1_000n) / 1_000);
    // All regions are needed: a next hop may belong to one that logs nothing.
    const owners = this.#ownersIn(logged.length > 0 ? this.#sources.realms() : []);
    for (const flow of inOrder(flows)) {
      const owner = chosen(owners(flow.interface), flow);
      if (!owner) continue;
      const hop = flow.nextHop === 0 ? undefined : owners(flow.nextHop)[0];
      const nextHop = hop && hopOf(this.#sources.reader(hop.realm), hop);
      tell(owner, { status: "OK", flow, nextHop, span: { start: clock(flow.first), end: clock(flow.last) } });
    }
    // When a slot changed hands within the window, nobody knows whose flow was skipped: each of its owners
    // gets a SKIPDATA record.
    for (const slot of skipped) for (const owner of owners(slot)) tell(owner, { status: "SKIPDATA", span });
    this.#gone.clear();
  }

  #ownersIn(realms: readonly Realm[]): (slot: number) => readonly Owner[] {
    const places = realms.map((realm) => ({ realm, reader: this.#sources.reader(realm) }));
    const known = new Map<number, readonly Owner[]>();
    const find = (slot: number): readonly Owner[] => {
      const held = holderOf(places, "network-interface", slot);
      return [
        ...(held ? [{ realm: held.place.realm, eni: held.resource }] : []),
        ...(this.#gone.get(slot) ?? []),
      ];
    };
    return (slot) => {
      const found = known.get(slot) ?? find(slot);
      known.set(slot, found);
      return found;
    };
  }

  #tell(
    { realm, eni }: Owner,
    told: Told,
    { batches, at }: { readonly batches: Map<string, Batch>; readonly at: Date },
  ): void {
    const reader = this.#sources.reader(realm);
    for (const log of logsOver(reader, eni)) {
      if (told.status === "OK" && log.trafficType !== "ALL" && log.trafficType !== told.flow.action) continue;
      this.#told.add(`${log.id} ${shownId(reader, eni)}`);
      const line = recordLine(log, subjectOf(reader, { realm, eni }), told);
      const path = fileOf(log, { ...realm, interfaceId: shownId(reader, eni), at });
      const batch = batches.get(path.join("/")) ?? { path, header: headerLine(log), lines: [] };
      batches.set(path.join("/"), batch);
      batch.lines.push(line);
      this.followers.tell({ log: log.id, fields: batch.header.split(" "), line });
    }
  }

  /** Writes NODATA for interfaces that are up and had no record for a whole minute. */
  #tellNothing(realm: Realm, span: Told["span"], tell: (owner: Owner, told: Told) => void): void {
    const reader = this.#sources.reader(realm);
    const quiet = new Map<string, NetworkInterface>();
    for (const log of reader.list("flow-log")) {
      if (seconds(Date.parse(log.createdAt)) > span.start) continue;
      for (const eni of interfacesOf(reader, log)) {
        const id = shownId(reader, eni);
        if (!this.#told.has(`${log.id} ${id}`) && isUp(reader, eni) && logsOver(reader, eni).includes(log))
          quiet.set(id, eni);
      }
    }
    for (const eni of quiet.values()) tell({ realm, eni }, { status: "NODATA", span });
  }
}

type Window = {
  readonly logged: readonly Realm[];
  readonly span: Told["span"];
  readonly at: number;
  readonly tell: (owner: Owner, told: Told) => void;
};

/** Sorted by time. Ties are broken by the flow's fields, because the kernel returns them unordered. */
function inOrder(flows: readonly FlowCount[]): readonly FlowCount[] {
  const rank = (flow: FlowCount): string =>
    [
      flow.interface,
      flow.direction,
      flow.protocol,
      flow.source,
      flow.destination,
      flow.sourcePort,
      flow.destinationPort,
      flow.action,
    ].join(" ");
  const ranks = new Map(flows.map((flow) => [flow, rank(flow)]));
  return flows.toSorted(
    (a, b) => Number(a.first - b.first) || ((ranks.get(a) ?? "") < (ranks.get(b) ?? "") ? -1 : 1),
  );
}

function seconds(milliseconds: number): number {
  return Math.floor(milliseconds / 1000);
}

/**
 * The id in records of the interface. For an interface in a regional NAT gateway's zone subnet that is the
 * gateway's.
 */
function shownId(reader: Reader, eni: NetworkInterface): string {
  return isHidden(reader, eni) ? (eni.natGatewayId ?? eni.id) : eni.id;
}

/**
 * Every flow log that covers the interface: its own, its subnet's and its VPC's. In a regional NAT gateway's
 * zone subnet: only the gateway's.
 */
function logsOver(reader: Reader, eni: NetworkInterface): readonly FlowLog[] {
  if (isHidden(reader, eni)) return reader.by("flow-log", "resourceId", eni.natGatewayId ?? "");
  return [eni.id, eni.subnetId, eni.vpcId].flatMap((id) => reader.by("flow-log", "resourceId", id));
}

/**
 * The owner of a flow. When the slot changed hands within the window, it is the owner that has the flow's
 * address; else the present one.
 */
function chosen(owners: readonly Owner[], { direction, source, destination }: FlowCount): Owner | undefined {
  if (owners.length <= 1) return owners[0];
  const own = direction === "egress" ? source : destination;
  return (
    owners.find(({ eni }) => eni.privateIpAddresses.includes(own) || eni.ipv6Addresses?.includes(own)) ??
    owners[0]
  );
}

function hopOf(reader: Reader, { realm, eni }: Owner): Hop {
  const zone = zonesOf(realm.region).find(({ name }) => name === eni.availabilityZone);
  return { eni, zoneId: zone?.id ?? "-", regional: isHidden(reader, eni) };
}

function subjectOf(reader: Reader, owner: Owner): FlowSubject {
  const { realm, eni } = owner;
  const instance = eni.attachment && reader.get("instance", eni.attachment.instanceId);
  const hop = hopOf(reader, owner);
  const publicIps = hop.regional ? { publicIps: publicIpsOf(reader, eni) } : {};
  return { ...realm, ...hop, ...publicIps, ...(instance ? { instanceTags: instance.tags } : {}) };
}

function publicIpsOf(reader: Reader, { id }: NetworkInterface): ReadonlyMap<string, string> {
  const addresses = reader.by("address", "networkInterfaceId", id);
  return new Map(
    addresses.flatMap(({ association, publicIp }) =>
      association ? [[association.privateIpAddress, publicIp] as const] : [],
    ),
  );
}

function interfacesOf(reader: Reader, { resourceId: id }: FlowLog): readonly NetworkInterface[] {
  const own = reader.get("network-interface", id);
  if (own) return [own];
  if (id.startsWith("nat-")) return reader.by("network-interface", "natGatewayId", id);
  const index = id.startsWith("subnet-") ? "subnetId" : "vpcId";
  return reader.countBy("network-interface", index, id) > MOST_NODATA
    ? []
    : reader.by("network-interface", index, id);
}

function isUp(reader: Reader, eni: NetworkInterface): boolean {
  if (eni.natGatewayId !== undefined) return true;
  return (
    eni.attachment !== undefined && reader.get("instance", eni.attachment.instanceId)?.state === "running"
  );
}
