import type {
  BlockDeviceMapping,
  DescribeVolumesRequest,
  DescribeVolumesResult,
  InstanceBlockDeviceMapping,
  Volume as VolumeAnswer,
  VolumeType,
} from "@aws-sdk/client-ec2";
import type { Tags } from "../model/common.ts";
import { Fault } from "../model/fault.ts";
import { newId } from "../model/id.ts";
import type { BlockDevice, Instance } from "../model/instance.ts";
import type { Reader, Tx } from "../model/state.ts";
import type { Action, Context } from "./action.ts";
import { chosen, type FilterFields, searched } from "./describe.ts";
import { findImage } from "./image.ts";
import type { Image } from "./image-catalogue.ts";
import { interfacesOf } from "./instance.ts";
import { refuseUnoffered, required } from "./parameter.ts";
import { tagListOrAbsent } from "./tags.ts";

/** The volumes of an instance, the root volume first; none once it is terminated. They are records: no disk stands behind them. */
export function blockDevicesOf(instance: Instance, region: string): readonly BlockDevice[] {
  if (instance.state === "terminated") return [];
  if (instance.blockDevices) return instance.blockDevices;
  return [rootDevice(findImage(instance.imageId, region), instance.rootVolumeId, {})];
}

/**
 * The volumes of a new instance: the image's root volume, changed and added to by the mappings of the request.
 * @throws InvalidBlockDeviceMapping for a root volume smaller than its snapshot; MissingParameter for a volume without size and snapshot.
 */
export function newBlockDevices(
  mappings: readonly BlockDeviceMapping[] | undefined,
  image: Image,
  tags: Tags,
  context: Context,
): readonly BlockDevice[] {
  const devices = new Map([[image.rootDeviceName, rootDevice(image, newId("volume", context.random), tags)]]);
  for (const mapping of mappings ?? []) {
    const name = required(mapping.DeviceName, "BlockDeviceMapping.DeviceName");
    // An ephemeral disk is part of its machine, not a volume.
    if (mapping.VirtualName !== undefined) continue;
    if (mapping.NoDevice !== undefined && name !== image.rootDeviceName) devices.delete(name);
    else if (mapping.Ebs) devices.set(name, mappedDevice(mapping.Ebs, name, devices.get(name), { tags, context }));
  }
  return [...devices.values()];
}

function rootDevice(image: Image, volumeId: string, tags: Tags): BlockDevice {
  return {
    deviceName: image.rootDeviceName,
    volumeId,
    sizeGib: image.sizeGib,
    volumeType: image.volumeType,
    ...performanceOf(image.volumeType, image.sizeGib),
    encrypted: false,
    deleteOnTermination: true,
    snapshotId: image.snapshotId,
    tags,
  };
}

type Ebs = NonNullable<BlockDeviceMapping["Ebs"]>;
type New = { readonly tags: Tags; readonly context: Context };

function mappedDevice(ebs: Ebs, deviceName: string, old: BlockDevice | undefined, { tags, context }: New): BlockDevice {
  refuseUnoffered(ebs, ["KmsKeyId", "OutpostArn", "VolumeInitializationRate"]);
  const snapshotId = ebs.SnapshotId ?? old?.snapshotId;
  const sizeGib = ebs.VolumeSize ?? old?.sizeGib ?? (snapshotId === undefined ? undefined : 8);
  if (sizeGib === undefined) throw new Fault("MissingParameter", "The request must contain the parameter size or snapshotId");
  if (old && snapshotId !== undefined && sizeGib < old.sizeGib) {
    throw new Fault(
      "InvalidBlockDeviceMapping",
      `Volume of size ${sizeGib}GB is smaller than snapshot '${snapshotId}', expect size >= ${old.sizeGib}GB`,
    );
  }
  const volumeType = ebs.VolumeType ?? old?.volumeType ?? "gp2";
  return {
    deviceName,
    volumeId: old?.volumeId ?? newId("volume", context.random),
    sizeGib,
    volumeType,
    ...performanceOf(volumeType, sizeGib),
    ...(ebs.Iops === undefined ? {} : { iops: ebs.Iops }),
    ...(ebs.Throughput === undefined ? {} : { throughput: ebs.Throughput }),
    encrypted: ebs.Encrypted ?? false,
    deleteOnTermination: ebs.DeleteOnTermination ?? true,
    ...(snapshotId === undefined ? {} : { snapshotId }),
    tags,
  };
}

/** The baseline of a volume type (EBS user guide, "General Purpose SSD volumes"). */
function performanceOf(volumeType: string, sizeGib: number): Pick<BlockDevice, "iops" | "throughput"> {
  if (volumeType === "gp3") return { iops: 3000, throughput: 125 };
  return volumeType === "gp2" ? { iops: Math.min(16_000, Math.max(100, sizeGib * 3)) } : {};
}

