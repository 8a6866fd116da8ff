import type { NetworkInterface } from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";
import { type Entry, MAX_NAT_ADDRESSES, NAT_GATEWAY_FLAGS } from "./tables.ts";

/** What a NAT gateway's interface has besides its own row: the addresses that it translates to. */
export function natGatewayRows(reader: Reader, eni: NetworkInterface): readonly Entry[] {
  const gateway = eni.natGatewayId === undefined ? undefined : reader.get("nat-gateway", eni.natGatewayId);
  if (!gateway) return [];
  const addresses = eni.privateIpAddresses.slice(0, MAX_NAT_ADDRESSES);
  return [
    {
      table: "nat_gateways",
      key: { interface: eni.slot },
      value: {
        flags: gateway.connectivityType === "public" ? NAT_GATEWAY_FLAGS.public : 0,
        count: addresses.length,
        addresses: Array.from({ length: MAX_NAT_ADDRESSES }, (_, place) => addresses[place] ?? "0.0.0.0"),
      },
    },
  ];
}
