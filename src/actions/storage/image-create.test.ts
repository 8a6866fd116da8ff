import assert from "node:assert/strict";
import { test } from "node:test";
import { tagActions } from "../tag/tag.ts";
import { instanceNow, launchedRunning, regionWithDefaults } from "../test-launch.ts";
import { must, refuses, type TestRegion } from "../test-region.ts";
import { imageAttributeActions } from "./image-attribute.ts";
import { imagesOf } from "./image-catalogue.ts";
import { imageCreateActions } from "./image-create.ts";
import { imageActions } from "./image.ts";
import { snapshotCreateActions } from "./snapshot-create.ts";
import { snapshotActions } from "./snapshot.ts";

const { DescribeImages } = imageActions;
const { CreateImage, RegisterImage, CopyImage, DeregisterImage } = imageCreateActions;
const { DescribeImageAttribute, ModifyImageAttribute, ResetImageAttribute } = imageAttributeActions;

const ownIn = (region: TestRegion, input: object = {}) =>
  region.call(DescribeImages, { Owners: ["self"], ...input }).Images ?? [];

function created(region: TestRegion, InstanceId: string, input: object = {}): string {
  return must(region.call(CreateImage, { InstanceId, Name: "mine", ...input }).ImageId);
}

test("an image of an instance has its volumes, with snapshots, and instances start with them again", () => {
  const region = regionWithDefaults();
  const BlockDeviceMappings = [
    { DeviceName: "/dev/sdf", Ebs: { VolumeSize: 3, Encrypted: true, DeleteOnTermination: false } },
  ];
  const InstanceId = launchedRunning(region, { BlockDeviceMappings });
  const boots = () => must(region.reader().get("instance", InstanceId)).bootGeneration;
  const before = boots();
  const TagSpecifications = (["image", "snapshot"] as const).map((ResourceType) => ({
    ResourceType,
    Tags: [{ Key: "t", Value: ResourceType }],
  }));
  const ImageId = created(region, InstanceId, { Description: "d", TagSpecifications });
  assert.equal(boots(), before + 1, "it is rebooted first");
  created(region, InstanceId, { Name: "again", NoReboot: true });
  assert.equal(boots(), before + 1);
  const [image] = ownIn(region, { Filters: [{ Name: "name", Values: ["mine"] }] });
  assert.deepEqual(
    [
      image?.ImageId,
      image?.State,
      image?.Public,
      image?.OwnerId,
      image?.Description,
      image?.SourceInstanceId,
      image?.ImageLocation,
    ],
    [ImageId, "available", false, "123456789012", "d", InstanceId, "123456789012/mine"],
  );
  assert.deepEqual(image?.Tags, [{ Key: "t", Value: "image" }]);
  const devices = must(image?.BlockDeviceMappings).map(({ DeviceName, Ebs }) => [
    DeviceName,
    Ebs?.VolumeSize,
    Ebs?.Encrypted,
    Ebs?.DeleteOnTermination,
  ]);
  assert.deepEqual(devices, [
    ["/dev/xvda", 8, false, true],
    ["/dev/sdf", 3, true, false],
  ]);
  const ids = must(image?.BlockDeviceMappings).map(({ Ebs }) => must(Ebs?.SnapshotId));
  const snapshots = region.call(snapshotActions.DescribeSnapshots, { SnapshotIds: ids }).Snapshots ?? [];
  assert.deepEqual(
    snapshots.map(({ Description, Tags }) => [Description, Tags?.[0]?.Value]),
    [1, 2].map(() => [`Created by CreateImage(${InstanceId}) for ${ImageId}`, "snapshot"]),
  );
  const launched = instanceNow(region, launchedRunning(region, { ImageId }));
  assert.deepEqual(
    launched.BlockDeviceMappings?.map(({ DeviceName, Ebs }) => [DeviceName, Ebs?.DeleteOnTermination]),
    [
      ["/dev/xvda", true],
      ["/dev/sdf", false],
    ],
  );
  refuses(
    "InvalidParameterValue",
    () => launchedRunning(region, { ImageId, InstanceType: "t4g.nano" }),
    /architecture/,
  );
});

