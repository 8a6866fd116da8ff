import { IPV6_ROUTES } from "../contract/tables.ts";
import { holderOf } from "../model/holder.ts";
import type { SlottedKind } from "../model/resource.ts";
import type { Reader } from "../model/state.ts";
import { otherSide, type PeeringSide } from "../model/vpc-peering-connection.ts";
import type { PacketEnd } from "../protocol/trace.ts";
import { blockWith } from "./explain/question.ts";

/** The ids for the slots in the tables. */
export type Ids = {
  readonly of: (kind: Exclude<SlottedKind, "network-interface">, slot: number) => string;
  readonly packetEndOf: (slot: number) => PacketEnd;
  /** The NAT gateway that owns the interface in the slot. */
  readonly natGatewayOf: (slot: number) => string | undefined;
  /** The active connection by which the table in one slot leads to the VPC in the other. */
  readonly peeringOf: (routeTable: number, vpc: number) => string | undefined;
  /** Whether the address lies in a block of the VPC at the slot. */
  readonly isInVpc: (vpc: number, address: string) => boolean;
};

/**
 * Who holds an interface's slot now; `link` and the number when nobody does. `readers`: those of every
 * region.
 */
export function packetEndIn(readers: readonly Reader[], slot: number): PacketEnd {
  const held = holderOf(
    readers.map((reader) => ({ reader })),
    "network-interface",
    slot,
  );
  const instance = held?.resource.attachment?.instanceId;
  return {
    kind: "interface",
    id: held?.resource.id ?? `link ${slot}`,
    ...(instance === undefined ? {} : { instance }),
  };
}

/** `readers`: those of every region. */
export function idsIn(readers: readonly Reader[]): Ids {
  const places = readers.map((reader) => ({ reader }));
  const packetEndOf = (slot: number): PacketEnd => packetEndIn(readers, slot);
  return {
    of: (kind, slot) => holderOf(places, kind, slot)?.resource.id ?? `${kind} ${slot}`,
    packetEndOf,
    natGatewayOf: (slot) => {
      const place = packetEndOf(slot);
      if (place.kind !== "interface") return undefined;
      return readers
        .map((reader) => reader.get("network-interface", place.id)?.natGatewayId)
        .find((id) => id !== undefined);
    },
    isInVpc: (slot, address) => {
      const vpc = holderOf(places, "vpc", slot)?.resource;
      return vpc !== undefined && blockWith(vpc, address) !== undefined;
    },
    peeringOf: (routeTable, vpc) =>
      readers.map((reader) => peeringIn(reader, routeTable, vpc)).find((id) => id !== undefined),
  };
}

function peeringIn(reader: Reader, routeTable: number, vpc: number): string | undefined {
  const own = holderOf([{ reader }], "route-table", routeTable % IPV6_ROUTES)?.resource.vpcId;
  if (own === undefined) return undefined;
  const connections = reader
    .by("vpc-peering-connection", "vpcId", own)
    .filter(({ status }) => status === "active");
  const slotOf = ({ vpcId, slot }: PeeringSide): number | undefined => slot ?? reader.get("vpc", vpcId)?.slot;
  return connections.find((connection) => {
    const other = otherSide(connection, own);
    return slotOf(other) === vpc;
  })?.id;
}
