import { prefixListEntries } from "../../model/aws-prefix-list.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import { type Route, routeId, type RouteTable } from "../../model/route-table.ts";
import type { Subnet } from "../../model/subnet.ts";
import { prefixOf, routeTo } from "../passage.ts";
import { interfaceOf, type Scratch } from "./scratch.ts";

/** Where a packet is routed: by which table, for which subnet. */
export type Place = {
  readonly scratch: Scratch;
  readonly eni: NetworkInterface;
  readonly subnet: Subnet;
  readonly table: RouteTable;
  readonly destination: string;
  /** The route that it takes now. */
  readonly route: Route | undefined;
};

/** Where packets from the interface in the slot are routed; undefined when it is not in this region. */
export function placeOf(scratch: Scratch, slot: number, destination: string): Place | undefined {
  const { reader, tables } = scratch;
  const eni = interfaceOf(scratch, slot);
  const subnet = eni && reader.get("subnet", eni.subnetId);
  const tableId =
    subnet &&
    (subnet.routeTableAssociation?.routeTableId ??
      reader.get("vpc", subnet.vpcId)?.mainRouteTable.routeTableId);
  const table = tableId === undefined ? undefined : reader.get("route-table", tableId);
  if (!eni || !subnet || !table) return undefined;
  const match = routeTo(tables, table.slot, destination);
  return {
    scratch,
    eni,
    subnet,
    table,
    destination,
    route: match && routeAt(scratch, table, prefixOf(match)),
  };
}

/** The user's route that a row comes from; it may be one to a prefix list. */
export function routeAt({ reader }: Scratch, { id }: RouteTable, block: string): Route | undefined {
  const listed = (): Route | undefined =>
    reader
      .by("route", "listsOfTable", id)
      .toSorted((a, b) => (a.destination < b.destination ? -1 : 1))
      .find((route) => prefixListEntries(reader, route.destination).some(({ cidr }) => cidr === block));
  return reader.get("route", routeId(id, block)) ?? listed();
}

/** The route in the internet gateway's own table for packets to the interface in the slot. */
export function gatewayRoute(scratch: Scratch, slot: number, destination: string): Route | undefined {
  const { reader, tables } = scratch;
  const receiver = interfaceOf(scratch, slot);
  const [gateway] = receiver ? reader.by("internet-gateway", "vpcId", receiver.vpcId) : [];
  const table =
    gateway?.routeTableAssociation && reader.get("route-table", gateway.routeTableAssociation.routeTableId);
  const match = table && routeTo(tables, table.slot, destination);
  return match && routeAt(scratch, table, prefixOf(match));
}
