import assert from "node:assert/strict";
import { test } from "node:test";
import { launchedRunning, regionWithDefaults } from "../test-launch.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { snapshotAttributeActions } from "./snapshot-attribute.ts";
import { snapshotCreateActions } from "./snapshot-create.ts";
import { snapshotActions } from "./snapshot.ts";
import { volumeCreateActions } from "./volume-create.ts";
import { volumeDescribeActions } from "./volume-describe.ts";

const { DescribeSnapshots } = snapshotActions;
const { CreateSnapshot, CreateSnapshots, CopySnapshot, DeleteSnapshot } = snapshotCreateActions;
const { DescribeSnapshotAttribute, ModifySnapshotAttribute, ResetSnapshotAttribute } =
  snapshotAttributeActions;
const { CreateVolume, DeleteVolume } = volumeCreateActions;

function volumeIn(region: TestRegion, input: object = {}): string {
  return must(region.call(CreateVolume, { AvailabilityZone: "us-east-1a", Size: 10, ...input }).VolumeId);
}

const ownIn = (region: TestRegion, input: object = {}) =>
  region.call(DescribeSnapshots, { OwnerIds: ["self"], ...input }).Snapshots ?? [];

test("a snapshot of a volume is pending, and then described as completed; it outlives its volume", () => {
  const region = newRegion();
  const VolumeId = volumeIn(region);
  const TagSpecifications = [{ ResourceType: "snapshot" as const, Tags: [{ Key: "a", Value: "b" }] }];
  const made = region.call(CreateSnapshot, { VolumeId, Description: "before", TagSpecifications });
  assert.match(must(made.SnapshotId), /^snap-[0-9a-f]{17}$/);
  assert.deepEqual([made.State, made.Progress, made.VolumeSize, made.Encrypted], ["pending", "", 10, false]);
  region.call(DeleteVolume, { VolumeId });
  assert.deepEqual(ownIn(region), [
    {
      SnapshotId: made.SnapshotId,
      VolumeId,
      State: "completed",
      StartTime: made.StartTime,
      CompletionTime: made.StartTime,
      Progress: "100%",
      OwnerId: "123456789012",
      OwnerAlias: undefined,
      Description: "before",
      VolumeSize: 10,
      Encrypted: false,
      StorageTier: "standard",
      Tags: [{ Key: "a", Value: "b" }],
    },
  ]);
  assert.equal(ownIn(region, { Filters: [{ Name: "tag:a", Values: ["b"] }] }).length, 1);
  assert.ok(
    (region.call(DescribeSnapshots, { OwnerIds: ["amazon"] }).Snapshots ?? []).length > 5,
    "those of AWS's images",
  );
  const SnapshotId = must(made.SnapshotId);
  region.call(DeleteSnapshot, { SnapshotId });
  refuses(
    "InvalidSnapshot.NotFound",
    () => region.call(DeleteSnapshot, { SnapshotId }),
    `The snapshot '${SnapshotId}' does not exist.`,
  );
  refuses("InvalidParameterValue", () => ownIn(region, { SnapshotIds: ["snap-x"] }));
  refuses("InvalidVolume.NotFound", () => region.call(CreateSnapshot, { VolumeId }));
  const theirs = must(region.call(DescribeSnapshots, { OwnerIds: ["amazon"] }).Snapshots?.[0]?.SnapshotId);
  refuses("AuthFailure", () => region.call(DeleteSnapshot, { SnapshotId: theirs }));
});

test("volumes are made from snapshots: as large at least, and as encrypted", () => {
  const region = newRegion();
  const SnapshotId = must(
    region.call(CreateSnapshot, { VolumeId: volumeIn(region, { Encrypted: true }) }).SnapshotId,
  );
  const made = (input: object = {}) =>
    region.call(CreateVolume, { AvailabilityZone: "us-east-1a", SnapshotId, ...input });
  assert.deepEqual(
    [made().Size, made().Encrypted, made().SnapshotId, made({ Size: 20 }).Size],
    [10, true, SnapshotId, 20],
  );
  const words = `Volume of size 9GB is smaller than snapshot '${SnapshotId}', expect size >= 10GB`;
  refuses("InvalidParameterValue", () => made({ Size: 9 }), words);
  refuses("InvalidSnapshot.NotFound", () => made({ SnapshotId: "snap-0123456789abcdef0" }));
  refuses("MissingParameter", () => region.call(CreateVolume, { AvailabilityZone: "us-east-1a" }));
});

