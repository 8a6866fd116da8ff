import assert from "node:assert/strict";
import { test } from "node:test";
import { instancePlan } from "../../plan/instance.ts";
import { launchedRunning, regionWithDefaults } from "../test-launch.ts";
import { must, newRegion, refuses } from "../test-region.ts";
import { dhcpOptionsActions } from "./dhcp-options.ts";
import { vpcCreateActions } from "./vpc-create.ts";
import { vpcActions } from "./vpc.ts";

const { CreateDhcpOptions, AssociateDhcpOptions, DeleteDhcpOptions, DescribeDhcpOptions } =
  dhcpOptionsActions;

test("all VPCs begin with the one default set", () => {
  const region = newRegion({ region: "eu-west-1", defaultVpc: true });
  region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" });
  const [options, ...more] = region.call(DescribeDhcpOptions, {}).DhcpOptions ?? [];
  assert.deepEqual(more, []);
  assert.deepEqual(options?.DhcpConfigurations, [
    { Key: "domain-name", Values: [{ Value: "eu-west-1.compute.internal" }] },
    { Key: "domain-name-servers", Values: [{ Value: "AmazonProvidedDNS" }] },
  ]);
  for (const vpc of region.call(vpcActions.DescribeVpcs, {}).Vpcs ?? [])
    assert.equal(vpc.DhcpOptionsId, options?.DhcpOptionsId);
});

test("a set is created, associated, refused to be deleted while in use, and deleted", () => {
  const region = newRegion();
  const VpcId = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
  const { DhcpOptions } = region.call(CreateDhcpOptions, {
    DhcpConfigurations: [{ Key: "domain-name", Values: ["example.test"] }],
  });
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

test("options are checked one by one", () => {
  const region = newRegion();
  const create = (Key: string, ...Values: readonly string[]) =>
    region.call(CreateDhcpOptions, { DhcpConfigurations: [{ Key, Values: [...Values] }] }).DhcpOptions
      ?.DhcpConfigurations?.[0]?.Values;
  const four = ["10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"];
  assert.deepEqual(create("domain-name-servers", "10.0.0.2,AmazonProvidedDNS"), [
    { Value: "10.0.0.2" },
    { Value: "AmazonProvidedDNS" },
  ]);
  assert.equal(create("domain-name-servers", ...four)?.length, 4);
  assert.equal(create("ntp-servers", ...four, "fd00:ec2::123")?.length, 5);
  assert.deepEqual(create("domain-name", "a.example b.example"), [{ Value: "a.example b.example" }]);
  create("netbios-node-type", "2");
  create("netbios-name-servers", "10.0.0.9");
  create("ipv6-address-preferred-lease-time", "140");
  const wrong: readonly (readonly [string, ...string[]])[] = [
    ["domain-name-servers", ...four, "10.0.0.6"],
    ["domain-name-servers", "AmazonDNS"],
    ["domain-name-servers"],
    ["ntp-servers", ...four, "10.0.0.6"],
    ["netbios-name-servers", "fd00::1"],
    ["netbios-node-type", "3"],
    ["ipv6-address-preferred-lease-time", "139"],
    ["domain-name", "a.example", "b.example"],
    ["domain-name", "a.example'; reboot"],
    ["domain-name", "a.example\nnameserver 192.0.2.1"],
    ["domain-name", ""],
    ["router", "10.0.0.1"],
  ];
  for (const [key, ...values] of wrong) refuses("InvalidParameterValue", () => create(key, ...values));
  refuses("MissingParameter", () => region.call(CreateDhcpOptions, { DhcpConfigurations: [] }));
  refuses("MissingParameter", () =>
    region.call(CreateDhcpOptions, { DhcpConfigurations: [{ Values: ["a"] }] }),
  );
  const twice = ["a.example", "b.example"].map((value) => ({ Key: "domain-name", Values: [value] }));
  refuses(
    "InvalidParameterValue",
    () => region.call(CreateDhcpOptions, { DhcpConfigurations: twice }),
    /Duplicate/,
  );
  const found = (Name: string, value: string) =>
    region.call(DescribeDhcpOptions, { Filters: [{ Name, Values: [value] }] }).DhcpOptions?.length;
  assert.deepEqual([found("key", "netbios-*"), found("value", "140"), found("key", "router")], [2, 1, 0]);
});

test("an instance that boots resolves names as its VPC's options say", () => {
  const region = regionWithDefaults();
  const id = must(launchedRunning(region, {}));
  const vpc = must(region.reader().by("vpc", "isDefault", "true")[0]);
  const resolving = () => {
    const { dnsServers, dnsSearch, dnsDomain } = instancePlan(
      region.reader(),
      must(region.reader().get("instance", id)),
      "us-east-1",
    );
    return { dnsServers, dnsSearch, dnsDomain };
  };
  assert.deepEqual(resolving(), {
    dnsServers: ["172.31.0.2"],
    dnsSearch: ["ec2.internal"],
    dnsDomain: "ec2.internal",
  });
  const options = [
    { Key: "domain-name-servers", Values: ["10.0.0.53", "AmazonProvidedDNS"] },
    { Key: "domain-name", Values: ["corp.example ec2.internal"] },
  ];
  const DhcpOptionsId = region.call(CreateDhcpOptions, { DhcpConfigurations: options }).DhcpOptions
    ?.DhcpOptionsId;
  region.call(AssociateDhcpOptions, { DhcpOptionsId, VpcId: vpc.id });
  const given = {
    dnsServers: ["10.0.0.53", "172.31.0.2"],
    dnsSearch: ["corp.example", "ec2.internal"],
    dnsDomain: "ec2.internal",
  };
  assert.deepEqual(resolving(), given);
  region.call(AssociateDhcpOptions, { DhcpOptionsId: "default", VpcId: vpc.id });
  assert.deepEqual(resolving(), { dnsServers: [], dnsSearch: [], dnsDomain: "ec2.internal" });
});
