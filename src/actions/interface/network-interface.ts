import type {
  CreateNetworkInterfaceRequest,
  CreateNetworkInterfaceResult,
  DeleteNetworkInterfaceRequest,
} from "@aws-sdk/client-ec2";
import { parseIpv4 } from "../../lib/address.ts";
import { present } from "../../lib/assert.ts";
import { blockContains, ipv4BlockOf } from "../../lib/block.ts";
import type { Random } from "../../lib/random.ts";
import type { Tags } from "../../model/common.ts";
import { Fault, notPermitted } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import {
  type Attachment,
  type ConnectionTracking,
  isManaged,
  MAX_GROUPS_PER_INTERFACE,
  type NetworkInterface,
  primaryPrivateIp,
} from "../../model/network-interface.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import type { VpcEndpoint } from "../../model/vpc-endpoint.ts";
import { deleteFlowLogsOf } from "../flow-log/flow-log.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE, refuseUnoffered, repeatedIn, required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagsFor } from "../kit/tags.ts";
import { vpcsOf } from "../security/security-group-peer.ts";
import { requireAddressRoom, requireIpv6Room } from "./address-room.ts";
import { elasticIpOf, takePublicIp, unmapAddress } from "./address.ts";
import { describedInterface } from "./network-interface-describe.ts";
import { connectionTrackingIn } from "./network-interface-tracking.ts";
import { freePrivateIps, isUsableAddress } from "./subnet-address.ts";
import { freeIpv6Addresses, isIpv6Held, requireIpv6Address } from "./subnet-ipv6-address.ts";

/**
 * The same, to be changed by its owner.
 * @throws AuthFailure besides, for an interface that belongs to a NAT gateway or an endpoint.
 */
export function findOwnNetworkInterface(tx: Reader, id: string | undefined): NetworkInterface {
  const known = id === undefined ? undefined : tx.get("network-interface", id);
  if (known && isManaged(known)) {
    throw notPermitted();
  }
  return find(tx, "network-interface", id);
}

export type NewNetworkInterface = {
  readonly subnet: Subnet;
  /** Without any, the VPC's default group. */
  readonly groupIds?: readonly string[] | undefined;
  readonly description: string;
  /** The primary address; without one, a free address of the subnet. */
  readonly privateIp?: string | undefined;
  readonly secondaryIps?: readonly string[] | undefined;
  /** How many more secondary addresses to choose. */
  readonly secondaryCount?: number | undefined;
  /** Without addresses and without a count: one, where the subnet says that new interfaces get one. */
  readonly ipv6Addresses?: readonly string[] | undefined;
  readonly ipv6Count?: number | undefined;
  /** The first IPv6 address is to be the primary one, for as long as the interface lives. */
  readonly primaryIpv6?: boolean | undefined;
  readonly sourceDestCheck?: boolean | undefined;
  readonly connectionTracking?: ConnectionTracking | undefined;
  readonly assignPublicIp: boolean;
  readonly requesterManaged: boolean;
  readonly tags: Tags;
  /** Present when it is made for a NAT gateway: then no group guards it. */
  readonly natGatewayId?: string | undefined;
  /** Present when it is made for an interface endpoint. */
  readonly vpcEndpointId?: string | undefined;
  /** Present when it is made for an instance that is being launched; see {@link newAttachment}. */
  readonly attachment?: Attachment | undefined;
};

/**
 * An interface with its private addresses, and its automatic public one when it is due.
 * @throws the faults of its addresses ({@link requireFreePrivateIp}, InsufficientFreeAddressesInSubnet),
 * groups ({@link requireGroups}) and pools (InsufficientAddressCapacity); NetworkInterfaceLimitExceeded.
 */
