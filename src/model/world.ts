import { AddressSet } from "../lib/address-set.ts";
import { assert } from "../lib/assert.ts";
import { frozen, same } from "./immutable.ts";
import { FIRST_INTERFACE_SLOT } from "./network-interface.ts";
import { Overlay } from "./overlay.ts";
import { realmKey, realmOf } from "./realm.ts";
import { Region } from "./region.ts";
import { type Kind, type Resource, SLOTTED, type SlottedKind } from "./resource.ts";
import { Slots } from "./slots.ts";
import type { Change, Part, Reader, RealmReader, Tx } from "./state.ts";
import { exchange, publicIpsOf, type SharedByRegions, slotsOf } from "./world-shared.ts";

/** The regions of every account on this machine, and what they share: slots and public addresses. */
export type World = SharedByRegions & {
  readonly regions: Map<string, Region>;
};

export type Transaction = Tx & {
  /**
   * The changes so far: one per resource, none for a resource that equals what it was before. For several
   * regions see {@link Transaction.parts}.
   */
  readonly changes: () => readonly Change[];
  /** The changes by region, this one first; regions without changes are left out. */
  readonly parts: () => readonly Part[];
};

export function newWorld(): World {
  return {
    regions: new Map(),
    publicIps: new AddressSet(),
    slots: new Map(
      SLOTTED.map((kind) => [kind, new Slots(kind === "network-interface" ? FIRST_INTERFACE_SLOT : 1)]),
    ),
  };
}

/** One account's region; empty when it has not begun. */
export function regionOf(world: World, account: string, region: string): Region {
  const key = realmKey({ account, region });
  let found = world.regions.get(key);
  if (!found) {
    found = new Region();
    world.regions.set(key, found);
  }
  return found;
}

/** All accounts' regions, each with its reader. */
export function realmReaders(world: World): readonly RealmReader[] {
  return [...world.regions].map(([key, reader]) => ({ realm: realmOf(key), reader }));
}

export function readerOf(world: World, account: string, region: string): Reader {
  return regionOf(world, account, region);
}

/**
 * Begins a request: its reads see the world with its own writes on top; the world changes only by {@link
 * applyParts}.
 */
export function beginTx(world: World, account: string, region: string): Transaction {
  const shared: Shared = { world, account, held: new Map(), least: new Map(), open: new Map() };
  const { changes, tx } = openPart(shared, region);
  const parts = (): readonly Part[] =>
    [...shared.open].flatMap(([name, part]) => {
      const changed = part.changes();
      return changed.length === 0 ? [] : [{ account, region: name, changes: changed }];
    });
  return {
    ...tx,
    changes: () => {
      assert(
        [...shared.open].every(([name, part]) => name === region || part.changes().length === 0),
        "nothing changed elsewhere",
      );
      return changes();
    },
    parts,
  };
}

/** What the regions of one request share. */
type Shared = {
  readonly world: World;
  readonly account: string;
  /** How many more holders a public address has than in the world. */
  readonly held: Map<string, number>;
  readonly least: Map<SlottedKind, number>;
  readonly open: Map<string, OpenPart>;
};
type OpenPart = { readonly tx: Tx; readonly changes: () => readonly Change[] };

function openPart(shared: Shared, region: string): OpenPart {
  const { world, account, held, least, open } = shared;
  const known = open.get(region);
  if (known) return known;
  // A question about a region does not begin it.
  const base = world.regions.get(realmKey({ account, region })) ?? new Region();
  const writes = new Overlay(base);
  const { get, list, by, count, countBy, slice, sliceBy } = writes;
  const swap = (kind: Kind, id: string, now: Resource | undefined): void => {
    for (const ip of publicIpsOf(get(kind, id))) held.set(ip, (held.get(ip) ?? 0) - 1);
    for (const ip of publicIpsOf(now)) held.set(ip, (held.get(ip) ?? 0) + 1);
  };
  const tx: Tx = {
    get,
    list,
    by,
    count,
    countBy,
    slice,
    sliceBy,
    put: (resource) => {
      swap(resource.kind, resource.id, resource);
      writes.put(frozen(resource));
    },
    delete: (kind, id) => {
      assert(get(kind, id), `${kind} ${id} exists`);
      swap(kind, id, undefined);
      writes.delete(kind, id);
    },
    slot: (kind) => {
      const slot = slotsOf(world.slots, kind).free(least.get(kind));
      least.set(kind, slot + 1);
      return slot;
    },
    publicIpTaken: (ip) => Number(world.publicIps.has(ip)) + (held.get(ip) ?? 0) > 0,
    elsewhere: (other) => openPart(shared, other).tx,
  };
  const changes = (): readonly Change[] =>
    [...writes.decided()].flatMap(({ kind, id }) => changeOf(kind, id, base.get(kind, id), get(kind, id)));
  const part = { tx, changes };
  open.set(region, part);
  return part;
}

