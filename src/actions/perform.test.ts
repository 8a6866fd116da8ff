import assert from "node:assert/strict";
import { test } from "node:test";
import type { Reservation } from "@aws-sdk/client-ec2";
import { perform } from "./perform.ts";
import { OFFERED } from "./registry.ts";
import { must, newRegion, refuses, type TestRegion } from "./test-region.ts";
import { vpcCreateActions } from "./vpc/vpc-create.ts";

const HOUR = 3_600_000;

function vpcIn(region: TestRegion): string {
  return must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
}

test("a dry run succeeds by a fault and changes nothing; one that would fail fails as it would", () => {
  const region = newRegion();
  refuses(
    "DryRunOperation",
    () => region.perform("CreateVpc", { CidrBlock: "10.0.0.0/16", DryRun: true }),
    "Request would have succeeded, but DryRun flag is set.",
  );
  assert.equal(region.reader().count("vpc"), 0);
  refuses("InvalidVpc.Range", () => region.perform("CreateVpc", { CidrBlock: "10.0.0.0/8", DryRun: true }));
});

test("the same token and parameters give the same answer, and one resource", () => {
  const region = newRegion();
  const VpcId = vpcIn(region);
  const create = (input: object) =>
    region.perform("CreateRouteTable", { VpcId, ClientToken: "once", ...input });
  const first = create({});
  region.advance(23 * HOUR);
  assert.deepEqual(create({}), first);
  refuses("DryRunOperation", () => create({ DryRun: true }));
  assert.equal(region.reader().count("route-table"), 2, "the main table and one more");
  refuses("IdempotentParameterMismatch", () =>
    create({ TagSpecifications: [{ ResourceType: "route-table", Tags: [{ Key: "a", Value: "b" }] }] }),
  );
});

test("a token of a failed request is free, and tokens are forgotten after a day", () => {
  const region = newRegion();
  const VpcId = vpcIn(region);
  refuses("InvalidVpcID.NotFound", () =>
    region.perform("CreateRouteTable", { VpcId: "vpc-1", ClientToken: "t" }),
  );
  const first = region.perform("CreateRouteTable", { VpcId, ClientToken: "t" });
  region.advance(25 * HOUR);
  assert.notDeepEqual(region.perform("CreateRouteTable", { VpcId, ClientToken: "t" }), first);
  assert.equal(region.reader().count("client-token"), 1);
  refuses("InvalidParameterValue", () =>
    region.perform("CreateRouteTable", { VpcId, ClientToken: "x".repeat(65) }),
  );
});

test("dates survive a remembered answer, and texts that look like dates stay texts", () => {
  const region = newRegion();
  const VpcId = vpcIn(region);
  const time = "2026-01-01T00:00:00.000Z";
  const input = {
    VpcId,
    ClientToken: "t",
    TagSpecifications: [{ ResourceType: "route-table", Tags: [{ Key: "when", Value: time }] }],
  };
  assert.deepEqual(region.perform("CreateRouteTable", input), region.perform("CreateRouteTable", input));
});

test("instances are launched once per token, and the answer comes back with its dates", () => {
  const region = newRegion({ defaultVpc: true });
  const input = { ImageId: "ami-12345678", MinCount: 1, MaxCount: 2, ClientToken: "t" };
  const first = region.perform("RunInstances", input) as Reservation;
  region.advance(HOUR);
  const again = region.perform("RunInstances", input) as Reservation;
  assert.deepEqual(again, first);
  assert.deepEqual(again.Instances?.[0]?.LaunchTime, new Date("2026-01-01T00:00:00.000Z"));
  assert.equal(region.reader().count("instance"), 2);
});

test("an operation that is not offered is InvalidAction, also one named like a member of every JavaScript object", () => {
  const region = newRegion();
  for (const name of ["CreateFleet", "toString", ""])
    refuses("InvalidAction", () => region.perform(name, {}));
});

test("every describe without parameters answers in an empty region", () => {
  const region = newRegion();
  const describes = OFFERED.filter((name) => name.startsWith("Describe") && !NEEDS_MORE.has(name));
  assert.ok(describes.length > 20);
  for (const name of describes) region.change((tx, context) => perform(tx, name, {}, context));
});

/** Describes with a required parameter. */
const NEEDS_MORE = new Set([
  "DescribeImageAttribute",
  "DescribeSnapshotAttribute",
  "DescribeVolumeAttribute",
  "DescribeVpcAttribute",
  "DescribeLaunchTemplateVersions",
  "DescribeInstanceAttribute",
  "DescribeNetworkInterfaceAttribute",
  "DescribeByoipCidrs",
  "DescribeSecurityGroupReferences",
  "DescribeStaleSecurityGroups",
  "DescribeImageAttribute",
]);

test("a request has at most 50 filters, 200 values in them, and 255 characters in each", () => {
  const region = newRegion({ defaultVpc: true });
  const values = (count: number, length = 3) =>
    Array.from({ length: count }, (_, index) => String(index).padStart(length, "x"));
  const describe = (filters: readonly object[]) => region.perform("DescribeVpcs", { Filters: filters });
  const most = "The maximum number of filter values specified on a single call is 200";
  describe([{ Name: "vpc-id", Values: values(200, 255) }]);
  refuses("FilterLimitExceeded", () => describe([{ Name: "vpc-id", Values: values(201) }]), most);
  const two = [
    { Name: "vpc-id", Values: values(100) },
    { Name: "tag-key", Values: values(101) },
  ];
  refuses("FilterLimitExceeded", () => describe(two), most);
  const long = "The maximum length for a filter value is 255 characters";
  refuses("FilterLimitExceeded", () => describe([{ Name: "vpc-id", Values: values(1, 256) }]), long);
  refuses("FilterLimitExceeded", () =>
    describe(Array.from({ length: 51 }, () => ({ Name: "vpc-id", Values: ["*"] }))),
  );
  refuses("InvalidParameterValue", () => describe([{ Values: ["x"] }]), "The filter 'null' is invalid");
  const logs = { Filter: [{ Name: "traffic-type", Values: values(201) }] };
  refuses("FilterLimitExceeded", () => region.perform("DescribeFlowLogs", logs), most);
});

test("ids and MaxResults are taken together only where AWS takes both", () => {
  const region = newRegion({ defaultVpc: true });
  const both = (operation: string, parameter: string, id: string) =>
    region.perform(operation, { [parameter]: [id], MaxResults: 5 });
  const set = (words: string): string =>
    `The parameter ${words} cannot be used with the parameter maxResults`;
  for (const [operation, parameter, words] of [
    ["DescribeInstances", "InstanceIds", "instancesSet"],
    ["DescribeInstanceStatus", "InstanceIds", "instancesSet"],
    ["DescribeInstanceCreditSpecifications", "InstanceIds", "instancesSet"],
    ["DescribeVolumes", "VolumeIds", "volumeSet"],
    ["DescribeImages", "ImageIds", "imagesSet"],
    ["DescribeSnapshots", "SnapshotIds", "snapshotSet"],
    ["DescribeNetworkInterfaces", "NetworkInterfaceIds", "networkInterfaceIdSet"],
    ["DescribeHosts", "HostIds", "hostIdSet"],
  ] as const) {
    refuses("InvalidParameterCombination", () => both(operation, parameter, "x"), set(words));
    region.perform(operation, { [parameter]: [], MaxResults: 5 });
  }
  const vpc = must(region.reader().list("vpc")[0]).id;
  both("DescribeVpcs", "VpcIds", vpc);
});
