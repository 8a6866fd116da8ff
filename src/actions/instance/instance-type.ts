import type {
  DescribeInstanceTypeOfferingsRequest,
  DescribeInstanceTypeOfferingsResult,
  DescribeInstanceTypesRequest,
  DescribeInstanceTypesResult,
  InstanceTypeInfo,
  InstanceTypeOffering,
} from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import { DEFAULT_CONNECTION_TRACKING } from "../../model/network-interface.ts";
import { zonesOf } from "../../model/zone.ts";
import type { Action } from "../kit/action.ts";
import { type FilterFields, filtered, paged } from "../kit/describe.ts";
import { INSTANCE_TYPES, type InstanceTypeFacts } from "../kit/instance-type-table.ts";
import { strategiesOf } from "./placement-group.ts";

/** @throws InvalidParameterValue for a type that does not exist, in the words of RunInstances. */
export function findInstanceType(name: string): InstanceTypeFacts {
  const facts = INSTANCE_TYPES.get(name);
  if (!facts) throw new Fault("InvalidParameterValue", `Invalid value '${name}' for InstanceType.`);
  return facts;
}

const DescribeInstanceTypes: Action<DescribeInstanceTypesRequest, DescribeInstanceTypesResult> = (
  _tx,
  input,
) => {
  const types = filtered<Untagged<InstanceTypeFacts>>(named(input.InstanceTypes), input.Filters, TYPE_FIELDS);
  const { items, nextToken } = paged(types, input, { min: 5, max: 100 });
  return { InstanceTypes: items.map(describedType), NextToken: nextToken };
};

/** Something that filters can ask for, and that never has a tag. */
type Untagged<T> = T & { readonly tags?: Tags };

/** @throws InvalidInstanceType naming every type that does not exist. */
function named(names: readonly string[] | undefined): readonly InstanceTypeFacts[] {
  if (!names || names.length === 0) return [...INSTANCE_TYPES.values()];
  const unknown = names.filter((name) => !INSTANCE_TYPES.has(name));
  if (unknown.length > 0) {
    throw new Fault(
      "InvalidInstanceType",
      `The following supplied instance types do not exist: [${unknown.join(", ")}]`,
    );
  }
  return [...new Set(names)].flatMap((name) => INSTANCE_TYPES.get(name) ?? []);
}

const BOOT_MODES = { x86_64: ["legacy-bios", "uefi"], arm64: ["uefi"] } as const;

/** Documented filters of what no description here tells: they find nothing. */
const NOT_TOLD =
  "ebs-info.attachment-limit-type ebs-info.maximum-ebs-attachments ebs-info.ebs-optimized-info.baseline-bandwidth-in-mbps ebs-info.ebs-optimized-info.baseline-iops ebs-info.ebs-optimized-info.baseline-throughput-in-mbps ebs-info.ebs-optimized-info.maximum-bandwidth-in-mbps ebs-info.ebs-optimized-info.maximum-iops ebs-info.ebs-optimized-info.maximum-throughput-in-mbps instance-storage-info.disk.count instance-storage-info.disk.size-in-gb instance-storage-info.disk.type instance-storage-info.encryption-support instance-storage-info.nvme-support instance-storage-info.total-size-in-gb network-info.bandwidth-weightings network-info.efa-info.maximum-efa-interfaces network-info.flexible-ena-queues-support nitro-tpm-info.supported-versions processor-info.supported-features reboot-migration-support vcpu-info.valid-cores vcpu-info.valid-threads-per-core".split(
    " ",
  );

const TYPE_FIELDS: FilterFields<InstanceTypeFacts> = {
  "auto-recovery-supported": () => "true",
  "bare-metal": () => "false",
  "burstable-performance-supported": (type) => String(type.burstable),
  "current-generation": (type) => String(type.currentGeneration),
  "dedicated-hosts-supported": (type) => String(!type.burstable),
  "ebs-info.ebs-optimized-support": ebsOptimized,
  "ebs-info.encryption-support": () => "supported",
  "ebs-info.nvme-support": nvme,
  "free-tier-eligible": (type) => String(type.freeTier),
  "hibernation-supported": () => "false",
  hypervisor: (type) => type.hypervisor,
  "instance-storage-supported": (type) => String(type.instanceStorage),
  "instance-type": (type) => type.name,
  "memory-info.size-in-mib": (type) => String(type.memoryMib),
  "network-info.efa-supported": () => "false",
  "network-info.encryption-in-transit-supported": () => "false",
  "network-info.ena-support": enaSupport,
  "network-info.ipv4-addresses-per-interface": (type) => String(type.ipv4PerInterface),
  "network-info.ipv6-supported": () => "true",
  "network-info.maximum-network-cards": () => "1",
  "network-info.maximum-network-interfaces": (type) => String(type.maxInterfaces),
  "network-info.network-performance": (type) => type.network,
  "nitro-enclaves-support": () => "unsupported",
  "nitro-tpm-support": () => "unsupported",
  "placement-group-info.supported-strategies": strategiesOf,
  "processor-info.supported-architecture": (type) => type.architecture,
  "processor-info.sustained-clock-speed-in-ghz": (type) => String(type.clockGhz),
  "supported-boot-mode": (type) => BOOT_MODES[type.architecture],
  "supported-root-device-type": () => "ebs",
  "supported-usage-class": () => "on-demand",
  "supported-virtualization-type": () => "hvm",
  "network-info.ipv6-addresses-per-interface": (type) => String(type.ipv4PerInterface),
  ...Object.fromEntries(NOT_TOLD.map((name) => [name, () => undefined])),
  "vcpu-info.default-cores": (type) => String(type.vcpus / type.threadsPerCore),
  "vcpu-info.default-threads-per-core": (type) => String(type.threadsPerCore),
  "vcpu-info.default-vcpus": (type) => String(type.vcpus),
};

