import type { AddressSet } from "../lib/address-set.ts";
import { formatIpv4, type Ipv4, parseIpv4 } from "../lib/address.ts";
import { assert, present } from "../lib/assert.ts";
import type { Kind, Resource, Resources, SlottedKind } from "./resource.ts";
import type { Slots } from "./slots.ts";

/** What the regions of every account on this machine share. */
export type SharedByRegions = {
  readonly slots: ReadonlyMap<SlottedKind, Slots>;
  readonly publicIps: AddressSet;
};

/** A resource and what takes its place: absent before it is made, and after it is deleted. */
export type Exchange = { readonly before: Resource | undefined; readonly after: Resource | undefined };

type Slot = { readonly kind: SlottedKind; readonly slot: number };
/** What one exchange gives back and takes. A slot that stays with its resource is in neither. */
type Difference = {
  readonly freed: Slot | undefined;
  readonly taken: Slot | undefined;
  readonly left: readonly Ipv4[];
  readonly held: readonly Ipv4[];
};

/**
 * Gives back what the resources before held, and takes what those after hold. Throws when that is not free, and
 * then nothing has changed.
 */
export function exchange(shared: SharedByRegions, exchanges: readonly Exchange[]): void {
  const all = exchanges.map(differenceOf);
  requireFree(shared, all);
  for (const { freed, left } of all) {
    if (freed) slotsOf(shared.slots, freed.kind).giveBack(freed.slot);
    for (const ip of left) shared.publicIps.delete(ip);
  }
  for (const { taken, held } of all) {
    if (taken) slotsOf(shared.slots, taken.kind).take(taken.slot);
    for (const ip of held) shared.publicIps.add(ip);
  }
}

function differenceOf({ before, after }: Exchange): Difference {
  const [freed, taken] = [slotOf(before), slotOf(after)];
  if (before && after) assert(freed?.slot === taken?.slot, `${after.id} keeps its slot`);
  return {
    freed: after ? undefined : freed,
    taken: before ? undefined : taken,
    left: publicIpsOf(before).map(addressOf),
    held: publicIpsOf(after).map(addressOf),
  };
}

function requireFree(shared: SharedByRegions, all: readonly Difference[]): void {
  const name = ({ kind, slot }: Slot): string => `slot ${slot} of ${kind}`;
  const free = new Set<string | Ipv4>();
  for (const { freed, left } of all) {
    if (freed) assert(slotsOf(shared.slots, freed.kind).has(freed.slot), `${name(freed)} is in use`);
    for (const one of [...(freed ? [name(freed)] : []), ...left]) {
      assert(!free.has(one), `${one} is given back once`);
      free.add(one);
    }
  }
  const taken = new Set<string | Ipv4>();
  for (const { taken: slot, held } of all) {
    if (slot) {
      const isFree = free.has(name(slot)) || slotsOf(shared.slots, slot.kind).isFree(slot.slot);
      assert(isFree && !taken.has(name(slot)), `${name(slot)} is free`);
      taken.add(name(slot));
    }
    for (const ip of held) {
      const text = formatIpv4(ip);
      assert((free.has(ip) || !shared.publicIps.has(text)) && !taken.has(ip), `${text} is free`);
      taken.add(ip);
    }
  }
}

function slotOf(resource: Resource | undefined): Slot | undefined {
  return resource && "slot" in resource ? { kind: resource.kind, slot: resource.slot } : undefined;
}

export function slotsOf(slots: ReadonlyMap<SlottedKind, Slots>, kind: SlottedKind): Slots {
  const found = slots.get(kind);
  assert(found, `${kind} has slots`);
  return found;
}

function addressOf(ip: string): Ipv4 {
  return present(parseIpv4(ip), `the address ${ip}`);
}

export function publicIpsOf(resource: Resources[Kind] | undefined): readonly string[] {
  if (resource?.kind === "address") return [resource.publicIp];
  if (resource?.kind === "network-interface" && resource.autoPublicIp !== undefined)
    return [resource.autoPublicIp];
  return [];
}
