import { randomInt } from "node:crypto";
import { type Field, fieldsOf, layoutOf, viewOf } from "../contract/layout.ts";
import { indexKey, type KernelMap, possibleCpus } from "./map.ts";

/**
 * User space's half of the fast path (bpf/flow_cache.h). The decision for a flow's first packet holds for the
 * next ones until the epoch of a VPC concerned moves; it is not kept at all when the tables changed
 * meanwhile.
 */
export type Epochs = {
  /**
   * Writes a change, then makes sure that no packet is forwarded by an older decision: for these VPCs
   * (slots), or for all. When the writing fails, part of it may be in force, so the epochs move all the same.
   */
  readonly change: (vpcs: readonly number[] | undefined, writing: () => void) => void;
};

const CHANGES = fieldsOf("changes");
/** With more VPCs than this in one change, it is cheaper to decide all flows anew. */
const MANY = 64;

/** Also sets the length of each processor's table of flows; without it there is no fast path. */
export function openEpochs(maps: {
  readonly changes: KernelMap;
  readonly epochs: KernelMap;
  readonly flows: KernelMap;
}): Epochs {
  const key = indexKey(0);
  const row = maps.changes.lookup(key) ?? Buffer.alloc(layoutOf("changes").size);
  const view = viewOf(row);
  CHANGES.flow_mask.write(view, 0, maps.flows.shape.maxEntries / possibleCpus() - 1);
  if (CHANGES.seed.read(view, 0) === 0) CHANGES.seed.write(view, 0, randomInt(1, 2 ** 32));
  maps.changes.update(key, row);
  const add = (field: Field<number>): void => {
    const next = Buffer.from(row);
    field.write(viewOf(next), 0, (field.read(view, 0) + 1) >>> 0);
    maps.changes.update(key, next);
    next.copy(row);
  };
  /** A VPC whose slot the table has no room for has no epoch of its own. */
  const hasEpoch = (slot: number): boolean => slot < maps.epochs.shape.maxEntries;
  return {
    change: (vpcs, writing) => {
      // After a process died while writing, it is odd already.
      if (CHANGES.sequence.read(view, 0) % 2 === 0) add(CHANGES.sequence);
      try {
        writing();
      } finally {
        if (vpcs === undefined || vpcs.length > MANY || !vpcs.every(hasEpoch)) add(CHANGES.epoch);
        else for (const slot of vpcs) increment(maps.epochs, slot);
        add(CHANGES.sequence);
      }
    },
  };
}

function increment(map: KernelMap, slot: number): void {
  const row = map.lookup(indexKey(slot)) ?? Buffer.alloc(4);
  row.writeUInt32LE((row.readUInt32LE(0) + 1) >>> 0, 0);
  map.update(indexKey(slot), row);
}
