import type {
  GroupIdentifier,
  NetworkInterface as InterfaceAnswer,
  NetworkInterfaceAssociation,
  NetworkInterfaceAttachment,
  NetworkInterfacePrivateIpAddress,
} from "@aws-sdk/client-ec2";
import { privateDnsName, publicDnsName } from "../../model/dns-name.ts";
import {
  interfaceType,
  isManaged,
  type NetworkInterface,
  primaryPrivateIp,
} from "../../model/network-interface.ts";
import type { Reader } from "../../model/state.ts";
import type { Context } from "../kit/action.ts";
import { tagList } from "../kit/tags.ts";
import { publicIpOf } from "./address.ts";
import { describedTracking } from "./network-interface-tracking.ts";

/**
 * An interface as the API describes it; its public addresses follow from its Elastic IPs and its automatic
 * address.
 */
export function describedInterface(tx: Reader, eni: NetworkInterface, context: Context): InterfaceAnswer {
  const privateIp = primaryPrivateIp(eni);
  const primary: NetworkInterfacePrivateIpAddress =
    privateIp === undefined ? {} : describedAddress(tx, eni, privateIp, context);
  return {
    Association: primary.Association,
    Attachment: describedAttachment(eni, context),
    AvailabilityZone: eni.availabilityZone,
    AvailabilityZoneId: tx.get("subnet", eni.subnetId)?.availabilityZoneId,
    ...(eni.connectionTracking
      ? { ConnectionTrackingConfiguration: describedTracking(eni.connectionTracking) }
      : {}),
    Description: eni.description,
    Groups: describedGroups(tx, eni),
    InterfaceType: interfaceType(eni) as InterfaceAnswer["InterfaceType"],
    ...(eni.ipv6Addresses?.[0] === undefined ? {} : { Ipv6Address: eni.ipv6Addresses[0] }),
    Ipv6Addresses: (eni.ipv6Addresses ?? []).map((Ipv6Address, index) => ({
      Ipv6Address,
      IsPrimaryIpv6: index === 0 && eni.isPrimaryIpv6 === true,
    })),
    MacAddress: eni.macAddress,
    NetworkInterfaceId: eni.id,
    OwnerId: context.account,
    PrivateDnsName: primary.PrivateDnsName,
    PrivateIpAddress: primary.PrivateIpAddress,
    PrivateIpAddresses: eni.privateIpAddresses.map((ip) => describedAddress(tx, eni, ip, context)),
    ...publicNames(primary.Association),
    RequesterId: requesterOf(eni, context),
    RequesterManaged: eni.requesterManaged,
    Operator: { Managed: false },
    SourceDestCheck: eni.sourceDestCheck,
    Status: statusOf(eni),
    SubnetId: eni.subnetId,
    TagSet: tagList(eni.tags),
    VpcId: eni.vpcId,
  };
}

export function statusOf(eni: NetworkInterface): "in-use" | "available" {
  return eni.attachment || isManaged(eni) ? "in-use" : "available";
}

/**
 * Who asked for the interface; the account where nobody is written down, and nobody when it was made by a
 * launch.
 */
export function requesterOf(eni: NetworkInterface, { account }: Context): string | undefined {
  return eni.byLaunch === true ? undefined : (eni.requesterId ?? account);
}

/** The interface's public names; empty without a public address in a VPC with names. */
function publicNames(
  association: NetworkInterfaceAssociation | undefined,
): Pick<InterfaceAnswer, "PublicDnsName" | "PublicIpDnsNameOptions"> {
  const name = association?.PublicDnsName;
  if (name === undefined || name === "") return {};
  return {
    PublicDnsName: name,
    PublicIpDnsNameOptions: { DnsHostnameType: "public-ipv4-dns-name", PublicIpv4DnsName: name },
  };
}

function describedAddress(
  tx: Reader,
  eni: NetworkInterface,
  ip: string,
  context: Context,
): NetworkInterfacePrivateIpAddress {
  return {
    Association: describedAssociation(tx, eni, ip, context),
    Primary: ip === primaryPrivateIp(eni),
    PrivateDnsName: hasDnsNames(tx, eni) ? privateDnsName(ip, context.region) : undefined,
    PrivateIpAddress: ip,
  };
}

function hasDnsNames(tx: Reader, eni: NetworkInterface): boolean {
  const vpc = tx.get("vpc", eni.vpcId);
  return vpc?.enableDnsHostnames === true && vpc.enableDnsSupport;
}

/**
 * The public address of a private one, as the API describes it; the public name is empty where the VPC gives
 * none.
 */
export function describedAssociation(
  tx: Reader,
  eni: NetworkInterface,
  ip: string,
  context: Context,
): NetworkInterfaceAssociation | undefined {
  const found = publicIpOf(tx, eni, ip);
  if (!found) return undefined;
  return {
    PublicIp: found.publicIp,
    PublicDnsName: hasDnsNames(tx, eni) ? publicDnsName(found.publicIp, context.region) : "",
    IpOwnerId: found.owner === "amazon" ? "amazon" : context.account,
    AllocationId: found.allocationId,
    AssociationId: found.associationId,
  };
}

export function describedAttachment(
  eni: NetworkInterface,
  context: Context,
): NetworkInterfaceAttachment | undefined {
  const { attachment } = eni;
  if (isManaged(eni)) {
    return {
      AttachmentId: eni.id.replace(/^eni-/, "ela-attach-"),
      DeleteOnTermination: false,
      DeviceIndex: 1,
      InstanceOwnerId: "amazon-aws",
      Status: "attached",
    };
  }
  if (!attachment) return undefined;
  return {
    AttachTime: new Date(attachment.attachTime),
    AttachmentId: attachment.attachmentId,
    DeleteOnTermination: attachment.deleteOnTermination,
    DeviceIndex: attachment.deviceIndex,
    NetworkCardIndex: attachment.networkCardIndex,
    InstanceId: attachment.instanceId,
    InstanceOwnerId: context.account,
    Status: "attached",
  };
}

export function describedGroups(tx: Reader, eni: NetworkInterface): GroupIdentifier[] {
  return eni.groupIds.map((GroupId) => ({ GroupId, GroupName: tx.get("security-group", GroupId)?.name }));
}
