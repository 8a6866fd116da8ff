import type {
  CreateNatGatewayRequest,
  CreateNatGatewayResult,
  DeleteNatGatewayRequest,
  DeleteNatGatewayResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { NatGateway } from "../../model/nat-gateway.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import { deleteFlowLogsOf } from "../flow-log/flow-log.ts";
import { deleteNetworkInterface } from "../interface/network-interface.ts";
import { assignableAddressCount } from "../interface/subnet-address.ts";
import type { Action, Context } from "../kit/action.ts";
import { find, internetGatewayOf } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagsFor } from "../kit/tags.ts";
import { createNatAddresses } from "./nat-gateway-address.ts";
import { describedNatAddresses, describedNatGateway } from "./nat-gateway-describe.ts";
import { requireAddressCount } from "./nat-gateway-mapping.ts";
import {
  allocatedIn,
  createRegionalTable,
  deleteRegional,
  namedZones,
  requireRegional,
  withZones,
  zonesWithSubnets,
} from "./nat-gateway-regional.ts";

/**
 * What only shows while a gateway is made leaves it failed, as on AWS: no internet gateway, an Elastic IP
 * that is in use, no free address (EC2 API reference, NatGateway.FailureCode).
 */
const CreateNatGateway: Action<CreateNatGatewayRequest, CreateNatGatewayResult> = (tx, input, context) => {
  const gateway =
    input.AvailabilityMode === "regional"
      ? createRegional(tx, input, context)
      : createZonal(tx, input, context);
  tx.put(gateway);
  // What it will be shows from the next describe call on.
  const {
    FailureCode: _code,
    FailureMessage: _message,
    DeleteTime: _time,
    ...answer
  } = describedNatGateway(tx, gateway);
  return { NatGateway: { ...answer, State: "pending" }, ClientToken: input.ClientToken };
};

/** In one subnet. The gateway is not put yet. */
function createZonal(tx: Tx, input: CreateNatGatewayRequest, context: Context): NatGateway {
  for (const [parameter, value] of [
    ["availabilityZoneAddresses", input.AvailabilityZoneAddresses],
    ["vpcId", input.VpcId],
  ] as const) {
    if (value === undefined || value.length === 0) continue;
    throw new Fault(
      "InvalidParameterCombination",
      `The parameter ${parameter} is for regional NAT gateways.`,
    );
  }
  const connectivityType = input.ConnectivityType ?? "public";
  const subnet = find(tx, "subnet", input.SubnetId);
  requireFitting(tx, input, connectivityType);
  const tags = tagsFor("natgateway", input.TagSpecifications, context.quotas);
  requireRoomInZone(tx, subnet.availabilityZone, context);
  const id = newId("nat-gateway", context.random);
  const failure = failureOf(tx, input, subnet, connectivityType);
  return {
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
}

/**
 * In the zones that the request names addresses for, or where the VPC has subnets. The gateway is not put
 * yet.
 */
function createRegional(tx: Tx, input: CreateNatGatewayRequest, context: Context): NatGateway {
  requireRegional(input);
  const vpc = find(tx, "vpc", input.VpcId);
  const named = namedZones(tx, input.AvailabilityZoneAddresses, context);
  const tags = tagsFor("natgateway", input.TagSpecifications, context.quotas);
  const zones = named?.map(({ zone }) => zone) ?? zonesWithSubnets(tx, vpc.id, context);
  for (const zone of zones) requireRoomInZone(tx, zone.name, context);
  const id = newId("nat-gateway", context.random);
  const attached = internetGatewayOf(tx, vpc.id);
  const taken = named?.flatMap(({ addresses }) => addresses).find(({ association }) => association);
  const failure = taken ? inUse(taken.id) : attached ? undefined : withoutGateway(vpc.id);
  const gateway: NatGateway = {
    kind: "nat-gateway",
    id,
    tags,
    vpcId: vpc.id,
    connectivityType: "public",
    availabilityMode: "regional",
    autoProvisionZones: named === undefined,
    state: failure ? "failed" : "available",
    createTime: context.now,
    ...(failure ? { failure, deleteTime: context.now } : {}),
    addresses: [],
  };
  if (failure || !attached) return gateway;
  const routed = {
    ...gateway,
    routeTableId: createRegionalTable(tx, { id, vpcId: vpc.id, gatewayId: attached.id }, context),
  };
  return withZones(tx, routed, named ?? allocatedIn(tx, zones, context), context);
}

function requireFitting(
  tx: Reader,
  input: CreateNatGatewayRequest,
  connectivityType: "public" | "private",
): void {
  const { AllocationId, SecondaryAllocationIds = [] } = input;
  if (connectivityType === "private") {
    if (AllocationId === undefined && SecondaryAllocationIds.length === 0) return;
    throw new Fault(
      "InvalidParameter",
      "Elastic IP addresses cannot be associated with a private NAT gateway.",
    );
  }
  if (AllocationId === undefined) {
    throw new Fault(
      "MissingParameter",
      "The request must include the AllocationId parameter. Add the required parameter and retry the request.",
    );
  }
  if (input.SecondaryPrivateIpAddressCount !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "secondaryPrivateIpAddressCount is for private NAT gateways.",
    );
  }
  const unknown = [AllocationId, ...SecondaryAllocationIds].find((id) => !tx.get("address", id));
  if (unknown !== undefined) throw notFound("elastic-ip", unknown);
}

