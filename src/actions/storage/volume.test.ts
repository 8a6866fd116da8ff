import assert from "node:assert/strict";
import { test } from "node:test";
import type { CreateVolumeRequest, Volume } from "@aws-sdk/client-ec2";
import type { FaultCode } from "../../model/fault.ts";
import { instanceAttributeModifyActions } from "../instance/instance-attribute-modify.ts";
import { instanceStateActions } from "../instance/instance-state.ts";
import { tagActions } from "../tag/tag.ts";
import {
  instanceNow,
  launchedPending,
  launchedRunning,
  machineHalted,
  regionWithDefaults,
} from "../test-launch.ts";
import { must, refuses, type TestRegion } from "../test-region.ts";
import { snapshotActions } from "./snapshot.ts";
import { volumeAttachmentActions } from "./volume-attachment.ts";
import { volumeCreateActions } from "./volume-create.ts";
import { volumeDescribeActions } from "./volume-describe.ts";
import { volumeModifyActions } from "./volume-modify.ts";

const { CreateVolume, DeleteVolume } = volumeCreateActions;
const { AttachVolume, DetachVolume } = volumeAttachmentActions;
const { DescribeVolumes, DescribeVolumeStatus } = volumeDescribeActions;
const { ModifyVolume, DescribeVolumesModifications, DescribeVolumeAttribute, ModifyVolumeAttribute } =
  volumeModifyActions;

const UNKNOWN = "vol-0123456789abcdef0";

function created(region: TestRegion, more: CreateVolumeRequest = {}): string {
  return must(region.call(CreateVolume, { AvailabilityZone: "us-east-1a", Size: 10, ...more }).VolumeId);
}

function volumeNow(region: TestRegion, id: string): Volume {
  return must(region.call(DescribeVolumes, { VolumeIds: [id] }).Volumes?.[0]);
}

/** A running instance in the first zone. */
function launched(region: TestRegion): string {
  return launchedRunning(region, { Placement: { AvailabilityZone: "us-east-1a" } });
}

function rootOf(region: TestRegion, id: string): string {
  return must(instanceNow(region, id).BlockDeviceMappings?.[0]?.Ebs?.VolumeId);
}

test("an instance has its image's root volume, as it was changed, and the volumes that were added", () => {
  const region = regionWithDefaults();
  const id = launchedRunning(region, {
    BlockDeviceMappings: [
      { DeviceName: "/dev/xvda", Ebs: { VolumeSize: 20, DeleteOnTermination: false } },
      { DeviceName: "/dev/sdf", Ebs: { VolumeSize: 100, VolumeType: "io2", Iops: 500, Encrypted: true } },
      { DeviceName: "/dev/sdb", VirtualName: "ephemeral0" },
    ],
    TagSpecifications: [{ ResourceType: "volume", Tags: [{ Key: "Name", Value: "disk" }] }],
  });
  const [root, data, ...more] = region.call(DescribeVolumes, {}).Volumes ?? [];
  assert.deepEqual(more, []);
  assert.deepEqual(
    [root?.Size, root?.VolumeType, root?.Iops, root?.Throughput, root?.State],
    [20, "gp3", 3000, 125, "in-use"],
  );
  assert.deepEqual([data?.Size, data?.VolumeType, data?.Iops, data?.Encrypted], [100, "io2", 500, true]);
  assert.deepEqual(root?.Tags, [{ Key: "Name", Value: "disk" }]);
  assert.deepEqual(
    instanceNow(region, id).BlockDeviceMappings?.map(({ DeviceName, Ebs }) => [
      DeviceName,
      Ebs?.VolumeId,
      Ebs?.DeleteOnTermination,
    ]),
    [
      ["/dev/xvda", root?.VolumeId, false],
      ["/dev/sdf", data?.VolumeId, true],
    ],
  );
  const filtered = region.call(DescribeVolumes, {
    Filters: [{ Name: "attachment.device", Values: ["/dev/sdf"] }],
  });
  assert.deepEqual(filtered.Volumes, [data]);
  refuses("InvalidParameterCombination", () =>
    launchedPending(region, {
      BlockDeviceMappings: [{ DeviceName: "/dev/sdf", Ebs: { VolumeSize: 1, Iops: 500 } }],
    }),
  );
});

