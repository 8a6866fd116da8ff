import type {
  NetworkInterface,
  NetworkInterfaceAssociation,
  PrivateDnsNameOptionsResponse,
} from "@aws-sdk/client-ec2";
import { type Instance, INSTANCE_STATE_CODE } from "../../model/instance.ts";
import type { Reader } from "../../model/state.ts";
import { interfacesOf, primaryInterfaceOf } from "../interface/network-interface-attachment.ts";
import { describedInterface } from "../interface/network-interface-describe.ts";
import type { Context } from "../kit/action.ts";
import type { FilterFields } from "../kit/describe.ts";
import { instanceTypeInfo } from "../kit/instance-type-table.ts";
import { imageOf } from "../storage/image.ts";
import { attachTimeOf, blockDevicesOf } from "../storage/volume.ts";
import { describedProfile } from "./iam-instance-profile.ts";
import { describedNameOptions, namesOf } from "./instance-name.ts";
import { describedReason } from "./instance.ts";
import { describedPlacement } from "./placement-group.ts";

/**
 * The filters of DescribeInstances (EC2 API reference). Those of things that Genkan has none of match
 * nothing.
 */
export function instanceFields(tx: Reader, context: Context): FilterFields<Instance> {
  return {
    ...plainFields(tx, context),
    ...nameFields(tx, context),
    ...volumeFields(tx, context),
    ...interfaceFields(tx, context),
    ...Object.fromEntries(NEVER.map((name) => [name, () => undefined])),
  };
}

const NEVER = [
  "affinity",
  "capacity-reservation-id",
  "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-arn",
  "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-id",
  "capacity-reservation-specification.capacity-reservation-target.capacity-reservation-resource-group-arn",
  "host-id",
  "instance-lifecycle",
  "kernel-id",
  "network-interface.addresses.association.carrier-ip",
  "network-interface.addresses.association.customer-owned-ip",
  "network-interface.association.carrier-ip",
  "network-interface.association.customer-owned-ip",
  "network-interface.deny-all-igw-traffic",
  "network-interface.ipv4-prefixes.ipv4-prefix",
  "network-interface.ipv6-native",
  "network-interface.ipv6-prefixes.ipv6-prefix",
  "network-interface.operator.principal",
  "network-interface.outpost-arn",
  "operator.principal",
  "outpost-arn",
  "platform",
  "product-code",
  "product-code.type",
  "ramdisk-id",
  "requester-id",
  "spot-instance-request-id",
  "tpm-support",
];

function plainFields(tx: Reader, context: Context): FilterFields<Instance> {
  return {
    architecture: (i) => instanceTypeInfo(i.instanceType)?.architecture,
    "availability-zone": (i) => i.availabilityZone,
    "availability-zone-id": (i) => tx.get("subnet", i.subnetId)?.availabilityZoneId,
    "boot-mode": (i) => imageOf(tx, i.imageId, context.region).bootMode,
    "capacity-reservation-specification.capacity-reservation-preference": () => "open",
    "client-token": (i) => i.clientToken,
    "current-instance-boot-mode": (i) =>
      instanceTypeInfo(i.instanceType)?.hypervisor === "nitro" ? "uefi" : "legacy-bios",
    "ebs-optimized": (i) => String(i.ebsOptimized),
    "ena-support": () => "true",
    "enclave-options.enabled": () => "false",
    "hibernation-options.configured": () => "false",
    hypervisor: () => "xen",
    "iam-instance-profile.arn": (i) => i.iamInstanceProfileArn,
    "iam-instance-profile.id": (i) =>
      i.iamInstanceProfileArn === undefined ? undefined : describedProfile(i.iamInstanceProfileArn).Id,
    "iam-instance-profile.name": (i) => i.iamInstanceProfileArn?.split("/").at(-1),
    "image-id": (i) => i.imageId,
    "instance-id": (i) => i.id,
    "instance-state-code": stateCode,
    "instance-state-name": (i) => i.state,
    "instance-type": (i) => i.instanceType,
    "key-name": (i) => i.keyName,
    "launch-index": (i) => String(i.launchIndex),
    "launch-time": (i) => i.launchTime,
    "maintenance-options.auto-recovery": (i) => i.autoRecovery ?? "default",
    "metadata-options.http-endpoint": (i) => i.metadataOptions.httpEndpoint,
    "metadata-options.http-protocol-ipv4": (i) => i.metadataOptions.httpEndpoint,
    "metadata-options.http-protocol-ipv6": (i) => i.metadataOptions.httpProtocolIpv6 ?? "disabled",
    "metadata-options.http-put-response-hop-limit": (i) => String(i.metadataOptions.httpPutResponseHopLimit),
    "metadata-options.http-tokens": (i) => i.metadataOptions.httpTokens,
    "metadata-options.instance-metadata-tags": (i) => i.metadataOptions.instanceMetadataTags,
    "metadata-options.state": (i) => (i.state === "pending" ? "pending" : "applied"),
    "monitoring-state": (i) => (i.monitoring ? "enabled" : "disabled"),
    "network-performance-options.bandwidth-weighting": () => "default",
    "operator.managed": () => "false",
    "owner-id": () => context.account,
    "platform-details": () => "Linux/UNIX",
    "placement-group-name": (i) => describedPlacement(tx, i).GroupName,
    "placement-partition-number": (i) => i.placement?.partitionNumber?.toString(),
    reason: (i) => i.stateTransitionReason,
    "reservation-id": (i) => i.reservationId,
    "root-device-name": (i) => imageOf(tx, i.imageId, context.region).rootDeviceName,
    "root-device-type": () => "ebs",
    "state-reason-code": (i) => describedReason(i)?.Code,
    "state-reason-message": (i) => describedReason(i)?.Message,
    tenancy: (i) => i.tenancy,
    "usage-operation": () => "RunInstances",
    "usage-operation-update-time": (i) => i.launchTime,
    "virtualization-type": () => "hvm",
  };
}

