import type { AttachVolumeRequest, DetachVolumeRequest, VolumeAttachment } from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { BlockDevice, Instance } from "../../model/instance.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Volume } from "../../model/volume.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { given, refuseUnoffered, required } from "../kit/parameter.ts";
import { imageOf } from "./image.ts";
import { type AnyVolume, attachTimeOf, blockDevicesOf, findVolume } from "./volume.ts";

/**
 * `attaching` in the answer, `attached` from then on. It stays when the instance is terminated, unless that
 * is changed.
 */
const AttachVolume: Action<AttachVolumeRequest, VolumeAttachment> = (tx, input, context) => {
  refuseUnoffered(input, ["EbsCardIndex"]);
  const volume = findVolume(tx, input.VolumeId, context.region);
  const instance = find(tx, "instance", input.InstanceId);
  const deviceName = required(input.Device, "device");
  requireAttachable(volume, instance);
  const devices = blockDevicesOf(instance, context.region);
  requireFreeDevice(deviceName, devices);
  const { id: volumeId, availabilityZone: _1, attachment: _2, ...facts } = volume;
  const { kind: _3, ...device } = {
    ...(facts as Omit<Volume, "id" | "availabilityZone">),
    volumeId,
    deviceName,
  };
  tx.delete("volume", volumeId);
  tx.put({
    ...instance,
    blockDevices: [...devices, { ...device, deleteOnTermination: false, attachTime: context.now }],
  });
  return {
    AttachTime: new Date(context.now),
    Device: deviceName,
    InstanceId: instance.id,
    State: "attaching",
    VolumeId: volumeId,
  };
};

function requireAttachable(volume: AnyVolume, instance: Instance): void {
  if (volume.attachment) throw new Fault("VolumeInUse", `${volume.id} is already attached to an instance`);
  if (volume.availabilityZone !== instance.availabilityZone) {
    const words = `The volume '${volume.id}' is not in the same availability zone as instance '${instance.id}'`;
    throw new Fault("InvalidVolume.ZoneMismatch", words);
  }
  if (instance.state !== "running" && instance.state !== "stopped") {
    throw new Fault("IncorrectState", `Instance '${instance.id}' is not 'running'.`);
  }
}

/** EC2 user guide, "Device names for volumes". */
const DEVICE_NAME = /^(\/dev\/)?((sd|hd)[a-z]([1-9]|1[0-5])?|xvd[a-z]{1,2})$/;

function requireFreeDevice(name: string, devices: readonly BlockDevice[]): void {
  if (!DEVICE_NAME.test(name)) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${name}) for parameter device is invalid. ${name} is not a valid EBS device name.`,
    );
  }
  if (devices.some(({ deviceName }) => deviceName === name)) {
    const words = `Invalid value '${name}' for unixDevice. Attachment point ${name} is already in use`;
    throw new Fault("InvalidParameterValue", words);
  }
}

/** `detaching` in the answer, `available` from then on. Force changes nothing: nobody has mounted it. */
const DetachVolume: Action<DetachVolumeRequest, VolumeAttachment> = (tx, input, { region }) => {
  const volume = findVolume(tx, input.VolumeId, region);
  const { attachment } = volume;
  const instanceId = given(input.InstanceId);
  if (instanceId !== undefined) find(tx, "instance", instanceId);
  if (!attachment) throw new Fault("IncorrectState", `Volume '${volume.id}' is in the 'available' state.`);
  const { instance, device } = attachment;
  requireAttachedTo(attachment, { instanceId, deviceName: given(input.Device) });
  if (device.deviceName === rootDeviceNameOf(tx, instance, region) && instance.state !== "stopped") {
    throw new Fault(
      "IncorrectState",
      `Unable to detach root volume '${volume.id}' from instance '${instance.id}'`,
    );
  }
  tx.put({
    ...instance,
    blockDevices: blockDevicesOf(instance, region).filter(({ volumeId }) => volumeId !== volume.id),
  });
  tx.put(loose(tx, instance, device));
  return {
    AttachTime: new Date(attachTimeOf(tx, instance, device)),
    Device: device.deviceName,
    InstanceId: instance.id,
    State: "detaching",
    VolumeId: volume.id,
  };
};

type Named = { readonly instanceId: string | undefined; readonly deviceName: string | undefined };

function requireAttachedTo(
  { instance, device }: NonNullable<AnyVolume["attachment"]>,
  { instanceId, deviceName }: Named,
): void {
  const where =
    instanceId !== undefined && instanceId !== instance.id
      ? `to instance '${instanceId}'`
      : deviceName !== undefined && deviceName !== device.deviceName
        ? `as device '${deviceName}'`
        : undefined;
  if (where !== undefined)
    throw new Fault(
      "InvalidAttachment.NotFound",
      `The volume '${device.volumeId}' is not attached ${where}.`,
    );
}

/** The same volume as a record of its own. */
function loose(tx: Reader, instance: Instance, device: BlockDevice): Volume {
  const { deviceName: _1, deleteOnTermination: _2, attachTime: _3, volumeId: id, ...facts } = device;
  const createTime = device.createTime ?? attachTimeOf(tx, instance, device);
  return { kind: "volume", id, ...facts, availabilityZone: instance.availabilityZone, createTime };
}

/** When an instance ends, its volumes that are not deleted with it become records of their own. */
export function releaseVolumes(tx: Tx, instance: Instance, { region }: Context): void {
  for (const device of blockDevicesOf(instance, region)) {
    if (!device.deleteOnTermination) tx.put(loose(tx, instance, device));
  }
}

/** An instance starts from its root volume. @throws InvalidParameterValue when that was detached. */
export function requireRootVolume(tx: Reader, instance: Instance, { region }: Context): void {
  const root = rootDeviceNameOf(tx, instance, region);
  if (blockDevicesOf(instance, region).some(({ deviceName }) => deviceName === root)) return;
  const words = `Invalid value '${instance.id}' for instanceId. Instance does not have a volume attached at root (${root})`;
  throw new Fault("InvalidParameterValue", words);
}

function rootDeviceNameOf(tx: Reader, instance: Instance, region: string): string {
  return imageOf(tx, instance.imageId, region).rootDeviceName;
}

export const volumeAttachmentActions = { AttachVolume, DetachVolume };