test("a volume goes with its instance, or stays behind as that says", () => {
  const region = regionWithDefaults();
  const id = launched(region);
  const root = rootOf(region, id);
  const [kept, gone] = ["/dev/sdf", "/dev/sdg"].map((Device) => {
    const VolumeId = created(region);
    region.call(AttachVolume, { VolumeId, InstanceId: id, Device });
    return VolumeId;
  }) as [string, string];
  region.call(instanceAttributeModifyActions.ModifyInstanceAttribute, {
    InstanceId: id,
    BlockDeviceMappings: [{ DeviceName: "/dev/sdg", Ebs: { DeleteOnTermination: true } }],
  });
  assert.equal(volumeNow(region, gone).Attachments?.[0]?.DeleteOnTermination, true);
  region.call(instanceStateActions.TerminateInstances, { InstanceIds: [id] });
  assert.equal(volumeNow(region, kept).State, "in-use");
  machineHalted(region, id);
  for (const VolumeId of [root, gone]) {
    refuses(
      "InvalidVolume.NotFound",
      () => region.call(DescribeVolumes, { VolumeIds: [VolumeId] }),
      `The volume '${VolumeId}' does not exist.`,
    );
  }
  const { State, Attachments } = volumeNow(region, kept);
  assert.deepEqual([State, Attachments], ["available", []]);
  assert.deepEqual(
    region.call(DescribeVolumes, {}).Volumes?.map(({ VolumeId }) => VolumeId),
    [kept],
  );
});

test("a volume is made as its type is, within the type's limits", () => {
  const region = regionWithDefaults();
  const shape = (more: CreateVolumeRequest): unknown[] => {
    const { Size, VolumeType, Iops, Throughput } = volumeNow(region, created(region, more));
    return [Size, VolumeType, Iops, Throughput];
  };
  assert.deepEqual(shape({}), [10, "gp2", 100, undefined]);
  assert.deepEqual(shape({ Size: 1000 }), [1000, "gp2", 3000, undefined]);
  assert.deepEqual(shape({ Size: 1, VolumeType: "gp3" }), [1, "gp3", 3000, 125]);
  assert.deepEqual(shape({ VolumeType: "gp3", Iops: 4000, Throughput: 1000 }), [10, "gp3", 4000, 1000]);
  assert.deepEqual(shape({ VolumeType: "io1", Iops: 500 }), [10, "io1", 500, undefined]);
  assert.deepEqual(shape({ Size: 500, VolumeType: "st1" }), [500, "st1", undefined, undefined]);
  const refused: readonly (readonly [CreateVolumeRequest, FaultCode, string])[] = [
    [
      { VolumeType: "gp9" as "gp2" },
      "UnknownVolumeType",
      "Unsupported volume type 'gp9' for volume creation.",
    ],
    [{ Iops: 300 }, "InvalidParameterCombination", "The parameter iops is not supported for gp2 volumes."],
    [
      { VolumeType: "io2" },
      "InvalidParameterCombination",
      "The parameter iops must be specified for io2 volumes.",
    ],
    [
      { Throughput: 300 },
      "InvalidParameterCombination",
      "The throughput parameter is not supported for gp2 volumes.",
    ],
    [
      { VolumeType: "standard", Size: 2000 },
      "InvalidParameterValue",
      "Volume of 2000GiB is too large for volume type standard; maximum is 1024GiB",
    ],
    [
      { VolumeType: "st1" },
      "InvalidParameterValue",
      "The volume size is invalid for st1 volumes: 10 GiB. st1 volumes must be at least 125 GiB in size. Please specify a volume size above the minimum limit.",
    ],
    [
      { VolumeType: "gp3", Iops: 7500 },
      "InvalidParameterValue",
      "Iops to volume size ratio of 750.000000 is too high; maximum is 500",
    ],
    [
      { VolumeType: "gp3", Size: 1000, Iops: 200_000 },
      "InvalidParameterValue",
      "Volume iops of 200000 is too high; maximum is 80000.",
    ],
    [
      { VolumeType: "gp3", Throughput: 1000 },
      "InvalidParameterValue",
      "Throughput (MiBps) to iops ratio of 0.333333 is too high; maximum is 0.250000 MiBps per iops",
    ],
    [{ Size: undefined }, "MissingParameter", "The request must contain the parameter size/snapshot"],
    [
      { SnapshotId: "snap-12345678" },
      "InvalidSnapshot.NotFound",
      "The snapshot 'snap-12345678' does not exist.",
    ],
    [{ AvailabilityZone: "us-east-1z" }, "InvalidZone.NotFound", "The zone 'us-east-1z' does not exist."],
  ];
  for (const [more, code, words] of refused) {
    refuses(code, () => created(region, more), words);
  }
  refuses("InvalidParameterCombination", () => created(region, { AvailabilityZoneId: "use1-az1" }));
  refuses("MissingParameter", () => region.call(CreateVolume, { Size: 1 }));
  assert.equal(
    volumeNow(region, created(region, { AvailabilityZone: "", AvailabilityZoneId: "use1-az2" }))
      .AvailabilityZone,
    "us-east-1b",
  );
  refuses(
    "InvalidParameterDependency",
    () => created(region, { KmsKeyId: "alias/key" }),
    /requires the parameter Encrypted/,
  );
  refuses("InvalidParameterValue", () => created(region, { Encrypted: true, KmsKeyId: "my key" }));
  refuses("InvalidParameterValue", () =>
    created(region, { Encrypted: true, KmsKeyId: "arn:aws:kms:eu-west-1:123456789012:alias/key" }),
  );
});

