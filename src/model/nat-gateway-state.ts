import type { NetworkInterface } from "./network-interface.ts";
import type { Reader } from "./state.ts";

/** Whether the interface is a regional NAT gateway's place in a zone, which no call shows, and which has the flow logs of its gateway alone. */
export function isHidden(reader: Reader, eni: NetworkInterface): boolean {
  return eni.natGatewayId !== undefined && reader.get("subnet", eni.subnetId)?.natGatewayId !== undefined;
}
