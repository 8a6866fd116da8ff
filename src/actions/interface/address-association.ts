import type {
  AssociateAddressRequest,
  AssociateAddressResult,
  DisassociateAddressRequest,
  ReleaseAddressRequest,
} from "@aws-sdk/client-ec2";
import { present } from "../../lib/assert.ts";
import type { Address } from "../../model/address.ts";
import { Fault, notPermitted } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { InstanceState } from "../../model/instance.ts";
import { type NetworkInterface, primaryPrivateIp } from "../../model/network-interface.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { find, internetGatewayOf } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { type Done, DONE, required } from "../kit/parameter.ts";
import { elasticIpOf, unmapAddress } from "./address.ts";
import { findOwnNetworkInterface, refreshAutoPublicIp } from "./network-interface.ts";

const AssociateAddress: Action<AssociateAddressRequest, AssociateAddressResult> = (tx, input, context) => {
  const address = addressIn(tx, input);
  const eni = interfaceIn(tx, input);
  const privateIpAddress = input.PrivateIpAddress ?? primaryPrivateIp(eni);
  if (privateIpAddress === undefined) {
    throw new Fault(
      "InvalidParameterValue",
      `The network interface '${eni.id}' has no private IPv4 address.`,
    );
  }
  if (!eni.privateIpAddresses.includes(privateIpAddress)) {
    const words = `The private IP address '${privateIpAddress}' is not assigned to network interface '${eni.id}'.`;
    throw new Fault("InvalidParameterValue", words);
  }
  if (!internetGatewayOf(tx, eni.vpcId)) {
    throw new Fault("Gateway.NotAttached", `Network ${eni.vpcId} is not attached to any internet gateway`);
  }
  const { association } = address;
  if (association?.networkInterfaceId === eni.id && association.privateIpAddress === privateIpAddress) {
    return { AssociationId: association.associationId };
  }
  if (association) findOwnNetworkInterface(tx, association.networkInterfaceId);
  makeWay(tx, { address, eni, privateIpAddress }, input.AllowReassociation ?? true);
  const associationId = newId("address-association", context.random);
  tx.put({ ...address, association: { associationId, networkInterfaceId: eni.id, privateIpAddress } });
  for (const id of new Set([eni.id, association?.networkInterfaceId ?? eni.id])) refresh(tx, id, context);
  return { AssociationId: associationId };
};

/** An interface's automatic address follows from what its Elastic IPs now are. */
function refresh(tx: Tx, networkInterfaceId: string, context: Context): void {
  const eni = tx.get("network-interface", networkInterfaceId);
  if (eni) refreshAutoPublicIp(tx, eni, context);
}

/** @throws InvalidParameterCombination for an address named by its public IP, which EC2-Classic allowed. */
function addressIn(tx: Reader, { AllocationId, PublicIp }: AssociateAddressRequest): Address {
  if (AllocationId === undefined && PublicIp === undefined) {
    throw new Fault("MissingParameter", "Either public IP or allocation id must be specified");
  }
  if (AllocationId !== undefined && PublicIp !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "You may specify public IP or allocation id, but not both in the same call",
    );
  }
  if (PublicIp !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "You must specify an allocation id when mapping an address to a VPC instance",
    );
  }
  return find(tx, "address", AllocationId);
}

const READY: ReadonlySet<InstanceState> = new Set(["running", "stopping", "stopped"]);

/** The interface asked for, or the only one of the instance asked for. */
function interfaceIn(
  tx: Reader,
  { InstanceId, NetworkInterfaceId }: AssociateAddressRequest,
): NetworkInterface {
  if (InstanceId !== undefined && NetworkInterfaceId !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "You may specify either the instance ID or the network interface ID, but not both.",
    );
  }
  if (InstanceId === undefined) {
    if (NetworkInterfaceId === undefined) {
      throw new Fault("MissingParameter", "Either instance ID or network interface id must be specified");
    }
    return readyInterface(tx, findOwnNetworkInterface(tx, NetworkInterfaceId));
  }
  const { id, state } = find(tx, "instance", InstanceId);
  if (!READY.has(state)) {
    throw new Fault(
      "InvalidInstanceID",
      `The ${state} instance '${id}' is not in a valid state for this operation.`,
    );
  }
  const [eni, second] = tx.by("network-interface", "instanceId", id);
  if (second) {
    const words = `There are multiple interfaces attached to instance '${id}'. Please specify an interface ID for the operation instead.`;
    throw new Fault("InvalidInstanceID", words);
  }
  return present(eni, `the interface of ${id}`);
}