function stateCode({ state }: Instance): string {
  return String(INSTANCE_STATE_CODE[state]);
}

function nameFields(tx: Reader, context: Context): FilterFields<Instance> {
  const groupIds = (i: Instance): readonly string[] => primaryInterfaceOf(tx, i)?.groupIds ?? [];
  const groupNames = (i: Instance): readonly (string | undefined)[] =>
    groupIds(i).map((id) => tx.get("security-group", id)?.name);
  const options = (i: Instance): PrivateDnsNameOptionsResponse | undefined =>
    describedNameOptions(namesOf(tx, i, context));
  return {
    "dns-name": (i) => namesOf(tx, i, context)?.publicName,
    "group-id": groupIds,
    "group-name": groupNames,
    "instance.group-id": groupIds,
    "instance.group-name": groupNames,
    "ip-address": (i) => namesOf(tx, i, context)?.publicIp,
    "private-dns-name": (i) => namesOf(tx, i, context)?.privateName,
    "private-dns-name-options.enable-resource-name-dns-a-record": (i) =>
      options(i)?.EnableResourceNameDnsARecord?.toString(),
    "private-dns-name-options.enable-resource-name-dns-aaaa-record": (i) =>
      options(i)?.EnableResourceNameDnsAAAARecord?.toString(),
    "private-dns-name-options.hostname-type": (i) => options(i)?.HostnameType,
    "ipv6-address": (i) => primaryInterfaceOf(tx, i)?.ipv6Addresses,
    "private-ip-address": (i) => namesOf(tx, i, context)?.privateIp,
    "source-dest-check": (i) =>
      primaryInterfaceOf(tx, i) && String(primaryInterfaceOf(tx, i)?.sourceDestCheck),
    "subnet-id": (i) => (i.state === "terminated" ? undefined : i.subnetId),
    "vpc-id": (i) => (i.state === "terminated" ? undefined : i.vpcId),
  };
}

function volumeFields(tx: Reader, { region }: Context): FilterFields<Instance> {
  return {
    "block-device-mapping.attach-time": (i) => blockDevicesOf(i, region).map((d) => attachTimeOf(tx, i, d)),
    "block-device-mapping.delete-on-termination": (i) =>
      blockDevicesOf(i, region).map((d) => String(d.deleteOnTermination)),
    "block-device-mapping.device-name": (i) => blockDevicesOf(i, region).map((d) => d.deviceName),
    "block-device-mapping.status": (i) => blockDevicesOf(i, region).map(() => "attached"),
    "block-device-mapping.volume-id": (i) => blockDevicesOf(i, region).map((d) => d.volumeId),
  };
}

/** `network-interface.*`: an instance matches by any of its interfaces. */
function interfaceFields(tx: Reader, context: Context): FilterFields<Instance> {
  const fields: Readonly<Record<string, (eni: NetworkInterface) => Values>> = {
    ...INTERFACE_FIELDS,
    ...Object.fromEntries(
      Object.entries(ASSOCIATION_FIELDS).map(([name, of]) => [
        `association.${name}`,
        (eni) => [of(eni.Association)],
      ]),
    ),
    ...Object.fromEntries(
      Object.entries(ASSOCIATION_FIELDS).map(([name, of]) => [
        `addresses.association.${name}`,
        (eni) => (eni.PrivateIpAddresses ?? []).map(({ Association }) => of(Association)),
      ]),
    ),
  };
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      `network-interface.${name}`,
      (instance: Instance) =>
        interfacesOf(tx, instance).flatMap((eni) => value(describedInterface(tx, eni, context))),
    ]),
  );
}

type Values = readonly (string | undefined)[];

const ASSOCIATION_FIELDS: Readonly<
  Record<string, (association: NetworkInterfaceAssociation | undefined) => string | undefined>
