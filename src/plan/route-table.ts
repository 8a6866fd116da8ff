import { present } from "../lib/assert.ts";
import { parseCidr } from "../lib/cidr.ts";
import { formatIpv4 } from "../lib/ip.ts";
import type { Route, RouteTable } from "../model/route-table.ts";
import type { Reader } from "../model/state.ts";
import { entry } from "./entry.ts";
import { type Entry, ROUTE_TARGET } from "./tables.ts";

/** The bits of a route's key before the address: the table's number, and the prefix that marks a mapped IPv4 address. */
const TABLE_BITS = 32;
const MAPPED_BITS = 96;

/** The local routes: one for each block of the VPC. */
export function routeTableEntries(reader: Reader, table: RouteTable): readonly Entry[] {
  const vpc = present(reader.get("vpc", table.vpcId), table.vpcId);
  return vpc.cidrBlocks
    .filter(({ cidrBlock }) => {
      const replaced = reader.get("route", `${table.id}|${cidrBlock}`);
      return replaced === undefined;
    })
    .map(({ cidrBlock }) => routeEntry(table, cidrBlock, ROUTE_TARGET.local, 0));
}

/** One route of a user. A gateway is named whether attached or not: that is asked of the VPC's row, packet by packet. */
export function routeEntries(reader: Reader, route: Route): readonly Entry[] {
  const table = present(reader.get("route-table", route.routeTableId), route.routeTableId);
  const { target } = route;
  switch (target.kind) {
    case "internet-gateway": {
      const gateway = reader.get("internet-gateway", target.id);
      return [gateway ? routeEntry(table, route.destination, ROUTE_TARGET.internet_gateway, gateway.slot) : blackhole(table, route)];
    }
    case "network-interface": {
      const eni = reader.get("network-interface", target.id);
      const instance = eni?.attachment ? reader.get("instance", eni.attachment.instanceId) : undefined;
      const up = instance?.state === "running" || instance?.state === "pending";
      return [eni && up ? routeEntry(table, route.destination, ROUTE_TARGET.interface, eni.slot) : blackhole(table, route)];
    }
  }
}

function blackhole(table: RouteTable, route: Route): Entry {
  return routeEntry(table, route.destination, ROUTE_TARGET.blackhole, 0);
}

function routeEntry(table: RouteTable, destination: string, target: number, slot: number): Entry {
  const cidr = present(parseCidr(destination), `the destination ${destination}`);
  const key = { prefix_length: TABLE_BITS + MAPPED_BITS + cidr.length, route_table: table.slot, address: formatIpv4(cidr.base) };
  return entry("routes", key, { target, slot });
}
