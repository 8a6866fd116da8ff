import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceStateActions } from "./instance-state.ts";
import { instanceNow, launchedRunning, machineHalted, regionWithDefaults } from "./test-launch.ts";
import { must, refuses } from "./test-region.ts";
import { findVolume, putVolumeTags, volumeActions } from "./volume.ts";

const { DescribeVolumes } = volumeActions;

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
  assert.deepEqual([root?.Size, root?.VolumeType, root?.Iops, root?.Throughput, root?.State], [20, "gp3", 3000, 125, "in-use"]);
  assert.deepEqual([data?.Size, data?.VolumeType, data?.Iops, data?.Encrypted], [100, "io2", 500, true]);
  assert.deepEqual(root?.Tags, [{ Key: "Name", Value: "disk" }]);
  assert.deepEqual(
    instanceNow(region, id).BlockDeviceMappings?.map(({ DeviceName, Ebs }) => [DeviceName, Ebs?.VolumeId, Ebs?.DeleteOnTermination]),
    [
      ["/dev/xvda", root?.VolumeId, false],
      ["/dev/sdf", data?.VolumeId, true],
    ],
  );
  const filtered = region.call(DescribeVolumes, { Filters: [{ Name: "attachment.device", Values: ["/dev/sdf"] }] });
  assert.deepEqual(filtered.Volumes, [data]);
});

test("a volume is found by id while its instance is there, and can be tagged", () => {
  const region = regionWithDefaults();
  const id = launchedRunning(region);
  const VolumeId = must(instanceNow(region, id).BlockDeviceMappings?.[0]?.Ebs?.VolumeId);
  region.change((tx) => putVolumeTags(tx, findVolume(tx, VolumeId, "us-east-1"), { Name: "root" }, "us-east-1"));
  assert.deepEqual(region.call(DescribeVolumes, { VolumeIds: [VolumeId] }).Volumes?.[0]?.Tags, [{ Key: "Name", Value: "root" }]);
  region.call(instanceStateActions.TerminateInstances, { InstanceIds: [id] });
  machineHalted(region, id);
  refuses(
    "InvalidVolume.NotFound",
    () => region.call(DescribeVolumes, { VolumeIds: [VolumeId] }),
    `The volume '${VolumeId}' does not exist.`,
  );
  assert.deepEqual(region.call(DescribeVolumes, {}).Volumes, []);
});