function ebsOptimized(type: InstanceTypeFacts): "default" | "unsupported" {
  return type.hypervisor === "nitro" ? "default" : "unsupported";
}

function nvme(type: InstanceTypeFacts): "required" | "unsupported" {
  return type.hypervisor === "nitro" ? "required" : "unsupported";
}

function enaSupport(type: InstanceTypeFacts): "required" | "unsupported" {
  return type.hypervisor === "nitro" ? "required" : "unsupported";
}

function describedType(type: InstanceTypeFacts): InstanceTypeInfo {
  return {
    InstanceType: type.name,
    CurrentGeneration: type.currentGeneration,
    FreeTierEligible: type.freeTier,
    SupportedUsageClasses: ["on-demand"],
    SupportedRootDeviceTypes: ["ebs"],
    SupportedVirtualizationTypes: ["hvm"],
    BareMetal: false,
    Hypervisor: type.hypervisor,
    ProcessorInfo: {
      SupportedArchitectures: [type.architecture],
      SustainedClockSpeedInGhz: type.clockGhz,
      Manufacturer: type.manufacturer,
    },
    VCpuInfo: {
      DefaultVCpus: type.vcpus,
      DefaultCores: type.vcpus / type.threadsPerCore,
      DefaultThreadsPerCore: type.threadsPerCore,
    },
    MemoryInfo: { SizeInMiB: type.memoryMib },
    InstanceStorageSupported: type.instanceStorage,
    EbsInfo: {
      EbsOptimizedSupport: ebsOptimized(type),
      EncryptionSupport: "supported",
      NvmeSupport: nvme(type),
    },
    NetworkInfo: describedNetwork(type),
    PlacementGroupInfo: { SupportedStrategies: strategiesOf(type) },
    HibernationSupported: false,
    BurstablePerformanceSupported: type.burstable,
    DedicatedHostsSupported: !type.burstable,
    AutoRecoverySupported: true,
    SupportedBootModes: [...BOOT_MODES[type.architecture]],
    NitroEnclavesSupport: "unsupported",
    NitroTpmSupport: "unsupported",
  };
}

const DEFAULT_TIMEOUTS = {
  DefaultTcpEstablishedTimeout: DEFAULT_CONNECTION_TRACKING.tcpEstablishedTimeout,
  DefaultUdpTimeout: DEFAULT_CONNECTION_TRACKING.udpTimeout,
  DefaultUdpStreamTimeout: DEFAULT_CONNECTION_TRACKING.udpStreamTimeout,
};

function describedNetwork(type: InstanceTypeFacts): NonNullable<InstanceTypeInfo["NetworkInfo"]> {
  const card = {
    NetworkCardIndex: 0,
    NetworkPerformance: type.network,
    MaximumNetworkInterfaces: type.maxInterfaces,
  };
  return {
    NetworkPerformance: type.network,
    MaximumNetworkInterfaces: type.maxInterfaces,
    MaximumNetworkCards: 1,
    DefaultNetworkCardIndex: 0,
    NetworkCards: [card],
    Ipv4AddressesPerInterface: type.ipv4PerInterface,
    Ipv6AddressesPerInterface: type.ipv4PerInterface,
    Ipv6Supported: true,
    EnaSupport: enaSupport(type),
    EfaSupported: false,
    EncryptionInTransitSupported: false,
    ...(type.hypervisor === "nitro" ? { ConnectionTrackingConfiguration: DEFAULT_TIMEOUTS } : {}),
  };
}

/** Every type is offered in every zone. */
const DescribeInstanceTypeOfferings: Action<
  DescribeInstanceTypeOfferingsRequest,
  DescribeInstanceTypeOfferingsResult
> = (_tx, input, context) => {
  const locationType = input.LocationType ?? "region";
  const locations = locationsOf(locationType, context.region);
  const offerings = [...INSTANCE_TYPES.values()].flatMap((type) =>
    locations.map((Location): InstanceTypeOffering => ({
      InstanceType: type.name,
      LocationType: locationType,
      Location,
    })),
  );
  const found = filtered<Untagged<InstanceTypeOffering>>(offerings, input.Filters, OFFERING_FIELDS);
  const { items, nextToken } = paged(found, input, { min: 5, max: 1000 });
  return { InstanceTypeOfferings: [...items], NextToken: nextToken };
};

const OFFERING_FIELDS: FilterFields<InstanceTypeOffering> = {
  "instance-type": (offering) => offering.InstanceType,
  location: (offering) => offering.Location,
};

function locationsOf(locationType: string, region: string): readonly string[] {
  switch (locationType) {
    case "region":
      return [region];
    case "availability-zone":
      return zonesOf(region).map((zone) => zone.name);
    case "availability-zone-id":
      return zonesOf(region).map((zone) => zone.id);
    default:
      throw new Fault(
        "InvalidParameterValue",
        `Value (${locationType}) for parameter LocationType is invalid.`,
      );
  }
}

export const instanceTypeActions = { DescribeInstanceTypes, DescribeInstanceTypeOfferings };