test("a volume is created, attached, detached and deleted, and its waiters see it", () => {
  const region = regionWithDefaults();
  const id = launched(region);
  const made = region.call(CreateVolume, { AvailabilityZone: "us-east-1a", Size: 10 });
  assert.deepEqual(
    [made.State, made.Attachments, made.SnapshotId, made.Encrypted],
    ["creating", [], "", false],
  );
  const VolumeId = must(made.VolumeId);
  assert.equal(volumeNow(region, VolumeId).State, "available");
  region.advance(1000);
  const attached = region.call(AttachVolume, { VolumeId, InstanceId: id, Device: "/dev/sdf" });
  assert.deepEqual([attached.State, attached.Device, attached.InstanceId], ["attaching", "/dev/sdf", id]);
  const now = volumeNow(region, VolumeId);
  const [attachment] = now.Attachments ?? [];
  assert.deepEqual(
    [now.State, now.CreateTime, attachment?.State, attachment?.DeleteOnTermination],
    ["in-use", made.CreateTime, "attached", false],
  );
  assert.deepEqual(attachment?.AttachTime, attached.AttachTime);
  assert.equal(instanceNow(region, id).BlockDeviceMappings?.[1]?.Ebs?.VolumeId, VolumeId);
  refuses(
    "VolumeInUse",
    () => region.call(DeleteVolume, { VolumeId }),
    `Volume ${VolumeId} is currently attached to ${id}`,
  );
  const detached = region.call(DetachVolume, { VolumeId, InstanceId: id, Device: "/dev/sdf", Force: true });
  assert.deepEqual([detached.State, detached.AttachTime], ["detaching", attached.AttachTime]);
  assert.deepEqual(volumeNow(region, VolumeId), { ...made, State: "available" });
  assert.equal(instanceNow(region, id).BlockDeviceMappings?.length, 1);
  region.call(DeleteVolume, { VolumeId });
  const words = `The volume '${VolumeId}' does not exist.`;
  refuses("InvalidVolume.NotFound", () => volumeNow(region, VolumeId), words);
  refuses("InvalidVolume.NotFound", () => region.call(DeleteVolume, { VolumeId }), words);
});

