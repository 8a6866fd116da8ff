import { randomInt } from "node:crypto";
import { indexKey, type KernelMap, possibleCpus } from "./map.ts";

/**
 * User space's half of the fast path (bpf/flow_cache.h): what a flow's first packet was told holds for its next ones until the
 * epoch of a VPC concerned moves, and is not kept at all when the tables changed meanwhile.
 */
export type Epochs = {
  /**
   * Does the writing of a change, and afterwards sees to it that no packet is forwarded by what held before: of these VPCs
   * (slots), or of any. When the writing fails part of it may be in force, so the epochs move all the same.
   */
  readonly change: (vpcs: readonly number[] | undefined, writing: () => void) => void;
};

/** `struct changes` */
const SEQUENCE = 0;
const EPOCH = 4;
const FLOW_MASK = 8;
const SEED = 12;
const SIZE = 16;
/** More VPCs than this in one change: it costs less to let all flows be decided anew. */
const MANY = 64;

/** Also says how long each processor's table of flows is, without which there is no fast path. */
export function openEpochs(maps: { readonly changes: KernelMap; readonly epochs: KernelMap; readonly flows: KernelMap }): Epochs {
  const key = indexKey(0);
  const row = maps.changes.lookup(key) ?? Buffer.alloc(SIZE);
  row.writeUInt32LE(maps.flows.shape.maxEntries / possibleCpus() - 1, FLOW_MASK);
  if (row.readUInt32LE(SEED) === 0) row.writeUInt32LE(randomInt(1, 2 ** 32), SEED);
  maps.changes.update(key, row);
  const add = (offset: number): void => {
    const next = Buffer.from(row);
    next.writeUInt32LE((row.readUInt32LE(offset) + 1) >>> 0, offset);
    maps.changes.update(key, next);
    next.copy(row);
  };
  /** One that no table has room for has no epoch of its own. */
  const hasEpoch = (slot: number): boolean => slot < maps.epochs.shape.maxEntries;
  return {
    change: (vpcs, writing) => {
      // A process that died while it wrote has left it odd already.
      if (row.readUInt32LE(SEQUENCE) % 2 === 0) add(SEQUENCE);
      try {
        writing();
      } finally {
        if (vpcs === undefined || vpcs.length > MANY || !vpcs.every(hasEpoch)) add(EPOCH);
        else for (const slot of vpcs) increment(maps.epochs, slot);
        add(SEQUENCE);
      }
    },
  };
}

function increment(map: KernelMap, slot: number): void {
  const row = map.lookup(indexKey(slot)) ?? Buffer.alloc(4);
  row.writeUInt32LE((row.readUInt32LE(0) + 1) >>> 0, 0);
  map.update(indexKey(slot), row);
}
