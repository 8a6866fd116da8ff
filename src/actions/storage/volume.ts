import type { BlockDeviceMapping, InstanceBlockDeviceMapping } from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { ImageDevice } from "../../model/image.ts";
import type { BlockDevice, Instance } from "../../model/instance.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Volume, VolumeFacts } from "../../model/volume.ts";
import { interfacesOf } from "../interface/network-interface-attachment.ts";
import type { Context } from "../kit/action.ts";
import { instanceTypeInfo } from "../kit/instance-type-table.ts";
import { noSuch } from "../kit/not-found.ts";
import { refuseUnoffered, required } from "../kit/parameter.ts";
import { type Image, rootOf } from "./image-catalogue.ts";
import { imageOf } from "./image.ts";
import { findSnapshot } from "./snapshot.ts";
import { encryptionOf } from "./volume-encryption.ts";
import { volumeShape } from "./volume-shape.ts";

/*
 * A volume is only a record, without a disk. An attached volume is in its instance's record, so that a launch
 * makes one record; any other volume has a record of its own.
 */

/** A volume, attached or not. */
export type AnyVolume = VolumeFacts & {
  readonly id: string;
  readonly tags: Tags;
  readonly availabilityZone: string;
  readonly createTime: string;
  readonly attachment?: { readonly instance: Instance; readonly device: BlockDevice };
};

/** @throws MissingParameter without an id; InvalidParameterValue for what is none; InvalidVolume.NotFound. */
export function findVolume(tx: Reader, id: string | undefined, region: string): AnyVolume {
  const wanted = required(id, "volumeId");
  const found = volumeOrAbsent(tx, wanted, region);
  if (!found) throw noSuch("volume", wanted);
  return found;
}

export function volumeOrAbsent(tx: Reader, id: string, region: string): AnyVolume | undefined {
  const alone = tx.get("volume", id);
  if (alone) return alone;
  const [instance] = tx.by("instance", "volumeId", id);
  const device = instance && blockDevicesOf(instance, region).find(({ volumeId }) => volumeId === id);
  return device && attachedVolume(tx, instance, device);
}

/** Attached volumes first, then the others. */
export function allVolumes(tx: Reader, region: string): readonly AnyVolume[] {
  const attached = tx
    .list("instance")
    .flatMap((instance) =>
      blockDevicesOf(instance, region).map((device) => attachedVolume(tx, instance, device)),
    );
  return [...attached, ...tx.list("volume")];
}

function attachedVolume(tx: Reader, instance: Instance, device: BlockDevice): AnyVolume {
  return {
    ...device,
    id: device.volumeId,
    availabilityZone: instance.availabilityZone,
    createTime: device.createTime ?? attachTimeOf(tx, instance, device),
    attachment: { instance, device },
  };
}

/** Replaces a volume, in its instance's record or its own. */
export function putVolume(tx: Tx, volume: AnyVolume, region: string): void {
  const { attachment, ...alone } = volume;
  if (!attachment) {
    tx.put(alone as Volume);
    return;
  }
  const { id: _1, availabilityZone: _2, ...device } = alone;
  const { instance } = attachment;
  const blockDevices = blockDevicesOf(instance, region).map((each) =>
    each.volumeId === volume.id ? (device as BlockDevice) : each,
  );
  tx.put({ ...instance, blockDevices });
}

/** The volumes of an instance; none once it is terminated. */
export function blockDevicesOf(instance: Instance, region: string): readonly BlockDevice[] {
  if (instance.state === "terminated") return [];
  if (instance.blockDevices) return instance.blockDevices;
  // An earlier version, which only knew AWS's images, stored it.
  const image = imageOf(undefined, instance.imageId, region);
  return [imageDevice(rootOf(image), instance.rootVolumeId, {})];
}

/**
 * When the volume was attached, in ISO 8601. For a volume of the launch it is the time of the primary
 * interface's attachment, because the instance's own launch time moves with each start.
 */
export function attachTimeOf(tx: Reader, instance: Instance, { attachTime }: BlockDevice): string {
  return attachTime ?? interfacesOf(tx, instance)[0]?.attachment?.attachTime ?? instance.launchTime;
}

