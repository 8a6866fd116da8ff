import type { Kind, Resources } from "../model/resource.ts";
import type { Change, Reader } from "../model/state.ts";

/** Whether resources of the kind own rows of the tables. Rows are compiled in this order. */
const OWNS_ROWS = {
  vpc: true,
  subnet: true,
  "route-table": true,
  route: true,
  "network-interface": true,
  "security-group": true,
  "network-acl": true,
  "internet-gateway": false,
  address: false,
  "security-group-rule": false,
  instance: false,
  "instance-metadata-defaults": false,
  "subnet-cidr-reservation": false,
  volume: false,
  snapshot: false,
  image: false,
  "placement-group": false,
  "key-pair": false,
  "image-alias": false,
  "launch-template": false,
  "dhcp-options": false,
  "nat-gateway": false,
  "egress-only-internet-gateway": false,
  "vpc-peering-connection": false,
  "prefix-list": false,
  "vpc-endpoint": false,
  "vpn-gateway": false,
  "public-ipv4-pool": false,
  "customer-gateway": false,
  "carrier-gateway": false,
  "block-public-access": false,
  "block-public-access-exclusion": false,
  "flow-log": false,
  "client-token": false,
  region: false,
} as const satisfies { readonly [K in Kind]: boolean };

export type UnitKind = {
  [K in Kind]: (typeof OWNS_ROWS)[K] extends true ? K : never;
}[Kind];
/** The kinds of units: resources that own rows. Each row belongs to exactly one unit. */
export const UNIT_KINDS = (Object.keys(OWNS_ROWS) as readonly Kind[]).filter(isUnitKind);
export type Unit = { readonly kind: UnitKind; readonly id: string };

type Side<K extends Kind> = Resources[K] | undefined;
type Affects<K extends Kind> = (
  before: Side<K>,
  after: Side<K>,
  id: string,
  readers: Both,
) => readonly Unit[];
type Both = { readonly before: Reader; readonly after: Reader };

/**
 * The units whose rows the changes may alter, each once. All other units' rows are the same before and after.
 */
export function affectedUnits(readers: Both, changes: readonly Change[]): readonly Unit[] {
  const units = new Map<string, Unit>();
  for (const change of changes) {
    const affects = AFFECTS[change.kind] as unknown as Affects<Kind>;
    for (const unit of affects(change.before, change.after, change.id, readers))
      units.set(`${unit.kind} ${unit.id}`, unit);
  }
  return [...units.values()];
}

const unit = (kind: UnitKind, id: string | undefined): readonly Unit[] =>
  id === undefined ? [] : [{ kind, id }];
/**
 * The resource that a flow log is for, recognized by its id's prefix; for a regional NAT gateway its zone
 * subnets' interfaces.
 */
function loggedUnits(readers: Both, id: string | undefined): readonly Unit[] {
  if (id?.startsWith("nat-"))
    return both(readers, (reader) => reader.by("network-interface", "natGatewayId", id), "network-interface");
  const kind = id?.startsWith("eni-") ? "network-interface" : id?.startsWith("subnet-") ? "subnet" : "vpc";
  return unit(kind, id);
}

const NOTHING: Affects<Kind> = () => [];

