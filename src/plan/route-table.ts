import { type Entry, IPV6_ROUTES, ROUTE_TARGET, type StructValue } from "../contract/tables.ts";
import { formatIpv4 } from "../lib/address.ts";
import { present } from "../lib/assert.ts";
import { type Ipv4Block, parseIpv4Block, parseIpv6Block } from "../lib/block.ts";
import { NAT64_BLOCK } from "../lib/nat64.ts";
import { prefixListEntries } from "../model/aws-prefix-list.ts";
import { isActive } from "../model/route-state.ts";
import { type Route, routeId, type RouteTable } from "../model/route-table.ts";
import type { Reader } from "../model/state.ts";
import { betweenRegions, otherSide } from "../model/vpc-peering-connection.ts";

/**
 * The bits of a route's key in front of an IPv4 prefix: 32 of the table's number and 96 of the mapped
 * address.
 */
const IPV4_ROUTE_BITS = 128;
const TABLE_BITS = 32;

/**
 * A route table's own rows: the blocks of its prefix lists, and a local route for each block of its VPC
 * unless a user's route has exactly that destination.
 */
export function routeTableRows(reader: Reader, table: RouteTable): readonly Entry[] {
  const vpc = present(reader.get("vpc", table.vpcId), `${table.vpcId} of ${table.id}`);
  const blocks = [
    ...vpc.cidrBlocks.map(({ cidrBlock }) => cidrBlock),
    ...(vpc.ipv6CidrBlocks ?? []).map(({ ipv6CidrBlock }) => ipv6CidrBlock),
  ];
  const local = blocks
    .filter((block) => !reader.get("route", routeId(table.id, block)))
    .flatMap((block) => blockRows(table, block, { target: ROUTE_TARGET.local, slot: 0 }));
  return [...local, ...listedRows(reader, table, new Set(blocks))];
}

/**
 * A route for each block of the prefix lists that routes name. For exactly the same destination, the local
 * route and a route that names the block take precedence; among several lists, the one with the lowest id
 * always does (VPC user guide, "Route priority and prefix lists").
 */
function listedRows(reader: Reader, table: RouteTable, local: ReadonlySet<string>): readonly Entry[] {
  const rows = new Map<string, Entry>();
  const routes = reader.by("route", "listsOfTable", table.id);
  for (const route of routes.toSorted((a, b) => (a.destination < b.destination ? -1 : 1))) {
    const value = target(reader, route);
    for (const { cidr } of prefixListEntries(reader, route.destination)) {
      if (rows.has(cidr) || local.has(cidr) || reader.get("route", routeId(table.id, cidr))) continue;
      for (const listed of blockRows(table, cidr, value)) rows.set(cidr, listed);
    }
  }
  return [...rows.values()];
}

/**
 * The rows of a route that a user made. Empty when its table is gone, and for a prefix list, whose rows
 * belong to the table.
 */
export function routeRows(reader: Reader, route: Route): readonly Entry[] {
  const table = reader.get("route-table", route.routeTableId);
  return table ? blockRows(table, route.destination, target(reader, route)) : [];
}

/**
 * The row of a block; empty when the text is no block. For IPv6, NAT gateways only carry what NAT64 is for,
 * and egress-only gateways carry no IPv4.
 */
function blockRows(table: RouteTable, text: string, value: StructValue<"route">): readonly Entry[] {
  const block = parseIpv4Block(text);
  if (block) return [row(table, block, value.target === ROUTE_TARGET.egress_only ? NOWHERE : value)];
  if (!parseIpv6Block(text)) return [];
  return [
    ipv6RouteRow(
      (table.slot | IPV6_ROUTES) >>> 0,
      text,
      value.target === ROUTE_TARGET.nat_gateway && text !== NAT64_BLOCK ? NOWHERE : value,
    ),
  ];
}

const NOWHERE = { target: ROUTE_TARGET.blackhole, slot: 0 } as const;

