import type {
  BlockDeviceMapping,
  DescribeImagesRequest,
  DescribeImagesResult,
  Image as ImageAnswer,
  VolumeType,
} from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import { Fault, notPermitted } from "../../model/fault.ts";
import { isWellFormedId } from "../../model/id.ts";
import type { ImageDevice, OwnImage } from "../../model/image.ts";
import type { Reader } from "../../model/state.ts";
import type { Action } from "../kit/action.ts";
import { type FilterFields, filtered, paged } from "../kit/describe.ts";
import { noSuch, notFound } from "../kit/not-found.ts";
import { required } from "../kit/parameter.ts";
import { tagListOrAbsent } from "../kit/tags.ts";
import { aliasedImages } from "./image-alias.ts";
import { type Image, imagesOf, unlistedImage } from "./image-catalogue.ts";

/**
 * What is known of the image of an instance, whether or not it is still there. Without `tx`, of those that
 * AWS lists.
 */
export function imageOf(tx: Reader | undefined, id: string, region: string): Image {
  const own = tx?.get("image", id);
  return own ? ownImage(own) : (imagesOf(region).find((image) => image.id === id) ?? unlistedImage(id));
}

function ownImage(own: OwnImage): Image {
  const {
    id,
    name,
    description,
    ownerId,
    architecture,
    creationDate,
    rootDeviceName,
    devices,
    bootMode,
    imdsV2,
  } = own;
  const described = description === undefined ? {} : { description };
  const facts = {
    id,
    name,
    ...described,
    ownerId,
    architecture,
    creationDate,
    rootDeviceName,
    devices,
    bootMode,
    imdsV2,
  };
  return { ...facts, boundTo: architecture, parameters: [], isListed: true, own };
}

/**
 * One of the account's own, registered or not. @throws those of {@link findImage}; AuthFailure for AWS's;
 * InvalidAMIID.NotFound.
 */
export function findOwnImage(tx: Reader, id: string | undefined, region: string): OwnImage {
  const known = required(id, "ImageId");
  const own = tx.get("image", known);
  if (own) return own;
  if (findImage(tx, known, region).isListed) throw notPermitted();
  throw notFound("image", known);
}

/**
 * The image with this id, for a launch. Every well-formed id is an image's, since people's configurations
 * name real ones;
 * `resolve:ssm:NAME` stands for one of AWS's public parameters.
 * @throws MissingParameter; InvalidAMIID.Malformed; InvalidAMIID.Unavailable for one that was deregistered;
 * InvalidParameterValue for a parameter name that stands for no image.
 */
export function findImage(tx: Reader, id: string | undefined, region: string): Image {
  const text = required(id, "ImageId");
  const parameter = /^resolve:ssm:([^:]+)(:.*)?$/.exec(text)?.[1];
  if (parameter !== undefined) {
    const image = imagesOf(region).find(({ parameters }) => parameters.includes(parameter));
    if (image) return image;
    throw new Fault("InvalidParameterValue", `The parameter '${parameter}' in ImageId does not exist.`);
  }
  if (!isWellFormedId("image", text)) throw noSuch("image", text);
  const image = imageOf(tx, text, region);
  if (image.own?.deregistered === true)
    throw new Fault("InvalidAMIID.Unavailable", `The image ID '${text}' is no longer available`);
  return image;
}

const DescribeImages: Action<DescribeImagesRequest, DescribeImagesResult> = (tx, input, context) => {
  const aliased = aliasedImages(tx);
  const ids = [...new Set(input.ImageIds ?? [])];
  const found = (id: string): readonly Image[] => {
    const alias = aliased.find((image) => image.id === id);
    return alias ? [alias] : describable(tx, id, context.region);
  };
  const named =
    ids.length > 0
      ? ids.flatMap(found)
      : [...registered(tx).map(ownImage), ...imagesOf(context.region), ...aliased];
  const owned = named.filter(
    (image) =>
      isOwned(image, input.Owners, context.account) &&
      isExecutable(image, input.ExecutableUsers, context.account),
  );
  const { items, nextToken } = paged(filtered<Tagged>(owned.map(tagged), input.Filters, FIELDS), input, {
    min: 1,
    max: 1000,
  });
  return { Images: items.map(describedImage), NextToken: nextToken };
};

type Tagged = Image & { readonly tags?: Tags };

function tagged(image: Image): Tagged {
  return image.own ? { ...image, tags: image.own.tags } : image;
}

function registered(tx: Reader): readonly OwnImage[] {
  return tx.list("image").filter(({ deregistered }) => deregistered !== true);
}

/** Deregistered images are not described. */
function describable(tx: Reader, id: string, region: string): readonly Image[] {
  return tx.get("image", id)?.deregistered === true ? [] : [findImage(tx, id, region)];
}

function isOwned(image: Image, owners: readonly string[] | undefined, account: string): boolean {
  if (!owners || owners.length === 0) return true;
  return owners.some((owner) =>
    owner === "self" ? image.ownerId === account : owner === image.ownerId || owner === image.ownerAlias,
  );
}

/** By everybody, or by those whom its owner names. */
function isExecutable(image: Image, users: readonly string[] | undefined, account: string): boolean {
  if (!users || users.length === 0) return true;
  return users.some((user) =>
    user === "all" ? isPublic(image) : image.own?.sharing?.users.includes(user === "self" ? account : user),
  );
}

