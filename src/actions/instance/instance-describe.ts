import type {
  DescribeInstancesRequest,
  DescribeInstancesResult,
  DescribeInstanceStatusRequest,
  DescribeInstanceStatusResult,
  Instance as InstanceAnswer,
  InstanceNetworkInterface,
  InstanceNetworkInterfaceAssociation,
  InstanceNetworkInterfaceAttachment,
  InstanceStatus,
  NetworkInterfaceAssociation,
  NetworkInterfaceAttachment,
  Reservation,
  _InstanceType,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { Instance } from "../../model/instance.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Reader } from "../../model/state.ts";
import { zoneIdOf } from "../../model/zone.ts";
import { interfacesOf } from "../interface/network-interface-attachment.ts";
import { describedGroups, describedInterface } from "../interface/network-interface-describe.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, filtered, paged } from "../kit/describe.ts";
import { instanceTypeInfo } from "../kit/instance-type-table.ts";
import { tagListOrAbsent } from "../kit/tags.ts";
import { imageOf } from "../storage/image.ts";
import { describedMappings } from "../storage/volume.ts";
import { describedProfile } from "./iam-instance-profile.ts";
import { type Health, healthOf, instanceFields, statusFields } from "./instance-filter.ts";
import { describedNameOptions, namesOf } from "./instance-name.ts";
import { describedReason, describedState, findInstances } from "./instance.ts";
import { describedPlacement } from "./placement-group.ts";

const DescribeInstances: Action<DescribeInstancesRequest, DescribeInstancesResult> = (tx, input, context) => {
  const found = filtered(chosenInstances(tx, input), input.Filters, instanceFields(tx, context));
  const { items, nextToken } = paged([...reservations(found)], input);
  return {
    Reservations: items.map(([id, instances]) => describedReservation(tx, id, instances, context)),
    NextToken: nextToken,
  };
};

/** Instances that were launched by one request stand together. */
function reservations(instances: readonly Instance[]): Map<string, Instance[]> {
  const groups = new Map<string, Instance[]>();
  for (const instance of instances) {
    const group = groups.get(instance.reservationId);
    if (group) group.push(instance);
    else groups.set(instance.reservationId, [instance]);
  }
  return groups;
}

/** One reservation with those of its instances that were asked for. */
export function describedReservation(
  tx: Reader,
  id: string,
  instances: readonly Instance[],
  context: Context,
): Reservation {
  return {
    ReservationId: id,
    OwnerId: context.account,
    Groups: [],
    Instances: instances.map((instance) => describedInstance(tx, instance, context)),
  };
}

type Choice = Pick<DescribeInstancesRequest, "InstanceIds" | "Filters" | "MaxResults">;

/**
 * The instances named by id, or all that a filter with an index leaves; the filters are still to be applied.
 */
function chosenInstances(
  tx: Reader,
  { InstanceIds: ids, Filters: filters, MaxResults: size }: Choice,
): readonly Instance[] {
  if (ids && ids.length > 0) {
    if (size === undefined) return findInstances(tx, ids);
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter instancesSet cannot be used with the parameter maxResults",
    );
  }
  const found = candidates(tx, "instance", filters, INDEXED);
  return found.slice(0, found.length);
}

const INDEXED = { "reservation-id": "reservationId", "subnet-id": "subnetId", "vpc-id": "vpcId" } as const;

/**
 * An instance as the API shows it. A terminated one has lost its addresses, interfaces and volumes.
 * Public and private names follow the VPC's DNS attributes (VPC user guide, "DNS attributes for your VPC").
 */
function describedInstance(tx: Reader, instance: Instance, context: Context): InstanceAnswer {
  const type = instanceTypeInfo(instance.instanceType);
  const image = imageOf(tx, instance.imageId, context.region);
  const threads = instance.cpuOptions?.threadsPerCore ?? type?.threadsPerCore ?? 1;
  const cores = instance.cpuOptions?.coreCount ?? (type?.vcpus ?? 1) / threads;
  return {
    AmiLaunchIndex: instance.launchIndex,
    ImageId: instance.imageId,
    InstanceId: instance.id,
    InstanceType: instance.instanceType as _InstanceType,
    KeyName: instance.keyName,
    LaunchTime: new Date(instance.launchTime),
    Monitoring: { State: instance.monitoring ? "enabled" : "disabled" },
    Placement: {
      AvailabilityZone: instance.availabilityZone,
      AvailabilityZoneId: zoneIdOf(instance.availabilityZone, context.region),
      GroupName: "",
      ...describedPlacement(tx, instance),
      Tenancy: instance.tenancy,
    },
    ProductCodes: [],
    State: describedState(instance.state),
    StateTransitionReason: instance.stateTransitionReason,
    StateReason: describedReason(instance),
    Architecture: type?.architecture ?? image.architecture,
    ClientToken: instance.clientToken ?? "",
    EbsOptimized: instance.ebsOptimized,
    EnaSupport: true,
    Hypervisor: "xen",
    ...(instance.iamInstanceProfileArn === undefined
      ? {}
      : { IamInstanceProfile: describedProfile(instance.iamInstanceProfileArn) }),
    RootDeviceName: image.rootDeviceName,
    RootDeviceType: "ebs",
    Tags: tagListOrAbsent(instance.tags),
    VirtualizationType: "hvm",
    CpuOptions: { CoreCount: cores, ThreadsPerCore: threads },
    CapacityReservationSpecification: { CapacityReservationPreference: "open" },
    HibernationOptions: { Configured: false },
    MetadataOptions: describedMetadataOptions(instance),
    EnclaveOptions: { Enabled: false },
    BootMode: image.bootMode,
    CurrentInstanceBootMode: type?.hypervisor === "nitro" ? "uefi" : "legacy-bios",
    PlatformDetails: "Linux/UNIX",
    UsageOperation: "RunInstances",
    UsageOperationUpdateTime: new Date(instance.launchTime),
    MaintenanceOptions: { AutoRecovery: instance.autoRecovery ?? "default", RebootMigration: "default" },
    NetworkPerformanceOptions: { BandwidthWeighting: "default" },
    Operator: { Managed: false },
    ...describedNetwork(tx, instance, context),
  };
}