/** The volumes as an instance's own description lists them. */
export function describedMappings(
  tx: Reader,
  instance: Instance,
  region: string,
): InstanceBlockDeviceMapping[] {
  // Only Nitro types have cards for volumes.
  const card = instanceTypeInfo(instance.instanceType)?.hypervisor === "nitro" ? { EbsCardIndex: 0 } : {};
  return blockDevicesOf(instance, region).map((device) => ({
    DeviceName: device.deviceName,
    Ebs: {
      AttachTime: new Date(attachTimeOf(tx, instance, device)),
      DeleteOnTermination: device.deleteOnTermination,
      Status: "attached",
      VolumeId: device.volumeId,
      ...card,
    },
  }));
}

/**
 * The volumes of a new instance: the image's root volume, changed and added to by the mappings of the
 * request.
 * @throws InvalidBlockDeviceMapping for a root volume smaller than its snapshot; MissingParameter for a
 * volume without size and snapshot; the faults of {@link volumeShape}.
 */
export function newBlockDevices(
  tx: Reader,
  mappings: readonly BlockDeviceMapping[] | undefined,
  image: Image,
  tags: Tags,
  context: Context,
): readonly BlockDevice[] {
  const fresh = (device: ImageDevice): BlockDevice =>
    imageDevice(device, newId("volume", context.random), tags);
  const [root, ...others] = [
    rootOf(image),
    ...image.devices.filter(({ deviceName }) => deviceName !== image.rootDeviceName),
  ];
  const devices = new Map([root, ...others].map((device) => [device.deviceName, fresh(device)]));
  for (const mapping of mappings ?? []) {
    const name = required(mapping.DeviceName, "BlockDeviceMapping.DeviceName");
    // An ephemeral disk is part of its machine, not a volume.
    if (mapping.VirtualName !== undefined) continue;
    if (mapping.NoDevice !== undefined && name !== image.rootDeviceName) devices.delete(name);
    else if (mapping.Ebs)
      devices.set(name, mappedDevice(mapping.Ebs, name, devices.get(name), { tx, tags, context }));
  }
  return [...devices.values()];
}

function imageDevice(device: ImageDevice, volumeId: string, tags: Tags): BlockDevice {
  return { ...device, volumeId, tags };
}

type Ebs = NonNullable<BlockDeviceMapping["Ebs"]>;
type New = { readonly tx: Reader; readonly tags: Tags; readonly context: Context };

function mappedDevice(
  ebs: Ebs,
  deviceName: string,
  old: BlockDevice | undefined,
  { tx, tags, context }: New,
): BlockDevice {
  refuseUnoffered(ebs, ["OutpostArn", "VolumeInitializationRate"]);
  const snapshotId = ebs.SnapshotId ?? old?.snapshotId;
  const other =
    ebs.SnapshotId === undefined || ebs.SnapshotId === old?.snapshotId
      ? undefined
      : findSnapshot(tx, ebs.SnapshotId, context);
  const least = other?.sizeGib ?? old?.sizeGib;
  const sizeGib = ebs.VolumeSize ?? least;
  if (sizeGib === undefined)
    throw new Fault("MissingParameter", "The request must contain the parameter size or snapshotId");
  if (least !== undefined && snapshotId !== undefined && sizeGib < least) {
    throw new Fault(
      "InvalidBlockDeviceMapping",
      `Volume of size ${sizeGib}GB is smaller than snapshot '${snapshotId}', expect size >= ${least}GB`,
    );
  }
  const volumeType = ebs.VolumeType ?? old?.volumeType ?? "gp2";
  return {
    deviceName,
    volumeId: old?.volumeId ?? newId("volume", context.random),
    ...volumeShape({ sizeGib, volumeType, iops: ebs.Iops, throughput: ebs.Throughput }),
    ...encryptionOf(
      { Encrypted: ebs.Encrypted === true || (other ?? old)?.encrypted === true, KmsKeyId: ebs.KmsKeyId },
      context,
    ),
    deleteOnTermination: ebs.DeleteOnTermination ?? old?.deleteOnTermination ?? true,
    ...(snapshotId === undefined ? {} : { snapshotId }),
    tags,
  };
}