test("names are unique while an image is registered, and of AWS's characters", () => {
  const region = regionWithDefaults();
  const InstanceId = launchedRunning(region, {});
  const ImageId = created(region, InstanceId);
  refuses(
    "InvalidAMIName.Duplicate",
    () => created(region, InstanceId),
    `AMI name mine is already in use by AMI ${ImageId}`,
  );
  for (const Name of ["ab", "a".repeat(129), "a*b"])
    refuses("InvalidAMIName.Malformed", () => created(region, InstanceId, { Name }));
  region.call(DeregisterImage, { ImageId });
  assert.notEqual(created(region, InstanceId), ImageId);
  refuses("InvalidInstanceID.NotFound", () => created(region, "i-0123456789abcdef0", { Name: "other" }));
});

test("an image that was deregistered launches nothing more, and its snapshots may go", () => {
  const region = regionWithDefaults();
  const InstanceId = launchedRunning(region, {});
  const ImageId = created(region, InstanceId);
  const own = launchedRunning(region, { ImageId });
  const SnapshotId = must(ownIn(region)[0]?.BlockDeviceMappings?.[0]?.Ebs?.SnapshotId);
  const drop = () => region.call(snapshotCreateActions.DeleteSnapshot, { SnapshotId });
  refuses("InvalidSnapshot.InUse", drop, `The snapshot ${SnapshotId} is currently in use by ${ImageId}`);
  assert.deepEqual(region.call(DeregisterImage, { ImageId }), { Return: true });
  const words = `The image ID '${ImageId}' is no longer available`;
  refuses("InvalidAMIID.Unavailable", () => region.call(DeregisterImage, { ImageId }), words);
  refuses("InvalidAMIID.Unavailable", () => launchedRunning(region, { ImageId }), words);
  assert.deepEqual([ownIn(region), region.call(DescribeImages, { ImageIds: [ImageId] }).Images], [[], []]);
  assert.equal(instanceNow(region, own).RootDeviceName, "/dev/xvda", "its instances go on");
  drop();
  const other = created(region, InstanceId, { Name: "other" });
  const answer = region.call(DeregisterImage, { ImageId: other, DeleteAssociatedSnapshots: true });
  assert.deepEqual(
    answer.DeleteSnapshotResults?.map(({ ReturnCode }) => ReturnCode),
    ["success"],
  );
  assert.equal(region.reader().count("snapshot"), 0);
  const theirs = must(region.call(DescribeImages, { Owners: ["amazon"] }).Images?.[0]?.ImageId);
  refuses("AuthFailure", () => region.call(DeregisterImage, { ImageId: theirs }));
  refuses("InvalidAMIID.NotFound", () => region.call(DeregisterImage, { ImageId: "ami-0123456789abcdef0" }));
});

