import type { DescribeImagesRequest, DescribeImagesResult, Image as ImageAnswer } from "@aws-sdk/client-ec2";
import { Fault } from "../model/fault.ts";
import type { Action } from "./action.ts";
import { type FilterFields, filtered, paged } from "./describe.ts";
import { type Image, imagesOf, unlistedImage } from "./image-catalogue.ts";
import { required } from "./parameter.ts";

/**
 * The image with this id. Every well-formed id is an image's, since people's configurations name real ones;
 * `resolve:ssm:NAME` stands for one of AWS's public parameters.
 * @throws MissingParameter; InvalidAMIID.Malformed; InvalidParameterValue for a parameter name that stands for no image.
 */
export function findImage(id: string | undefined, region: string): Image {
  const text = required(id, "ImageId");
  const parameter = /^resolve:ssm:([^:]+)(:.*)?$/.exec(text)?.[1];
  if (parameter !== undefined) {
    const image = imagesOf(region).find(({ parameters }) => parameters.includes(parameter));
    if (image) return image;
    throw new Fault("InvalidParameterValue", `The parameter '${parameter}' in ImageId does not exist.`);
  }
  if (!/^ami-([0-9a-f]{8}|[0-9a-f]{17})$/.test(text)) {
    throw new Fault("InvalidAMIID.Malformed", `Invalid id: "${text}" (expecting "ami-...")`);
  }
  return imagesOf(region).find((image) => image.id === text) ?? unlistedImage(text);
}

const DescribeImages: Action<DescribeImagesRequest, DescribeImagesResult> = (_tx, input, context) => {
  const ids = input.ImageIds ?? [];
  const named = ids.length > 0 ? [...new Set(ids)].map((id) => findImage(id, context.region)) : imagesOf(context.region);
  const owned = named.filter((image) => isOwned(image, input.Owners, context.account) && isExecutable(input.ExecutableUsers));
  const { items, nextToken } = paged(filtered<Untagged>(owned, input.Filters, FIELDS), input, { min: 1, max: 1000 });
  return { Images: items.map(describedImage), NextToken: nextToken };
};

type Untagged = Image & { readonly tags?: Readonly<Record<string, string>> };

function isOwned(image: Image, owners: readonly string[] | undefined, account: string): boolean {
  if (!owners || owners.length === 0) return true;
  return owners.some((owner) => (owner === "self" ? image.ownerId === account : owner === image.ownerId || owner === image.ownerAlias));
}

/** All images here are public; none was shared with the account by name. */
function isExecutable(users: readonly string[] | undefined): boolean {
  return !users || users.length === 0 || users.includes("all");
}

/** Documented filters of what no description here tells: they find nothing. */
const NOT_TOLD =
  "image-watermark.source-image-creation-time image-watermark.source-image-id image-watermark.source-image-region image-watermark.watermark-creation-time image-watermark.watermark-key instance-type-specification.supported-instance-type instance-type-specification.unsupported-instance-type scan-result.critical-fix-available-since scan-result.finding-scan-date scan-result.high-fix-available-since scan-result.highest-finding-severity-label scan-result.informational-fix-available-since scan-result.low-fix-available-since scan-result.medium-fix-available-since".split(
    " ",
  );

const FIELDS: FilterFields<Image> = {
  ...Object.fromEntries(NOT_TOLD.map((name) => [name, () => undefined])),
  architecture: (image) => image.architecture,
  "block-device-mapping.delete-on-termination": () => "true",
  "block-device-mapping.device-name": (image) => image.rootDeviceName,
  "block-device-mapping.encrypted": () => "false",
  "block-device-mapping.snapshot-id": (image) => image.snapshotId,
  "block-device-mapping.volume-size": (image) => String(image.sizeGib),
  "block-device-mapping.volume-type": (image) => image.volumeType,
  "boot-mode": (image) => image.bootMode,
  "creation-date": (image) => image.creationDate,
  description: (image) => image.description,
  "ena-support": () => "true",
  "free-tier-eligible": () => "true",
  hypervisor: () => "xen",
  "image-allowed": () => "true",
  "image-id": (image) => image.id,
  "image-type": () => "machine",
  "imds-support": (image) => (image.imdsV2 ? "v2.0" : undefined),
  "is-public": () => "true",
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
  "source-image-id": () => undefined,
  "source-image-region": () => undefined,
  "source-instance-id": () => undefined,
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
  const { snapshotId: SnapshotId, sizeGib: VolumeSize, volumeType: VolumeType } = image;
  return {
    ImageId: image.id,
    ImageLocation: locationOf(image),
    State: "available",
    OwnerId: image.ownerId,
    ImageOwnerAlias: image.ownerAlias,
    CreationDate: image.creationDate,
    Public: true,
    Architecture: image.architecture,
    ImageType: "machine",
    PlatformDetails: PLATFORM,
    UsageOperation: "RunInstances",
    Name: image.name,
    Description: image.description,
    RootDeviceName: image.rootDeviceName,
    RootDeviceType: "ebs",
    BlockDeviceMappings: [
      { DeviceName: image.rootDeviceName, Ebs: { DeleteOnTermination: true, Encrypted: false, SnapshotId, VolumeSize, VolumeType } },
    ],
    EnaSupport: true,
    Hypervisor: "xen",
    SriovNetSupport: "simple",
    VirtualizationType: "hvm",
    BootMode: image.bootMode,
    ...(image.imdsV2 ? { ImdsSupport: "v2.0" as const } : {}),
  };
}

export const imageActions = { DescribeImages };
