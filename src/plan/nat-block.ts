import type { NetworkInterface } from "../model/network-interface.ts";
import type { RealmReader } from "../model/state.ts";

/** A machine's ports of a NAT gateway's private address, by the slot of the gateway's interface. */
export type NatBlock = {
  readonly interface: number;
  readonly address: string;
  readonly block: number;
  readonly machine: number;
};

/**
 * Those of all NAT gateways, as machine `me` is to know them. It does not know its own that are closing: so it
 * begins no connection there, and keeps what answers to one that it has.
 */
export function natBlocks(realms: Iterable<RealmReader>, me: number): readonly NatBlock[] {
  return [...realms].flatMap(({ reader }) =>
    reader
      .list("nat-gateway")
      .flatMap(({ id }) => reader.by("network-interface", "natGatewayId", id))
      .flatMap(({ slot, portBlocks = [] }: NetworkInterface) =>
        portBlocks
          .filter(({ machine, closing }) => !closing || machine !== me)
          .map(({ address, block, machine }) => ({ interface: slot, address, block, machine })),
      ),
  );
}
