import { closeSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../lib/assert.ts";
import { LAYOUT_VERSION, TABLES, type TableName } from "../plan/tables.ts";
import { KernelError, libbpf, objectInfo, openPinned, pin, withLibbpfLog } from "./libbpf.ts";
import { KernelMap, type MapShape, possibleCpus } from "./map.ts";

/** The maps of the fast path (bpf/flow_cache.h): they stand and fall with the tables. */
const FLOW_MAPS = ["flows", "ipv6_flows", "changes", "epochs"] as const;
/** The maps that are the kernel program's own: they live on over a change of the plan's layout. */
const STATE_MAPS = ["connections", "nat_connections", "nat_ports", "drops", "first_fragments"] as const;
/** Those of them that grow with the region: connections stay when these are made anew, and the sweep counts them again. */
const INTERFACE_MAPS = ["tracking", "connection_floors", "traffic", "flow_shares", "flow_window"] as const;
/** What flow logs count: they outlive the control plane, and no change of the plan's layout touches them. */
const FLOW_LOG_MAPS = ["flow_records_a", "flow_records_b"] as const;
type StateMapName =
  | (typeof FLOW_LOG_MAPS)[number]
  | (typeof STATE_MAPS)[number]
  | (typeof INTERFACE_MAPS)[number]
  | (typeof FLOW_MAPS)[number];
/** They end with the load that made them: a watch of packets is over when its control plane is, and a second's counts soon anyway. */
const PASSING_MAPS = ["trace_control", "trace_events", "trace_lost", "link_local_counts"] as const;
export type MapName = TableName | StateMapName | (typeof PASSING_MAPS)[number];

/** Grows when a struct of a state map changes: then connections are forgotten. */
const STATE_VERSION = 3;

export const PROGRAMS = ["from_eni", "from_uplink", "from_services", "from_fragments"] as const;
export type ProgramName = (typeof PROGRAMS)[number];

/** The kernel does not take the program; `cause` has the verifier's words. */
export class ProgramRefused extends KernelError {
  /** The verifier stops when its process gets a signal, as of a child's end: it has nothing against the program. */
  get isInterruption(): boolean {
    return this.errno === "EAGAIN" || this.errno === "EWOULDBLOCK";
  }
}

/** How often it is tried again then; libbpf itself tries five times each. */
const INTERRUPTIONS = 100;

export type LoadedObject = {
  readonly maps: Readonly<Record<MapName, KernelMap>>;
  /** Descriptors, valid until `close`. */
  readonly programs: Readonly<Record<ProgramName, number>>;
  /** The plan's tables are new and empty, not those of a former run. */
  readonly fresh: boolean;
  readonly close: () => void;
};

/** How many rows the arrays get at least that are as long as there are interfaces; the kernel takes an array's memory at once. */
export type Sizes = {
  readonly interfaces?: number;
  readonly publicAddresses?: number;
  readonly vpcs?: number;
  readonly subnets?: number;
  /** Flows that a processor's fast path knows. */ readonly flows?: number;
  /** Of flow logs, in one window. */
  readonly flowRecords?: number;
};

const DEFAULT_INTERFACES = 65_536;

/**
 * Loads the kernel program with the maps pinned under `pins` (a folder on a bpffs), or with new ones, pinned there.
 * Maps of another layout are left alone: programs that run on them go on until they are replaced.
 */
export function loadObject(file: string, pins: string, sizes: Sizes): LoadedObject {
  for (let interruptions = 0; ; interruptions += 1) {
    try {
      return loadOnce(file, pins, sizes);
    } catch (error) {
      if (!(error instanceof ProgramRefused && error.isInterruption) || interruptions === INTERRUPTIONS) throw error;
    }
  }
}

function loadOnce(file: string, pins: string, sizes: Sizes): LoadedObject {
  return withLibbpfLog((log) => {
    const lib = libbpf();
    const object: unknown = lib.open(file, null);
    if (!object) throw new Error(`${file} is no kernel program: ${log().trim() || "cannot be read"}`);
    const reused: number[] = [];
    try {
      const { fresh, wanted } = prepareMaps(object, pins, sizes, reused);
      const result = Number(lib.load(object));
      if (result < 0) throw new ProgramRefused(`load ${file}`, result, log());
      const maps = Object.fromEntries(
        wanted.map(({ handle, shape, path, isNew }) => {
          const fd = Number(lib.mapFd(handle));
          if (isNew) pin(fd, path);
          return [shape.name, new KernelMap(fd, shape)];
        }),
      ) as Record<MapName, KernelMap>;
      return { maps, programs: programsOf(object), fresh, close: () => lib.close(object) };
    } catch (error) {
      lib.close(object);
      throw error;
    } finally {
      for (const fd of reused) closeSync(fd);
    }
  });
}

type WantedMap = { readonly handle: unknown; readonly shape: MapShape; readonly path: string; readonly isNew: boolean };

function prepareMaps(object: unknown, pins: string, sizes: Sizes, reused: number[]): { fresh: boolean; wanted: WantedMap[] } {
  const planFolder = join(pins, `plan-${LAYOUT_VERSION}`);
  const stateFolder = join(pins, `state-${STATE_VERSION}`);
  mkdirSync(planFolder, { recursive: true });
  mkdirSync(stateFolder, { recursive: true });
  const state = prepareSet(object, stateFolder, STATE_MAPS, { sizes, reused, anew: false });
  const interfaces = prepareSet(object, stateFolder, INTERFACE_MAPS, { sizes, reused, anew: false });
  const flowLogs = prepareSet(object, stateFolder, FLOW_LOG_MAPS, { sizes, reused, anew: false });
  // The epoch of a flow that is kept counts what `tracking` counts: it must not outlive that.
  const names = [...(Object.keys(TABLES) as TableName[]), ...FLOW_MAPS];
  const plan = prepareSet(object, planFolder, names, { sizes, reused, anew: interfaces.fresh });
  return {
    fresh: plan.fresh,
    wanted: [
      ...plan.wanted,
      ...state.wanted,
      ...interfaces.wanted,
      ...flowLogs.wanted,
      ...PASSING_MAPS.map((name) => unpinned(object, name)),
    ],
  };
}

function unpinned(object: unknown, name: MapName): WantedMap {
  const handle: unknown = libbpf().findMap(object, name);
  assert(handle, `the kernel program has a map ${name}`);
  return { handle, shape: shapeOf(name, handle), path: "", isNew: false };
}

/** A set of maps is reused as a whole or made anew as a whole. */
function prepareSet(
  object: unknown,
  folder: string,
  names: readonly MapName[],
  { sizes, reused, anew }: { readonly sizes: Sizes; readonly reused: number[]; readonly anew: boolean },
): { fresh: boolean; wanted: WantedMap[] } {
  const lib = libbpf();
  const found = names.map((name) => {
    const handle: unknown = lib.findMap(object, name);
    assert(handle, `the kernel program has a map ${name}`);
    const fd = openPinned(join(folder, name));
    if (fd !== undefined) reused.push(fd);
    return { name, handle, fd };
  });
  // Tables that have become too short for the region are made anew, longer.
  const fresh =
    anew ||
    found.some(({ name, handle, fd }) => fd === undefined || !sameShape(handle, fd) || (sizeOf(name, sizes) ?? 0) > mapInfo(fd).maxEntries);
  const wanted = found.map(({ name, handle, fd }) => {
    const path = join(folder, name);
    if (fresh) {
      rmSync(path, { force: true });
      const size = sizeOf(name, sizes);
      if (size !== undefined) lib.setMaxEntries(handle, size);
    } else {
      lib.setMaxEntries(handle, mapInfo(fd ?? -1).maxEntries);
      const result = Number(lib.reuse(handle, fd));
      if (result < 0) throw new KernelError(`reuse ${path}`, result);
    }
    return { handle, shape: shapeOf(name, handle), path, isNew: fresh };
  });
  return { fresh, wanted };
}

function sizeOf(name: MapName, sizes: Sizes): number | undefined {
  if (["interfaces", "traffic", "tracking", "connection_floors", "flow_shares"].includes(name))
    return sizes.interfaces ?? DEFAULT_INTERFACES;
  if (name === "vpcs" || name === "subnets") return sizes[name];
  if (name.startsWith("flow_records_")) return sizes.flowRecords;
  if (name === "epochs") return sizes.vpcs;
  if (name === "flows") return possibleCpus() * flowsPerCpu(sizes);
  if (name === "ipv6_flows") return (possibleCpus() * flowsPerCpu(sizes)) / 2;
  return name === "public_addresses" ? sizes.publicAddresses : undefined;
}

const DEFAULT_FLOWS = 65_536;
/** 112 bytes each. On machines with many processors each of them has fewer. */
const MOST_FLOWS = 1_048_576;

/** A power of two. */
function flowsPerCpu(sizes: Sizes): number {
  const most = Math.min(sizes.flows ?? DEFAULT_FLOWS, MOST_FLOWS / possibleCpus());
  return 2 ** Math.floor(Math.log2(Math.max(most, 2)));
}

function shapeOf(name: string, handle: unknown): MapShape {
  const lib = libbpf();
  return {
    name,
    type: Number(lib.mapType(handle)),
    keySize: Number(lib.keySize(handle)),
    valueSize: Number(lib.valueSize(handle)),
    maxEntries: Number(lib.maxEntries(handle)),
  };
}

/** `struct bpf_map_info`: type, id, key size, value size, entries. */
function mapInfo(fd: number): Omit<MapShape, "name"> {
  const info = objectInfo(fd);
  return { type: info.readUInt32LE(0), keySize: info.readUInt32LE(8), valueSize: info.readUInt32LE(12), maxEntries: info.readUInt32LE(16) };
}

function sameShape(handle: unknown, fd: number): boolean {
  const wanted = shapeOf("", handle);
  const pinned = mapInfo(fd);
  return wanted.type === pinned.type && wanted.keySize === pinned.keySize && wanted.valueSize === pinned.valueSize;
}

function programsOf(object: unknown): Record<ProgramName, number> {
  const lib = libbpf();
  return Object.fromEntries(
    PROGRAMS.map((name) => {
      const handle: unknown = lib.findProgram(object, name);
      assert(handle, `the kernel program has ${name}`);
      return [name, Number(lib.programFd(handle))];
    }),
  ) as Record<ProgramName, number>;
}
