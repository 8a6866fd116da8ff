import { type Entry, MAX_NAT_ADDRESSES, MAX_ZONES, NAT_GATEWAY_FLAGS } from "../contract/tables.ts";
import type { NatGateway } from "../model/nat-gateway.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";
import { zoneNumber } from "./zone.ts";

/** The rows of a NAT gateway's interface besides its own: the addresses that it translates to. */
export function natGatewayRows(reader: Reader, eni: NetworkInterface): readonly Entry[] {
  const gateway = eni.natGatewayId === undefined ? undefined : reader.get("nat-gateway", eni.natGatewayId);
  if (!gateway) return [];
  const addresses = eni.privateIpAddresses.slice(0, MAX_NAT_ADDRESSES);
  return [
    {
      table: "nat_gateways",
      key: { interface: eni.slot },
      value: {
        flags:
          (gateway.connectivityType === "public" ? NAT_GATEWAY_FLAGS.public : 0) |
          (gateway.availabilityMode === "regional" ? NAT_GATEWAY_FLAGS.regional : 0),
        count: addresses.length,
        addresses: Array.from({ length: MAX_NAT_ADDRESSES }, (_, index) => addresses[index] ?? "0.0.0.0"),
        zones: gateway.availabilityMode === "regional" ? zonesOf(reader, gateway) : NO_ZONES,
      },
    },
  ];
}

const NO_ZONES = Array.from({ length: MAX_ZONES }, () => 0);

/**
 * The interface for each zone. A zone that the gateway is not in uses another zone's interface (VPC user
 * guide, "Regional NAT gateways").
 */
function zonesOf(reader: Reader, { id }: NatGateway): readonly number[] {
  const slots = new Map(
    reader
      .by("network-interface", "natGatewayId", id)
      .toSorted((a, b) => b.slot - a.slot)
      .map(({ availabilityZone, slot }) => [zoneNumber(availabilityZone), slot]),
  );
  const any = Math.min(...slots.values());
  return NO_ZONES.map((_, zone) => slots.get(zone) ?? any);
}
