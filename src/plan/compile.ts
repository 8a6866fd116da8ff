import type { NetworkInterface } from "../model/network-interface.ts";
import { readerBefore } from "../model/region.ts";
import type { Kind, Resource } from "../model/resource.ts";
import type { Change, Reader } from "../model/state.ts";
import { entryName, sameValue } from "./entry.ts";
import { networkAclEntries } from "./network-acl.ts";
import { networkInterfaceEntries } from "./network-interface.ts";
import { routeEntries, routeTableEntries } from "./route-table.ts";
import { securityGroupEntries } from "./security-group.ts";
import { subnetEntries } from "./subnet.ts";
import type { Delta, Entry } from "./tables.ts";
import { vpcEntries } from "./vpc.ts";

/** The kinds of resource that own rows. A unit is one such resource; no row has two owners. */
const UNITS = ["vpc", "subnet", "route-table", "route", "security-group", "network-acl", "network-interface"] as const;
type UnitKind = (typeof UNITS)[number];
type Unit = { readonly kind: UnitKind; readonly id: string };

/** All rows of one region, in no particular order. A pure function of the state. */
export function regionEntries(reader: Reader, pools: readonly string[]): readonly Entry[] {
  return UNITS.flatMap((kind) => reader.list(kind).flatMap(({ id }) => unitEntries(reader, { kind, id }, pools)));
}

/**
 * What a request's changes do to the rows. `after` reads the state with the changes made. Costs what the change
 * touches, and equals the difference of two full compiles.
 */
export function planDelta(after: Reader, changes: readonly Change[], pools: readonly string[]): Delta {
  const before = readerBefore(after, changes);
  const units = new Map(changes.flatMap((change) => dirtied(before, after, change)).map((unit) => [`${unit.kind}/${unit.id}`, unit]));
  const old = new Map([...units.values()].flatMap((unit) => unitEntries(before, unit, pools)).map((row) => [entryName(row), row]));
  const now = new Map([...units.values()].flatMap((unit) => unitEntries(after, unit, pools)).map((row) => [entryName(row), row]));
  const puts = [...now].flatMap(([name, row]) => {
    const was = old.get(name);
    return was && sameValue(was, row) ? [] : [row];
  });
  return { puts, removals: [...old].flatMap(([name, row]) => (now.has(name) ? [] : [row])) };
}

function unitEntries(reader: Reader, unit: Unit, pools: readonly string[]): readonly Entry[] {
  switch (unit.kind) {
    case "vpc":
      return of(reader, unit.kind, unit.id, (vpc) => vpcEntries(reader, vpc));
    case "subnet":
      return of(reader, unit.kind, unit.id, (subnet) => subnetEntries(reader, subnet));
    case "route-table":
      return of(reader, unit.kind, unit.id, (table) => routeTableEntries(reader, table));
    case "route":
      return of(reader, unit.kind, unit.id, (route) => routeEntries(reader, route));
    case "security-group":
      return of(reader, unit.kind, unit.id, (group) => securityGroupEntries(reader, group));
    case "network-acl":
      return of(reader, unit.kind, unit.id, networkAclEntries);
    case "network-interface":
      return of(reader, unit.kind, unit.id, (eni) => networkInterfaceEntries(reader, eni, pools));
  }
}

function of<K extends UnitKind>(
  reader: Reader,
  kind: K,
  id: string,
  entries: (resource: Extract<Resource, { kind: K }>) => readonly Entry[],
): readonly Entry[] {
  const resource = reader.get(kind, id);
  return resource ? entries(resource as unknown as Extract<Resource, { kind: K }>) : [];
}

type Dirt = { [K in Kind]?: (resource: Extract<Resource, { kind: K }>, reader: Reader) => readonly Unit[] };

const units = (kind: UnitKind, resources: readonly { readonly id: string }[]): readonly Unit[] => resources.map(({ id }) => ({ kind, id }));

/** Which other units read a resource of each kind, besides its own. Slots never change, so who names only a slot is not among them. */
const DIRT: Dirt = {
  vpc: (vpc, reader) => [...units("route-table", reader.by("route-table", "vpcId", vpc.id))],
  "internet-gateway": (gateway, reader) => [
    ...(gateway.vpcId === undefined ? [] : [{ kind: "vpc" as const, id: gateway.vpcId }]),
    ...units("route", reader.by("route", "target", gateway.id)),
  ],
  route: (route) => [{ kind: "route-table", id: route.routeTableId }],
  address: ({ association }) => (association ? [{ kind: "network-interface", id: association.networkInterfaceId }] : []),
  "network-interface": (eni, reader) => units("route", reader.by("route", "target", eni.id)),
  "security-group-rule": (rule) => [{ kind: "security-group", id: rule.groupId }],
  instance: (instance, reader) =>
    reader
      .by("network-interface", "instanceId", instance.id)
      .flatMap((eni) => [...ownUnit(eni), ...units("route", reader.by("route", "target", eni.id))]),
};

function ownUnit(eni: NetworkInterface): readonly Unit[] {
  return [{ kind: "network-interface", id: eni.id }];
}

function dirtied(before: Reader, after: Reader, change: Change): readonly Unit[] {
  const own = isUnit(change.kind) ? [{ kind: change.kind, id: change.id }] : [];
  const dirt = DIRT[change.kind] as ((resource: Resource, reader: Reader) => readonly Unit[]) | undefined;
  return [
    ...own,
    ...(dirt && change.before ? dirt(change.before, before) : []),
    ...(dirt && change.after ? dirt(change.after, after) : []),
    ...mainTableSubnets(after, change),
  ];
}

/** A VPC's other main route table concerns its subnets without a table of their own. */
function mainTableSubnets(after: Reader, change: Change): readonly Unit[] {
  if (change.kind !== "vpc") return [];
  const { before, after: now } = change as Change<"vpc">;
  if (!before || !now || before.mainRouteTable.routeTableId === now.mainRouteTable.routeTableId) return [];
  return units(
    "subnet",
    after.by("subnet", "vpcId", now.id).filter((subnet) => !subnet.routeTableAssociation),
  );
}

function isUnit(kind: Kind): kind is UnitKind {
  return (UNITS as readonly Kind[]).includes(kind);
}