export function createNetworkInterface(
  tx: Tx,
  wanted: NewNetworkInterface,
  context: Context,
): NetworkInterface {
  const {
    subnet,
    description,
    assignPublicIp,
    requesterManaged,
    tags,
    attachment,
    natGatewayId,
    vpcEndpointId,
  } = wanted;
  const words = "The maximum number of network interfaces has been reached.";
  requireQuota(
    context,
    "network-interfaces",
    tx.count("network-interface") + 1,
    "NetworkInterfaceLimitExceeded",
    words,
  );
  const groupIds = natGatewayId === undefined ? groupIdsIn(tx, wanted) : [];
  requireGroups(tx, subnet, groupIds, context);
  const eni: NetworkInterface = {
    kind: "network-interface",
    id: newId("network-interface", context.random),
    slot: tx.slot("network-interface"),
    tags,
    vpcId: subnet.vpcId,
    subnetId: subnet.id,
    availabilityZone: subnet.availabilityZone,
    description,
    macAddress: newMacAddress(context.random),
    privateIpAddresses: privateIpsFor(tx, wanted),
    ...ipv6For(tx, wanted, context),
    groupIds,
    sourceDestCheck: wanted.sourceDestCheck ?? true,
    ...(wanted.connectionTracking ? { connectionTracking: wanted.connectionTracking } : {}),
    ...(attachment ? { attachment } : {}),
    ...(natGatewayId === undefined ? {} : { natGatewayId }),
    ...(vpcEndpointId === undefined ? {} : { vpcEndpointId }),
    requesterManaged,
    ...(attachment ? { byLaunch: true } : {}),
    ...(context.caller && !attachment && natGatewayId === undefined
      ? { requesterId: context.caller.userId }
      : {}),
    assignPublicIp,
  };
  tx.put(eni);
  return refreshAutoPublicIp(tx, eni, context);
}

/**
 * Gives or takes an interface's automatic address, as its rules say: due to an interface launched with
 * auto-assign, at device index 0, while its instance is pending or running and its primary address has no
 * Elastic IP. A new one is given only while the instance has that single interface and no other address of it
 * has an Elastic IP (EC2 user guide, "Public IPv4 addresses"). To be called whenever the instance's state or
 * an Elastic IP of the interface has changed. Returns the interface as it then is.
 */
export function refreshAutoPublicIp(tx: Tx, eni: NetworkInterface, context: Context): NetworkInterface {
  if (!isAutoPublicIpDue(tx, eni)) {
    if (eni.autoPublicIp === undefined) return eni;
    const { autoPublicIp: _, ...rest } = eni;
    tx.put(rest);
    return rest;
  }
  if (eni.autoPublicIp !== undefined || !mayGetAutoPublicIp(tx, eni)) return eni;
  const given: NetworkInterface = { ...eni, autoPublicIp: takePublicIp(tx, context) };
  tx.put(given);
  return given;
}

function isAutoPublicIpDue(tx: Reader, eni: NetworkInterface): boolean {
  if (!eni.assignPublicIp || eni.attachment?.deviceIndex !== 0) return false;
  // An instance that isn't there yet is being launched.
  const state = tx.get("instance", eni.attachment.instanceId)?.state ?? "pending";
  const primary = primaryPrivateIp(eni);
  return (
    (state === "pending" || state === "running") &&
    primary !== undefined &&
    elasticIpOf(tx, eni, primary) === undefined
  );
}

function mayGetAutoPublicIp(tx: Reader, eni: NetworkInterface): boolean {
  const instanceId = eni.attachment?.instanceId ?? "";
  return (
    tx.by("network-interface", "instanceId", instanceId).every((other) => other.id === eni.id) &&
    tx.countBy("address", "networkInterfaceId", eni.id) === 0
  );
}

/** How an interface begins to belong to an instance. */
export function newAttachment(
  of: { readonly instanceId: string; readonly deviceIndex: number; readonly deleteOnTermination: boolean },
  context: Context,
): Attachment {
  return {
    ...of,
    attachmentId: newId("network-interface-attachment", context.random),
    networkCardIndex: 0,
    attachTime: context.now,
  };
}