/** A regional gateway counts in each of its zones. @throws NatGatewayLimitExceeded. */
function requireRoomInZone(tx: Reader, zone: string, context: Context): void {
  const inZone = ({ state, subnetId = "", addresses }: NatGateway): boolean =>
    state === "available" &&
    (tx.get("subnet", subnetId)?.availabilityZone === zone ||
      addresses.some(({ availabilityZone }) => availabilityZone === zone));
  const used = tx.list("nat-gateway").filter(inZone).length + 1;
  requireQuota(
    context,
    "nat-gateways-per-zone",
    used,
    "NatGatewayLimitExceeded",
    "The maximum number of NAT gateways has been reached.",
  );
}

function failureOf(
  tx: Reader,
  input: CreateNatGatewayRequest,
  subnet: Subnet,
  connectivityType: "public" | "private",
): NatGateway["failure"] {
  const {
    SecondaryAllocationIds = [],
    SecondaryPrivateIpAddresses = [],
    SecondaryPrivateIpAddressCount = 0,
  } = input;
  if (connectivityType === "public" && !internetGatewayOf(tx, subnet.vpcId)) {
    return withoutGateway(subnet.vpcId);
  }
  for (const id of [input.AllocationId ?? "", ...SecondaryAllocationIds]) {
    if (tx.get("address", id)?.association) return inUse(id);
  }
  const wanted =
    1 +
    Math.max(
      SecondaryAllocationIds.length,
      SecondaryPrivateIpAddresses.length,
      SecondaryPrivateIpAddressCount,
    );
  requireAddressCount(wanted, connectivityType);
  if (assignableAddressCount(tx, subnet) >= wanted) return undefined;
  return {
    code: "InsufficientFreeAddressesInSubnet",
    message: "Subnet has insufficient free addresses to create this NAT gateway",
  };
}

function withoutGateway(vpcId: string): NatGateway["failure"] {
  return { code: "Gateway.NotAttached", message: `Network ${vpcId} has no Internet gateway attached` };
}

function inUse(allocationId: string): NatGateway["failure"] {
  return {
    code: "Resource.AlreadyAssociated",
    message: `Elastic IP address [${allocationId}] is already associated`,
  };
}

const DESCRIBED_FOR_MILLISECONDS = 60 * 60 * 1000;

/**
 * Forgets the gateways that ended an hour ago or longer (VPC user guide: they are described for about an
 * hour).
 */
export function purgeNatGateways(tx: Tx, context: Context): void {
  const latest = Date.parse(context.now) - DESCRIBED_FOR_MILLISECONDS;
  for (const { id, deleteTime } of tx.list("nat-gateway")) {
    if (deleteTime !== undefined && Date.parse(deleteTime) <= latest) tx.delete("nat-gateway", id);
  }
}

/** The Elastic IPs that it was given stay allocated, the routes to it stay as blackholes. */
const DeleteNatGateway: Action<DeleteNatGatewayRequest, DeleteNatGatewayResult> = (tx, input, context) => {
  const gateway = find(tx, "nat-gateway", input.NatGatewayId);
  if (gateway.state === "available") {
    // It is described with its addresses as they were.
    const shown = describedNatAddresses(tx, gateway);
    const addresses = gateway.addresses.map((address, index) => {
      const publicIp = shown[index]?.PublicIp;
      return publicIp === undefined ? address : { ...address, publicIp };
    });
    if (gateway.availabilityMode === "regional") deleteRegional(tx, gateway);
    for (const eni of tx.by("network-interface", "natGatewayId", gateway.id)) deleteNetworkInterface(tx, eni);
    deleteFlowLogsOf(tx, gateway.id);
    tx.put({ ...gateway, addresses, state: "deleted", deleteTime: context.now });
  }
  return { NatGatewayId: gateway.id };
};

export const natGatewayActions = { CreateNatGateway, DeleteNatGateway };