test("what cannot be attached or detached is refused in AWS's words", () => {
  const region = regionWithDefaults();
  const InstanceId = launched(region);
  const VolumeId = created(region);
  const attach = (more: object): unknown =>
    region.call(AttachVolume, { VolumeId, InstanceId, Device: "/dev/sdf", ...more });
  const detach = (more: object): unknown => region.call(DetachVolume, { VolumeId, ...more });
  refuses("InvalidVolume.NotFound", () => attach({ VolumeId: UNKNOWN }));
  refuses(
    "InvalidParameterValue",
    () => attach({ VolumeId: "disk" }),
    "Value (disk) for parameter volumeId is invalid. Expected: 'vol-...'.",
  );
  refuses("InvalidInstanceID.NotFound", () => attach({ InstanceId: "i-0123456789abcdef0" }));
  refuses("MissingParameter", () => attach({ Device: undefined }));
  for (const Device of ["/dev/sdZZ", "Disk_D", "/dev/nvme1n1"]) {
    const words = `Value (${Device}) for parameter device is invalid. ${Device} is not a valid EBS device name.`;
    refuses("InvalidParameterValue", () => attach({ Device }), words);
  }
  const root = instanceNow(region, InstanceId).RootDeviceName;
  const inUse = `Invalid value '${root}' for unixDevice. Attachment point ${root} is already in use`;
  refuses("InvalidParameterValue", () => attach({ Device: root }), inUse);
  const elsewhere = created(region, { AvailabilityZone: "us-east-1b" });
  refuses(
    "InvalidVolume.ZoneMismatch",
    () => attach({ VolumeId: elsewhere }),
    `The volume '${elsewhere}' is not in the same availability zone as instance '${InstanceId}'`,
  );
  const [pending] = launchedPending(region, { Placement: { AvailabilityZone: "us-east-1a" } });
  refuses("IncorrectState", () => attach({ InstanceId: pending }), `Instance '${pending}' is not 'running'.`);
  refuses("IncorrectState", () => detach({}), `Volume '${VolumeId}' is in the 'available' state.`);
  attach({});
  refuses(
    "VolumeInUse",
    () => attach({ Device: "/dev/sdg" }),
    `${VolumeId} is already attached to an instance`,
  );
  refuses("InvalidAttachment.NotFound", () => detach({ InstanceId: pending }));
  refuses("InvalidAttachment.NotFound", () => detach({ Device: "/dev/sdg" }));
});

test("a root volume is detached from a stopped instance, which does not start without it", () => {
  const region = regionWithDefaults();
  const id = launched(region);
  const VolumeId = rootOf(region, id);
  const Device = must(instanceNow(region, id).RootDeviceName);
  refuses(
    "IncorrectState",
    () => region.call(DetachVolume, { VolumeId, Force: true }),
    `Unable to detach root volume '${VolumeId}' from instance '${id}'`,
  );
  region.call(instanceStateActions.StopInstances, { InstanceIds: [id] });
  machineHalted(region, id);
  const { CreateTime } = volumeNow(region, VolumeId);
  region.call(DetachVolume, { VolumeId });
  assert.deepEqual(volumeNow(region, VolumeId).CreateTime, CreateTime);
  const start = (): unknown => region.call(instanceStateActions.StartInstances, { InstanceIds: [id] });
  const words = `Invalid value '${id}' for instanceId. Instance does not have a volume attached at root (${Device})`;
  refuses("InvalidParameterValue", start, words);
  region.call(AttachVolume, { VolumeId, InstanceId: id, Device });
  start();
  assert.equal(instanceNow(region, id).State?.Name, "pending");
});