/** Locally administered (IEEE 802, the second bit), with AWS's usual first byte. */
function newMacAddress(random: Random): string {
  return ["02", ...Array.from({ length: 5 }, () => random.hex(2))].join(":");
}

function groupIdsIn(tx: Reader, { groupIds, subnet }: NewNetworkInterface): readonly string[] {
  if (groupIds && groupIds.length > 0) return [...new Set(groupIds)];
  return [present(tx.get("vpc", subnet.vpcId), subnet.vpcId).defaultSecurityGroupId];
}

/**
 * @throws InvalidGroup.NotFound; InvalidParameter for a group of another VPC;
 * SecurityGroupsPerInterfaceLimitExceeded.
 */
export function requireGroups(
  tx: Reader,
  of: Subnet | VpcEndpoint,
  groupIds: readonly string[],
  context: Context,
): void {
  for (const group of groupIds.map((id) => find(tx, "security-group", id))) {
    if (vpcsOf(group).includes(of.vpcId)) continue;
    const noun = of.kind === "subnet" ? "subnet" : "VPC endpoint";
    throw new Fault(
      "InvalidParameter",
      `Security group ${group.id} and ${noun} ${of.id} belong to different networks.`,
    );
  }
  const words = "The maximum number of security groups per interface has been reached.";
  requireQuota(
    context,
    "security-groups-per-interface",
    groupIds.length,
    "SecurityGroupsPerInterfaceLimitExceeded",
    words,
  );
  if (groupIds.length > MAX_GROUPS_PER_INTERFACE)
    throw new Fault("SecurityGroupsPerInterfaceLimitExceeded", words);
}

/** The primary address and then the secondary ones: those asked for, then as many free ones as are wanted. */
function privateIpsFor(tx: Reader, wanted: NewNetworkInterface): readonly string[] {
  const { subnet, privateIp, secondaryIps = [], secondaryCount = 0 } = wanted;
  const named = [...(privateIp === undefined ? [] : [privateIp]), ...secondaryIps];
  requireAddressRoom(1 + secondaryIps.length + secondaryCount, undefined);
  if (named.length > 0 || secondaryCount > 0) requireIpv4(subnet);
  if (subnet.cidrBlock === undefined) return [];
  for (const ip of named) requireFreePrivateIp(tx, subnet, ip);
  if (new Set(named).size < named.length)
    throw new Fault("InvalidParameterValue", "Private IP addresses must not repeat");
  const free = chooseFreePrivateIps(tx, subnet, secondaryCount + (privateIp === undefined ? 1 : 0), named);
  if (privateIp !== undefined) return [...named, ...free];
  return [...free.slice(0, 1), ...named, ...free.slice(1)];
}

/**
 * The IPv6 addresses: those named, or as many as are counted. @throws also InvalidParameterCombination for a
 * primary one of none.
 */
function ipv6For(
  tx: Reader,
  wanted: NewNetworkInterface,
  context: Context,
): Pick<NetworkInterface, "ipv6Addresses" | "isPrimaryIpv6"> {
  const { subnet, ipv6Addresses: asked = [] } = wanted;
  requireIpv6Room(asked.length + (wanted.ipv6Count ?? 0), undefined);
  const named = asked.map((ip) => requireIpv6Address(subnet, ip));
  const held = repeatedIn(named) ?? named.find((ip) => isIpv6Held(tx, subnet, ip));
  if (held !== undefined) throw new Fault("InvalidIPAddress.InUse", `Address ${held} is in use.`);
  if (subnet.cidrBlock === undefined && named.length === 0 && wanted.ipv6Count === 0) {
    throw new Fault(
      "InvalidParameterValue",
      `A network interface of the IPv6-only subnet '${subnet.id}' needs an IPv6 address.`,
    );
  }
  const count =
    wanted.ipv6Count ?? (named.length === 0 && subnet.assignIpv6AddressOnCreation === true ? 1 : 0);
  const addresses = [...named, ...freeIpv6Addresses(tx, subnet, count, named, context)];
  if (wanted.primaryIpv6 === true && addresses.length === 0) {
    throw new Fault(
      "InvalidParameterCombination",
      "A primary IPv6 address needs an IPv6 address on the network interface.",
    );
  }
  if (addresses.length === 0) return {};
  return { ipv6Addresses: addresses, ...(wanted.primaryIpv6 === true ? { isPrimaryIpv6: true } : {}) };
}