/** The row of a canonical IPv6 block, under a number that stands for a table. */
export function ipv6RouteRow(
  routeTable: number,
  block: string,
  value: StructValue<"route">,
): Entry<"routes"> {
  const [address = "", length = ""] = block.split("/");
  return {
    table: "routes",
    key: { prefix_length: TABLE_BITS + Number(length), route_table: routeTable, address },
    value,
  };
}

function row(table: RouteTable, cidr: Ipv4Block, value: StructValue<"route">): Entry<"routes"> {
  return {
    table: "routes",
    key: {
      prefix_length: IPV4_ROUTE_BITS + cidr.length,
      route_table: table.slot,
      address: formatIpv4(cidr.base),
    },
    value,
  };
}

/**
 * A route to a gateway names the gateway, attached or not. The packet asks its VPC which gateway is attached,
 * so attaching and detaching write one row. A route to an interface is a blackhole while nothing behind it
 * can forward, and a route to a NAT gateway while that is not available.
 */
function target(reader: Reader, route: Route): StructValue<"route"> {
  const slot = slotOf(reader, route);
  if (slot === undefined) return NOWHERE;
  return { target: isRemote(reader, route) ? ROUTE_TARGET.remote_peering : TARGETS[route.target.kind], slot };
}

function isRemote(reader: Reader, { target: { kind, id } }: Route): boolean {
  const connection = kind === "vpc-peering-connection" ? reader.get(kind, id) : undefined;
  return connection !== undefined && betweenRegions(connection);
}

const TARGETS = {
  "internet-gateway": ROUTE_TARGET.internet_gateway,
  "nat-gateway": ROUTE_TARGET.nat_gateway,
  "network-interface": ROUTE_TARGET.interface,
  "vpc-peering-connection": ROUTE_TARGET.peering,
  "vpc-endpoint": ROUTE_TARGET.nothing,
  "vpn-gateway": ROUTE_TARGET.nothing,
  "carrier-gateway": ROUTE_TARGET.nothing,
  "egress-only-internet-gateway": ROUTE_TARGET.egress_only,
} as const;

/**
 * The slot of the target gateway or interface; undefined when nothing there takes packets. For a NAT gateway
 * it is the slot of its interface, for a regional one that of any of its interfaces.
 */
function slotOf(reader: Reader, route: Route): number | undefined {
  const { id, kind } = route.target;
  switch (kind) {
    case "internet-gateway":
      return reader.get("internet-gateway", id)?.slot;
    case "nat-gateway":
      return isActive(reader, route) ? natSlot(reader, id) : undefined;
    case "network-interface":
      return isActive(reader, route) ? reader.get("network-interface", id)?.slot : undefined;
    case "vpc-endpoint":
    case "vpn-gateway":
    case "carrier-gateway":
      return isActive(reader, route) ? 0 : undefined;
    case "vpc-peering-connection":
      return isActive(reader, route) ? peerSlot(reader, route) : undefined;
    // Each VPC has one of its own for as long as the VPC exists.
    case "egress-only-internet-gateway":
      return reader.get("egress-only-internet-gateway", id) ? 0 : undefined;
  }
}

/** The same one of several every time, in whatever order they are found. */
function natSlot(reader: Reader, id: string): number | undefined {
  const slots = reader.by("network-interface", "natGatewayId", id).map(({ slot }) => slot);
  return slots.length === 0 ? undefined : Math.min(...slots);
}

/**
 * The slot of the VPC at the other side. A VPC can't be deleted while one of its connections is active, so
 * the slot is still its own.
 */
function peerSlot(reader: Reader, { target, vpcId }: Route): number | undefined {
  const connection = reader.get("vpc-peering-connection", target.id);
  if (!connection) return undefined;
  const peer = otherSide(connection, vpcId);
  return betweenRegions(connection) ? peer.slot : reader.get("vpc", peer.vpcId)?.slot;
}