/** The parts of the answer that an instance loses when it is terminated. */
function describedNetwork(tx: Reader, instance: Instance, context: Context): InstanceAnswer {
  const interfaces = interfacesOf(tx, instance);
  const [primary] = interfaces;
  const names = namesOf(tx, instance, context);
  if (!primary || !names) {
    return {
      PrivateDnsName: "",
      PublicDnsName: "",
      NetworkInterfaces: [],
      SecurityGroups: [],
      BlockDeviceMappings: [],
    };
  }
  return {
    PrivateDnsName: names.privateName,
    PrivateIpAddress: names.privateIp,
    Ipv6Address: primary.ipv6Addresses?.[0],
    PublicDnsName: names.publicName,
    PublicIpAddress: names.publicIp,
    SubnetId: instance.subnetId,
    VpcId: instance.vpcId,
    SourceDestCheck: primary.sourceDestCheck,
    SecurityGroups: describedGroups(tx, primary),
    NetworkInterfaces: interfaces.map((eni) => interfaceOf(tx, eni, context)),
    BlockDeviceMappings: describedMappings(tx, instance, context.region),
    PrivateDnsNameOptions: describedNameOptions(names),
  };
}

/** An interface in the words of its instance's description, which leaves out some of its own description. */
function interfaceOf(tx: Reader, eni: NetworkInterface, context: Context): InstanceNetworkInterface {
  const { Association, Attachment, PrivateIpAddresses, ...described } = describedInterface(tx, eni, context);
  const {
    AvailabilityZone: _1,
    AvailabilityZoneId: _2,
    RequesterId: _3,
    RequesterManaged: _4,
    TagSet: _5,
    Ipv6Address: _6,
    ...rest
  } = described;
  return {
    ...rest,
    Association: associationOf(Association),
    Attachment: attachmentOf(Attachment),
    PrivateIpAddresses: PrivateIpAddresses?.map((address) => ({
      ...address,
      Association: associationOf(address.Association),
    })),
  } as InstanceNetworkInterface;
}

function associationOf(
  association: NetworkInterfaceAssociation | undefined,
): InstanceNetworkInterfaceAssociation | undefined {
  return (
    association && {
      IpOwnerId: association.IpOwnerId,
      PublicDnsName: association.PublicDnsName,
      PublicIp: association.PublicIp,
    }
  );
}

function attachmentOf(
  attachment: NetworkInterfaceAttachment | undefined,
): InstanceNetworkInterfaceAttachment | undefined {
  if (!attachment) return undefined;
  const { InstanceId: _1, InstanceOwnerId: _2, EnaSrdSpecification: _3, ...rest } = attachment;
  return rest;
}

export function describedMetadataOptions({
  metadataOptions: options,
  state,
}: Instance): NonNullable<InstanceAnswer["MetadataOptions"]> {
  return {
    State: state === "pending" ? "pending" : "applied",
    HttpTokens: options.httpTokens,
    HttpPutResponseHopLimit: options.httpPutResponseHopLimit,
    HttpEndpoint: options.httpEndpoint,
    HttpProtocolIpv6: options.httpProtocolIpv6 ?? "disabled",
    InstanceMetadataTags: options.instanceMetadataTags,
  };
}

/** Running instances only, unless all are asked for. */
const DescribeInstanceStatus: Action<DescribeInstanceStatusRequest, DescribeInstanceStatusResult> = (
  tx,
  input,
  context,
) => {
  const instances = chosenInstances(tx, input).filter(
    ({ state }) => input.IncludeAllInstances === true || state === "running",
  );
  const health = healthOf(context);
  const { items, nextToken } = paged(filtered(instances, input.Filters, statusFields(tx, health)), input);
  return {
    InstanceStatuses: items.map((instance) => describedStatus(tx, instance, health)),
    NextToken: nextToken,
  };
};

function describedStatus(tx: Reader, instance: Instance, health: (i: Instance) => Health): InstanceStatus {
  const up = instance.state === "running";
  const { status, reachability } = health(instance);
  const summary = reachability
    ? { Details: [{ Name: "reachability" as const, Status: reachability }], Status: status }
    : { Status: status };
  return {
    AvailabilityZone: instance.availabilityZone,
    AvailabilityZoneId: tx.get("subnet", instance.subnetId)?.availabilityZoneId,
    InstanceId: instance.id,
    InstanceState: describedState(instance.state),
    InstanceStatus: summary,
    SystemStatus: summary,
    ...(up ? { AttachedEbsStatus: summary } : {}),
  };
}

export const instanceDescribeActions = { DescribeInstances, DescribeInstanceStatus };