/** A volume and the instance that it is attached to. */
export type AttachedVolume = { readonly tags: Tags; readonly device: BlockDevice; readonly instance: Instance };

/** @throws MissingParameter without an id; InvalidVolume.NotFound. */
export function findVolume(tx: Reader, id: string | undefined, region: string): AttachedVolume {
  const [instance] = tx.by("instance", "volumeId", required(id, "volumeId"));
  const device = instance && blockDevicesOf(instance, region).find(({ volumeId }) => volumeId === id);
  if (!device) throw new Fault("InvalidVolume.NotFound", `The volume '${id}' does not exist.`);
  return { tags: device.tags, device, instance };
}

/** Gives a volume these tags in place of those it has. */
export function putVolumeTags(tx: Tx, { device, instance }: AttachedVolume, tags: Tags, region: string): void {
  const blockDevices = blockDevicesOf(instance, region).map((each) => (each.volumeId === device.volumeId ? { ...each, tags } : each));
  tx.put({ ...instance, blockDevices });
}

/** The volumes as an instance's own description lists them. */
export function describedMappings(tx: Reader, instance: Instance, region: string): InstanceBlockDeviceMapping[] {
  const AttachTime = attachTimeOf(tx, instance);
  return blockDevicesOf(instance, region).map(({ deviceName: DeviceName, volumeId: VolumeId, deleteOnTermination }) => ({
    DeviceName,
    Ebs: { AttachTime, DeleteOnTermination: deleteOnTermination, Status: "attached", VolumeId },
  }));
}

/** The time of the launch: an instance's own launch time moves with each start, its primary attachment's doesn't. */
function attachTimeOf(tx: Reader, instance: Instance): Date {
  return new Date(interfacesOf(tx, instance)[0]?.attachment?.attachTime ?? instance.launchTime);
}

const DescribeVolumes: Action<DescribeVolumesRequest, DescribeVolumesResult> = (tx, input, context) => {
  const { region } = context;
  const volumes = chosen(
    input.VolumeIds,
    (id) => findVolume(tx, id, region),
    () => allVolumes(tx, region),
  );
  const { items, nextToken } = searched(volumes, input, fields(tx));
  return { Volumes: items.map((volume) => describedVolume(tx, volume)), NextToken: nextToken };
};

function allVolumes(tx: Reader, region: string): readonly AttachedVolume[] {
  return tx
    .list("instance")
    .flatMap((instance) => blockDevicesOf(instance, region).map((device) => ({ tags: device.tags, device, instance })));
}

function fields(tx: Reader): FilterFields<AttachedVolume> {
  const createTime = ({ instance }: AttachedVolume): string => attachTimeOf(tx, instance).toISOString();
  return {
    "attachment.attach-time": createTime,
    "attachment.delete-on-termination": ({ device }) => String(device.deleteOnTermination),
    "attachment.device": ({ device }) => device.deviceName,
    "attachment.instance-id": ({ instance }) => instance.id,
    "attachment.status": () => "attached",
    "availability-zone": ({ instance }) => instance.availabilityZone,
    "availability-zone-id": ({ instance }) => tx.get("subnet", instance.subnetId)?.availabilityZoneId,
    "create-time": createTime,
    encrypted: ({ device }) => String(device.encrypted),
    "fast-restored": () => "false",
    "multi-attach-enabled": () => "false",
    size: ({ device }) => String(device.sizeGib),
    "snapshot-id": ({ device }) => device.snapshotId,
    status: () => "in-use",
    "volume-id": ({ device }) => device.volumeId,
    "volume-type": ({ device }) => device.volumeType,
  };
}

function describedVolume(tx: Reader, { device, instance }: AttachedVolume): VolumeAnswer {
  const launched = attachTimeOf(tx, instance);
  return {
    Attachments: [
      {
        AttachTime: launched,
        Device: device.deviceName,
        InstanceId: instance.id,
        State: "attached",
        VolumeId: device.volumeId,
        DeleteOnTermination: device.deleteOnTermination,
      },
    ],
    AvailabilityZone: instance.availabilityZone,
    CreateTime: launched,
    Encrypted: device.encrypted,
    Size: device.sizeGib,
    SnapshotId: device.snapshotId ?? "",
    State: "in-use",
    VolumeId: device.volumeId,
    Iops: device.iops,
    Throughput: device.throughput,
    Tags: tagListOrAbsent(device.tags),
    VolumeType: device.volumeType as VolumeType,
    MultiAttachEnabled: false,
  };
}

export const volumeActions = { DescribeVolumes };
