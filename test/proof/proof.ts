/**
 * Holds the kernel program against the tables read by hand: both get the same frames, changes and time, and
 * must agree on the verdict, the reason, whose it is, and every byte that leaves; and at the end on what is
 * remembered of connections and counted.
 */

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { entryKey, sameValue } from "../../src/contract/entry.ts";
import { fieldsOf, viewOf as bytesOf } from "../../src/contract/layout.ts";
import { type MemoryTables, memoryTables } from "../../src/contract/memory-tables.ts";
import { poolsOf } from "../../src/contract/pool.ts";
import type { Delta, Entry, TableName } from "../../src/contract/tables.ts";
import { type Datapath, openDatapath } from "../../src/datapath/loader.ts";
import { indexKey } from "../../src/datapath/map.ts";
import { encodeKey } from "../../src/datapath/row.ts";
import { bpffs, OBJECT } from "../../src/datapath/test-kit.ts";
import { type TestRun, testRun } from "../../src/datapath/test-run.ts";
import { present } from "../../src/lib/assert.ts";
import { fullPlan } from "../../src/plan/compile.ts";
import { type PlanSettings, settingsRow } from "../../src/plan/settings.ts";
import { allowanceMemory } from "../../src/reach/allowance-memory.ts";
import { connectionMemory } from "../../src/reach/connection.ts";
import { fragmentMemory } from "../../src/reach/fragment-memory.ts";
import { type NatConnection, natKey, natMemory } from "../../src/reach/nat-connection.ts";
import { SETTINGS } from "../kit/scene.ts";
import { stepText } from "../kit/step-text.ts";
import type { Sent } from "../random/random-frame.ts";
import { POOLS, randomRegion, type RandomRegion, type Step } from "../random/random-region.ts";
import { type Forwarded, forward, type Memory } from "../reference/forward.ts";
import { newCounters } from "./counters.ts";
import { newFlowCounters } from "./flow-counters.ts";
import { type View, viewOf } from "./traffic.ts";

/** One thing that happens, with all that it takes to let it happen again. */
export type Event =
  | ({ readonly kind: "frame" } & Sent)
  | { readonly kind: "wait"; readonly nanoseconds: bigint }
  /** A request that changes the region; its delta is applied. */
  | { readonly kind: "request"; readonly step: Step }
  /** Housekeeping of what is remembered. */
  | { readonly kind: "sweep" }
  /**
   * A row is taken away that others point to, or the tables get another layout: what no plan does, and what
   * must fail closed.
   */
  | { readonly kind: "damage"; readonly table: TableName; readonly number: number };

/** A region, and what happens to it. */
export type Scenario = {
  readonly growth: readonly Step[];
  /** Maximum connections per interface. */
  readonly limit: number;
  /** At the end the kernel's tables are read back as well, which takes long. */
  readonly readBack: boolean;
  readonly events: readonly Event[];
};

/** Where events come from: from a list, or made up as they go. */
export type Source = {
  readonly next: (view: View) => Event | undefined;
  readonly arrived?: (sent: Sent, became: Forwarded) => void;
};

export type Disagreement = {
  /** How many events had happened, the last one included. */
  readonly events: number;
  readonly what: string;
  readonly kernel: string;
  readonly reference: string;
  readonly steps: readonly string[];
};

export type Machine = {
  /**
   * Plays events on a region, in a world without memory of what was before; stops at the first disagreement.
   */
  readonly play: (start: Omit<Scenario, "events">, source: Source) => Disagreement | undefined;
  /** How many frames had which outcome: a drop's reason, or another verdict. */
  readonly seen: ReadonlyMap<string, number>;
  readonly frames: () => number;
  readonly states: () => number;
  readonly close: () => void;
};

const SECOND = 1_000_000_000n;
/**
 * Between scenarios: longer than any connection is remembered. A clock of 64 bits has room for some ten
 * thousand of them.
 */
const FORGETTING = 432_100n * SECOND;
/** Room for flow records, so little that it runs short now and then. */
const FLOW_ROOM = { shared: 80, share: 8 } as const;
/** Few flows, so that they often take each other's places on the fast path. */
const SIZES = {
  interfaces: 256,
  publicAddresses: 1024,
  vpcs: 256,
  subnets: 256,
  flows: 32,
  flowRecords: 4096,
};
/** The link on which pieces are made: it must be there and up. */
const FRAGMENTS_LINK = `ip link show fragments >/dev/null 2>&1 || {
  ip link add fragments index 4 mtu 65535 type veth peer name fragments-peer index 5 mtu 65535 &&
  ip link set fragments up && ip link set fragments-peer up; }`;
