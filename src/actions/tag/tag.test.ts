import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceRunActions } from "../instance/instance-run.ts";
import { volumeDescribeActions } from "../storage/volume-describe.ts";
import { must, newRegion, refuses } from "../test-region.ts";
import { subnetActions } from "../vpc/subnet.ts";
import { vpcActions } from "../vpc/vpc.ts";
import { tagActions } from "./tag.ts";

const { CreateTags, DeleteTags, DescribeTags } = tagActions;

test("tags are set on several resources at once, overwritten, and deleted by key, by value or all", () => {
  const region = newRegion({ defaultVpc: true });
  const vpc = must(region.call(vpcActions.DescribeVpcs, {}).Vpcs?.[0]?.VpcId);
  const subnet = must(region.call(subnetActions.DescribeSubnets, {}).Subnets?.[0]?.SubnetId);
  const tags = (...pairs: [string, string][]) => pairs.map(([Key, Value]) => ({ Key, Value }));
  region.call(CreateTags, { Resources: [vpc, subnet], Tags: tags(["Name", "one"], ["env", "test"]) });
  region.call(CreateTags, { Resources: [vpc], Tags: tags(["Name", "two"]) });
  const of = (id: string) =>
    region.call(DescribeTags, { Filters: [{ Name: "resource-id", Values: [id] }] }).Tags;
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
  const subnets = (region.call(subnetActions.DescribeSubnets, {}).Subnets ?? []).map((subnet) =>
    must(subnet.SubnetId),
  );
  for (const [index, id] of subnets.entries())
    region.call(CreateTags, { Resources: [id], Tags: [{ Key: "n", Value: String(index) }] });
  const count = (Name: string, ...Values: string[]) =>
    region.call(DescribeTags, { Filters: [{ Name, Values }] }).Tags?.length;
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
  assert.deepEqual(
    region.call(DescribeTags, { Filters: [{ Name: "resource-id", Values: [must(first)] }] }).Tags,
    tags,
  );
  refuses(
    "InvalidVolume.NotFound",
    () => region.call(DeleteTags, { Resources: ["vol-00000000"] }),
    "The volume 'vol-00000000' does not exist.",
  );
});

test("what can't be tagged is refused whole", () => {
  const region = newRegion({ defaultVpc: true });
  const vpc = must(region.call(vpcActions.DescribeVpcs, {}).Vpcs?.[0]?.VpcId);
  const create = (Resources: string[], Key: string, Value = "") =>
    region.call(CreateTags, { Resources, Tags: [{ Key, Value }] });
  refuses(
    "InvalidSubnetID.NotFound",
    () => create([vpc, "subnet-00000000"], "k"),
    "The subnet ID 'subnet-00000000' does not exist",
  );
  refuses("InvalidID", () => create(["what"], "k"), "The ID 'what' is not valid");
  refuses("InvalidParameterValue", () => create([vpc], "aws:x"));
  refuses("InvalidParameterValue", () => create([vpc], "k".repeat(128)));
  refuses(
    "MissingParameter",
    () => region.call(CreateTags, { Resources: [], Tags: [{ Key: "k" }] }),
    /parameter resourceIdSet$/,
  );
  refuses("TagLimitExceeded", () => {
    for (let n = 0; n < 51; n += 1) create([vpc], `key${n}`);
  });
  assert.equal(region.call(DescribeTags, {}).Tags?.length, 50);
});

test("tags may have any name that an object has by itself", () => {
  const region = newRegion({ defaultVpc: true });
  const vpc = must(region.call(vpcActions.DescribeVpcs, {}).Vpcs?.[0]?.VpcId);
  const names = ["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf"];
  for (const Key of names) {
    region.call(CreateTags, { Resources: [vpc], Tags: [{ Key, Value: "mine" }] });
    const found = region.call(DescribeTags, { Filters: [{ Name: "key", Values: [Key] }] }).Tags;
    assert.deepEqual(found, [{ Key, ResourceId: vpc, ResourceType: "vpc", Value: "mine" }]);
    const by = region.call(vpcActions.DescribeVpcs, {
      Filters: [{ Name: `tag:${Key}`, Values: ["mine"] }],
    }).Vpcs;
    assert.deepEqual(
      by?.map(({ VpcId }) => VpcId),
      [vpc],
    );
    region.call(DeleteTags, { Resources: [vpc], Tags: [{ Key, Value: "mine" }] });
    assert.deepEqual(region.call(DescribeTags, {}).Tags, []);
  }
  region.call(CreateTags, { Resources: [vpc], Tags: names.map((Key) => ({ Key, Value: Key })) });
  assert.deepEqual(
    region.call(DescribeTags, {}).Tags?.map(({ Key, Value }) => [Key, Value]),
    names.map((name) => [name, name]),
  );
});