test("a volume grows and changes its type, never shrinks, and the change is described", () => {
  const region = regionWithDefaults();
  const VolumeId = created(region, { Size: 500 });
  const modify = (more: object): unknown =>
    region.call(ModifyVolume, { VolumeId, ...more }).VolumeModification?.ModificationState;
  refuses(
    "InvalidVolumeModification.NotFound",
    () => region.call(DescribeVolumesModifications, { VolumeIds: [VolumeId] }),
    `Modification for volume '${VolumeId}' does not exist.`,
  );
  assert.deepEqual(region.call(DescribeVolumesModifications, {}).VolumesModifications, []);
  refuses(
    "InvalidParameterValue",
    () => modify({ Size: 5 }),
    "New size cannot be smaller than existing size",
  );
  refuses("InvalidParameterValue", () => modify({}), /^Invalid input: Must specify at least one of size/);
  refuses("InvalidParameterCombination", () => modify({ VolumeType: "sc1", Iops: 3000 }));
  // What gp2 of this size gives, gp3 gives as well (EBS user guide).
  assert.equal(modify({ VolumeType: "gp3" }), "modifying");
  const { Iops, Throughput } = volumeNow(region, VolumeId);
  assert.deepEqual([Iops, Throughput], [3000, 250]);
  assert.equal(modify({ Size: 600 }), "modifying");
  const [modification] =
    region.call(DescribeVolumesModifications, { VolumeIds: [VolumeId] }).VolumesModifications ?? [];
  assert.deepEqual(
    [
      modification?.ModificationState,
      modification?.Progress,
      modification?.OriginalSize,
      modification?.TargetSize,
      modification?.TargetThroughput,
    ],
    ["completed", 100, 500, 600, 250],
  );
  // Attached, it is changed in the same way, and what the new type has none of goes.
  region.call(AttachVolume, { VolumeId, InstanceId: launched(region), Device: "/dev/sdf" });
  modify({ VolumeType: "st1" });
  const changed = volumeNow(region, VolumeId);
  assert.deepEqual(
    [changed.State, changed.VolumeType, changed.Iops, changed.Throughput, changed.Size],
    ["in-use", "st1", undefined, undefined, 600],
  );
  const found = (Name: string, Values: string[]): unknown =>
    region.call(DescribeVolumesModifications, { Filters: [{ Name, Values }] }).VolumesModifications?.length;
  assert.deepEqual([found("target-volume-type", ["st1"]), found("original-size", ["1"])], [1, 0]);
  refuses("InvalidParameterValue", () => found("bogus", []), "The filter 'bogus' is invalid");
});

test("volumes are filtered, paged and tagged, wherever they stand", () => {
  const region = regionWithDefaults();
  const id = launched(region);
  const loose = Array.from({ length: 6 }, () =>
    created(region, { TagSpecifications: [{ ResourceType: "volume", Tags: [{ Key: "A", Value: "b" }] }] }),
  );
  const found = (Name: string, Values: string[]): unknown[] =>
    (region.call(DescribeVolumes, { Filters: [{ Name, Values }] }).Volumes ?? []).map(
      ({ VolumeId }) => VolumeId,
    );
  assert.deepEqual(found("status", ["available"]), loose);
  assert.deepEqual(found("attachment.instance-id", [id]), [rootOf(region, id)]);
  assert.deepEqual(found("attachment.status", ["attached"]), [rootOf(region, id)]);
  assert.deepEqual(found("tag:A", ["b"]), loose);
  assert.deepEqual(found("size", ["10"]), loose);
  refuses("InvalidParameterValue", () => found("bogus", []), "The filter 'bogus' is invalid");
  const first = region.call(DescribeVolumes, { MaxResults: 5 });
  const second = region.call(DescribeVolumes, { MaxResults: 5, NextToken: must(first.NextToken) });
  assert.deepEqual([first.Volumes?.length, second.Volumes?.length, second.NextToken], [5, 2, undefined]);
  const [one] = loose as [string];
  for (const VolumeId of [one, rootOf(region, id)]) {
    region.call(tagActions.CreateTags, { Resources: [VolumeId], Tags: [{ Key: "Name", Value: "disk" }] });
    assert.ok(volumeNow(region, VolumeId).Tags?.some(({ Value }) => Value === "disk"));
  }
  refuses("InvalidVolume.NotFound", () =>
    region.call(tagActions.CreateTags, { Resources: [UNKNOWN], Tags: [{ Key: "a" }] }),
  );
  const tagged = region.call(tagActions.DescribeTags, {
    Filters: [{ Name: "value", Values: ["disk"] }],
  }).Tags;
  assert.deepEqual(
    tagged?.map(({ ResourceType }) => ResourceType),
    ["volume", "volume"],
  );
});

