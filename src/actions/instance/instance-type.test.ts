import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceTypeInfo } from "../kit/instance-type-table.ts";
import { must, newRegion, refuses } from "../test-region.ts";
import { instanceTypeActions } from "./instance-type.ts";

const { DescribeInstanceTypes, DescribeInstanceTypeOfferings } = instanceTypeActions;

/** From EC2's guide: name, vCPUs, memory in MiB, interfaces, addresses per interface, architecture. */
const KNOWN: readonly (readonly [string, number, number, number, number, string])[] = [
  ["t2.micro", 1, 1024, 2, 2, "x86_64"],
  ["t3.micro", 2, 1024, 2, 2, "x86_64"],
  ["t3.medium", 2, 4096, 3, 6, "x86_64"],
  ["t3a.small", 2, 2048, 2, 4, "x86_64"],
  ["t4g.small", 2, 2048, 3, 4, "arm64"],
  ["m5.large", 2, 8192, 3, 10, "x86_64"],
  ["m5.4xlarge", 16, 65_536, 8, 30, "x86_64"],
  ["c5.18xlarge", 72, 147_456, 15, 50, "x86_64"],
  ["c6gn.medium", 1, 2048, 2, 4, "arm64"],
  ["c7g.16xlarge", 64, 131_072, 15, 50, "arm64"],
  ["r6i.xlarge", 4, 32_768, 4, 15, "x86_64"],
];

test("common types have the values that AWS documents", () => {
  for (const [name, vcpus, memory, interfaces, addresses, architecture] of KNOWN) {
    const type = must(instanceTypeInfo(name));
    assert.deepEqual(
      [type.name, type.vcpus, type.memoryMib, type.maxInterfaces, type.ipv4PerInterface, type.architecture],
      [name, vcpus, memory, interfaces, addresses, architecture],
    );
  }
  assert.equal(instanceTypeInfo("t3.huge"), undefined);
});

test("types are described by name and filter, and in pages", () => {
  const region = newRegion();
  const free = region.call(DescribeInstanceTypes, {
    Filters: [{ Name: "free-tier-eligible", Values: ["true"] }],
  }).InstanceTypes;
  assert.deepEqual(free?.map(({ InstanceType }) => InstanceType).toSorted(), ["t2.micro", "t3.micro"]);
  const arm = region.call(DescribeInstanceTypes, {
    Filters: [
      { Name: "processor-info.supported-architecture", Values: ["arm64"] },
      { Name: "instance-type", Values: ["t4g.*"] },
      { Name: "vcpu-info.default-vcpus", Values: ["8"] },
    ],
  });
  assert.deepEqual(
    arm.InstanceTypes?.map(({ InstanceType }) => InstanceType),
    ["t4g.2xlarge"],
  );
  refuses(
    "InvalidInstanceType",
    () => region.call(DescribeInstanceTypes, { InstanceTypes: ["t3.micro", "t3.huge" as "t3.nano"] }),
    "The following supplied instance types do not exist: [t3.huge]",
  );
  const names = new Set<string>();
  let NextToken: string | undefined;
  do {
    const page = region.call(DescribeInstanceTypes, { MaxResults: 100, NextToken });
    for (const { InstanceType } of page.InstanceTypes ?? []) names.add(must(InstanceType));
    NextToken = page.NextToken;
  } while (NextToken !== undefined);
  assert.ok(names.size >= 60);
});

test("every type is offered in the region and in each of its zones", () => {
  const region = newRegion({ region: "ap-northeast-1" });
  const Filters = [{ Name: "instance-type", Values: ["t3.micro"] }];
  const places = (LocationType: "region" | "availability-zone" | "availability-zone-id"): unknown =>
    region
      .call(DescribeInstanceTypeOfferings, { LocationType, Filters })
      .InstanceTypeOfferings?.map(({ Location }) => Location);
  assert.deepEqual(places("region"), ["ap-northeast-1"]);
  assert.deepEqual(places("availability-zone"), ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]);
  assert.deepEqual(places("availability-zone-id"), ["apne1-az4", "apne1-az1", "apne1-az2"]);
});
