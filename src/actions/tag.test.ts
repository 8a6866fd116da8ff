import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceRunActions } from "./instance-run.ts";
import { subnetActions } from "./subnet.ts";
import { tagActions } from "./tag.ts";
import { must, newRegion, refuses } from "./test-region.ts";
import { volumeDescribeActions } from "./volume-describe.ts";
import { vpcActions } from "./vpc.ts";

const { CreateTags, DeleteTags, DescribeTags } = tagActions;

test("tags are set on several resources at once, overwritten, and deleted by key, by value or all", () => {
  const region = newRegion({ defaultVpc: true });
  const vpc = must(region.call(vpcActions.DescribeVpcs, {}).Vpcs?.[0]?.VpcId);
  const subnet = must(region.call(subnetActions.DescribeSubnets, {}).Subnets?.[0]?.SubnetId);
  const tags = (...pairs: [string, string][]) => pairs.map(([Key, Value]) => ({ Key, Value }));
  region.call(CreateTags, { Resources: [vpc, subnet], Tags: tags(["Name", "one"], ["env", "test"]) });
  region.call(CreateTags, { Resources: [vpc], Tags: tags(["Name", "two"]) });
  const of = (id: string) => region.call(DescribeTags, { Filters: [{ Name: "resource-id", Values: [id] }] }).Tags;
  assert.deepEqual(of(vpc), [
    { Key: "Name", ResourceId: vpc, ResourceType: "vpc", Value: "two" },
    { Key: "env", ResourceId: vpc, ResourceType: "vpc", Value: "test" },
  ]);
  region.call(DeleteTags, { Resources: [vpc], Tags: tags(["Name", "one"]) });
  assert.equal(of(vpc)?.length, 2, "another value");
  region.call(DeleteTags, { Resources: [vpc], Tags: tags(["Name", "two"]) });
  region.call(DeleteTags, { Resources: [vpc, subnet], Tags: [{ Key: "env" }] });
  assert.deepEqual(of(vpc), []);
  region.call(DeleteTags, { Resources: [subnet] });
  assert.deepEqual(region.call(DescribeTags, {}).Tags, []);
});

test("filters of DescribeTags", () => {
  const region = newRegion({ defaultVpc: true });
  const subnets = (region.call(subnetActions.DescribeSubnets, {}).Subnets ?? []).map((subnet) => must(subnet.SubnetId));
  for (const [place, id] of subnets.entries()) region.call(CreateTags, { Resources: [id], Tags: [{ Key: "n", Value: String(place) }] });
  const count = (Name: string, ...Values: string[]) => region.call(DescribeTags, { Filters: [{ Name, Values }] }).Tags?.length;
  assert.equal(count("key", "n"), 6);
  assert.equal(count("value", "1", "2"), 2);
  assert.equal(count("tag:n", "3"), 1);
  assert.equal(count("resource-type", "subnet"), 6);
  assert.equal(count("resource-type", "vpc"), 0);
  assert.equal(count("resource-id", "subnet-*"), 6);
  assert.equal(count("resource-id", must(subnets[0]), "vpc-unknown"), 1);
});

test("volumes carry tags, each its own", () => {
  const region = newRegion({ defaultVpc: true });
  const launched = { ImageId: "ami-12345678", MinCount: 2, MaxCount: 2 };
  region.call(instanceRunActions.RunInstances, launched);
  const volumes = () => region.call(volumeDescribeActions.DescribeVolumes, {}).Volumes ?? [];
  const [first, second] = volumes().map((volume) => must(volume.VolumeId));
  region.call(CreateTags, { Resources: [must(first), must(second)], Tags: [{ Key: "disk", Value: "root" }] });
  region.call(DeleteTags, { Resources: [must(second)], Tags: [{ Key: "disk" }] });
  assert.deepEqual(
    volumes().map((volume) => volume.Tags),
    [[{ Key: "disk", Value: "root" }], undefined],
  );
  const tags = [{ Key: "disk", ResourceId: first, ResourceType: "volume", Value: "root" }];
  assert.deepEqual(region.call(DescribeTags, {}).Tags, tags);
  assert.deepEqual(region.call(DescribeTags, { Filters: [{ Name: "resource-id", Values: [must(first)] }] }).Tags, tags);
  refuses(
    "InvalidVolume.NotFound",
    () => region.call(DeleteTags, { Resources: ["vol-00000000"] }),
    "The volume 'vol-00000000' does not exist.",
  );
});

test("what can't be tagged is refused whole", () => {
  const region = newRegion({ defaultVpc: true });
  const vpc = must(region.call(vpcActions.DescribeVpcs, {}).Vpcs?.[0]?.VpcId);
  const create = (Resources: string[], Key: string, Value = "") => region.call(CreateTags, { Resources, Tags: [{ Key, Value }] });
  refuses("InvalidSubnetID.NotFound", () => create([vpc, "subnet-00000000"], "k"), "The subnet ID 'subnet-00000000' does not exist");
  refuses("InvalidID", () => create(["what"], "k"), "The ID 'what' is not valid");
  refuses("InvalidParameterValue", () => create([vpc], "aws:x"));
  refuses("InvalidParameterValue", () => create([vpc], "k".repeat(128)));
  refuses("MissingParameter", () => region.call(CreateTags, { Resources: [], Tags: [{ Key: "k" }] }), /parameter resourceIdSet$/);
  refuses("TagLimitExceeded", () => {
    for (let n = 0; n < 51; n += 1) create([vpc], `key${n}`);
  });
  assert.equal(region.call(DescribeTags, {}).Tags?.length, 50);
});