/**
 * Free addresses of the subnet, none of those about to be used. @throws InsufficientFreeAddressesInSubnet.
 */
export function chooseFreePrivateIps(
  tx: Reader,
  subnet: Subnet,
  count: number,
  except: readonly string[],
): readonly string[] {
  if (count === 0) return [];
  const found = freePrivateIps(tx, subnet, count);
  if (!found.some((ip) => except.includes(ip))) return found;
  return freePrivateIps(tx, subnet, count + except.length)
    .filter((ip) => !except.includes(ip))
    .slice(0, count);
}

/**
 * @throws InvalidParameterValue for what is no address of the subnet's range, or a reserved one;
 * InvalidIPAddress.InUse.
 */
export function requireFreePrivateIp(tx: Reader, subnet: Subnet, ip: string): void {
  requirePrivateIp(subnet, ip);
  if (tx.countBy("network-interface", "vpcAddress", `${subnet.vpcId}/${ip}`) > 0) {
    throw new Fault("InvalidIPAddress.InUse", `Address ${ip} is in use.`);
  }
}

/** @throws InvalidParameterValue for an IPv6-only subnet. */
export function requireIpv4(subnet: Subnet): void {
  if (subnet.cidrBlock !== undefined) return;
  throw new Fault(
    "InvalidParameterValue",
    `The subnet '${subnet.id}' is IPv6-only: its network interfaces have no private IPv4 addresses.`,
  );
}

/** @throws InvalidParameterValue for what is no address of the subnet's range, or a reserved one. */
export function requirePrivateIp(subnet: Subnet, ip: string): void {
  const address = parseIpv4(ip);
  if (address === undefined)
    throw new Fault("InvalidParameterValue", `invalid value for parameter address: ${ip}`);
  requireIpv4(subnet);
  if (subnet.cidrBlock === undefined || !blockContains(ipv4BlockOf(subnet.cidrBlock), address)) {
    throw new Fault("InvalidParameterValue", `Address ${ip} does not fall within the subnet's address range`);
  }
  if (!isUsableAddress(subnet, address)) {
    throw new Fault("InvalidParameterValue", `Address ${ip} is in subnet's reserved address range`);
  }
}

/** Removes an interface. Its Elastic IPs stay allocated, routes to it become blackholes. */
export function deleteNetworkInterface(tx: Tx, eni: NetworkInterface): void {
  for (const address of tx.by("address", "networkInterfaceId", eni.id)) unmapAddress(tx, address);
  deleteFlowLogsOf(tx, eni.id);
  tx.delete("network-interface", eni.id);
}

const CreateNetworkInterface: Action<CreateNetworkInterfaceRequest, CreateNetworkInterfaceResult> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["Ipv4Prefixes", "Ipv4PrefixCount", "Ipv6Prefixes", "Ipv6PrefixCount", "Operator"]);
  if (input.InterfaceType !== undefined && String(input.InterfaceType) !== "interface") {
    throw new Fault(
      "UnsupportedOperation",
      `Genkan does not offer interfaces of the type ${input.InterfaceType}.`,
    );
  }
  const wanted: NewNetworkInterface = {
    subnet: find(tx, "subnet", input.SubnetId),
    groupIds: input.Groups,
    description: input.Description ?? "",
    ...addressesIn(input),
    ...ipv6In(input),
    primaryIpv6: input.EnablePrimaryIpv6,
    connectionTracking: connectionTrackingIn(input.ConnectionTrackingSpecification),
    assignPublicIp: false,
    requesterManaged: false,
    tags: tagsFor("network-interface", input.TagSpecifications, context.quotas),
  };
  const eni = createNetworkInterface(tx, wanted, context);
  // The type does not know the status that AWS answers with at first.
  const Status = "pending" as "available";
  return {
    NetworkInterface: { ...describedInterface(tx, eni, context), Status },
    ClientToken: input.ClientToken,
  };
};

