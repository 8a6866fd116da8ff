import type { BlockDeviceMapping, InstanceBlockDeviceMapping } from "@aws-sdk/client-ec2";
import type { Tags } from "../model/common.ts";
import { Fault } from "../model/fault.ts";
import { isWellFormedId, newId } from "../model/id.ts";
import type { ImageDevice } from "../model/image.ts";
import type { BlockDevice, Instance } from "../model/instance.ts";
import type { Reader, Tx } from "../model/state.ts";
import type { Volume, VolumeFacts } from "../model/volume.ts";
import type { Context } from "./action.ts";
import { imageOf } from "./image.ts";
import { type Image, rootOf } from "./image-catalogue.ts";
import { interfacesOf } from "./instance.ts";
import { instanceTypeInfo } from "./instance-type.ts";
import { refuseUnoffered, required } from "./parameter.ts";
import { findSnapshot } from "./snapshot.ts";
import { encryptionOf } from "./volume-encryption.ts";
import { volumeShape } from "./volume-shape.ts";

/*
 * A volume is a record: no disk stands behind it. One that is attached stands with its instance, so that a launch makes one
 * record; one that is not stands alone.
 */

/** A volume, wherever it stands. */
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
  if (!isWellFormedId("volume", wanted)) {
    throw new Fault("InvalidParameterValue", `Value (${wanted}) for parameter volumeId is invalid. Expected: 'vol-...'.`);
  }
  const found = volumeOrAbsent(tx, wanted, region);
  if (!found) throw new Fault("InvalidVolume.NotFound", `The volume '${wanted}' does not exist.`);
  return found;
}

export function volumeOrAbsent(tx: Reader, id: string, region: string): AnyVolume | undefined {
  const alone = tx.get("volume", id);
  if (alone) return alone;
  const [instance] = tx.by("instance", "volumeId", id);
  const device = instance && blockDevicesOf(instance, region).find(({ volumeId }) => volumeId === id);
  return device && attachedVolume(tx, instance, device);
}

/** Those of instances first, then those that stand alone. */
export function allVolumes(tx: Reader, region: string): readonly AnyVolume[] {
  const attached = tx
    .list("instance")
    .flatMap((instance) => blockDevicesOf(instance, region).map((device) => attachedVolume(tx, instance, device)));
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

/** Puts a volume in place of what it was, where it stands. */
export function putVolume(tx: Tx, volume: AnyVolume, region: string): void {
  const { attachment, ...alone } = volume;
  if (!attachment) {
    tx.put(alone as Volume);
    return;
  }
  const { id: _1, availabilityZone: _2, ...device } = alone;
  const { instance } = attachment;
  const blockDevices = blockDevicesOf(instance, region).map((each) => (each.volumeId === volume.id ? (device as BlockDevice) : each));
  tx.put({ ...instance, blockDevices });
}

/** The volumes of an instance; none once it is terminated. */
export function blockDevicesOf(instance: Instance, region: string): readonly BlockDevice[] {
  if (instance.state === "terminated") return [];
  if (instance.blockDevices) return instance.blockDevices;
  // Kept by an earlier version, which knew AWS's images alone.
  const image = imageOf(undefined, instance.imageId, region);
  return [imageDevice(rootOf(image), instance.rootVolumeId, {})];
}

/** ISO 8601. Of a launch: an instance's own launch time moves with each start, its primary attachment's doesn't. */
export function attachTimeOf(tx: Reader, instance: Instance, { attachTime }: BlockDevice): string {
  return attachTime ?? interfacesOf(tx, instance)[0]?.attachment?.attachTime ?? instance.launchTime;
}

/** The volumes as an instance's own description lists them. */
export function describedMappings(tx: Reader, instance: Instance, region: string): InstanceBlockDeviceMapping[] {
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
 * The volumes of a new instance: the image's root volume, changed and added to by the mappings of the request.
 * @throws InvalidBlockDeviceMapping for a root volume smaller than its snapshot; MissingParameter for a volume without size and snapshot;
 * the faults of {@link volumeShape}.
 */
export function newBlockDevices(
  tx: Reader,
  mappings: readonly BlockDeviceMapping[] | undefined,
  image: Image,
  tags: Tags,
  context: Context,
): readonly BlockDevice[] {
  const fresh = (device: ImageDevice): BlockDevice => imageDevice(device, newId("volume", context.random), tags);
  const [root, ...others] = [rootOf(image), ...image.devices.filter(({ deviceName }) => deviceName !== image.rootDeviceName)];
  const devices = new Map([root, ...others].map((device) => [device.deviceName, fresh(device)]));
  for (const mapping of mappings ?? []) {
    const name = required(mapping.DeviceName, "BlockDeviceMapping.DeviceName");
    // An ephemeral disk is part of its machine, not a volume.
    if (mapping.VirtualName !== undefined) continue;
    if (mapping.NoDevice !== undefined && name !== image.rootDeviceName) devices.delete(name);
    else if (mapping.Ebs) devices.set(name, mappedDevice(mapping.Ebs, name, devices.get(name), { tx, tags, context }));
  }
  return [...devices.values()];
}

function imageDevice(device: ImageDevice, volumeId: string, tags: Tags): BlockDevice {
  return { ...device, volumeId, tags };
}

type Ebs = NonNullable<BlockDeviceMapping["Ebs"]>;
type New = { readonly tx: Reader; readonly tags: Tags; readonly context: Context };

function mappedDevice(ebs: Ebs, deviceName: string, old: BlockDevice | undefined, { tx, tags, context }: New): BlockDevice {
  refuseUnoffered(ebs, ["OutpostArn", "VolumeInitializationRate"]);
  const snapshotId = ebs.SnapshotId ?? old?.snapshotId;
  const other = ebs.SnapshotId === undefined || ebs.SnapshotId === old?.snapshotId ? undefined : findSnapshot(tx, ebs.SnapshotId, context);
  const least = other?.sizeGib ?? old?.sizeGib;
  const sizeGib = ebs.VolumeSize ?? least;
  if (sizeGib === undefined) throw new Fault("MissingParameter", "The request must contain the parameter size or snapshotId");
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
    ...encryptionOf({ Encrypted: ebs.Encrypted === true || (other ?? old)?.encrypted === true, KmsKeyId: ebs.KmsKeyId }, context),
    deleteOnTermination: ebs.DeleteOnTermination ?? old?.deleteOnTermination ?? true,
    ...(snapshotId === undefined ? {} : { snapshotId }),
    tags,
  };
}
