import type {
  BlockDeviceMapping,
  CopyImageRequest,
  CopyImageResult,
  CreateImageRequest,
  CreateImageResult,
  DeregisterImageRequest,
  DeregisterImageResult,
  RegisterImageRequest,
  RegisterImageResult,
} from "@aws-sdk/client-ec2";
import { present } from "../../lib/assert.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { ImageDevice, OwnImage } from "../../model/image.ts";
import type { Instance } from "../../model/instance.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { given, refuseUnoffered, required, unoffered } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { sourceRegionOf } from "../kit/region.ts";
import { tagsFor } from "../kit/tags.ts";
import type { Image } from "./image-catalogue.ts";
import { findImage, findOwnImage, imageOf } from "./image.ts";
import { putSnapshot, snapshotOf } from "./snapshot-create.ts";
import { findSnapshot } from "./snapshot.ts";
import { volumeShape } from "./volume-shape.ts";
import { blockDevicesOf } from "./volume.ts";

type Facts = Omit<OwnImage, "kind" | "id" | "creationDate" | "ownerId">;

/** @throws InvalidAMIName.Malformed; InvalidAMIName.Duplicate; ResourceLimitExceeded. */
function putImage(tx: Tx, id: string, facts: Facts, context: Context): OwnImage {
  const name = requireName(facts.name);
  const other = tx.by("image", "name", name)[0];
  if (other)
    throw new Fault("InvalidAMIName.Duplicate", `AMI name ${name} is already in use by AMI ${other.id}`);
  const words = "The maximum number of AMIs has been reached.";
  requireQuota(
    context,
    "images",
    tx.count("image") - tx.countBy("image", "deregistered", "true") + 1,
    "ResourceLimitExceeded",
    words,
  );
  const image: OwnImage = {
    kind: "image",
    id,
    ownerId: context.account,
    ...facts,
    creationDate: context.now,
  };
  tx.put(image);
  return image;
}