> = {
  "allocation-id": (association) => association?.AllocationId,
  "association-id": (association) => association?.AssociationId,
  "ip-owner-id": (association) => association?.IpOwnerId,
  "public-dns-name": (association) => association?.PublicDnsName,
  "public-ip": (association) => association?.PublicIp,
};

const INTERFACE_FIELDS: Readonly<Record<string, (eni: NetworkInterface) => Values>> = {
  "ipv6-address": (eni) => (eni.Ipv6Addresses ?? []).map((address) => address.Ipv6Address),
  "ipv6-addresses.is-primary-ipv6": (eni) =>
    (eni.Ipv6Addresses ?? []).map((address) => String(address.IsPrimaryIpv6)),
  "operator.managed": () => ["false"],
  "ipv6-addresses.ipv6-address": (eni) => (eni.Ipv6Addresses ?? []).map((address) => address.Ipv6Address),
  "addresses.primary": (eni) => (eni.PrivateIpAddresses ?? []).map((address) => String(address.Primary)),
  "addresses.private-dns-name": (eni) =>
    (eni.PrivateIpAddresses ?? []).map((address) => address.PrivateDnsName),
  "addresses.private-ip-address": (eni) =>
    (eni.PrivateIpAddresses ?? []).map((address) => address.PrivateIpAddress),
  "attachment.attach-time": (eni) => [eni.Attachment?.AttachTime?.toISOString()],
  "attachment.attachment-id": (eni) => [eni.Attachment?.AttachmentId],
  "attachment.delete-on-termination": (eni) => [String(eni.Attachment?.DeleteOnTermination)],
  "attachment.device-index": (eni) => [String(eni.Attachment?.DeviceIndex)],
  "attachment.instance-id": (eni) => [eni.Attachment?.InstanceId],
  "attachment.instance-owner-id": (eni) => [eni.Attachment?.InstanceOwnerId],
  "attachment.network-card-index": (eni) => [String(eni.Attachment?.NetworkCardIndex)],
  "attachment.status": (eni) => [eni.Attachment?.Status],
  "availability-zone": (eni) => [eni.AvailabilityZone],
  description: (eni) => [eni.Description],
  "group-id": (eni) => (eni.Groups ?? []).map((group) => group.GroupId),
  "group-name": (eni) => (eni.Groups ?? []).map((group) => group.GroupName),
  "mac-address": (eni) => [eni.MacAddress],
  "network-interface-id": (eni) => [eni.NetworkInterfaceId],
  "owner-id": (eni) => [eni.OwnerId],
  "private-dns-name": (eni) => [eni.PrivateDnsName],
  "private-ip-address": (eni) => [eni.PrivateIpAddress],
  "public-dns-name": (eni) => [eni.Association?.PublicDnsName],
  "requester-id": (eni) => [eni.RequesterId],
  "requester-managed": (eni) => [String(eni.RequesterManaged)],
  "source-dest-check": (eni) => [String(eni.SourceDestCheck)],
  status: (eni) => [eni.Status],
  "subnet-id": (eni) => [eni.SubnetId],
  "tag-key": (eni) => (eni.TagSet ?? []).map((tag) => tag.Key),
  "tag-value": (eni) => (eni.TagSet ?? []).map((tag) => tag.Value),
  "vpc-id": (eni) => [eni.VpcId],
};

/** What the status checks of an instance say. */
export type Health = {
  readonly status: "ok" | "impaired" | "not-applicable";
  /** Absent when the instance does not run. */
  readonly reachability?: "passed" | "failed";
};

/** Both checks of an instance fail while its machine is silent. */
export function healthOf({ hosts }: Context): (instance: Instance) => Health {
  const silent = new Set(hosts?.().flatMap(({ number, live }) => (live ? [] : [number])));
  return ({ state, machine }) => {
    if (state !== "running") return { status: "not-applicable" };
    const lost = machine !== undefined && silent.has(machine);
    return lost ? { status: "impaired", reachability: "failed" } : { status: "ok", reachability: "passed" };
  };
}

/** The filters of DescribeInstanceStatus. */
export function statusFields(tx: Reader, of: (instance: Instance) => Health): FilterFields<Instance> {
  const health = (instance: Instance): string => of(instance).status;
  const reachability = (instance: Instance): string | undefined => of(instance).reachability;
  const never = (): undefined => undefined;
  return {
    "attached-ebs-status.status": health,
    "availability-zone": (i) => i.availabilityZone,
    "availability-zone-id": (i) => tx.get("subnet", i.subnetId)?.availabilityZoneId,
    "event.code": never,
    "event.description": never,
    "event.instance-event-id": never,
    "event.not-after": never,
    "event.not-before": never,
    "event.not-before-deadline": never,
    "application-status.status": never,
    "instance-state-code": stateCode,
    "instance-state-name": (i) => i.state,
    "operator.managed": () => "false",
    "operator.principal": never,
    "instance-status.reachability": reachability,
    "instance-status.status": health,
    "system-status.reachability": reachability,
    "system-status.status": health,
  };
}