test("a key has at most 127 characters, a value 256, whatever they take in memory", () => {
  const region = newRegion({ defaultVpc: true });
  const vpc = must(region.call(vpcActions.DescribeVpcs, {}).Vpcs?.[0]?.VpcId);
  const tag = (Key: string, Value: string) =>
    region.call(CreateTags, { Resources: [vpc], Tags: [{ Key, Value }] });
  tag("k".repeat(127), "v".repeat(256));
  tag("玄".repeat(127), "🚪".repeat(256));
  refuses("InvalidParameterValue", () => tag("k".repeat(128), ""));
  refuses("InvalidParameterValue", () => tag("a", "v".repeat(257)));
  refuses("InvalidParameterValue", () => tag("a", "🚪".repeat(257)));
});

test("a tag specification names a type of resource and at least one tag", () => {
  const region = newRegion({ defaultVpc: true });
  const create = (specification: object) =>
    region.perform("CreateVpc", { CidrBlock: "10.0.0.0/16", TagSpecifications: [specification] });
  const Tags = [{ Key: "a", Value: "b" }];
  refuses("InvalidParameter", () => create({ Tags }), "Tag specification resource type must have a value");
  refuses(
    "InvalidParameter",
    () => create({ ResourceType: "vpc" }),
    "Tag specification must have at least one tag",
  );
  refuses(
    "InvalidParameter",
    () => create({ ResourceType: "vpc", Tags: [] }),
    "Tag specification must have at least one tag",
  );
  const words = "'subnet' is not a valid taggable resource type for this operation.";
  refuses("InvalidParameter", () => create({ ResourceType: "subnet", Tags }), words);
  const volume = { AvailabilityZone: "us-east-1a", Size: 1, TagSpecifications: [{ ResourceType: "volume" }] };
  refuses(
    "InvalidParameterValue",
    () => region.perform("CreateVolume", volume),
    "Tag specification must have at least one tag",
  );
});

test("instances whose metadata shows their tags have only keys that can stand there", () => {
  const region = newRegion({ defaultVpc: true });
  const words = (key: string) =>
    `'${key}' is not a valid tag key. Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')`;
  const run = (Key: string, request: object = {}) => {
    const TagSpecifications = [{ ResourceType: "instance" as const, Tags: [{ Key, Value: "" }] }];
    const input = { ImageId: "ami-12345678", MinCount: 1, MaxCount: 1, TagSpecifications, ...request };
    return must(region.call(instanceRunActions.RunInstances, input).Instances?.[0]?.InstanceId);
  };
  const MetadataOptions = { InstanceMetadataTags: "enabled" } as const;
  for (const key of ["a b", "a/b", ".", "..", "_index", "玄関"])
    refuses("InvalidParameterValue", () => run(key, { MetadataOptions }), words(key));
  const shown = run("-_+=,.@:09azAZ", { MetadataOptions });
  const hidden = run("a b");
  const tag = (id: string, Key: string) =>
    region.call(CreateTags, { Resources: [id], Tags: [{ Key, Value: "" }] });
  refuses("InvalidParameterValue", () => tag(shown, "a b"), words("a b"));
  const show = (InstanceId: string) =>
    region.perform("ModifyInstanceMetadataOptions", { InstanceId, ...MetadataOptions });
  refuses("InvalidParameterValue", () => show(hidden), words("a b"));
  region.call(DeleteTags, { Resources: [hidden], Tags: [{ Key: "a b" }] });
  show(hidden);
  refuses("InvalidParameterValue", () => tag(hidden, ".."), words(".."));
  region.perform("ModifyInstanceMetadataDefaults", MetadataOptions);
  refuses("InvalidParameterValue", () => run("a b"), words("a b"));
  region.perform("ModifyInstanceMetadataDefaults", { InstanceMetadataTags: "no-preference" });
  const data = {
    MetadataOptions,
    TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "c d", Value: "" }] }],
  };
  region.perform("CreateLaunchTemplate", { LaunchTemplateName: "shown", LaunchTemplateData: data });
  const LaunchTemplate = { LaunchTemplateName: "shown" };
  refuses("InvalidParameterValue", () => run("fine", { LaunchTemplate }), words("c d"));
});
