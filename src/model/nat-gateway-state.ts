import type { NetworkInterface } from "./network-interface.ts";
import type { Reader } from "./state.ts";

/**
 * Whether the interface is in a regional NAT gateway's zone subnet. No call shows such an interface, and only
 * its gateway's flow logs cover it.
 */
export function isHidden(reader: Reader, eni: NetworkInterface): boolean {
  return eni.natGatewayId !== undefined && reader.get("subnet", eni.subnetId)?.natGatewayId !== undefined;
}
