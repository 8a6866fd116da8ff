import type { Instance as InstanceAnswer, Reservation, RunInstancesRequest } from "@aws-sdk/client-ec2";
import { present } from "../../lib/assert.ts";
import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { Instance } from "../../model/instance.ts";
import type { Reader, Tx } from "../../model/state.ts";
import {
  createNetworkInterface,
  newAttachment,
  refreshAutoPublicIp,
} from "../interface/network-interface.ts";
import { assignableAddressCount } from "../interface/subnet-address.ts";
import type { Action, Context } from "../kit/action.ts";
import { required } from "../kit/parameter.ts";
import { tagsFor } from "../kit/tags.ts";
import type { Image } from "../storage/image-catalogue.ts";
import { findImage } from "../storage/image.ts";
import { newBlockDevices } from "../storage/volume.ts";
import { describedReservation } from "./instance-describe.ts";
import { addressCount, type WantedInterface, wantedInterfaces } from "./instance-run-interface.ts";
import { type LaunchOptions, launchOptions } from "./instance-run-option.ts";
import { requireShowableTags } from "./instance-tag.ts";
import { findInstanceType } from "./instance-type.ts";
import { withTemplate } from "./launch-template-data.ts";
import { placementOf, type WantedPlacement, wantedPlacement } from "./placement-group.ts";
import { hostOf } from "./placement.ts";

/**
 * Launches between MinCount and MaxCount instances, as many as there is room for. They are pending, and the
 * answer shows no public address yet, though one may be held already (facts of recorded answers).
 */
const RunInstances: Action<RunInstancesRequest, Reservation> = (tx, asked, context) => {
  const { input, templateTags } = withTemplate(tx, asked);
  const range = countRange(input);
  const image = findImage(tx, input.ImageId, context.region);
  const options = launchOptions(tx, input, image, context);
  const interfaces = wantedInterfaces(tx, input, context);
  requireShareable(interfaces, range.most);
  const launch: Launch = {
    options,
    image,
    interfaces,
    placement: wantedPlacement(tx, input.Placement, findInstanceType(options.instanceType)),
    mappings: input.BlockDeviceMappings,
    reservationId: newId("reservation", context.random),
    tags: launchTags(input, templateTags, context),
  };
  requireShowableTags(options.metadataOptions, launch.tags.instance);
  const count = affordableCount(tx, interfaces, range, context);
  const instances = launchedUpTo(count, range.least, (launchIndex) =>
    launched(tx, launch, launchIndex, context),
  );
  const reservation = describedReservation(tx, launch.reservationId, instances, context);
  return { ...reservation, Instances: (reservation.Instances ?? []).map(withoutPublicAddress) };
};

/** As many as the machines have room for. @throws InsufficientInstanceCapacity for fewer than the least. */
function launchedUpTo(most: number, least: number, launch: (index: number) => Instance): readonly Instance[] {
  const instances: Instance[] = [];
  while (instances.length < most) {
    try {
      instances.push(launch(instances.length));
    } catch (error) {
      const full = error instanceof Fault && error.code === "InsufficientInstanceCapacity";
      if (!full || instances.length < least) throw error;
      break;
    }
  }
  return instances;
}

type Launch = {
  readonly options: LaunchOptions;
  readonly image: Image;
  readonly interfaces: readonly WantedInterface[];
  readonly placement: WantedPlacement | undefined;
  readonly mappings: RunInstancesRequest["BlockDeviceMappings"];
  readonly reservationId: string;
  readonly tags: Readonly<Record<TaggedType, Tags>>;
};

const TAGGED_TYPES = ["instance", "volume", "network-interface"] as const;
type TaggedType = (typeof TAGGED_TYPES)[number];

function launchTags(input: RunInstancesRequest, templateTags: Tags, { quotas }: Context): Launch["tags"] {
  const of = (type: TaggedType): Tags => tagsFor(type, input.TagSpecifications, quotas, TAGGED_TYPES);
  return {
    instance: { ...of("instance"), ...templateTags },
    volume: of("volume"),
    "network-interface": of("network-interface"),
  };
}

type Range = { readonly least: number; readonly most: number };

/**
 * @throws MissingParameter; InvalidParameterValue for counts that are not positive, or the least above the
 * most.
 */
function countRange(input: RunInstancesRequest): Range {
  const least = required<number>(input.MinCount, "MinCount");
  const most = required<number>(input.MaxCount, "MaxCount");
  if (least < 1)
    throw new Fault(
      "InvalidParameterValue",
      `Value (${least}) for parameter minCount is invalid. Must be at least 1.`,
    );
  if (most < 1)
    throw new Fault(
      "InvalidParameterValue",
      `Value (${most}) for parameter maxCount is invalid. Must be at least 1.`,
    );
  if (least > most) {
    const words = `Value (${most}) for parameter maxCount is invalid. It must be at least minCount (${least}).`;
    throw new Fault("InvalidParameterValue", words);
  }
  return { least, most };
}

