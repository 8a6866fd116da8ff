import assert from "node:assert/strict";
import { test } from "node:test";
import { dhcpOptionsActions } from "./dhcp-options.ts";
import { must, newRegion, refuses } from "./test-region.ts";
import { vpcActions } from "./vpc.ts";
import { vpcCreateActions } from "./vpc-create.ts";

const { CreateDhcpOptions, AssociateDhcpOptions, DeleteDhcpOptions, DescribeDhcpOptions } = dhcpOptionsActions;

test("all VPCs begin with the one default set", () => {
  const region = newRegion({ region: "eu-west-1", defaultVpc: true });
  region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" });
  const [options, ...more] = region.call(DescribeDhcpOptions, {}).DhcpOptions ?? [];
  assert.deepEqual(more, []);
  assert.deepEqual(options?.DhcpConfigurations, [
    { Key: "domain-name", Values: [{ Value: "eu-west-1.compute.internal" }] },
    { Key: "domain-name-servers", Values: [{ Value: "AmazonProvidedDNS" }] },
  ]);
  for (const vpc of region.call(vpcActions.DescribeVpcs, {}).Vpcs ?? []) assert.equal(vpc.DhcpOptionsId, options?.DhcpOptionsId);
});

test("a set is created, associated, refused to be deleted while in use, and deleted", () => {
  const region = newRegion();
  const VpcId = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
  const { DhcpOptions } = region.call(CreateDhcpOptions, { DhcpConfigurations: [{ Key: "domain-name", Values: ["example.test"] }] });
  const DhcpOptionsId = must(DhcpOptions?.DhcpOptionsId);
  region.call(AssociateDhcpOptions, { DhcpOptionsId, VpcId });
  refuses("DependencyViolation", () => region.call(DeleteDhcpOptions, { DhcpOptionsId }));
  region.call(AssociateDhcpOptions, { DhcpOptionsId: "default", VpcId });
  region.call(DeleteDhcpOptions, { DhcpOptionsId });
  refuses("InvalidDhcpOptionID.NotFound", () => region.call(AssociateDhcpOptions, { DhcpOptionsId, VpcId }));
  refuses("InvalidParameterValue", () =>
    region.call(CreateDhcpOptions, { DhcpConfigurations: [{ Key: "ntp-servers", Values: ["clock"] }] }),
  );
});