test("images are registered from snapshots, and copied with snapshots of their own", () => {
  const region = regionWithDefaults();
  const VolumeId = must(region.reader().get("instance", launchedRunning(region, {}))).rootVolumeId;
  const SnapshotId = must(region.call(snapshotCreateActions.CreateSnapshot, { VolumeId }).SnapshotId);
  const BlockDeviceMappings = [
    { DeviceName: "/dev/sda1", Ebs: { SnapshotId, VolumeSize: 12, VolumeType: "gp3" as const } },
  ];
  const register = (input: object = {}) =>
    region.call(RegisterImage, {
      Name: "built",
      RootDeviceName: "/dev/sda1",
      VirtualizationType: "hvm",
      BlockDeviceMappings,
      ...input,
    });
  const ImageId = must(register({ Architecture: "arm64", ImdsSupport: "v2.0" }).ImageId);
  const [image] = ownIn(region);
  assert.deepEqual(
    [
      image?.Architecture,
      image?.ImdsSupport,
      image?.BlockDeviceMappings?.[0]?.Ebs?.VolumeSize,
      image?.RootDeviceName,
    ],
    ["arm64", "v2.0", 12, "/dev/sda1"],
  );
  refuses("InvalidBlockDeviceMapping", () => register({ Name: "none", BlockDeviceMappings: [] }));
  refuses("InvalidSnapshot.NotFound", () =>
    register({
      Name: "gone",
      BlockDeviceMappings: [{ DeviceName: "/dev/sda1", Ebs: { SnapshotId: "snap-0123456789abcdef0" } }],
    }),
  );
  refuses("UnsupportedOperation", () => register({ Name: "old", VirtualizationType: "paravirtual" }));
  region.call(tagActions.CreateTags, { Resources: [ImageId], Tags: [{ Key: "k", Value: "v" }] });
  const copy = (input: object = {}) =>
    must(
      region.call(CopyImage, { Name: "copy", SourceImageId: ImageId, SourceRegion: "us-east-1", ...input })
        .ImageId,
    );
  const copied = copy({ CopyImageTags: true, Encrypted: true });
  const [found] = ownIn(region, { ImageIds: [copied] });
  const root = found?.BlockDeviceMappings?.[0]?.Ebs;
  assert.deepEqual(
    [found?.SourceImageId, found?.SourceImageRegion, found?.Tags],
    [ImageId, "us-east-1", [{ Key: "k", Value: "v" }]],
  );
  assert.ok(root?.SnapshotId !== SnapshotId && root?.Encrypted === true && root.VolumeSize === 12);
  const listed = must(region.call(DescribeImages, { Owners: ["amazon"] }).Images?.[0]?.ImageId);
  copy({ Name: "of AWS", SourceImageId: listed });
  refuses("InvalidAMIID.NotFound", () => copy({ Name: "none", SourceImageId: "ami-0123456789abcdef0" }));
  refuses("InvalidAMIID.NotFound", () => copy({ Name: "elsewhere", SourceRegion: "us-west-2" }));
  // AWS's images are listed only in AWS's regions, and nothing is copied between its partitions.
  for (const SourceRegion of ["us-west-9", "__proto__", "../us-west-2", "x".repeat(100_000), "cn-north-1"]) {
    refuses("InvalidParameterValue", () =>
      copy({ Name: "nowhere", SourceRegion, SourceImageId: imagesOf(SourceRegion)[0]?.id }),
    );
  }
  const west = region.elsewhere("us-west-2");
  const wanted = { Name: "west", SourceImageId: ImageId, SourceRegion: "us-east-1", CopyImageTags: true };
  const [there] = ownIn(west, { ImageIds: [must(west.call(CopyImage, wanted).ImageId)] });
  assert.deepEqual(
    [there?.SourceImageRegion, there?.Architecture, there?.Tags],
    ["us-east-1", "arm64", [{ Key: "k", Value: "v" }]],
  );
  assert.equal(west.reader().count("snapshot"), 1);
});

test("an image's attributes are changed one by one", () => {
  const region = regionWithDefaults();
  const ImageId = created(region, launchedRunning(region, {}));
  const modify = (input: object) => region.call(ModifyImageAttribute, { ImageId, ...input });
  const permissions = () =>
    region.call(DescribeImageAttribute, { ImageId, Attribute: "launchPermission" }).LaunchPermissions;
  const executable = (user: string) =>
    region.call(DescribeImages, { Owners: ["self"], ExecutableUsers: [user] }).Images?.length;
  modify({ LaunchPermission: { Add: [{ Group: "all" }, { UserId: "210987654321" }] } });
  assert.deepEqual(permissions(), [{ Group: "all" }, { UserId: "210987654321" }]);
  assert.deepEqual(
    [executable("all"), executable("210987654321"), executable("111111111111"), ownIn(region)[0]?.Public],
    [1, 1, 0, true],
  );
  modify({ Attribute: "launchPermission", OperationType: "remove", UserGroups: ["all"] });
  assert.deepEqual(permissions(), [{ UserId: "210987654321" }]);
  region.call(ResetImageAttribute, { ImageId, Attribute: "launchPermission" });
  assert.deepEqual(permissions(), []);
  modify({ Description: { Value: "new" } });
  modify({ ImdsSupport: { Value: "v2.0" } });
  assert.deepEqual([ownIn(region)[0]?.Description, ownIn(region)[0]?.ImdsSupport], ["new", "v2.0"]);
  refuses("InvalidAMIAttributeItemValue", () => modify({ LaunchPermission: { Add: [{ UserId: "none" }] } }));
  refuses("InvalidRequest", () =>
    region.call(DescribeImageAttribute, { ImageId, Attribute: "some" as "description" }),
  );
  refuses("InvalidParameterCombination", () => modify({}));
});
