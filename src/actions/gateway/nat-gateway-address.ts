import type {
  AssignPrivateNatGatewayAddressRequest,
  AssignPrivateNatGatewayAddressResult,
  AssociateNatGatewayAddressRequest,
  AssociateNatGatewayAddressResult,
  CreateNatGatewayRequest,
  DisassociateNatGatewayAddressRequest,
  DisassociateNatGatewayAddressResult,
  UnassignPrivateNatGatewayAddressRequest,
  UnassignPrivateNatGatewayAddressResult,
} from "@aws-sdk/client-ec2";
import { present } from "../../lib/assert.ts";
import type { Address } from "../../model/address.ts";
import { Fault } from "../../model/fault.ts";
import type { NatGateway } from "../../model/nat-gateway.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import { elasticIpOf, unmapAddress } from "../interface/address.ts";
import {
  chooseFreePrivateIps,
  createNetworkInterface,
  requireFreePrivateIp,
} from "../interface/network-interface.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { required } from "../kit/parameter.ts";
import { describedNatAddresses, findAvailableNatGateway } from "./nat-gateway-describe.ts";
import { addressOf, answered, mapAddress, type Passing, requireAddressCount } from "./nat-gateway-mapping.ts";
import { associateRegional, disassociateRegional } from "./nat-gateway-regional.ts";

type Wanted = { readonly id: string; readonly subnet: Subnet; readonly input: CreateNatGatewayRequest };

/** The gateway's interface with all its addresses, Elastic IPs mapped. */
export function createNatAddresses(
  tx: Tx,
  { id, subnet, input }: Wanted,
  context: Context,
): NatGateway["addresses"] {
  const {
    SecondaryAllocationIds = [],
    SecondaryPrivateIpAddresses = [],
    SecondaryPrivateIpAddressCount,
  } = input;
  if (SecondaryPrivateIpAddresses.length > 0 && SecondaryPrivateIpAddressCount !== undefined) {
    const words =
      "The parameter secondaryPrivateIpAddressCount cannot be used with the parameter secondaryPrivateIpAddresses";
    throw new Fault("InvalidParameterCombination", words);
  }
  if (
    SecondaryAllocationIds.length > 0 &&
    SecondaryPrivateIpAddresses.length > SecondaryAllocationIds.length
  ) {
    throw new Fault(
      "InvalidParameterCombination",
      "There are more secondary private addresses than secondary allocation ids.",
    );
  }
  const count =
    SecondaryPrivateIpAddressCount ?? SecondaryAllocationIds.length - SecondaryPrivateIpAddresses.length;
  const eni = createNetworkInterface(
    tx,
    {
      subnet,
      description: `Interface for NAT Gateway ${id}`,
      privateIp: input.PrivateIpAddress,
      secondaryIps: SecondaryPrivateIpAddresses,
      secondaryCount: Math.max(0, count),
      sourceDestCheck: false,
      assignPublicIp: false,
      requesterManaged: true,
      natGatewayId: id,
      tags: {},
    },
    context,
  );
  const allocations = input.AllocationId === undefined ? [] : [input.AllocationId, ...SecondaryAllocationIds];
  allocations.forEach((allocationId, index) => {
    mapAddress(
      tx,
      find(tx, "address", allocationId),
      eni,
      present(eni.privateIpAddresses[index], "a private address for it"),
      context,
    );
  });
  return eni.privateIpAddresses.map((privateIp, index) =>
    addressOf(eni, privateIp, index === 0, allocations[index]),
  );
}

/** @throws InvalidParameter for a gateway of the other type. */
function ofType(gateway: NatGateway, connectivityType: NatGateway["connectivityType"]): NatGateway {
  if (gateway.connectivityType === connectivityType) return gateway;
  throw new Fault(
    "InvalidParameter",
    `NatGateway ${gateway.id} is a ${gateway.connectivityType} NAT gateway.`,
  );
}

type More = { readonly gateway: NatGateway; readonly named: readonly string[]; readonly count: number };

/**
 * Gives the gateway's interface more private addresses: those named, then as many free ones as are wanted.
 */
function addPrivateIps(
  tx: Tx,
  { gateway, named, count }: More,
): { eni: NetworkInterface; added: readonly string[] } {
  const before = interfaceOf(tx, gateway);
  requireAddressCount(before.privateIpAddresses.length + named.length + count, gateway.connectivityType);
  const subnet = find(tx, "subnet", before.subnetId);
  for (const ip of named) requireFreePrivateIp(tx, subnet, ip);
  const added = [...named, ...chooseFreePrivateIps(tx, subnet, count, named)];
  const eni: NetworkInterface = { ...before, privateIpAddresses: [...before.privateIpAddresses, ...added] };
  tx.put(eni);
  return { eni, added };
}

function interfaceOf(tx: Tx, gateway: NatGateway): NetworkInterface {
  return present(tx.by("network-interface", "natGatewayId", gateway.id)[0], `the interface of ${gateway.id}`);
}

const AssociateNatGatewayAddress: Action<
  AssociateNatGatewayAddressRequest,
  AssociateNatGatewayAddressResult