function readyInterface(tx: Reader, eni: NetworkInterface): NetworkInterface {
  const state = eni.attachment && tx.get("instance", eni.attachment.instanceId)?.state;
  if (state === undefined || READY.has(state)) return eni;
  const words = `The ${state} instance to which '${eni.id}' is attached is not in a valid state for this operation`;
  throw new Fault("IncorrectInstanceState", words);
}

type Mapping = {
  readonly address: Address;
  readonly eni: NetworkInterface;
  readonly privateIpAddress: string;
};

/**
 * Ends a conflicting association of another address with the private one. The address's own association is
 * replaced. Reassociation is automatic unless the request forbids it (EC2 API reference, AssociateAddress).
 * @throws Resource.AlreadyAssociated when it does.
 */
function makeWay(tx: Tx, { address, eni, privateIpAddress }: Mapping, allowed: boolean): void {
  const other = elasticIpOf(tx, eni, privateIpAddress);
  if (!allowed) {
    for (const [resource, association] of [
      [address.id, address.association] as const,
      [eni.id, other?.association] as const,
    ]) {
      if (!association) continue;
      const words = `resource ${resource} is already associated with associate-id ${association.associationId}`;
      throw new Fault("Resource.AlreadyAssociated", words);
    }
  }
  if (other) unmapAddress(tx, other);
}

const DisassociateAddress: Action<DisassociateAddressRequest, Done> = (tx, input, context) => {
  if (input.AssociationId === undefined && input.PublicIp !== undefined) {
    throw new Fault(
      "InvalidParameterValue",
      "You must specify an association id when unmapping an address from a VPC instance",
    );
  }
  const associationId = required(input.AssociationId, "associationId");
  const address = tx.by("address", "associationId", associationId)[0];
  if (!address?.association) {
    throw notFound("association", associationId);
  }
  findOwnNetworkInterface(tx, address.association.networkInterfaceId);
  unmapAddress(tx, address);
  refresh(tx, address.association.networkInterfaceId, context);
  return DONE;
};

const ReleaseAddress: Action<ReleaseAddressRequest, Done> = (tx, input, context) => {
  if (input.AllocationId === undefined && input.PublicIp !== undefined) {
    throw new Fault(
      "InvalidParameterValue",
      "You must specify an allocation id when releasing a VPC elastic IP address",
    );
  }
  const address = find(tx, "address", input.AllocationId);
  if (input.NetworkBorderGroup !== undefined && input.NetworkBorderGroup !== context.region) {
    const words = `Value (${input.NetworkBorderGroup}) for parameter networkBorderGroup is invalid.`;
    throw new Fault("InvalidParameterValue", words);
  }
  if (address.ptrRecord !== undefined) {
    const words = `The address with allocation id [${address.id}] cannot be released because it has a PTR record set.`;
    throw new Fault("InvalidAddress.PtrSet", words);
  }
  const eni = address.association && tx.get("network-interface", address.association.networkInterfaceId);
  if (eni?.natGatewayId !== undefined) throw notPermitted();
  // In the default VPC it is disassociated by itself (EC2 API reference, ReleaseAddress).
  if (eni && tx.get("vpc", eni.vpcId)?.isDefault !== true) {
    throw new Fault("InvalidIPAddress.InUse", `Address ${address.publicIp} is in use.`);
  }
  tx.delete("address", address.id);
  if (eni) refreshAutoPublicIp(tx, eni, context);
  return DONE;
};

export const addressAssociationActions = { AssociateAddress, DisassociateAddress, ReleaseAddress };