const AFFECTS: { readonly [K in Kind]: Affects<K> } = {
  vpc: (before, after, id, readers) => [
    ...unit("vpc", id),
    ...(sameBlocks(before, after)
      ? []
      : both(readers, (reader) => reader.by("route-table", "vpcId", id), "route-table")),
    ...(before?.mainRouteTable.routeTableId === after?.mainRouteTable.routeTableId
      ? []
      : both(readers, (reader) => reader.by("subnet", "vpcId", id), "subnet")),
  ],
  subnet: (_before, _after, id) => unit("subnet", id),
  "route-table": (before, after, id, readers) => [
    ...unit("route-table", id),
    ...(before && after ? [] : both(readers, (reader) => reader.by("route", "routeTableId", id), "route")),
  ],
  route: (before, after, id) => [
    ...unit("route", id),
    ...unit("route-table", (after ?? before)?.routeTableId),
  ],
  // Attaching and detaching a gateway changes its VPC's row; creating and deleting it changes the routes that
  // name it.
  "internet-gateway": (before, after, id, readers) => [
    ...unit("vpc", before?.vpcId),
    ...unit("vpc", after?.vpcId),
    ...(before && after ? [] : routesTo(readers, id)),
  ],
  address: (before, after) => [
    ...unit("network-interface", before?.association?.networkInterfaceId),
    ...unit("network-interface", after?.association?.networkInterfaceId),
  ],
  "network-interface": (before, after, id, readers) => [
    ...unit("network-interface", id),
    ...(before?.attachment?.instanceId === after?.attachment?.instanceId && before && after
      ? []
      : routesTo(readers, id)),
  ],
  "security-group": (before, after, id, readers) => [
    ...unit("security-group", id),
    ...(before && after ? [] : groupsThatName(readers, "referencedGroupId", id)),
  ],
  "security-group-rule": (before, after) => [
    ...unit("security-group", before?.groupId),
    ...unit("security-group", after?.groupId),
  ],
  "network-acl": (_before, _after, id) => unit("network-acl", id),
  instance: (before, after, id, readers) => {
    const interfaces = both(
      readers,
      (reader) => reader.by("network-interface", "instanceId", id),
      "network-interface",
    );
    const moved = before?.state !== after?.state || before?.machine !== after?.machine;
    if (!moved && before?.metadataOptions === after?.metadataOptions) return [];
    return moved ? interfaces.flatMap((eni) => [eni, ...routesTo(readers, eni.id)]) : interfaces;
  },
  // The preferences only matter to later launches.
  "instance-metadata-defaults": NOTHING,
  "subnet-cidr-reservation": NOTHING,
  volume: NOTHING,
  snapshot: NOTHING,
  image: NOTHING,
  "placement-group": NOTHING,
  "key-pair": NOTHING,
  "image-alias": NOTHING,
  "launch-template": NOTHING,
  "dhcp-options": NOTHING,
  "nat-gateway": (before, after, id, readers) => [
    ...both(readers, (reader) => reader.by("network-interface", "natGatewayId", id), "network-interface"),
    // Routes name one of a regional gateway's interfaces, which come and go with its addresses.
    ...(before?.state === after?.state && before?.addresses === after?.addresses
      ? []
      : routesTo(readers, id)),
  ],
  "egress-only-internet-gateway": (before, after, id, readers) =>
    before && after ? [] : routesTo(readers, id),
  "vpc-peering-connection": (before, after, id, readers) =>
    before?.status === after?.status ? [] : routesTo(readers, id),
  "prefix-list": (before, after, id, readers) =>
    before?.entries === after?.entries
      ? []
      : [...tablesThatName(readers, id), ...groupsThatName(readers, "prefixListId", id)],
  "vpc-endpoint": (before, after, id, readers) => (before && after ? [] : routesTo(readers, id)),
  "vpn-gateway": (before, after, id, readers) =>
    before?.vpcId === after?.vpcId ? [] : routesTo(readers, id),
  "public-ipv4-pool": (before, after, id, { after: reader }) =>
    before?.advertised === after?.advertised
      ? []
      : reader
          .by("address", "pool", id)
          .flatMap(({ association }) => unit("network-interface", association?.networkInterfaceId)),
  "customer-gateway": NOTHING,
  "carrier-gateway": (before, after, id, readers) => (before && after ? [] : routesTo(readers, id)),
  "block-public-access": (_before, _after, _id, readers) =>
    both(readers, (reader) => reader.list("subnet"), "subnet"),
  "block-public-access-exclusion": (before, after, _id, readers) => {
    const resourceId = (after ?? before)?.resourceId ?? "";
    if (resourceId.startsWith("subnet-")) return unit("subnet", resourceId);
    return both(
      readers,
      (reader) => [
        ...reader.by("subnet", "vpcId", resourceId),
        ...reader.by("subnet", "natGatewayVpcId", resourceId),
      ],
      "subnet",
    );
  },
  "flow-log": (before, after, _id, readers) => [
    ...loggedUnits(readers, before?.resourceId),
    ...loggedUnits(readers, after?.resourceId),
  ],
  "client-token": NOTHING,
  region: NOTHING,
};

function sameBlocks(before: Side<"vpc">, after: Side<"vpc">): boolean {
  const text = (vpc: Side<"vpc">): string =>
    [
      ...(vpc?.cidrBlocks ?? []).map(({ cidrBlock }) => cidrBlock),
      ...(vpc?.ipv6CidrBlocks ?? []).map((block) => block.ipv6CidrBlock),
    ].join();
  return text(before) === text(after);
}

/**
 * The routes to a target, and for a route whose destination is a prefix list also its table, which expands
 * the list.
 */
function routesTo(readers: Both, id: string): readonly Unit[] {
  return [readers.before, readers.after]
    .flatMap((reader) => reader.by("route", "target", id))
    .flatMap((route) =>
      route.destination.startsWith("pl-") ? unit("route-table", route.routeTableId) : unit("route", route.id),
    );
}

/** The groups with a rule that names this group or prefix list. */
function groupsThatName(
  readers: Both,
  index: "referencedGroupId" | "prefixListId",
  id: string,
): readonly Unit[] {
  const rules = [readers.before, readers.after].flatMap((reader) =>
    reader.by("security-group-rule", index, id),
  );
  return rules.flatMap((rule) => unit("security-group", rule.groupId));
}

function tablesThatName(readers: Both, prefixListId: string): readonly Unit[] {
  const routes = [readers.before, readers.after].flatMap((reader) =>
    reader.by("route", "prefixListId", prefixListId),
  );
  return routes.flatMap((route) => unit("route-table", route.routeTableId));
}

function both(
  readers: Both,
  find: (reader: Reader) => readonly { readonly id: string }[],
  kind: UnitKind,
): readonly Unit[] {
  return [...find(readers.before), ...find(readers.after)].map(({ id }) => ({ kind, id }));
}

function isUnitKind(kind: Kind): kind is UnitKind {
  return OWNS_ROWS[kind];
}
