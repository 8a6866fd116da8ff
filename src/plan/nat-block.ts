import type { NetworkInterface } from "../model/network-interface.ts";
import type { RealmReader } from "../model/state.ts";

/** A machine's ports of a NAT gateway's private address, by the slot of the gateway's interface. */
export type NatBlock = {
  readonly interface: number;
  readonly address: string;
  readonly block: number;
  readonly machine: number;
};

/** Those of all NAT gateways. */
export function natBlocks(realms: Iterable<RealmReader>): readonly NatBlock[] {
  return [...realms].flatMap(({ reader }) =>
    reader
      .list("nat-gateway")
      .flatMap(({ id }) => reader.by("network-interface", "natGatewayId", id))
      .flatMap(({ slot, portBlocks = [] }: NetworkInterface) =>
        portBlocks.map((block) => ({ interface: slot, ...block })),
      ),
  );
}
