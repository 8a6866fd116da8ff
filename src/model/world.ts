import { AddressSet } from "../lib/address-set.ts";
import { assert, present } from "../lib/assert.ts";
import { type Ipv4, parseIpv4 } from "../lib/ip.ts";
import { frozen, same } from "./immutable.ts";
import { FIRST_INTERFACE_SLOT } from "./network-interface.ts";
import { Overlay } from "./overlay.ts";
import { Region } from "./region.ts";
import { type Kind, type Resource, type Resources, SLOTTED, type SlottedKind } from "./resource.ts";
import { Slots } from "./slots.ts";
import type { Change, Part, Reader, Tx } from "./state.ts";

/** Every account's regions on this machine, and what they share: the kernel's slots and the public addresses. */
export type World = {
  readonly regions: Map<string, Region>;
  readonly slots: ReadonlyMap<SlottedKind, Slots>;
  readonly publicIps: AddressSet;
};

export type Transaction = Tx & {
  /** What was changed so far: one change per resource, none for what is equal to before. Of several regions, see {@link Transaction.parts}. */
  readonly changes: () => readonly Change[];
  /** The same by region, this one first; none of those where nothing changed. */
  readonly parts: () => readonly Part[];
};

export function newWorld(): World {
  return {
    regions: new Map(),
    publicIps: new AddressSet(),
    slots: new Map(SLOTTED.map((kind) => [kind, new Slots(kind === "network-interface" ? FIRST_INTERFACE_SLOT : 1)])),
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

/** Begins a request: its reads see the world with its own writes on top; the world changes only by {@link applyParts}. */
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

/** What the regions that one request works on have in common. */
type Shared = {
  readonly world: World;
  readonly account: string;
  /** How much more often a public address is held than in the world. */
  readonly held: Map<string, number>;
  readonly least: Map<SlottedKind, number>;
  readonly open: Map<string, OpenPart>;
};
type OpenPart = { readonly tx: Tx; readonly changes: () => readonly Change[] };

function openPart(shared: Shared, region: string): OpenPart {
  const { world, account, held, least, open } = shared;
  const known = open.get(region);
  if (known) return known;
  // A question about a region is not its beginning.
  const base = world.regions.get(regionKey(account, region)) ?? new Region();
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
      const slot = slotsOf(world, kind).free(least.get(kind));
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

function changeOf(kind: Kind, id: string, before: Resource | undefined, after: Resource | undefined): Change[] {
  if (same(before, after)) return [];
  return [{ kind, id, ...(before ? { before } : {}), ...(after ? { after } : {}) }] as Change[];
}

/**
 * Makes the changes of all parts true in memory. They must come from a transaction on the world as it is now.
 * Returns the way back, which undoes them exactly as long as all later changes were undone before.
 */
export function applyParts(world: World, parts: readonly Part[]): () => void {
  const targets = parts.map(({ account, region, changes }): Target => {
    const target = regionOf(world, account, region);
    return { target, changes, orders: changes.map(({ kind, id }) => target.orderOf(kind, id)) };
  });
  swap(world, targets, "before", "after");
  return () => swap(world, targets, "after", "before");
}

/** The same of one region. */
export function applyChanges(world: World, account: string, region: string, changes: readonly Change[]): () => void {
  return applyParts(world, [{ account, region, changes }]);
}

type Side = "before" | "after";
/** `orders`: the changes' places in the order of creation, before any of them. */
type Target = { readonly target: Region; readonly changes: readonly Change[]; readonly orders: readonly (number | undefined)[] };

function swap(world: World, targets: readonly Target[], from: Side, to: Side): void {
  for (const { target, changes } of targets)
    for (const change of changes)
      assert(isAsSaid(target.get(change.kind, change.id), change[from]), `${change.kind} ${change.id} is as the change has it`);
  const all = targets.flatMap(({ changes }) => changes);
  for (const change of all) letGo(world, change[from], change[to]);
  for (const change of all) hold(world, change[to], change[from]);
  for (const { target, changes, orders } of targets) {
    for (const [place, change] of changes.entries()) {
      const now = change[to];
      if (now) target.put(now, orders[place]);
      else target.delete(change.kind, change.id);
    }
  }
}

export type Missed = {
  readonly account: string;
  readonly region: string;
  readonly kind: Kind;
  readonly id: string;
  /** What it is now, and its place in the order of creation; absent when it is gone. */
  readonly now?: { readonly resource: Resource; readonly order: number };
};

/**
 * Brings a world that is behind to what it should be. Returns what that changed, by account and region: each resource once.
 * Slots may have passed from one resource to another meanwhile.
 */
export function catchUp(
  world: World,
  missed: readonly Missed[],
): readonly { readonly account: string; readonly region: string; readonly changes: readonly Change[] }[] {
  const found = new Map<string, { readonly account: string; readonly region: string; readonly changes: Change[] }>();
  const before = missed.map(({ account, region, kind, id }) => regionOf(world, account, region).get(kind, id));
  // What was deleted and made again has a new place, and perhaps a new slot.
  const stayed = missed.map(
    ({ account, region, kind, id, now }) => now && regionOf(world, account, region).orderOf(kind, id) === now.order,
  );
  for (const [place, { now }] of missed.entries()) letGo(world, before[place], stayed[place] ? now?.resource : undefined);
  for (const [place, { account, region, kind, id, now }] of missed.entries()) {
    hold(world, now?.resource, stayed[place] ? before[place] : undefined);
    const target = regionOf(world, account, region);
    if (!stayed[place]) target.delete(kind, id);
    if (now) target.put(now.resource, now.order);
    else target.delete(kind, id);
    const key = regionKey(account, region);
    if (!found.has(key)) found.set(key, { account, region, changes: [] });
    found.get(key)?.changes.push(...changeOf(kind, id, before[place], now?.resource));
  }
  return [...found.values()];
}

/** A packed resource that was decoded twice is not the same object. */
function isAsSaid(found: Resource | undefined, said: Resource | undefined): boolean {
  return found === said || same(found, said);
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

/** Lets go of the shared number and addresses of a resource that is replaced, or gone when there is no `next`. */
function letGo(world: World, resource: Resource | undefined, next: Resource | undefined): void {
  if (!resource) return;
  if ("slot" in resource && !next) slotsOf(world, resource.kind).giveBack(resource.slot);
  for (const ip of publicIpsOf(resource)) world.publicIps.delete(addressOf(ip));
}

/** Takes the shared number and addresses of a resource; one that was there before holds its slot already. */
function hold(world: World, resource: Resource | undefined, before?: Resource): void {
  if (!resource) return;
  for (const ip of publicIpsOf(resource)) world.publicIps.add(addressOf(ip));
  if (!("slot" in resource)) return;
  if (!before) slotsOf(world, resource.kind).take(resource.slot);
  else assert("slot" in before && before.slot === resource.slot, `${resource.id} keeps its slot`);
}

function addressOf(ip: string): Ipv4 {
  return present(parseIpv4(ip), `the address ${ip}`);
}

export function publicIpsOf(resource: Resources[Kind] | undefined): readonly string[] {
  if (resource?.kind === "address") return [resource.publicIp];
  if (resource?.kind === "network-interface" && resource.autoPublicIp !== undefined) return [resource.autoPublicIp];
  return [];
}
