import { assert } from "../lib/assert.ts";
import { FIRST_INTERFACE_SLOT } from "./network-interface.ts";
import { type Overlaid, overlay, Region } from "./region.ts";
import { type Kind, type Resource, type Resources, SLOTTED, type SlottedKind } from "./resource.ts";
import type { Change, Reader, Tx } from "./state.ts";

/** Every account's regions on this machine, and what they share: the kernel's slots and the public addresses. */
export type World = {
  readonly regions: Map<string, Region>;
  readonly slots: ReadonlyMap<SlottedKind, Slots>;
  readonly publicIps: Set<string>;
};

export type Transaction = Tx & {
  /** What was changed so far: one change per resource, none for what is equal to before. */
  readonly changes: () => readonly Change[];
};

export function newWorld(): World {
  return {
    regions: new Map(),
    slots: new Map(SLOTTED.map((kind) => [kind, new Slots(kind === "network-interface" ? FIRST_INTERFACE_SLOT : 1)])),
    publicIps: new Set(),
  };
}

function regionKey(account: string, region: string): string {
  return `${account}/${region}`;
}

/** One account's region; an empty one when nothing was put into it yet. */
export function regionOf(world: World, account: string, region: string): Region {
  const key = regionKey(account, region);
  let found = world.regions.get(key);
  if (!found) {
    found = new Region();
    world.regions.set(key, found);
  }
  return found;
}

export function readerOf(world: World, account: string, region: string): Reader {
  return regionOf(world, account, region);
}

/** Begins a request: its reads see the world with its own writes on top; the world changes only by {@link applyChanges}. */
export function beginTx(world: World, account: string, region: string): Transaction {
  const base = regionOf(world, account, region);
  const writes = new Map<string, Overlaid>();
  const taken = new Map<SlottedKind, number[]>();
  const publicIpChanges = (): Map<string, boolean> => {
    const held = new Map<string, boolean>();
    for (const { kind, id } of writes.values()) for (const ip of publicIpsOf(base.get(kind, id))) held.set(ip, false);
    for (const { now } of writes.values()) for (const ip of publicIpsOf(now)) held.set(ip, true);
    return held;
  };
  return {
    ...overlay(base, writes),
    put: (resource) => {
      const key = `${resource.kind}/${resource.id}`;
      // A resource that was deleted and comes again comes last.
      if (writes.get(key)?.now === undefined) writes.delete(key);
      writes.set(key, { kind: resource.kind, id: resource.id, now: resource });
    },
    delete: (kind, id) => {
      assert(writes.get(`${kind}/${id}`)?.now ?? base.get(kind, id), `${kind} ${id} exists`);
      writes.set(`${kind}/${id}`, { kind, id, now: undefined });
    },
    slot: (kind) => {
      const mine = taken.get(kind) ?? [];
      const slot = slotsOf(world, kind).free(mine);
      taken.set(kind, [...mine, slot]);
      return slot;
    },
    publicIpTaken: (ip) => publicIpChanges().get(ip) ?? world.publicIps.has(ip),
    changes: () => [...writes.values()].flatMap((write) => changeOf(base, write)),
  };
}

function changeOf(base: Region, { kind, id, now }: Overlaid): Change[] {
  const before = base.get(kind, id);
  if (before === now || (before && now && JSON.stringify(before) === JSON.stringify(now))) return [];
  return [{ kind, id, ...(before ? { before } : {}), ...(now ? { after: now } : {}) }] as Change[];
}

/**
 * Makes the changes true in memory. They must come from a transaction on the world as it is now.
 * Returns the way back, which undoes them exactly as long as all later changes were undone before.
 */
export function applyChanges(world: World, account: string, region: string, changes: readonly Change[]): () => void {
  const target = regionOf(world, account, region);
  const orders = changes.map(({ kind, id }) => target.orderOf(kind, id));
  swapShared(world, changes, "before", "after");
  for (const { kind, id, after } of changes) {
    if (after) target.put(after);
    else target.delete(kind, id);
  }
  return () => {
    swapShared(world, changes, "after", "before");
    for (const [place, { kind, id, before }] of changes.entries()) {
      if (before) target.put(before, orders[place]);
      else target.delete(kind, id);
    }
  };
}