test("the status of volumes is ok, and I/O on them can be enabled automatically", () => {
  const region = regionWithDefaults();
  const VolumeId = created(region);
  const [status] = region.call(DescribeVolumeStatus, { VolumeIds: [VolumeId] }).VolumeStatuses ?? [];
  assert.deepEqual(status?.VolumeStatus, {
    Details: [
      { Name: "io-enabled", Status: "passed" },
      { Name: "io-performance", Status: "not-applicable" },
    ],
    Status: "ok",
  });
  assert.equal(
    region.call(DescribeVolumeStatus, { Filters: [{ Name: "volume-status.status", Values: ["impaired"] }] })
      .VolumeStatuses?.length,
    0,
  );
  const attribute = (): unknown =>
    region.call(DescribeVolumeAttribute, { VolumeId, Attribute: "autoEnableIO" }).AutoEnableIO?.Value;
  assert.equal(attribute(), false);
  region.call(ModifyVolumeAttribute, { VolumeId, AutoEnableIO: { Value: true } });
  assert.equal(attribute(), true);
  assert.deepEqual(
    region.call(DescribeVolumeAttribute, { VolumeId, Attribute: "productCodes" }).ProductCodes,
    [],
  );
  refuses("InvalidParameterValue", () =>
    region.call(DescribeVolumeAttribute, { VolumeId, Attribute: "size" as "productCodes" }),
  );
  refuses("InvalidParameterCombination", () =>
    region.call(DescribeVolumeAttribute, { VolumeId, Attribute: undefined }),
  );
  refuses("InvalidParameterCombination", () => region.call(ModifyVolumeAttribute, { VolumeId }));
});

test("a region begins without snapshots", () => {
  const { call } = regionWithDefaults();
  const { DescribeSnapshots } = snapshotActions;
  assert.deepEqual(
    call(DescribeSnapshots, {
      OwnerIds: ["self"],
      Filters: [{ Name: "volume-id", Values: [UNKNOWN] }],
      MaxResults: 5,
    }).Snapshots,
    [],
  );
  refuses("InvalidParameterValue", () =>
    call(DescribeSnapshots, { Filters: [{ Name: "bogus", Values: [] }] }),
  );
  refuses("InvalidParameterValue", () => call(DescribeSnapshots, { MaxResults: 4 }));
  refuses("InvalidNextToken", () => call(DescribeSnapshots, { NextToken: "bogus" }));
  const SnapshotIds = ["snap-0123456789abcdef0"];
  refuses(
    "InvalidSnapshot.NotFound",
    () => call(DescribeSnapshots, { SnapshotIds }),
    `The snapshot '${SnapshotIds[0]}' does not exist.`,
  );
});

test("an encrypted volume's key is described by ARN, however the request named it", () => {
  const region = regionWithDefaults();
  const key = "1234abcd-12ab-34cd-56ef-1234567890ab";
  const arn = `arn:aws:kms:us-east-1:123456789012:key/${key}`;
  const keyOf = (more: CreateVolumeRequest) =>
    volumeNow(region, created(region, { Encrypted: true, ...more })).KmsKeyId;
  for (const KmsKeyId of [key, arn]) assert.equal(keyOf({ KmsKeyId }), arn);
  const other = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab";
  assert.equal(keyOf({ KmsKeyId: other }), other);
  const byAlias = must(keyOf({ KmsKeyId: "alias/mine" }));
  assert.match(
    byAlias,
    /^arn:aws:kms:us-east-1:123456789012:key\/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
  );
  assert.equal(keyOf({ KmsKeyId: "arn:aws:kms:us-east-1:123456789012:alias/mine" }), byAlias);
  assert.notEqual(keyOf({}), byAlias);
  assert.equal(volumeNow(region, created(region)).KmsKeyId, undefined);
  const Ebs = { VolumeSize: 8, Encrypted: true, KmsKeyId: key };
  const id = launchedRunning(region, { BlockDeviceMappings: [{ DeviceName: "/dev/sdf", Ebs }] });
  const added = must(
    instanceNow(region, id).BlockDeviceMappings?.find(({ DeviceName }) => DeviceName === "/dev/sdf")?.Ebs
      ?.VolumeId,
  );
  assert.equal(volumeNow(region, added).KmsKeyId, arn);
});
