import type { Resource } from "../model/resource.ts";
import type { Part } from "../model/state.ts";
import { newWorld, restore, type World } from "../model/world.ts";
import { CommitQueue, type Write } from "./commit-queue.ts";
import { type Store, StoreError } from "./store.ts";

type Kept = {
  readonly account: string;
  readonly region: string;
  readonly order: number;
  readonly json: string;
};

/** What outlives a store in memory, as a disk does. */
export type MemoryDisk = { state: State };

export function emptyDisk(): MemoryDisk {
  return { state: { kept: new Map(), meta: new Map(), order: 0, revision: 0 } };
}

/**
 * A store that keeps nothing after the process ends. For tests.
 * @param flush waited for before each write; what it throws refuses the write
 */
export function openMemory(disk = emptyDisk(), flush?: () => Promise<void>): Store {
  const queue = new CommitQueue({
    revision: disk.state.revision,
    write: async (writes) => {
      await flush?.();
      const { kept, meta, order, revision } = disk.state;
      const next = { kept: new Map(kept), meta: new Map(meta), order, revision };
      for (const write of writes) apply(next, write);
      disk.state = next;
    },
  });
  return {
    revision: () => queue.revision,
    commit: (commit) => queue.add({ kind: "commit", commit }),
    load: async (): Promise<World> => {
      await queue.drained();
      const world = newWorld();
      for (const { account, region, json, order } of disk.state.kept.values())
        restore(world, account, region, JSON.parse(json) as Resource, order);
      return world;
    },
    meta: (key) => disk.state.meta.get(key),
    setMeta: async (key, value) => {
      await queue.add({ kind: "meta", key, value });
    },
    close: async () => {
      queue.refuse(new StoreError("closed", "the store is closed"));
      await queue.drained();
    },
  };
}

type State = {
  readonly kept: Map<string, Kept>;
  readonly meta: Map<string, string>;
  order: number;
  revision: number;
};

function apply(state: State, write: Write): void {
  if (write.kind === "meta") {
    if (write.value === undefined) state.meta.delete(write.key);
    else state.meta.set(write.key, write.value);
    return;
  }
  for (const part of write.commit.parts) applyPart(state, part);
  state.revision += 1;
}

function applyPart(state: State, { account, region, changes }: Part): void {
  for (const { kind, id, before, after } of changes) {
    const key = [account, region, kind, id].join("\u0000");
    const old = state.kept.get(key);
    if ((old === undefined) !== (before === undefined))
      throw new StoreError("failed", `${kind} ${id} is ${old ? "" : "not "}in the store`);
    if (after)
      state.kept.set(key, {
        account,
        region,
        order: old?.order ?? state.order++,
        json: JSON.stringify(after),
      });
    else state.kept.delete(key);
  }
}