type AddressesIn = Pick<
  CreateNetworkInterfaceRequest,
  "PrivateIpAddress" | "PrivateIpAddresses" | "SecondaryPrivateIpAddressCount"
>;

/**
 * The private addresses that a request for an interface names or counts. @throws InvalidParameterCombination;
 * InvalidParameterValue.
 */
export function addressesIn(
  input: AddressesIn,
): Pick<NewNetworkInterface, "privateIp" | "secondaryIps" | "secondaryCount"> {
  const listed = input.PrivateIpAddresses ?? [];
  const secondaryCount = input.SecondaryPrivateIpAddressCount;
  if (secondaryCount !== undefined && secondaryCount < 0) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${secondaryCount}) for parameter secondaryPrivateIpAddressCount is invalid.`,
    );
  }
  const secondaryIps = listed.flatMap((one) =>
    one.Primary === true ? [] : [required(one.PrivateIpAddress, "privateIpAddresses")],
  );
  if (secondaryIps.length > 0 && secondaryCount !== undefined) {
    const words =
      "The parameter secondaryPrivateIpAddressCount cannot be used with secondary addresses in privateIpAddresses";
    throw new Fault("InvalidParameterCombination", words);
  }
  const primaries = [
    ...(input.PrivateIpAddress === undefined || input.PrivateIpAddress === ""
      ? []
      : [input.PrivateIpAddress]),
    ...listed.flatMap((one) =>
      one.Primary === true ? [required(one.PrivateIpAddress, "privateIpAddresses")] : [],
    ),
  ];
  const [privateIp, other] = primaries;
  if (other !== undefined)
    throw new Fault("InvalidParameterCombination", "Only one primary private IP address can be specified.");
  return { privateIp, secondaryIps, secondaryCount };
}

type Ipv6In = {
  readonly Ipv6Addresses?: readonly { readonly Ipv6Address?: string | undefined }[] | undefined;
  readonly Ipv6AddressCount?: number | undefined;
};

/**
 * The IPv6 addresses that a request for an interface names or counts. A count of 0 overrides the subnet's.
 * @throws InvalidParameterCombination; InvalidParameterValue.
 */
export function ipv6In(input: Ipv6In): Pick<NewNetworkInterface, "ipv6Addresses" | "ipv6Count"> {
  const ipv6Addresses = (input.Ipv6Addresses ?? []).map((one) => required(one.Ipv6Address, "ipv6Address"));
  const ipv6Count = input.Ipv6AddressCount;
  if (ipv6Addresses.length > 0 && ipv6Count !== undefined && ipv6Count !== 0) {
    throw new Fault(
      "InvalidParameterCombination",
      "IPv6 addresses and IPv6 address count may not be specified on the same request",
    );
  }
  if (ipv6Count !== undefined && ipv6Count < 0) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${ipv6Count}) for parameter ipv6AddressCount is invalid.`,
    );
  }
  return { ipv6Addresses, ipv6Count };
}

const DeleteNetworkInterface: Action<DeleteNetworkInterfaceRequest, Done> = (tx, input) => {
  const eni = find(tx, "network-interface", input.NetworkInterfaceId);
  if (eni.attachment || isManaged(eni)) {
    throw new Fault("InvalidParameterValue", `Network interface '${eni.id}' is currently in use.`);
  }
  deleteNetworkInterface(tx, eni);
  return DONE;
};

export const networkInterfaceActions = { CreateNetworkInterface, DeleteNetworkInterface };