/** Puts one stored resource back, at its old place in the order of creation. */
export function restore(world: World, account: string, region: string, resource: Resource, order: number): void {
  hold(world, resource);
  regionOf(world, account, region).put(resource, order);
}

function slotsOf(world: World, kind: SlottedKind): Slots {
  const slots = world.slots.get(kind);
  assert(slots, `${kind} has slots`);
  return slots;
}

/** Lets go of what the changed resources held of the shared numbers and addresses, and takes what they hold now. */
function swapShared(world: World, changes: readonly Change[], from: "before" | "after", to: "before" | "after"): void {
  for (const change of changes) {
    const old = change[from];
    if (old && "slot" in old && !change[to]) slotsOf(world, old.kind).giveBack(old.slot);
    for (const ip of publicIpsOf(old)) world.publicIps.delete(ip);
  }
  for (const change of changes) hold(world, change[to], change[from]);
}

/** A resource's slot never changes, so that one which was there before holds its slot already. */
function hold(world: World, resource: Resource | undefined, before?: Resource): void {
  if (!resource) return;
  if ("slot" in resource && !before) slotsOf(world, resource.kind).take(resource.slot);
  for (const ip of publicIpsOf(resource)) world.publicIps.add(ip);
}

function publicIpsOf(resource: Resources[Kind] | undefined): readonly string[] {
  if (resource?.kind === "address") return [resource.publicIp];
  if (resource?.kind === "network-interface" && resource.autoPublicIp !== undefined) return [resource.autoPublicIp];
  return [];
}

/** The numbers of one kind that are in use; the lowest free one is found without a search through those in use. */
export class Slots {
  readonly #first: number;
  readonly #used = new Set<number>();
  /** Below this, the free numbers are those in the heap (where some may be in use again). */
  #top: number;
  readonly #gaps: number[] = [];

  constructor(first: number) {
    this.#first = first;
    this.#top = first;
  }

  /** The lowest number that is neither in use nor among `besides`. */
  free(besides: readonly number[]): number {
    const skipped = new Set(besides);
    for (;;) {
      const lowest = this.#gaps[0];
      if (lowest === undefined || (!this.#used.has(lowest) && !skipped.has(lowest))) break;
      if (skipped.has(lowest)) return this.#search(skipped);
      popHeap(this.#gaps);
    }
    const lowest = this.#gaps[0];
    if (lowest !== undefined) return lowest;
    let slot = this.#top;
    while (this.#used.has(slot) || skipped.has(slot)) slot += 1;
    return slot;
  }

  /** The lowest free number when this transaction already took the lowest gap. */
  #search(skipped: ReadonlySet<number>): number {
    let best: number | undefined;
    for (const gap of this.#gaps) if (!this.#used.has(gap) && !skipped.has(gap) && (best === undefined || gap < best)) best = gap;
    if (best !== undefined) return best;
    let slot = this.#top;
    while (this.#used.has(slot) || skipped.has(slot)) slot += 1;
    return slot;
  }

  take(slot: number): void {
    assert(slot >= this.#first && !this.#used.has(slot), `slot ${slot} is free`);
    this.#used.add(slot);
    while (this.#top < slot) {
      if (!this.#used.has(this.#top)) pushHeap(this.#gaps, this.#top);
      this.#top += 1;
    }
    while (this.#used.has(this.#top)) this.#top += 1;
  }

  giveBack(slot: number): void {
    if (this.#used.delete(slot) && slot < this.#top) pushHeap(this.#gaps, slot);
  }
}

function pushHeap(heap: number[], value: number): void {
  let place = heap.push(value) - 1;
  while (place > 0) {
    const parent = (place - 1) >> 1;
    if ((heap[parent] ?? 0) <= value) break;
    heap[place] = heap[parent] ?? 0;
    place = parent;
  }
  heap[place] = value;
}

function popHeap(heap: number[]): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  let place = 0;
  for (;;) {
    let child = place * 2 + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && (heap[child + 1] ?? 0) < (heap[child] ?? 0)) child += 1;
    if ((heap[child] ?? 0) >= last) break;
    heap[place] = heap[child] ?? 0;
    place = child;
  }
  heap[place] = last;
}
