import type { Address } from "../model/address.ts";
import type { Instance } from "../model/instance.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";
import type { Subnet } from "../model/subnet.ts";
import type { Vpc } from "../model/vpc.ts";

/** A realm as the metadata service and the resolver read it. */
export type Realm = { readonly account: string; readonly region: string; readonly reader: Reader };

/** Who asks: the interface that a question came from, and its resources. */
export type Asker = Realm & {
  readonly eni: NetworkInterface;
  readonly vpc: Vpc;
  readonly subnet: Subnet;
  /** The instance that the interface is attached to. */
  readonly instance: Instance | undefined;
};

/** The state, as far as instances may ask about it. */
export type InstanceDirectory = {
  readonly bySlot: (slot: number) => Asker | undefined;
  /** The holder of a public address, in any region. */
  readonly byPublicIp: (publicIp: string) => PublicIpHolder | undefined;
  /** The name for reverse DNS that the owner of a public address gave it. */
  readonly ptrRecordOf: (publicIp: string) => string | undefined;
};

type PublicIpHolder = { readonly realm: Realm; readonly vpc: Vpc; readonly privateIp: string };

/** The newest state, as another process keeps it. */
export type StateSource = {
  readonly realms: () => readonly Realm[];
  /** The realm and the id of the network interface with this slot. */
  readonly holder: (slot: number) => { readonly realm: Realm; readonly id: string } | undefined;
};

export function directoryOf(state: StateSource): InstanceDirectory {
  return {
    bySlot: (slot) => {
      const held = state.holder(slot);
      const eni = held?.realm.reader.get("network-interface", held.id);
      if (!held || eni?.slot !== slot) return undefined;
      const { reader } = held.realm;
      const vpc = reader.get("vpc", eni.vpcId);
      const subnet = reader.get("subnet", eni.subnetId);
      if (!vpc || !subnet) return undefined;
      return {
        ...held.realm,
        eni,
        vpc,
        subnet,
        instance: eni.attachment && reader.get("instance", eni.attachment.instanceId),
      };
    },
    byPublicIp: (publicIp) => {
      for (const realm of state.realms()) {
        const holder = holderIn(realm, publicIp);
        if (holder) return holder;
      }
      return undefined;
    },
    ptrRecordOf: (publicIp) => {
      for (const { reader } of state.realms()) {
        const { ptrRecord } = reader.by("address", "publicIp", publicIp)[0] ?? {};
        if (ptrRecord !== undefined) return ptrRecord;
      }
      return undefined;
    },
  };
}

function holderIn(realm: Realm, publicIp: string): PublicIpHolder | undefined {
  const { reader } = realm;
  const association = reader.by("address", "publicIp", publicIp)[0]?.association;
  const eni = association
    ? reader.get("network-interface", association.networkInterfaceId)
    : reader.by("network-interface", "publicIp", publicIp)[0];
  const privateIp = association?.privateIpAddress ?? eni?.privateIpAddresses[0];
  const vpc = eni && reader.get("vpc", eni.vpcId);
  return vpc && privateIp !== undefined ? { realm, vpc, privateIp } : undefined;
}

/** The public addresses of an interface now, each with the private address that it is mapped to. */
export function publicAddresses(
  reader: Reader,
  eni: NetworkInterface,
): readonly { readonly publicIp: string; readonly privateIp: string }[] {
  const elastic = reader
    .by("address", "networkInterfaceId", eni.id)
    .flatMap(({ publicIp, association }: Address) =>
      association ? [{ publicIp, privateIp: association.privateIpAddress }] : [],
    );
  const primary = eni.privateIpAddresses[0];
  const auto =
    eni.autoPublicIp !== undefined && primary !== undefined
      ? [{ publicIp: eni.autoPublicIp, privateIp: primary }]
      : [];
  const order = (privateIp: string): number => eni.privateIpAddresses.indexOf(privateIp);
  return [...elastic, ...auto].sort((a, b) => order(a.privateIp) - order(b.privateIp));
}
