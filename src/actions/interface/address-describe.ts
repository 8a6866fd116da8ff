import type {
  Address as AddressAnswer,
  DescribeAddressesRequest,
  DescribeAddressesResult,
} from "@aws-sdk/client-ec2";
import type { Address } from "../../model/address.ts";
import { isHidden } from "../../model/nat-gateway-state.ts";
import type { Reader } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, type FilterFields, searched, type Source } from "../kit/describe.ts";
import { find, found } from "../kit/find.ts";
import { tagListOrAbsent } from "../kit/tags.ts";
import { AMAZON_POOL } from "./address.ts";

const DescribeAddresses: Action<DescribeAddressesRequest, DescribeAddressesResult> = (tx, input, context) => {
  const { items } = searched(chosenAddresses(tx, input), { Filters: input.Filters }, fields(tx, context));
  return { Addresses: items.map((address) => described(tx, address, context)) };
};

/** The addresses named by allocation id, and those named by public IP; without either, all. */
function chosenAddresses(
  tx: Reader,
  { AllocationIds = [], PublicIps = [], Filters }: DescribeAddressesRequest,
): Source<Address> {
  if (AllocationIds.length === 0 && PublicIps.length === 0)
    return candidates(tx, "address", Filters, INDEXED);
  return [
    ...new Set([
      ...AllocationIds.map((id) => find(tx, "address", id)),
      ...PublicIps.map((ip) => findByPublicIp(tx, ip)),
    ]),
  ];
}

const INDEXED = {
  "association-id": "associationId",
  "network-interface-id": "networkInterfaceId",
  "public-ip": "publicIp",
} as const;

function findByPublicIp(tx: Reader, publicIp: string): Address {
  return found(tx.by("address", "publicIp", publicIp)[0], "public-ip", publicIp);
}

function fields(tx: Reader, context: Context): FilterFields<Address> {
  return {
    "allocation-id": (address) => address.id,
    "association-id": (address) => address.association?.associationId,
    domain: () => "vpc",
    "instance-id": (address) => instanceIdOf(tx, address),
    "network-border-group": () => context.region,
    "network-interface-id": (address) => address.association?.networkInterfaceId,
    "network-interface-owner-id": (address) => address.association && context.account,
    "private-ip-address": (address) => address.association?.privateIpAddress,
    "public-ip": (address) => address.publicIp,
  };
}

function instanceIdOf(tx: Reader, { association }: Address): string | undefined {
  return association && tx.get("network-interface", association.networkInterfaceId)?.attachment?.instanceId;
}

function described(tx: Reader, address: Address, context: Context): AddressAnswer {
  const { association } = address;
  const eni = association && tx.get("network-interface", association.networkInterfaceId);
  const place = eni && !isHidden(tx, eni) ? association : undefined;
  return {
    PublicIp: address.publicIp,
    AllocationId: address.id,
    Domain: "vpc",
    InstanceId: instanceIdOf(tx, address),
    AssociationId: association?.associationId,
    NetworkInterfaceId: place?.networkInterfaceId,
    NetworkInterfaceOwnerId: place && context.account,
    PrivateIpAddress: place?.privateIpAddress,
    ...(address.serviceManaged === undefined ? {} : { ServiceManaged: address.serviceManaged }),
    Tags: tagListOrAbsent(address.tags),
    PublicIpv4Pool: address.pool ?? AMAZON_POOL,
    NetworkBorderGroup: context.region,
  };
}

export const addressDescribeActions = { DescribeAddresses };