/** Few, so that they run out. */
const NAT_PORTS = 2;
const LINK_LOCAL_PACKETS = 3;
const PIECE_BITS = 4;
/** Counts are looked at for interfaces below this slot. */
const COUNTED = 64;
/** User space leaves what has expired for so long (datapath/connection-tally.ts). */
const LINGER = 5n * SECOND;

let mount: string | undefined;
let machines = 0;

export function openMachine(object = OBJECT): Machine {
  mount ??= bpffs();
  const pins = join(mount, `machine-${machines++}`);
  const made = spawnSync("sh", ["-c", FRAGMENTS_LINK], { encoding: "utf8" });
  if (made.status !== 0) throw new Error(`the link for fragments: ${made.stderr}`);
  let now = 1_000n * SECOND;
  const datapath = openDatapath({
    pins,
    netns: "/proc/thread-self/ns/net",
    object,
    sizes: SIZES,
    clock: () => now,
  });
  let rows: readonly Entry[] = [];
  datapath.reconcile(rows);
  const seen = new Map<string, number>();
  let frames = 0;
  let states = 0;
  const play: Machine["play"] = ({ growth, limit, readBack }, source) => {
    now += FORGETTING;
    const settings: PlanSettings = {
      ...SETTINGS,
      pools: POOLS,
      fragments: 4,
      connectionLimit: limit,
      connectionsCrowded: 2 * limit,
      connectionShare: 2,
      natConnectionLimit: 3 * limit,
      natConnectionsCrowded: 4 * limit,
      natConnectionShare: 2,
      natPorts: NAT_PORTS,
      flowRecordsShared: FLOW_ROOM.shared,
      flowRecordShare: FLOW_ROOM.share,
      linkLocalAllowance: LINK_LOCAL_PACKETS,
    };
    const region = randomRegion();
    for (const step of growth) region.run(step);
    const plan = fullPlan(region.readers(), { ...settings, now });
    datapath.apply(difference(rows, plan));
    const world = newWorld({
      datapath,
      settings,
      region,
      plan,
      clock: { get: () => now, set: (time) => (now = time) },
    });
    world.forgetAll();
    let count = 0;
    let found: Disagreement | undefined;
    for (let event = source.next(world.view()); event && !found; event = source.next(world.view())) {
      count++;
      if (event.kind !== "frame") {
        if (world.happen(event)) states++;
        continue;
      }
      frames++;
      const { became, difference: differs } = world.frame(event);
      const passed = became.pieces
        ? "pieces"
        : became.trace?.nat64 && became.verdict !== "error"
          ? "nat64"
          : became.verdict;
      const what = became.verdict === "drop" ? became.reason : passed;
      seen.set(what, (seen.get(what) ?? 0) + 1);
      source.arrived?.(event, became);
      if (differs)
        found = { events: count, ...differs, steps: became.trace?.steps.map((step) => stepText(step)) ?? [] };
    }
    states++;
    rows = world.tables.entries();
    const rest = found ? undefined : (world.compareRest() ?? (readBack ? world.compareTables() : undefined));
    return found ?? (rest && { events: count, ...rest, steps: [] });
  };
  return { play, seen, frames: () => frames, states: () => states, close: datapath.close };
}

/** What makes the second list of rows of the first. */
export function difference(before: readonly Entry[], after: readonly Entry[]): Delta {
  const old = new Map(before.map((entry) => [entryKey(entry), entry]));
  const puts: Entry[] = [];
  for (const entry of after) {
    const key = entryKey(entry);
    const was = old.get(key);
    if (!was || !sameValue(was.value, entry.value)) puts.push(entry);
    old.delete(key);
  }
  return { puts, removals: [...old.values()] };
}

type Difference = Pick<Disagreement, "what" | "kernel" | "reference">;

type Parts = {
  readonly datapath: Datapath;
  readonly settings: PlanSettings;
  readonly region: RandomRegion;
  readonly plan: readonly Entry[];
  readonly clock: { readonly get: () => bigint; readonly set: (now: bigint) => void };
};

