import type {
  DescribeNetworkInterfacesRequest,
  DescribeNetworkInterfacesResult,
  NetworkInterfaceAssociation,
  NetworkInterfaceAttachment,
} from "@aws-sdk/client-ec2";
import { isHidden } from "../../model/nat-gateway-state.ts";
import { interfaceType, type NetworkInterface, primaryPrivateIp } from "../../model/network-interface.ts";
import type { Reader } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched, shown } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import {
  describedAssociation,
  describedAttachment,
  describedInterface,
  requesterOf,
  statusOf,
} from "./network-interface-describe.ts";

const DescribeNetworkInterfaces: Action<DescribeNetworkInterfacesRequest, DescribeNetworkInterfacesResult> = (
  tx,
  input,
  context,
) => {
  const interfaces = chosen(
    input.NetworkInterfaceIds,
    (id) => find(tx, "network-interface", id),
    () => shown(tx, candidates(tx, "network-interface", input.Filters, INDEXED), (eni) => !isHidden(tx, eni)),
  );
  const { items, nextToken } = searched(interfaces, input, fields(tx, context));
  return {
    NetworkInterfaces: items.map((eni) => describedInterface(tx, eni, context)),
    NextToken: nextToken,
  };
};

const INDEXED = {
  "attachment.instance-id": "instanceId",
  "group-id": "groupId",
  "subnet-id": "subnetId",
  "vpc-id": "vpcId",
} as const;

function fields(tx: Reader, context: Context): FilterFields<NetworkInterface> {
  return {
    ...addressFields(tx, context),
    ...attachmentFields(context),
    "availability-zone": (eni) => eni.availabilityZone,
    "availability-zone-id": (eni) => tx.get("subnet", eni.subnetId)?.availabilityZoneId,
    description: (eni) => eni.description,
    "group-id": (eni) => eni.groupIds,
    "group-name": (eni) => eni.groupIds.map((id) => tx.get("security-group", id)?.name),
    "interface-type": interfaceType,
    "mac-address": (eni) => eni.macAddress,
    "network-interface-id": (eni) => eni.id,
    "operator.managed": () => "false",
    "operator.principal": () => undefined,
    "owner-id": () => context.account,
    "requester-id": (eni) => requesterOf(eni, context),
    "requester-managed": (eni) => String(eni.requesterManaged),
    "source-dest-check": (eni) => String(eni.sourceDestCheck),
    status: statusOf,
    "subnet-id": (eni) => eni.subnetId,
    "vpc-id": (eni) => eni.vpcId,
  };
}

function addressFields(tx: Reader, context: Context): FilterFields<NetworkInterface> {
  const primary =
    (value: (association: NetworkInterfaceAssociation) => string | undefined) => (eni: NetworkInterface) => {
      const ip = primaryPrivateIp(eni);
      const association = ip === undefined ? undefined : describedAssociation(tx, eni, ip, context);
      return association && value(association);
    };
  const every =
    (value: (association: NetworkInterfaceAssociation) => string | undefined) => (eni: NetworkInterface) =>
      eni.privateIpAddresses.flatMap((ip) => {
        const association = describedAssociation(tx, eni, ip, context);
        return (association && value(association)) ?? [];
      });
  return {
    "addresses.association.owner-id": every((association) => association.IpOwnerId),
    "addresses.association.public-ip": every((association) => association.PublicIp),
    "addresses.primary": (eni) => eni.privateIpAddresses.map((_, index) => String(index === 0)),
    "addresses.private-ip-address": (eni) => eni.privateIpAddresses,
    "association.allocation-id": primary((association) => association.AllocationId),
    "association.association-id": primary((association) => association.AssociationId),
    "association.ip-owner-id": primary((association) => association.IpOwnerId),
    "association.public-dns-name": primary((association) => association.PublicDnsName),
    "association.public-ip": primary((association) => association.PublicIp),
    "ipv6-addresses.ipv6-address": (eni) => eni.ipv6Addresses,
    "private-dns-name": (eni) => describedInterface(tx, eni, context).PrivateDnsName,
    "private-ip-address": primaryPrivateIp,
  };
}

function attachmentFields(context: Context): FilterFields<NetworkInterface> {
  const of = (value: (attachment: NetworkInterfaceAttachment) => unknown) => (eni: NetworkInterface) => {
    const attachment = describedAttachment(eni, context);
    const found = attachment && value(attachment);
    return found instanceof Date ? found.toISOString() : found === undefined ? undefined : String(found);
  };
  return {
    "attachment.attach-time": of(({ AttachTime }) => AttachTime),
    "attachment.attachment-id": of(({ AttachmentId }) => AttachmentId),
    "attachment.delete-on-termination": of(({ DeleteOnTermination }) => DeleteOnTermination),
    "attachment.device-index": of(({ DeviceIndex }) => DeviceIndex),
    "attachment.instance-id": of(({ InstanceId }) => InstanceId),
    "attachment.instance-owner-id": of(({ InstanceOwnerId }) => InstanceOwnerId),
    "attachment.status": of(({ Status }) => Status),
  };
}

export const networkInterfaceListActions = { DescribeNetworkInterfaces };