test("snapshots of all of an instance's volumes are taken at once, with the volumes' tags when that is asked for", () => {
  const region = regionWithDefaults();
  const BlockDeviceMappings = [{ DeviceName: "/dev/sdf", Ebs: { VolumeSize: 3 } }];
  const TagSpecifications = [{ ResourceType: "volume" as const, Tags: [{ Key: "of", Value: "volume" }] }];
  const InstanceId = launchedRunning(region, { BlockDeviceMappings, TagSpecifications });
  const all = (specification: object, more: object = {}) =>
    must(
      region.call(CreateSnapshots, { InstanceSpecification: { InstanceId, ...specification }, ...more })
        .Snapshots,
    );
  assert.deepEqual(
    all({}).map(({ VolumeSize, State, Tags }) => [VolumeSize, State, Tags]),
    [
      [8, "pending", []],
      [3, "pending", []],
    ],
  );
  assert.deepEqual(
    all({ ExcludeBootVolume: true }, { CopyTagsFromSource: "volume" }).map(({ VolumeSize, Tags }) => [
      VolumeSize,
      Tags,
    ]),
    [[3, [{ Key: "of", Value: "volume" }]]],
  );
  const data = must(
    region.call(volumeDescribeActions.DescribeVolumes, {}).Volumes?.find(({ Size }) => Size === 3)?.VolumeId,
  );
  assert.deepEqual(
    all({ ExcludeDataVolumeIds: [data] }).map(({ VolumeSize }) => VolumeSize),
    [8],
  );
});

test("a copy stands by itself, and may be encrypted", () => {
  const region = newRegion();
  const SourceSnapshotId = must(region.call(CreateSnapshot, { VolumeId: volumeIn(region) }).SnapshotId);
  const copy = (input: object = {}) =>
    region.call(CopySnapshot, { SourceRegion: "us-east-1", SourceSnapshotId, ...input });
  const id = must(copy({ Encrypted: true }).SnapshotId);
  region.call(DeleteSnapshot, { SnapshotId: SourceSnapshotId });
  const [found] = ownIn(region);
  assert.deepEqual(
    [found?.SnapshotId, found?.Encrypted, found?.VolumeId, found?.Description],
    [id, true, "vol-ffffffff", `[Copied ${SourceSnapshotId} from us-east-1]`],
  );
  refuses("InvalidSnapshot.NotFound", () => copy({ PresignedUrl: "https://ec2.us-east-1.amazonaws.com/" }));
  const west = region.elsewhere("us-west-2");
  const { SnapshotId: there } = west.call(CopySnapshot, { SourceRegion: "us-east-1", SourceSnapshotId: id });
  assert.deepEqual(
    ownIn(west).map((one) => [one.SnapshotId, one.Encrypted, one.Description]),
    [[there, true, `[Copied ${id} from us-east-1]`]],
  );
  refuses("InvalidSnapshot.NotFound", () => copy({ SourceRegion: "us-west-2", SourceSnapshotId: id }));
  refuses("InvalidSnapshot.NotFound", () => copy({ SourceRegion: "eu-west-1", SourceSnapshotId: there }));
  for (const SourceRegion of ["us-west-9", "constructor", "cn-north-1"]) {
    refuses(
      "InvalidParameterValue",
      () => copy({ SourceRegion }),
      `Value (${SourceRegion}) for parameter sourceRegion is invalid.`,
    );
  }
});

test("a snapshot is shared with accounts and with everybody, never encrypted with everybody", () => {
  const region = newRegion();
  const of = (input: object) =>
    must(region.call(CreateSnapshot, { VolumeId: volumeIn(region, input) }).SnapshotId);
  const SnapshotId = of({});
  const Attribute = "createVolumePermission" as const;
  const permissions = () =>
    region.call(DescribeSnapshotAttribute, { SnapshotId, Attribute }).CreateVolumePermissions;
  const modify = (input: object) => region.call(ModifySnapshotAttribute, { SnapshotId, Attribute, ...input });
  modify({ OperationType: "add", GroupNames: ["all"] });
  modify({ CreateVolumePermission: { Add: [{ UserId: "210987654321" }, { UserId: "111111111111" }] } });
  modify({ OperationType: "remove", UserIds: ["111111111111"] });
  assert.deepEqual(permissions(), [{ Group: "all" }, { UserId: "210987654321" }]);
  const restorable = (user: string) =>
    region.call(DescribeSnapshots, { OwnerIds: ["self"], RestorableByUserIds: [user] }).Snapshots?.length;
  assert.deepEqual(
    [restorable("all"), restorable("210987654321"), restorable("111111111111"), restorable("self")],
    [1, 1, 0, 1],
  );
  region.call(ResetSnapshotAttribute, { SnapshotId, Attribute });
  assert.deepEqual(permissions(), []);
  const words = 'Invalid attribute item value "some" for userGroup item type.';
  refuses(
    "InvalidAMIAttributeItemValue",
    () => modify({ OperationType: "add", GroupNames: ["some"] }),
    words,
  );
  refuses("InvalidAMIAttributeItemValue", () => modify({ OperationType: "add", UserIds: ["12"] }));
  refuses("InvalidParameterCombination", () => modify({}));
  const secret = of({ Encrypted: true });
  refuses("OperationNotPermitted", () =>
    modify({ SnapshotId: secret, OperationType: "add", GroupNames: ["all"] }),
  );
});