/** The two sides of one scenario, kept in step. */
function newWorld({ datapath, settings, region, plan, clock }: Parts) {
  const tables = memoryTables(plan);
  const connections = connectionMemory();
  const fragments = fragmentMemory();
  const counters = newCounters(datapath, COUNTED);
  const flowCounters = newFlowCounters(datapath, FLOW_ROOM);
  const pools = poolsOf(settings.pools);
  const nat = natMemory();
  const spent = allowanceMemory();
  const memory = (): Memory => ({ connections, fragments, nat, spent, now: clock.get() });
  let view: View | undefined;

  const setTime = (now: bigint): void => {
    clock.set(now);
    writeTime(datapath, now);
  };
  const apply = (delta: Delta): void => {
    view = undefined;
    setTime(clock.get() + 1n);
    tables.apply(delta);
    datapath.apply(delta);
    // A row of settings that was written has the time of the scenario's beginning.
    writeTime(datapath, clock.get());
    const put = new Set(delta.puts.map(entryKey));
    for (const entry of delta.removals) {
      if (entry.table !== "interfaces" || put.has(entryKey(entry))) continue;
      connections.forget(entry.key);
      nat.forget(entry.key);
      counters.forget(entry.key);
    }
  };
  const sweep = (): void => {
    // A pass sets right the counts of what it or the pass before saw.
    datapath.sweep(clock.get());
    datapath.sweep(clock.get());
    connections.sweep(clock.get() - LINGER);
    nat.sweep(clock.get() - LINGER);
  };
  const damage = (table: TableName, number: number): void => {
    const row = settingsRow({ ...settings, now: clock.get() });
    if (table === "settings")
      return apply({ puts: [{ ...row, value: { ...row.value, layout: 9_999 } }], removals: [] });
    const candidates = tables.entries().filter((entry) => entry.table === table);
    const victim = candidates[number % Math.max(1, candidates.length)];
    if (!victim) return;
    // A chunk that is replaced stays for a second, since packets may be reading it; this one goes at once.
    if (victim.table === "rule_chunks") {
      datapath.maps.rule_chunks.delete(encodeKey("rule_chunks", victim.key));
      tables.apply({ puts: [], removals: [victim] });
      apply({
        puts: [{ ...row, value: present(tables.lookup("settings", 0), "the settings") }],
        removals: [],
      });
    } else apply({ puts: [], removals: [victim] });
  };
  return {
    tables,
    view: (): View =>
      (view ??= viewOf(tables.entries(), present(tables.lookup("settings", 0), "the settings"))),
    forgetAll: () => {
      setTime(clock.get());
      sweep();
      for (const name of ["first_fragments", "nat_ports"] as const) {
        const keys: Buffer[] = [];
        datapath.maps[name].forEach((key) => keys.push(Buffer.from(key)));
        if (keys.length > 0) datapath.maps[name].deleteMany(Buffer.concat(keys));
      }
    },
    /** Whether the tables are others now. */
    happen: (event: Exclude<Event, { kind: "frame" }>): boolean => {
      switch (event.kind) {
        case "wait":
          setTime(clock.get() + event.nanoseconds);
          return false;
        case "sweep":
          sweep();
          return false;
        case "damage":
          damage(event.table, event.number);
          return true;
        case "request": {
          const parts = region.run(event.step);
          if (parts.length > 0) apply(region.delta(parts, pools));
          return parts.length > 0;
        }
      }
    },
    frame: (sent: Sent) => {
      const result = bothWays(datapath, tables, sent, memory());
      counters.note(sent, result.became);
      flowCounters.note(sent, result.became, clock.get());
      return result;
    },
    compareTables: (): Difference | undefined => {
      const { now, ...rest } = present(tables.lookup("settings", 0), "the settings");
      const timed: Entry = {
        table: "settings",
        key: 0,
        value: { ...rest, now: now === 0n ? now : clock.get() },
      };
      const count = datapath.reconcile([
        ...tables.entries().filter((entry) => entry.table !== "settings"),
        timed,
      ]);
      return count === 0
        ? undefined
        : { what: "the tables", kernel: `${count} rows that differ`, reference: "none" };
    },
    /** What is left at the end: connections, and counts. */
    compareRest: () =>
      compareMemory(datapath, connections.entries(), clock.get()) ??
      compareNat(datapath, nat.entries()) ??
      counters.difference(datapath) ??
      flowCounters.difference(),
  };
}

const { now: NOW } = fieldsOf("settings");

/** Moves only the program's clock, without a change of the tables. */
export function writeTime({ maps }: Datapath, now: bigint): void {
  const row = present(maps.settings.lookup(indexKey(0)), "the settings");
  NOW.write(bytesOf(row), 0, now);
  maps.settings.update(indexKey(0), row);
}

/** One frame through the kernel program and by hand. */
export function bothWays(
  datapath: Datapath,
  tables: MemoryTables,
  { entrance, bytes, segment }: Sent,
  memory: Memory,
): { became: Forwarded; difference: Difference | undefined } {
  const became = forward(tables, bytes, entrance, memory, segment);
  const { programs } = datapath;
  const [program, link] =
    entrance.kind === "interface"
      ? [programs.from_eni, entrance.slot]
      : entrance.kind === "internet"
        ? [programs.from_uplink, 2]
        : [programs.from_services, 3];
  const run = testRun(program, bytes, { link, gsoSize: segment });
  const expected = became.pieces?.[0] ?? became.frame;
  const found = compare(run, { ...became, ...(expected ? { frame: expected } : {}) });
  if (found || !became.pieces || !became.frame) return { became, difference: found };
  return {
    became,
    difference: comparePieces(programs.from_fragments, became.frame, became.pieces, became.target),
  };
}

