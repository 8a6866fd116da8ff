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

/** A store that keeps nothing after the process ends. For tests. */
export function openMemory(): Store {
  let kept = new Map<string, Kept>();
  let meta = new Map<string, string>();
  let order = 0;
  const queue = new CommitQueue({
    revision: 0,
    write: async (writes) => {
      const next = { kept: new Map(kept), meta: new Map(meta), order };
      for (const write of writes) apply(next, write);
      ({ kept, meta, order } = next);
    },
  });
  return {
    revision: () => queue.revision,
    commit: (commit) => queue.add({ kind: "commit", commit }),
    load: async (): Promise<World> => {
      await queue.drained();
      const world = newWorld();
      for (const { account, region, json, order } of kept.values())
        restore(world, account, region, JSON.parse(json) as Resource, order);
      return world;
    },
    meta: (key) => meta.get(key),
    setMeta: async (key, value) => {
      await queue.add({ kind: "meta", key, value });
    },
    close: async () => {
      queue.refuse(new StoreError("closed", "the store is closed"));
      await queue.drained();
    },
  };
}

type State = { readonly kept: Map<string, Kept>; readonly meta: Map<string, string>; order: number };

function apply(state: State, write: Write): void {
  if (write.kind === "meta") {
    if (write.value === undefined) state.meta.delete(write.key);
    else state.meta.set(write.key, write.value);
    return;
  }
  for (const part of write.commit.parts) applyPart(state, part);
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