> = (tx, input, context) => {
  const gateway = ofType(findAvailableNatGateway(tx, input.NatGatewayId), "public");
  const allocations = freeAddresses(tx, required(input.AllocationIds, "allocationIds"));
  if (gateway.availabilityMode === "regional")
    return associateRegional(tx, { gateway, input, addresses: allocations }, context);
  if (input.AvailabilityZone !== undefined || input.AvailabilityZoneId !== undefined) {
    throw new Fault("InvalidParameter", "A zone can be given for a regional NAT gateway alone.");
  }
  const named = input.PrivateIpAddresses ?? [];
  if (named.length > allocations.length) {
    throw new Fault("InvalidParameterCombination", "There are more private addresses than allocation ids.");
  }
  const { eni, added } = addPrivateIps(tx, { gateway, named, count: allocations.length - named.length });
  allocations.forEach((address, index) => mapAddress(tx, address, eni, added[index] ?? "", context));
  const fresh = allocations.map(({ id }, index) => addressOf(eni, added[index] ?? "", false, id));
  return answered(tx, { ...gateway, addresses: [...gateway.addresses, ...fresh] }, added, "associating");
};

/** @throws InvalidAllocationID.NotFound; Resource.AlreadyAssociated. */
function freeAddresses(tx: Reader, ids: readonly string[]): readonly Address[] {
  const addresses = ids.map((id) => find(tx, "address", id));
  for (const { id, association } of addresses) {
    if (!association) continue;
    throw new Fault(
      "Resource.AlreadyAssociated",
      `resource ${id} is already associated with associate-id ${association.associationId}`,
    );
  }
  return addresses;
}

/** MaxDrainDuration: connections of the address end at once here, which is within any time to drain. */
const DisassociateNatGatewayAddress: Action<
  DisassociateNatGatewayAddressRequest,
  DisassociateNatGatewayAddressResult
> = (tx, input) => {
  requireDrainTime(input.MaxDrainDurationSeconds);
  const gateway = ofType(findAvailableNatGateway(tx, input.NatGatewayId), "public");
  const interfaces = new Set(tx.by("network-interface", "natGatewayId", gateway.id).map(({ id }) => id));
  const leaving = required(input.AssociationIds, "associationIds").map((id) => {
    const address = tx.by("address", "associationId", id)[0];
    if (!address?.association || !interfaces.has(address.association.networkInterfaceId)) {
      throw notFound("association", id);
    }
    return address.association.privateIpAddress;
  });
  if (gateway.availabilityMode === "regional") return disassociateRegional(tx, gateway, leaving);
  return removePrivateIps(tx, gateway, leaving, "disassociating");
};

const AssignPrivateNatGatewayAddress: Action<
  AssignPrivateNatGatewayAddressRequest,
  AssignPrivateNatGatewayAddressResult
> = (tx, input) => {
  const gateway = ofType(findAvailableNatGateway(tx, input.NatGatewayId), "private");
  const named = input.PrivateIpAddresses ?? [];
  const count = input.PrivateIpAddressCount;
  if (named.length > 0 && count !== undefined) {
    const words = "The parameter privateIpAddressCount cannot be used with the parameter privateIpAddresses";
    throw new Fault("InvalidParameterCombination", words);
  }
  if (named.length === 0 && (count === undefined || count < 1)) {
    throw new Fault(
      "MissingParameter",
      "Either 'privateIpAddresses' or 'privateIpAddressCount' should be provided.",
    );
  }
  const { eni, added } = addPrivateIps(tx, { gateway, named, count: count ?? 0 });
  const fresh = added.map((ip) => addressOf(eni, ip, false, undefined));
  return answered(tx, { ...gateway, addresses: [...gateway.addresses, ...fresh] }, added, "assigning");
};

const UnassignPrivateNatGatewayAddress: Action<
  UnassignPrivateNatGatewayAddressRequest,
  UnassignPrivateNatGatewayAddressResult
> = (tx, input) => {
  requireDrainTime(input.MaxDrainDurationSeconds);
  const gateway = ofType(findAvailableNatGateway(tx, input.NatGatewayId), "private");
  const ips = required(input.PrivateIpAddresses, "privateIpAddresses");
  const strange = ips.filter((ip) => !gateway.addresses.some((address) => address.privateIp === ip));
  if (strange.length > 0) {
    throw new Fault(
      "InvalidParameterValue",
      `Some of [${strange.join(", ")}] are not assigned to NatGateway ${gateway.id}`,
    );
  }
  return removePrivateIps(tx, gateway, ips, "unassigning");
};

/** @throws InvalidParameterValue: 1 to 4000 seconds. */
function requireDrainTime(seconds: number | undefined): void {
  if (seconds === undefined || (seconds >= 1 && seconds <= 4000)) return;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${seconds}) for parameter maxDrainDurationSeconds is invalid.`,
  );
}

function removePrivateIps(
  tx: Tx,
  gateway: NatGateway,
  ips: readonly string[],
  status: Passing,
): ReturnType<typeof answered> {
  const eni = interfaceOf(tx, gateway);
  if (gateway.addresses.some(({ isPrimary, privateIp }) => isPrimary && ips.includes(privateIp))) {
    throw new Fault(
      "InvalidParameter",
      `The primary address of NatGateway ${gateway.id} cannot be taken away.`,
    );
  }
  const before = describedNatAddresses(tx, gateway).filter(({ PrivateIp = "" }) => ips.includes(PrivateIp));
  for (const ip of ips) {
    const address = elasticIpOf(tx, eni, ip);
    if (address) unmapAddress(tx, address);
  }
  tx.put({ ...eni, privateIpAddresses: eni.privateIpAddresses.filter((ip) => !ips.includes(ip)) });
  tx.put({ ...gateway, addresses: gateway.addresses.filter(({ privateIp }) => !ips.includes(privateIp)) });
  return {
    NatGatewayId: gateway.id,
    NatGatewayAddresses: before.map((address) => ({ ...address, Status: status })),
  };
}

export const natGatewayAddressActions = {
  AssociateNatGatewayAddress,
  DisassociateNatGatewayAddress,
  AssignPrivateNatGatewayAddress,
  UnassignPrivateNatGatewayAddress,
};