/** The pieces after the first are cut from copies of the whole, each by a run of its own. */
function comparePieces(
  program: number,
  whole: Uint8Array,
  pieces: readonly Uint8Array[],
  target: number,
): Difference | undefined {
  for (const [index, piece] of pieces.entries()) {
    if (index === 0) continue;
    const run = testRun(program, whole, { link: 5, mark: (target << PIECE_BITS) | index });
    const found = compare(run, { verdict: "deliver", reason: "none", target, frame: piece });
    if (found) return { ...found, what: `piece ${index}: ${found.what}` };
  }
  const beyond = testRun(program, whole, { link: 5, mark: (target << PIECE_BITS) | pieces.length });
  return compare(beyond, { verdict: "drop", reason: "malformed", target: 0 });
}

const DROPPED = 2;
const REDIRECTED = 7;

function compare(
  run: TestRun,
  became: Pick<Forwarded, "verdict" | "reason" | "target" | "frame">,
): Difference | undefined {
  const kernel = `${run.verdict} ${run.reason} ${run.target}`;
  const reference = `${became.verdict} ${became.reason} ${became.target}`;
  if (kernel !== reference) return { what: "the verdict", kernel, reference };
  const action = became.frame ? REDIRECTED : DROPPED;
  if (run.action !== action)
    return { what: "what the program returns", kernel: `${run.action}`, reference: `${action}` };
  if (!became.frame || run.frame.equals(became.frame)) return undefined;
  const hex = Buffer.from(became.frame).toString("hex");
  const at = run.frame.findIndex((byte, index) => byte !== became.frame?.[index]);
  const where = `the bytes, from byte ${at < 0 ? run.frame.length : at} on; lengths ${run.frame.length} and ${became.frame.length}`;
  return { what: where, kernel: run.frame.toString("hex"), reference: hex };
}

/** What is remembered at the end, with the times until which it holds. */
function compareMemory(
  datapath: Datapath,
  entries: Iterable<readonly [string, { readonly expires: bigint }]>,
  now: bigint,
): Difference | undefined {
  const kernel = new Map(datapath.connections().map((c) => [kernelKey(c), c.expires]));
  for (const [key, { expires }] of entries) {
    const held = kernel.get(key);
    // What a removed interface remembered is there still, and no longer counts.
    const same = held === expires || (held !== undefined && expires < 0n);
    if (!same) return { what: `the memory of ${key} at ${now}`, kernel: `${held}`, reference: `${expires}` };
    kernel.delete(key);
  }
  const [extra] = kernel;
  return (
    extra && { what: `the memory of ${extra[0]} at ${now}`, kernel: `${extra[1]}`, reference: "undefined" }
  );
}

/** The same of NAT gateways: what each connection became, and until when. */
function compareNat(
  datapath: Datapath,
  entries: Iterable<readonly [string, NatConnection]>,
): Difference | undefined {
  const text = (c: { readonly address: string; readonly port: number; readonly expires: bigint }): string =>
    `${c.address}:${c.port} until ${c.expires}`;
  const kernel = new Map(datapath.natConnections().map((c) => [natKey({ ...c, slot: c.interface }), c]));
  for (const [key, connection] of entries) {
    const held = kernel.get(key);
    const same = held && (connection.expires < 0n || text(held) === text(connection));
    if (!same)
      return {
        what: `the NAT connection ${key}`,
        kernel: held ? text(held) : "none",
        reference: text(connection),
      };
    kernel.delete(key);
  }
  const [extra] = kernel;
  return extra && { what: `the NAT connection ${extra[0]}`, kernel: text(extra[1]), reference: "none" };
}

function kernelKey({
  interface: slot,
  protocol,
  local,
  remote,
  localPort,
  remotePort,
  keeper,
}: ReturnType<Datapath["connections"]>[number]): string {
  const end = keeper === "groups" ? "" : ` ${keeper}`;
  if (protocol !== (local.includes(":") ? 58 : 1))
    return `${slot} ${protocol} ${local} ${remote} ${localPort} ${remotePort}${end}`;
  return `${slot} ${protocol} ${local} ${remote} ${localPort} ${remotePort & 0xff} ${remotePort & 0x100 ? "asked" : "answered"}${end}`;
}
