import { closeSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { mapSizes } from "../contract/map-sizes.ts";
import { RECORD_MAPS, type RecordMapName, STATE_VERSION } from "../contract/records.ts";
import type { MapLayout, RecordMap } from "../contract/struct.ts";
import { INTERFACE_ROWS, LAYOUT_VERSION, TABLES, type TableName } from "../contract/tables.ts";
import { assert } from "../lib/assert.ts";
import { KernelError, libbpf, objectInfo, openPinned, pin, withLibbpfLog } from "./libbpf.ts";
import { KernelMap, type MapShape, possibleCpus } from "./map.ts";

/** All maps of the kernel, from the contract. */
const MAPS = { ...TABLES, ...RECORD_MAPS } as const;
export type MapName = keyof typeof MAPS;

/** The names of the record maps with this lifetime. */
function living(lives: RecordMap<string>["lives"]): readonly RecordMapName[] {
  return (Object.keys(RECORD_MAPS) as RecordMapName[]).filter((name) => RECORD_MAPS[name].lives === lives);
}

export const PROGRAMS = [
  "from_eni",
  "from_uplink",
  "from_services",
  "from_fragments",
  "from_overlay",
] as const;
export type ProgramName = (typeof PROGRAMS)[number];

/** The kernel rejects the program; `cause` has the verifier's words. */
export class ProgramRefused extends KernelError {
  /**
   * The verifier stops when its process gets a signal, such as a child's end; the program itself may be fine.
   */
  get isInterruption(): boolean {
    return this.errno === "EAGAIN" || this.errno === "EWOULDBLOCK";
  }
}

/** How often loading is tried again after an interruption; libbpf itself tries five times each. */
const INTERRUPTIONS = 100;

export type LoadedObject = {
  readonly maps: Readonly<Record<MapName, KernelMap>>;
  /** Descriptors, valid until `close`. */
  readonly programs: Readonly<Record<ProgramName, number>>;
  /** The plan's tables are new and empty, not a former run's. */
  readonly fresh: boolean;
  readonly close: () => void;
};

/**
 * The minimum rows of arrays that are sized for the number of interfaces; the kernel takes an array's memory
 * at once.
 */
export type Sizes = {
  readonly interfaces?: number;
  readonly publicAddresses?: number;
  readonly vpcs?: number;
  readonly subnets?: number;
  /** How many flows a processor's fast path holds. */
  readonly flows?: number;
  /** How many flow records one window holds. */
  readonly flowRecords?: number;
};

/**
 * Loads the kernel program with the maps pinned under `pins` (a folder on a bpffs), or with new ones, which
 * it pins there. Maps of another layout are left alone: programs that use them go on until they are replaced.
 */
export function loadObject(file: string, pins: string, sizes: Sizes): LoadedObject {
  for (let interruptions = 0; ; interruptions += 1) {
    try {
      return loadOnce(file, pins, sizes);
    } catch (error) {
      if (!(error instanceof ProgramRefused && error.isInterruption) || interruptions === INTERRUPTIONS)
        throw error;
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

type WantedMap = {
  readonly handle: unknown;
  readonly shape: MapShape;
  readonly path: string;
  readonly isNew: boolean;
};

function prepareMaps(
  object: unknown,
  pins: string,
  sizes: Sizes,
  reused: number[],
): { fresh: boolean; wanted: WantedMap[] } {
  const planFolder = join(pins, `plan-${LAYOUT_VERSION}`);
  const stateFolder = join(pins, `state-${STATE_VERSION}`);
  mkdirSync(planFolder, { recursive: true });
  mkdirSync(stateFolder, { recursive: true });
  const state = prepareSet(object, stateFolder, living("state"), { sizes, reused, anew: false });
  const interfaces = prepareSet(object, stateFolder, living("interfaces"), { sizes, reused, anew: false });
  const flowLogs = prepareSet(object, stateFolder, living("flow_logs"), { sizes, reused, anew: false });
  // A kept flow's epoch includes counters of `tracking`, so the flow must not outlive `tracking`.
  const names = [...(Object.keys(TABLES) as TableName[]), ...living("tables")];
  const plan = prepareSet(object, planFolder, names, { sizes, reused, anew: interfaces.fresh });
  return {
    fresh: plan.fresh,
    wanted: [
      ...plan.wanted,
      ...state.wanted,
      ...interfaces.wanted,
      ...flowLogs.wanted,
      ...living("load").map((name) => unpinned(object, name)),
    ],
  };
}

/**
 * Removes what earlier versions pinned here. Call it when every link has this version's programs: until then
 * those of an earlier one need their maps. What a later version pinned stays.
 */
export function removeEarlier(pins: string): void {
  const versions: Readonly<Record<string, number>> = { plan: LAYOUT_VERSION, state: STATE_VERSION };
  for (const name of readdirSync(pins)) {
    const [, set = "", version] = /^(plan|state)-(\d+)$/.exec(name) ?? [];
    if (Number(version) < (versions[set] ?? 0)) rmSync(join(pins, name), { recursive: true, force: true });
  }
}

/** The object's map. It must match the contract, else the object was compiled from another one. */
function mapOf(object: unknown, name: MapName): unknown {
  const handle: unknown = libbpf().findMap(object, name);
  assert(handle, `the kernel program has a map ${name}`);
  const { keySize, valueSize } = shapeOf(name, handle);
  const wanted = mapSizes(name);
  assert(
    keySize === wanted.key && valueSize === wanted.value,
    `${name} of the kernel program has the layout that is known`,
  );
  return handle;
}

function unpinned(object: unknown, name: MapName): WantedMap {
  const handle = mapOf(object, name);
  return { handle, shape: shapeOf(name, handle), path: "", isNew: false };
}

/** A set of maps is either reused or made anew, as a whole. */
function prepareSet(
  object: unknown,
  folder: string,
  names: readonly MapName[],
  { sizes, reused, anew }: { readonly sizes: Sizes; readonly reused: number[]; readonly anew: boolean },
): { fresh: boolean; wanted: WantedMap[] } {
  const lib = libbpf();
  const found = names.map((name) => {
    const handle = mapOf(object, name);
    const fd = openPinned(join(folder, name));
    if (fd !== undefined) reused.push(fd);
    return { name, handle, fd };
  });
  // Tables that are too short for the region, or for what this program promises of them, are made anew,
  // longer.
  const fresh =
    anew ||
    found.some(
      ({ name, handle, fd }) =>
        fd === undefined ||
        !sameShape(handle, fd) ||
        (sizeOf(name, sizes) ?? MAPS[name].max) > mapInfo(fd).maxEntries,
    );
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
  const layout: MapLayout<string> & { readonly each?: RecordMap<string>["each"] } = MAPS[name];
  if (name === "interfaces" || layout.each === "interface") return sizes.interfaces ?? INTERFACE_ROWS;
  if (layout.each === "vpc") return sizes.vpcs;
  if (name === "vpcs" || name === "subnets") return sizes[name];
  if (name === "flow_records_a" || name === "flow_records_b") return sizes.flowRecords;
  if (name === "flows") return possibleCpus() * flowsPerCpu(sizes);
  if (name === "ipv6_flows") return (possibleCpus() * flowsPerCpu(sizes)) / 2;
  return name === "public_addresses" ? sizes.publicAddresses : undefined;
}

const DEFAULT_FLOWS = 65_536;
/** A flow takes 112 bytes. On machines with many processors each of them has fewer flows. */
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
  return {
    type: info.readUInt32LE(0),
    keySize: info.readUInt32LE(8),
    valueSize: info.readUInt32LE(12),
    maxEntries: info.readUInt32LE(16),
  };
}

function sameShape(handle: unknown, fd: number): boolean {
  const wanted = shapeOf("", handle);
  const pinned = mapInfo(fd);
  return (
    wanted.type === pinned.type && wanted.keySize === pinned.keySize && wanted.valueSize === pinned.valueSize
  );
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
