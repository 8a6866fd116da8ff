import type {
  DescribeVolumeAttributeRequest,
  DescribeVolumeAttributeResult,
  DescribeVolumesModificationsRequest,
  DescribeVolumesModificationsResult,
  ModifyVolumeAttributeRequest,
  ModifyVolumeRequest,
  ModifyVolumeResult,
  VolumeModification as ModificationAnswer,
  VolumeType,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { VolumeModification, VolumeShape } from "../../model/volume.ts";
import type { Action } from "../kit/action.ts";
import { type FilterFields, searched } from "../kit/describe.ts";
import { notFound } from "../kit/not-found.ts";
import { type Done, DONE, given, refuseUnoffered, required } from "../kit/parameter.ts";
import { volumeShape } from "./volume-shape.ts";
import { allVolumes, type AnyVolume, findVolume, putVolume } from "./volume.ts";

/** `modifying` in the answer, `completed` from then on; how often makes no difference here. */
const ModifyVolume: Action<ModifyVolumeRequest, ModifyVolumeResult> = (tx, input, { region, now }) => {
  refuseUnoffered(input, ["MultiAttachEnabled"]);
  const volume = findVolume(tx, input.VolumeId, region);
  const original = shapeOf(volume);
  const modification: VolumeModification = { original, target: targetOf(input, original), startTime: now };
  const { iops: _1, throughput: _2, ...kept } = volume;
  putVolume(tx, { ...kept, ...modification.target, modification }, region);
  return {
    VolumeModification: {
      ...described(volume.id, modification),
      ModificationState: "modifying",
      Progress: 0,
      EndTime: undefined,
    },
  };
};

function shapeOf({ sizeGib, volumeType, iops, throughput }: AnyVolume): VolumeShape {
  return {
    sizeGib,
    volumeType,
    ...(iops === undefined ? {} : { iops }),
    ...(throughput === undefined ? {} : { throughput }),
  };
}

/**
 * @throws InvalidParameterValue for nothing to change, or a smaller size; the faults of {@link volumeShape}.
 */
function targetOf(input: ModifyVolumeRequest, old: VolumeShape): VolumeShape {
  const [size, type] = [input.Size, given(input.VolumeType)];
  if ([size, type, input.Iops, input.Throughput].every((value) => value === undefined)) {
    const words = "Invalid input: Must specify at least one of size, type, iops, throughput or multi-attach.";
    throw new Fault("InvalidParameterValue", words);
  }
  if (size !== undefined && size < old.sizeGib)
    throw new Fault("InvalidParameterValue", "New size cannot be smaller than existing size");
  const volumeType = type ?? old.volumeType;
  const kept = keptPerformance(old, volumeType);
  return volumeShape({
    sizeGib: size ?? old.sizeGib,
    volumeType,
    iops: input.Iops ?? kept.iops,
    throughput: input.Throughput ?? kept.throughput,
  });
}

/**
 * The performance that a request says nothing of (EC2 API reference, ModifyVolume): what there was, 3,000
 * IOPS of a new type; from gp2 to gp3 as much as there was (EBS user guide, "Requirements for EBS volume
 * modifications").
 */
function keptPerformance(old: VolumeShape, type: string): Pick<VolumeShape, "iops" | "throughput"> {
  if (type !== "gp3" && type !== "io1" && type !== "io2") return {};
  if (type === old.volumeType) return old;
  if (type !== "gp3") return { iops: 3000 };
  if (old.volumeType !== "gp2" || old.iops === undefined) return {};
  return {
    iops: Math.max(3000, old.iops),
    throughput: Math.min(250, Math.max(125, Math.ceil(old.iops / 4))),
  };
}

function described(id: string, { original, target, startTime }: VolumeModification): ModificationAnswer {
  return {
    VolumeId: id,
    ModificationState: "completed",
    TargetSize: target.sizeGib,
    TargetIops: target.iops,
    TargetVolumeType: target.volumeType as VolumeType,
    TargetThroughput: target.throughput,
    TargetMultiAttachEnabled: false,
    OriginalSize: original.sizeGib,
    OriginalIops: original.iops,
    OriginalVolumeType: original.volumeType as VolumeType,
    OriginalThroughput: original.throughput,
    OriginalMultiAttachEnabled: false,
    Progress: 100,
    StartTime: new Date(startTime),
    EndTime: new Date(startTime),
  };
}

type Modified = AnyVolume & { readonly modification: VolumeModification };

function isModified(volume: AnyVolume): volume is Modified {
  return volume.modification !== undefined;
}

/** @throws InvalidVolumeModification.NotFound for a volume asked for by id that was never changed. */
const DescribeVolumesModifications: Action<
  DescribeVolumesModificationsRequest,
  DescribeVolumesModificationsResult
> = (tx, input, { region }) => {
  const ids = [...new Set(input.VolumeIds ?? [])];
  const volumes = ids.length > 0 ? ids.map((id) => findVolume(tx, id, region)) : allVolumes(tx, region);
  const unmodified = ids.length > 0 ? volumes.find((volume) => !isModified(volume)) : undefined;
  if (unmodified) throw notFound("volume-modification", unmodified.id);
  const { items, nextToken } = searched(volumes.filter(isModified), input, MODIFICATION_FIELDS, {
    min: 1,
    max: 500,
  });
  return {
    VolumesModifications: items.map(({ id, modification }) => described(id, modification)),
    NextToken: nextToken,
  };
};

const text = (value: number | undefined): string | undefined =>
  value === undefined ? undefined : String(value);

const MODIFICATION_FIELDS: FilterFields<Modified> = {
  "modification-state": () => "completed",
  "original-iops": ({ modification }) => text(modification.original.iops),
  "original-size": ({ modification }) => text(modification.original.sizeGib),
  "original-volume-type": ({ modification }) => modification.original.volumeType,
  originalMultiAttachEnabled: () => "false",
  "start-time": ({ modification }) => modification.startTime,
  "target-iops": ({ modification }) => text(modification.target.iops),
  "target-size": ({ modification }) => text(modification.target.sizeGib),
  "target-volume-type": ({ modification }) => modification.target.volumeType,
  targetMultiAttachEnabled: () => "false",
  "volume-id": ({ id }) => id,
};

/** The one attribute asked for. */
const DescribeVolumeAttribute: Action<DescribeVolumeAttributeRequest, DescribeVolumeAttributeResult> = (
  tx,
  input,
  { region },
) => {
  const { id, autoEnableIo } = findVolume(tx, input.VolumeId, region);
  const name: string | undefined = given(input.Attribute);
  if (name === undefined) throw new Fault("InvalidParameterCombination", "No attributes specified.");
  if (name === "autoEnableIO") return { VolumeId: id, AutoEnableIO: { Value: autoEnableIo ?? false } };
  if (name === "productCodes") return { VolumeId: id, ProductCodes: [] };
  throw new Fault(
    "InvalidParameterValue",
    `Value (${name}) for parameter attribute is invalid. Unknown attribute.`,
  );
};

const ModifyVolumeAttribute: Action<ModifyVolumeAttributeRequest, Done> = (tx, input, { region }) => {
  const volume = findVolume(tx, input.VolumeId, region);
  if (!input.AutoEnableIO) throw new Fault("InvalidParameterCombination", "No attributes specified.");
  putVolume(tx, { ...volume, autoEnableIo: required(input.AutoEnableIO.Value, "value") }, region);
  return DONE;
};

export const volumeModifyActions = {
  ModifyVolume,
  DescribeVolumesModifications,
  DescribeVolumeAttribute,
  ModifyVolumeAttribute,
};