/** Only a single instance can have named addresses or existing interfaces. */
function requireShareable(interfaces: readonly WantedInterface[], most: number): void {
  if (most === 1) return;
  for (const { source } of interfaces) {
    if (source.kind === "existing") {
      throw new Fault(
        "InvalidParameterCombination",
        "A network interface ID cannot be specified when launching multiple instances",
      );
    }
    if ((source.made.ipv6Addresses?.length ?? 0) > 0) {
      throw new Fault(
        "InvalidParameterCombination",
        "An IPv6 address cannot be specified when launching multiple instances",
      );
    }
    if (source.made.privateIp !== undefined || (source.made.secondaryIps?.length ?? 0) > 0) {
      throw new Fault(
        "InvalidParameterCombination",
        "A private IP address cannot be specified when launching multiple instances",
      );
    }
  }
}

/**
 * How many instances the subnets' free addresses and the quota leave room for, at most as many as wanted.
 * @throws InstanceLimitExceeded; InsufficientFreeAddressesInSubnet when it is fewer than the least.
 */
function affordableCount(
  tx: Reader,
  interfaces: readonly WantedInterface[],
  { least, most }: Range,
  { quotas }: Context,
): number {
  const used = tx.count("instance") - tx.countBy("instance", "state", "terminated");
  const quota = quotas.instances;
  if (used + least > quota) {
    throw new Fault(
      "InstanceLimitExceeded",
      `You have requested more instances (${used + least}) than your current instance limit of ${quota} allows for the specified instance type. (start Genkan with --quota instances=N to raise it)`,
    );
  }
  const taken = new Map<string, { readonly wanted: WantedInterface; readonly addresses: number }>();
  for (const wanted of interfaces) {
    if (wanted.source.kind === "existing") continue;
    const before = taken.get(wanted.subnet.id)?.addresses ?? 0;
    taken.set(wanted.subnet.id, { wanted, addresses: before + addressCount(wanted) });
  }
  const rooms = [...taken.values()].map(({ wanted: { subnet }, addresses }) => {
    const room =
      addresses === 0 ? Number.POSITIVE_INFINITY : Math.floor(assignableAddressCount(tx, subnet) / addresses);
    if (room >= least) return room;
    const words = `There are not enough free addresses in subnet '${subnet.id}' to satisfy the requested number of instances.`;
    throw new Fault("InsufficientFreeAddressesInSubnet", words);
  });
  return Math.min(most, quota - used, ...rooms);
}

/** One instance with its interfaces. */
function launched(tx: Tx, launch: Launch, launchIndex: number, context: Context): Instance {
  const primary = present(launch.interfaces[0], "the primary interface");
  const placed = {
    id: newId("instance", context.random),
    instanceType: launch.options.instanceType,
    availabilityZone: primary.subnet.availabilityZone,
    ...placementOf(tx, launch.placement),
  };
  const machine = hostOf(tx, placed, context);
  const blockDevices = newBlockDevices(tx, launch.mappings, launch.image, launch.tags.volume, context);
  const instance: Instance = {
    kind: "instance",
    tags: launch.tags.instance,
    reservationId: launch.reservationId,
    launchIndex,
    imageId: launch.image.id,
    state: "pending",
    bootGeneration: 1,
    stateTransitionReason: "",
    launchTime: context.now,
    vpcId: primary.subnet.vpcId,
    subnetId: primary.subnet.id,
    ...launch.options,
    ...placed,
    ...machine,
    rootVolumeId: present(blockDevices[0], "the root volume").volumeId,
    blockDevices,
  };
  tx.put(instance);
  for (const wanted of launch.interfaces)
    connect(tx, { instance, wanted, tags: launch.tags["network-interface"] }, context);
  return instance;
}

type Connection = { readonly instance: Instance; readonly wanted: WantedInterface; readonly tags: Tags };

function connect(tx: Tx, { instance, wanted, tags }: Connection, context: Context): void {
  const { deviceIndex, deleteOnTermination, source } = wanted;
  const attachment = newAttachment({ instanceId: instance.id, deviceIndex, deleteOnTermination }, context);
  if (source.kind === "new") {
    createNetworkInterface(tx, { ...source.made, subnet: wanted.subnet, tags, attachment }, context);
    return;
  }
  const eni = { ...source.eni, attachment };
  tx.put(eni);
  refreshAutoPublicIp(tx, eni, context);
}

function withoutPublicAddress(described: InstanceAnswer): InstanceAnswer {
  const { PublicIpAddress: _, ...answer } = described;
  const NetworkInterfaces = (answer.NetworkInterfaces ?? []).map(
    ({ Association: _1, PrivateIpAddresses, ...eni }) => ({
      ...eni,
      PrivateIpAddresses: (PrivateIpAddresses ?? []).map(({ Association: _2, ...address }) => address),
    }),
  );
  return { ...answer, PublicDnsName: "", NetworkInterfaces };
}

export const instanceRunActions = { RunInstances };