/** EC2 API reference, CreateImage: 3 to 128 characters of a set. */
function requireName(name: string): string {
  if (/^[A-Za-z0-9()[\] ./\-'@_]{3,128}$/.test(name)) return name;
  const words =
    "AMI names must be between 3 and 128 characters long, and may contain letters, numbers, '(', ')', '.', '-', '/' and '_'";
  throw new Fault("InvalidAMIName.Malformed", words);
}

/**
 * `pending` is over as soon as it is asked for. A running instance is rebooted first, unless NoReboot says
 * otherwise.
 */
const CreateImage: Action<CreateImageRequest, CreateImageResult> = (tx, input, context) => {
  refuseUnoffered(input, ["SnapshotLocation", "BootModeOverride"]);
  const instance = find(tx, "instance", input.InstanceId);
  if (instance.state !== "running" && instance.state !== "stopped") {
    throw new Fault(
      "IncorrectState",
      `Instance '${instance.id}' is not in the 'running' or 'stopped' state.`,
    );
  }
  const [types, specifications] = [["image", "snapshot"], input.TagSpecifications] as const;
  const tags = tagsFor("image", specifications, context.quotas, types);
  const snapshotTags = tagsFor("snapshot", specifications, context.quotas, types);
  const id = newId("image", context.random);
  const source = imageOf(tx, instance.imageId, context.region);
  const facts = factsOf(source);
  const devices = changedDevices(
    tx,
    instanceDevices(tx, instance, { id, tags: snapshotTags }, context),
    input.BlockDeviceMappings,
    context,
  );
  requireRoot(devices, facts.rootDeviceName);
  const described = input.Description === undefined ? {} : { description: input.Description };
  putImage(
    tx,
    id,
    {
      ...facts,
      tags,
      name: required(input.Name, "name"),
      ...described,
      devices,
      sourceInstanceId: instance.id,
    },
    context,
  );
  if (instance.state === "running" && input.NoReboot !== true)
    tx.put({ ...instance, bootGeneration: instance.bootGeneration + 1 });
  return { ImageId: id };
};

function factsOf({
  architecture,
  rootDeviceName,
  bootMode,
  imdsV2,
}: Image): Pick<Facts, "architecture" | "rootDeviceName" | "bootMode" | "imdsV2"> {
  return { architecture, rootDeviceName, bootMode, imdsV2 };
}

type Of = { readonly id: string; readonly tags: Facts["tags"] };

/** The instance's volumes, each with a snapshot of its own. */
function instanceDevices(
  tx: Tx,
  instance: Instance,
  { id, tags }: Of,
  context: Context,
): readonly ImageDevice[] {
  return blockDevicesOf(instance, context.region).map((device) => {
    const description = `Created by CreateImage(${instance.id}) for ${id}`;
    const snapshot = putSnapshot(
      tx,
      snapshotOf({ ...device, id: device.volumeId }, description, tags),
      context,
    );
    const { deviceName, encrypted, deleteOnTermination, sizeGib, volumeType, iops, throughput } = device;
    const speed = {
      ...(iops === undefined ? {} : { iops }),
      ...(throughput === undefined ? {} : { throughput }),
    };
    return {
      deviceName,
      snapshotId: snapshot.id,
      encrypted,
      deleteOnTermination,
      sizeGib,
      volumeType,
      ...speed,
    };
  });
}

/**
 * @throws InvalidSnapshot.NotFound; MissingParameter for a volume without size and snapshot; the faults of
 * {@link volumeShape}.
 */
function changedDevices(
  tx: Reader,
  devices: readonly ImageDevice[],
  mappings: readonly BlockDeviceMapping[] | undefined,
  context: Context,
): readonly ImageDevice[] {
  const all = new Map(devices.map((device) => [device.deviceName, device]));
  for (const { DeviceName, Ebs: ebs, NoDevice, VirtualName } of mappings ?? []) {
    const deviceName = required(DeviceName, "BlockDeviceMapping.DeviceName");
    // An ephemeral disk is part of its machine, not a volume.
    if (VirtualName !== undefined) continue;
    if (NoDevice !== undefined) all.delete(deviceName);
    else if (ebs)
      all.set(deviceName, imageDevice(tx, { ...ebs, deviceName, old: all.get(deviceName) }, context));
  }
  return [...all.values()];
}

type WantedDevice = NonNullable<BlockDeviceMapping["Ebs"]> & {
  readonly deviceName: string;
  readonly old: ImageDevice | undefined;
};

function imageDevice(tx: Reader, { deviceName, old, ...ebs }: WantedDevice, context: Context): ImageDevice {
  refuseUnoffered(ebs, ["KmsKeyId", "OutpostArn", "VolumeInitializationRate"]);
  const snapshot = ebs.SnapshotId === undefined ? undefined : findSnapshot(tx, ebs.SnapshotId, context);
  const least = snapshot?.sizeGib ?? old?.sizeGib;
  const sizeGib = ebs.VolumeSize ?? least;
  if (sizeGib === undefined)
    throw new Fault("MissingParameter", "The request must contain the parameter size or snapshotId");
  if (least !== undefined && sizeGib < least) {
    const words = `Volume of size ${sizeGib}GB is smaller than snapshot '${snapshot?.id ?? old?.snapshotId}', expect size >= ${least}GB`;
    throw new Fault("InvalidBlockDeviceMapping", words);
  }
  const snapshotId = snapshot?.id ?? old?.snapshotId;
  return {
    deviceName,
    ...(snapshotId === undefined ? {} : { snapshotId }),
    encrypted: ebs.Encrypted === true || (snapshot ?? old)?.encrypted === true,
    deleteOnTermination: ebs.DeleteOnTermination ?? old?.deleteOnTermination ?? true,
    ...volumeShape({
      sizeGib,
      volumeType: ebs.VolumeType ?? old?.volumeType ?? "gp2",
      iops: ebs.Iops,
      throughput: ebs.Throughput,
    }),
  };
}

/** @throws InvalidBlockDeviceMapping for an image without a root volume that begins with something. */
function requireRoot(devices: readonly ImageDevice[], rootDeviceName: string): void {
  if (devices.some(({ deviceName, snapshotId }) => deviceName === rootDeviceName && snapshotId !== undefined))
    return;
  throw new Fault(
    "InvalidBlockDeviceMapping",
    `No root snapshot specified in device mapping for ${rootDeviceName}.`,
  );
}

/** Registers an image of volumes' snapshots; images in S3 are not offered. */
const RegisterImage: Action<RegisterImageRequest, RegisterImageResult> = (tx, input, context) => {
  refuseUnoffered(input, [
    "ImageLocation",
    "BillingProducts",
    "KernelId",
    "RamdiskId",
    "UefiData",
    "TpmSupport",
  ]);
  const name = required(input.Name, "name");
  if ((input.VirtualizationType ?? "hvm") !== "hvm") throw unoffered("VirtualizationType");
  if (input.SriovNetSupport !== undefined && input.SriovNetSupport !== "simple")
    throw unoffered("SriovNetSupport");
  const architecture: string = input.Architecture ?? "x86_64";
  if (architecture !== "x86_64" && architecture !== "arm64") throw unoffered("Architecture");
  const rootDeviceName = given(input.RootDeviceName) ?? "/dev/sda1";
  const devices = changedDevices(tx, [], input.BlockDeviceMappings, context);
  requireRoot(devices, rootDeviceName);
  const image = putImage(
    tx,
    newId("image", context.random),
    {
      tags: tagsFor("image", input.TagSpecifications, context.quotas),
      name,
      ...(input.Description === undefined ? {} : { description: input.Description }),
      architecture,
      rootDeviceName,
      bootMode: bootModeOf(input.BootMode, architecture),
      imdsV2: imdsOf(input.ImdsSupport),
      devices,
    },
    context,
  );
  return { ImageId: image.id };
};

function bootModeOf(mode: string | undefined, architecture: OwnImage["architecture"]): OwnImage["bootMode"] {
  const known = (["legacy-bios", "uefi", "uefi-preferred"] as const).find((one) => one === mode);
  if (mode !== undefined && !known)
    throw new Fault("InvalidParameterValue", `Value (${mode}) for parameter bootMode is invalid.`);
  return known ?? (architecture === "arm64" ? "uefi" : "legacy-bios");
}

function imdsOf(support: string | undefined): boolean {
  if (support === undefined || support === "v2.0") return support !== undefined;
  throw new Fault("InvalidParameterValue", `Value (${support}) for parameter imdsSupport is invalid.`);
}

/** Copies an image of the account's own or a listed one, from any region, with snapshots of its own. */
const CopyImage: Action<CopyImageRequest, CopyImageResult> = (tx, input, context) => {
  refuseUnoffered(input, [
    "DestinationOutpostArn",
    "DestinationAvailabilityZone",
    "DestinationAvailabilityZoneId",
    "KmsKeyId",
    "SnapshotCopyCompletionDurationMinutes",
  ]);
  const region = sourceRegionOf(input.SourceRegion, context);
  const there = tx.elsewhere(region);
  const source = copied(there, required(input.SourceImageId, "sourceImageId"), region);
  const [types, specifications] = [["image", "snapshot"], input.TagSpecifications] as const;
  const tags = tagsFor("image", specifications, context.quotas, types);
  const snapshotTags = tagsFor("snapshot", specifications, context.quotas, types);
  const id = newId("image", context.random);
  const devices = source.devices.map(({ snapshotId, ...device }): ImageDevice => {
    const encrypted = device.encrypted || input.Encrypted === true;
    if (snapshotId === undefined) return { ...device, encrypted };
    const description = `Copied for DestinationAmi ${id} from SourceAmi ${source.id} for SourceSnapshot ${snapshotId}.`;
    const wanted = snapshotOf(
      { id: "vol-ffffffff", sizeGib: device.sizeGib, encrypted },
      description,
      snapshotTags,
    );
    return { ...device, encrypted, snapshotId: putSnapshot(tx, wanted, context).id };
  });
  const own = input.CopyImageTags === true ? { ...there.get("image", source.id)?.tags, ...tags } : tags;
  const described = input.Description ?? source.description;
  const facts: Facts = {
    ...factsOf(source),
    tags: own,
    name: required(input.Name, "name"),
    ...(described === undefined ? {} : { description: described }),
    devices,
    sourceImageId: source.id,
    sourceImageRegion: region,
  };
  return { ImageId: putImage(tx, id, facts, context).id };
};

/** @throws InvalidAMIID.NotFound for one that the region has not. */
function copied(there: Reader, id: string, region: string): Image {
  const image = findImage(there, id, region);
  if (image.isListed) return image;
  throw notFound("image", id);
}

/** Its snapshots stay, unless they are to go with it and nothing else starts from them. */
const DeregisterImage: Action<DeregisterImageRequest, DeregisterImageResult> = (tx, input, context) => {
  const image = findOwnImage(tx, input.ImageId, context.region);
  if (image.deregistered === true)
    throw new Fault("InvalidAMIID.Unavailable", `The image ID '${image.id}' is no longer available`);
  tx.put({ ...image, deregistered: true });
  if (input.DeleteAssociatedSnapshots !== true) return { Return: true };
  const ids = [...new Set(image.devices.flatMap(({ snapshotId }) => snapshotId ?? []))].filter((id) =>
    tx.get("snapshot", id),
  );
  const results = ids.map((SnapshotId) => {
    if (tx.countBy("image", "snapshotId", SnapshotId) > 0)
      return { SnapshotId, ReturnCode: "skipped" as const };
    tx.delete("snapshot", present(tx.get("snapshot", SnapshotId), SnapshotId).id);
    return { SnapshotId, ReturnCode: "success" as const };
  });
  return { Return: true, DeleteSnapshotResults: results };
};

export const imageCreateActions = { CreateImage, RegisterImage, CopyImage, DeregisterImage };