function changeOf(
  kind: Kind,
  id: string,
  before: Resource | undefined,
  after: Resource | undefined,
): Change[] {
  if (same(before, after)) return [];
  return [{ kind, id, ...(before ? { before } : {}), ...(after ? { after } : {}) }] as Change[];
}

/**
 * Applies the changes of all parts in memory. They must fit the world as it is now, as those of a transaction
 * on it do; otherwise this throws, and nothing has changed.
 * Returns a function that undoes them; it is exact as long as all later changes are undone before.
 */
export function applyParts(world: World, parts: readonly Part[]): () => void {
  const targets = parts.map(({ account, region, changes }): Target => {
    const key = realmKey({ account, region });
    const target = world.regions.get(key) ?? new Region();
    return { key, target, changes, orders: changes.map(({ kind, id }) => target.orderOf(kind, id)) };
  });
  swap(world, targets, "before", "after");
  return () => swap(world, targets, "after", "before");
}

/** Applies the changes of one region. */
export function applyChanges(
  world: World,
  account: string,
  region: string,
  changes: readonly Change[],
): () => void {
  return applyParts(world, [{ account, region, changes }]);
}

type Side = "before" | "after";
/** `orders`: the changed resources' ranks in the order of creation, before any change. */
type Target = {
  readonly key: string;
  readonly target: Region;
  readonly changes: readonly Change[];
  readonly orders: readonly (number | undefined)[];
};

function swap(world: World, targets: readonly Target[], from: Side, to: Side): void {
  requireFit(targets, from, to);
  const all = targets.flatMap(({ changes }) => changes);
  exchange(
    world,
    all.map((change) => ({ before: change[from], after: change[to] })),
  );
  for (const { key, target, changes, orders } of targets) {
    world.regions.set(key, target);
    for (const [index, change] of changes.entries()) {
      const now = change[to];
      if (now) target.put(now, orders[index]);
      else target.delete(change.kind, change.id);
    }
  }
}

/** Each region and each resource once, and as the change says that it is. */
function requireFit(targets: readonly Target[], from: Side, to: Side): void {
  assert(new Set(targets.map(({ key }) => key)).size === targets.length, "each region has one part");
  for (const { target, changes } of targets) {
    const names = new Set(changes.map(({ kind, id }) => `${kind} ${id}`));
    assert(names.size === changes.length, "each resource has one change");
    for (const change of changes) {
      const { kind, id } = change;
      assert(isAsSaid(target.get(kind, id), change[from]), `${kind} ${id} is as the change has it`);
      const now = change[to];
      assert(!now || (now.kind === kind && now.id === id), `the change of ${kind} ${id} is its own`);
    }
  }
}

export type Missed = {
  readonly account: string;
  readonly region: string;
  readonly kind: Kind;
  readonly id: string;
  /**
   * The resource now, and its rank in the order of creation; absent when it is gone. Without a rank it keeps
   * the one that it has, and a new resource is the latest.
   */
  readonly now?: { readonly resource: Resource; readonly order?: number };
};

/**
 * Brings a world that is behind to the newest state. Returns the changes by account and region, one per
 * resource. Slots may have passed from one resource to another meanwhile.
 */
export function catchUp(
  world: World,
  missed: readonly Missed[],
): readonly { readonly account: string; readonly region: string; readonly changes: readonly Change[] }[] {
  const found = new Map<
    string,
    { readonly account: string; readonly region: string; readonly changes: Change[] }
  >();
  const before = missed.map(({ account, region, kind, id }) =>
    regionOf(world, account, region).get(kind, id),
  );
  // A resource that was deleted and made again has a new rank, and perhaps a new slot.
  const stayed = missed.map(
    ({ account, region, kind, id, now }, index) =>
      now &&
      (now.order === undefined
        ? before[index] !== undefined
        : regionOf(world, account, region).orderOf(kind, id) === now.order),
  );
  exchange(
    world,
    missed.flatMap(({ now }, index) =>
      stayed[index]
        ? [{ before: before[index], after: now?.resource }]
        : [
            { before: before[index], after: undefined },
            { before: undefined, after: now?.resource },
          ],
    ),
  );
  for (const [index, { account, region, kind, id, now }] of missed.entries()) {
    const target = regionOf(world, account, region);
    if (!stayed[index]) target.delete(kind, id);
    if (now) target.put(now.resource, now.order ?? target.orderOf(kind, id));
    else target.delete(kind, id);
    const key = realmKey({ account, region });
    if (!found.has(key)) found.set(key, { account, region, changes: [] });
    found.get(key)?.changes.push(...changeOf(kind, id, before[index], now?.resource));
  }
  return [...found.values()];
}

/** Compares by content: two decodings of one packed resource are different objects. */
function isAsSaid(found: Resource | undefined, said: Resource | undefined): boolean {
  return found === said || same(found, said);
}

/** Puts one stored resource back at its old rank in the order of creation. */
export function restore(
  world: World,
  account: string,
  region: string,
  resource: Resource,
  order: number,
): void {
  exchange(world, [{ before: undefined, after: resource }]);
  regionOf(world, account, region).put(resource, order);
}
