import type {
  DescribeVolumesRequest,
  DescribeVolumesResult,
  DescribeVolumeStatusRequest,
  DescribeVolumeStatusResult,
  Volume as VolumeAnswer,
  VolumeStatusItem,
  VolumeType,
} from "@aws-sdk/client-ec2";
import type { Reader } from "../../model/state.ts";
import { zoneIdOf } from "../../model/zone.ts";
import type { Action, Context } from "../kit/action.ts";
import { chosen, type FilterFields, searched, type Source } from "../kit/describe.ts";
import { tagListOrAbsent } from "../kit/tags.ts";
import { allVolumes, type AnyVolume, attachTimeOf, findVolume } from "./volume.ts";

const DescribeVolumes: Action<DescribeVolumesRequest, DescribeVolumesResult> = (tx, input, context) => {
  const { items, nextToken } = searched(
    chosenVolumes(tx, input.VolumeIds, context),
    input,
    fields(tx, context),
  );
  return { Volumes: items.map((volume) => describedVolume(tx, volume, context)), NextToken: nextToken };
};

/** @throws InvalidVolume.NotFound. */
function chosenVolumes(
  tx: Reader,
  ids: readonly string[] | undefined,
  { region }: Context,
): Source<AnyVolume> {
  return chosen(
    ids,
    (id) => findVolume(tx, id, region),
    () => allVolumes(tx, region),
  );
}

function fields(tx: Reader, { region }: Context): FilterFields<AnyVolume> {
  return {
    "attachment.attach-time": ({ attachment: a }) => a && attachTimeOf(tx, a.instance, a.device),
    "attachment.delete-on-termination": ({ attachment }) =>
      attachment && String(attachment.device.deleteOnTermination),
    "attachment.device": ({ attachment }) => attachment?.device.deviceName,
    "attachment.instance-id": ({ attachment }) => attachment?.instance.id,
    "attachment.status": ({ attachment }) => attachment && "attached",
    "availability-zone": (volume) => volume.availabilityZone,
    "availability-zone-id": (volume) => zoneIdOf(volume.availabilityZone, region),
    "create-time": (volume) => volume.createTime,
    encrypted: (volume) => String(volume.encrypted),
    "fast-restored": () => "false",
    "multi-attach-enabled": () => "false",
    "operator.managed": () => "false",
    "operator.principal": () => undefined,
    size: (volume) => String(volume.sizeGib),
    "snapshot-id": (volume) => volume.snapshotId,
    status: stateOf,
    "volume-id": (volume) => volume.id,
    "volume-type": (volume) => volume.volumeType,
  };
}

function stateOf({ attachment }: AnyVolume): "in-use" | "available" {
  return attachment ? "in-use" : "available";
}

/** A volume as the API shows it. */
export function describedVolume(tx: Reader, volume: AnyVolume, { region }: Context): VolumeAnswer {
  const { attachment } = volume;
  return {
    Attachments: attachment
      ? [
          {
            AttachTime: new Date(attachTimeOf(tx, attachment.instance, attachment.device)),
            Device: attachment.device.deviceName,
            InstanceId: attachment.instance.id,
            State: "attached",
            VolumeId: volume.id,
            DeleteOnTermination: attachment.device.deleteOnTermination,
          },
        ]
      : [],
    AvailabilityZone: volume.availabilityZone,
    AvailabilityZoneId: zoneIdOf(volume.availabilityZone, region),
    CreateTime: new Date(volume.createTime),
    Encrypted: volume.encrypted,
    KmsKeyId: volume.kmsKeyId,
    Size: volume.sizeGib,
    SnapshotId: volume.snapshotId ?? "",
    State: stateOf(volume),
    VolumeId: volume.id,
    Iops: volume.iops,
    Throughput: volume.throughput,
    Tags: tagListOrAbsent(volume.tags),
    VolumeType: volume.volumeType as VolumeType,
    MultiAttachEnabled: false,
    Operator: { Managed: false },
  };
}

/** Nothing ever ails a record. */
const DescribeVolumeStatus: Action<DescribeVolumeStatusRequest, DescribeVolumeStatusResult> = (
  tx,
  input,
  context,
) => {
  const { items, nextToken } = searched(
    chosenVolumes(tx, input.VolumeIds, context),
    input,
    statusFields(context),
  );
  return { VolumeStatuses: items.map((volume) => describedStatus(volume, context)), NextToken: nextToken };
};

function statusFields({ region }: Context): FilterFields<AnyVolume> {
  return {
    ...Object.fromEntries(NEVER.map((name) => [name, () => undefined])),
    "availability-zone": (volume) => volume.availabilityZone,
    "availability-zone-id": (volume) => zoneIdOf(volume.availabilityZone, region),
    "volume-status.details-name": (volume) => detailsOf(volume).map(({ Name }) => Name),
    "volume-status.details-status": (volume) => detailsOf(volume).map(({ Status }) => Status),
    "volume-status.status": () => "ok",
  };
}

/**
 * Filters by actions, events and impaired attachments, of which there are none (EC2 API reference,
 * DescribeVolumeStatus).
 */
const NEVER = [
  "action.code",
  "action.description",
  "action.event-id",
  "attachment-status.instance-id",
  "attachment-status.io-performance",
  "event.description",
  "event.event-id",
  "event.event-type",
  "event.not-after",
  "event.not-before",
  "operator.managed",
  "operator.principal",
];

/**
 * Only provisioned IOPS volumes have a performance status (EBS user guide, "Amazon EBS volume status
 * checks").
 */
function detailsOf({ volumeType }: AnyVolume): { Name: "io-enabled" | "io-performance"; Status: string }[] {
  return [
    { Name: "io-enabled", Status: "passed" },
    { Name: "io-performance", Status: /^io[12]$/.test(volumeType) ? "normal" : "not-applicable" },
  ];
}

function describedStatus(volume: AnyVolume, { region }: Context): VolumeStatusItem {
  return {
    Actions: [],
    AvailabilityZone: volume.availabilityZone,
    AvailabilityZoneId: zoneIdOf(volume.availabilityZone, region),
    Events: [],
    VolumeId: volume.id,
    VolumeStatus: { Details: detailsOf(volume), Status: "ok" },
  };
}

export const volumeDescribeActions = { DescribeVolumes, DescribeVolumeStatus };
