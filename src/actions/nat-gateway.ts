import type { CreateNatGatewayRequest, CreateNatGatewayResult, DeleteNatGatewayRequest, DeleteNatGatewayResult } from "@aws-sdk/client-ec2";
import { Fault } from "../model/fault.ts";
import { newId } from "../model/id.ts";
import type { NatGateway } from "../model/nat-gateway.ts";
import type { Reader, Tx } from "../model/state.ts";
import type { Subnet } from "../model/subnet.ts";
import type { Action, Context } from "./action.ts";
import { internetGatewayOf } from "./internet-gateway.ts";
import { createNatAddresses, requireAddressCount } from "./nat-gateway-address.ts";
import { describedNatAddresses, describedNatGateway, findNatGateway } from "./nat-gateway-describe.ts";
import { deleteNetworkInterface } from "./network-interface.ts";
import { refuseUnoffered } from "./parameter.ts";
import { requireQuota } from "./quota.ts";
import { availableAddressCount, findSubnet } from "./subnet.ts";
import { tagsFor } from "./tags.ts";

/**
 * A zonal gateway. What only shows while it is made leaves it failed, as on AWS: no internet gateway, an Elastic IP that is in
 * use, no free address (EC2 API reference, NatGateway.FailureCode).
 */
const CreateNatGateway: Action<CreateNatGatewayRequest, CreateNatGatewayResult> = (tx, input, context) => {
  refuseUnoffered(input, ["AvailabilityZoneAddresses", "VpcId"]);
  if (input.AvailabilityMode === "regional") {
    throw new Fault("UnsupportedOperation", "Genkan does not offer regional NAT gateways.");
  }
  const connectivityType = input.ConnectivityType ?? "public";
  const subnet = findSubnet(tx, input.SubnetId);
  requireFitting(tx, input, connectivityType);
  const tags = tagsFor("natgateway", input.TagSpecifications, context.quotas);
  const words = `The maximum number of NAT gateways has been reached.`;
  requireQuota(context, "nat-gateways-per-zone", countInZone(tx, subnet) + 1, "NatGatewayLimitExceeded", words);
  const id = newId("nat-gateway", context.random);
  const failure = failureOf(tx, input, subnet, connectivityType);
  const gateway: NatGateway = {
    kind: "nat-gateway",
    id,
    tags,
    vpcId: subnet.vpcId,
    subnetId: subnet.id,
    connectivityType,
    availabilityMode: "zonal",
    state: failure ? "failed" : "available",
    createTime: context.now,
    ...(failure ? { failure, deleteTime: context.now } : {}),
    addresses: failure ? [] : createNatAddresses(tx, { id, subnet, input }, context),
  };
  tx.put(gateway);
  // What it will be shows from the next describe call on.
  const { FailureCode: _code, FailureMessage: _message, DeleteTime: _time, ...answer } = describedNatGateway(tx, gateway);
  return { NatGateway: { ...answer, State: "pending" }, ClientToken: input.ClientToken };
};

function requireFitting(tx: Reader, input: CreateNatGatewayRequest, connectivityType: "public" | "private"): void {
  const { AllocationId, SecondaryAllocationIds = [] } = input;
  if (connectivityType === "private") {
    if (AllocationId === undefined && SecondaryAllocationIds.length === 0) return;
    throw new Fault("InvalidParameter", "Elastic IP addresses cannot be associated with a private NAT gateway.");
  }
  if (AllocationId === undefined) {
    throw new Fault(
      "MissingParameter",
      "The request must include the AllocationId parameter. Add the required parameter and retry the request.",
    );
  }
  if (input.SecondaryPrivateIpAddressCount !== undefined) {
    throw new Fault("InvalidParameterCombination", "secondaryPrivateIpAddressCount is for private NAT gateways.");
  }
  const unknown = [AllocationId, ...SecondaryAllocationIds].find((id) => !tx.get("address", id));
  if (unknown !== undefined) throw new Fault("InvalidElasticIpID.NotFound", `The allocation ID '${unknown}' does not exist`);
}

/** How many NAT gateways of the subnet's zone count against the quota. */
function countInZone(tx: Reader, { availabilityZone }: Subnet): number {
  const inZone = ({ state, subnetId = "" }: NatGateway): boolean =>
    state === "available" && tx.get("subnet", subnetId)?.availabilityZone === availabilityZone;
  return tx.list("nat-gateway").filter(inZone).length;
}

function failureOf(
  tx: Reader,
  input: CreateNatGatewayRequest,
  subnet: Subnet,
  connectivityType: "public" | "private",
): NatGateway["failure"] {
  const { SecondaryAllocationIds = [], SecondaryPrivateIpAddresses = [], SecondaryPrivateIpAddressCount = 0 } = input;
  if (connectivityType === "public" && !internetGatewayOf(tx, subnet.vpcId)) {
    return { code: "Gateway.NotAttached", message: `Network ${subnet.vpcId} has no Internet gateway attached` };
  }
  for (const id of [input.AllocationId ?? "", ...SecondaryAllocationIds]) {
    if (tx.get("address", id)?.association) {
      return { code: "Resource.AlreadyAssociated", message: `Elastic IP address [${id}] is already associated` };
    }
  }
  const wanted = 1 + Math.max(SecondaryAllocationIds.length, SecondaryPrivateIpAddresses.length, SecondaryPrivateIpAddressCount);
  requireAddressCount(wanted, connectivityType);
  if (availableAddressCount(tx, subnet) >= wanted) return undefined;
  return { code: "InsufficientFreeAddressesInSubnet", message: "Subnet has insufficient free addresses to create this NAT gateway" };
}

const DESCRIBED_FOR_MS = 60 * 60 * 1000;

/** Forgets the gateways that ended an hour ago or longer (VPC user guide: they are described for about an hour). */
export function purgeNatGateways(tx: Tx, context: Context): void {
  const latest = Date.parse(context.now) - DESCRIBED_FOR_MS;
  for (const { id, deleteTime } of tx.list("nat-gateway")) {
    if (deleteTime !== undefined && Date.parse(deleteTime) <= latest) tx.delete("nat-gateway", id);
  }
}

/** Its Elastic IPs stay allocated, the routes to it stay as blackholes. */
const DeleteNatGateway: Action<DeleteNatGatewayRequest, DeleteNatGatewayResult> = (tx, input, context) => {
  const gateway = findNatGateway(tx, input.NatGatewayId);
  if (gateway.state === "available") {
    // It is described with its addresses as they were.
    const shown = describedNatAddresses(tx, gateway);
    const addresses = gateway.addresses.map((address, place) => {
      const publicIp = shown[place]?.PublicIp;
      return publicIp === undefined ? address : { ...address, publicIp };
    });
    for (const eni of tx.by("network-interface", "natGatewayId", gateway.id)) deleteNetworkInterface(tx, eni);
    tx.put({ ...gateway, addresses, state: "deleted", deleteTime: context.now });
  }
  return { NatGatewayId: gateway.id };
};

export const natGatewayActions = { CreateNatGateway, DeleteNatGateway };
