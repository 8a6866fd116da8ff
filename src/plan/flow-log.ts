import type { NetworkInterface } from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";

/** Whether a flow log names this VPC, subnet or interface itself. */
export function isLogged(reader: Reader, { id }: { readonly id: string }): boolean {
  return reader.countBy("flow-log", "resourceId", id) > 0;
}

/** Whether a flow log names the interface, or the regional NAT gateway whose zone subnet it is in. */
export function isInterfaceLogged(reader: Reader, eni: NetworkInterface): boolean {
  return (
    isLogged(reader, eni) || (eni.natGatewayId !== undefined && isLogged(reader, { id: eni.natGatewayId }))
  );
}