/** Those that are not the account's own are. */
function isPublic({ own }: Image): boolean {
  return !own || own.sharing?.isPublic === true;
}

/** Documented filters of what no description here tells: they find nothing. */
const NOT_TOLD =
  "image-watermark.source-image-creation-time image-watermark.source-image-id image-watermark.source-image-region image-watermark.watermark-creation-time image-watermark.watermark-key instance-type-specification.supported-instance-type instance-type-specification.unsupported-instance-type scan-result.critical-fix-available-since scan-result.finding-scan-date scan-result.high-fix-available-since scan-result.highest-finding-severity-label scan-result.informational-fix-available-since scan-result.low-fix-available-since scan-result.medium-fix-available-since".split(
    " ",
  );

const FIELDS: FilterFields<Image> = {
  ...Object.fromEntries(NOT_TOLD.map((name) => [name, () => undefined])),
  architecture: (image) => image.architecture,
  "block-device-mapping.delete-on-termination": (image) =>
    image.devices.map((device) => String(device.deleteOnTermination)),
  "block-device-mapping.device-name": (image) => image.devices.map((device) => device.deviceName),
  "block-device-mapping.encrypted": (image) => image.devices.map((device) => String(device.encrypted)),
  "block-device-mapping.snapshot-id": (image) => image.devices.map((device) => device.snapshotId),
  "block-device-mapping.volume-size": (image) => image.devices.map((device) => String(device.sizeGib)),
  "block-device-mapping.volume-type": (image) => image.devices.map((device) => device.volumeType),
  "boot-mode": (image) => image.bootMode,
  "creation-date": (image) => image.creationDate,
  description: (image) => image.description,
  "ena-support": () => "true",
  "free-tier-eligible": (image) => (image.own ? undefined : "true"),
  hypervisor: () => "xen",
  "image-allowed": () => "true",
  "image-id": (image) => image.id,
  "image-type": () => "machine",
  "imds-support": (image) => (image.imdsV2 ? "v2.0" : undefined),
  "is-public": (image) => String(isPublic(image)),
  "kernel-id": () => undefined,
  "manifest-location": (image) => locationOf(image),
  name: (image) => image.name,
  "owner-alias": (image) => image.ownerAlias,
  "owner-id": (image) => image.ownerId,
  platform: () => undefined,
  "platform-details": () => PLATFORM,
  "product-code": () => undefined,
  "product-code.type": () => undefined,
  "public-ssm-parameter-name": (image) => image.parameters,
  "ramdisk-id": () => undefined,
  "root-device-name": (image) => image.rootDeviceName,
  "root-device-type": () => "ebs",
  "source-image-id": (image) => image.own?.sourceImageId,
  "source-image-region": (image) => image.own?.sourceImageRegion,
  "source-instance-id": (image) => image.own?.sourceInstanceId,
  "sriov-net-support": () => "simple",
  state: () => "available",
  "state-reason-code": () => undefined,
  "state-reason-message": () => undefined,
  "tpm-support": () => undefined,
  "usage-operation": () => "RunInstances",
  "virtualization-type": () => "hvm",
};

const PLATFORM = "Linux/UNIX";

function locationOf(image: Image): string {
  return `${image.ownerAlias ?? image.ownerId}/${image.name}`;
}

function describedImage(image: Image): ImageAnswer {
  return {
    ImageId: image.id,
    ImageLocation: locationOf(image),
    State: "available",
    OwnerId: image.ownerId,
    ImageOwnerAlias: image.ownerAlias,
    CreationDate: image.creationDate,
    Public: isPublic(image),
    Architecture: image.architecture,
    ImageType: "machine",
    PlatformDetails: PLATFORM,
    UsageOperation: "RunInstances",
    Name: image.name,
    Description: image.description,
    RootDeviceName: image.rootDeviceName,
    RootDeviceType: "ebs",
    BlockDeviceMappings: image.devices.map(describedDevice),
    EnaSupport: true,
    Hypervisor: "xen",
    SriovNetSupport: "simple",
    VirtualizationType: "hvm",
    BootMode: image.bootMode,
    ...(image.imdsV2 ? { ImdsSupport: "v2.0" as const } : {}),
    ...(image.own ? describedOwn(image.own) : {}),
  };
}

/** What AWS's own images have none of. */
function describedOwn({ tags, sourceInstanceId, sourceImageId, sourceImageRegion }: OwnImage): ImageAnswer {
  return {
    Tags: tagListOrAbsent(tags),
    SourceInstanceId: sourceInstanceId,
    SourceImageId: sourceImageId,
    SourceImageRegion: sourceImageRegion,
  };
}

function describedDevice(device: ImageDevice): BlockDeviceMapping {
  const performance = device.volumeType === "gp2" ? {} : { Iops: device.iops, Throughput: device.throughput };
  return {
    DeviceName: device.deviceName,
    Ebs: {
      DeleteOnTermination: device.deleteOnTermination,
      Encrypted: device.encrypted,
      SnapshotId: device.snapshotId,
      VolumeSize: device.sizeGib,
      VolumeType: device.volumeType as VolumeType,
      ...performance,
    },
  };
}

export const imageActions = { DescribeImages };
