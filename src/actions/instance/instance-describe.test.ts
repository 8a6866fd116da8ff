import assert from "node:assert/strict";
import { test } from "node:test";
import {
  instanceNow,
  launchedPending,
  launchedRunning,
  machineHalted,
  newSubnet,
  regionWithDefaults,
} from "../test-launch.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { consoleActions } from "./console.ts";
import { instanceDescribeActions } from "./instance-describe.ts";
import { instanceFields } from "./instance-filter.ts";
import { instanceStateActions } from "./instance-state.ts";

const { DescribeInstances, DescribeInstanceStatus } = instanceDescribeActions;

function found(region: TestRegion, Name: string, ...Values: string[]): readonly (string | undefined)[] {
  const answer = region.call(DescribeInstances, { Filters: [{ Name, Values }] });
  return (answer.Reservations ?? []).flatMap(({ Instances }) =>
    (Instances ?? []).map(({ InstanceId }) => InstanceId),
  );
}

test("instances are listed in their reservations, and a page holds so many of these", () => {
  const region = regionWithDefaults();
  for (let launch = 0; launch < 6; launch += 1) launchedPending(region, { count: launch === 0 ? 3 : 1 });
  const first = region.call(DescribeInstances, { MaxResults: 5 });
  assert.deepEqual(
    first.Reservations?.map(({ Instances }) => Instances?.length),
    [3, 1, 1, 1, 1],
  );
  const last = region.call(DescribeInstances, { MaxResults: 5, NextToken: must(first.NextToken) });
  assert.deepEqual([last.Reservations?.length, last.NextToken], [1, undefined]);
  refuses("InvalidParameterValue", () => region.call(DescribeInstances, { MaxResults: 4 }));
  refuses(
    "InvalidParameterCombination",
    () => region.call(DescribeInstances, { InstanceIds: ["i-01234567"], MaxResults: 5 }),
    "The parameter instancesSet cannot be used with the parameter maxResults",
  );
});

test("filters pick by state, place, address, name and tag", () => {
  const region = regionWithDefaults();
  const { subnetId, vpcId } = newSubnet(region, "10.0.0.0/24");
  const tags = [{ ResourceType: "instance" as const, Tags: [{ Key: "Name", Value: "web-1" }] }];
  const web = launchedRunning(region, { TagSpecifications: tags });
  const inside = launchedRunning(region, { SubnetId: subnetId, PrivateIpAddress: "10.0.0.9" });
  const pending = must(launchedPending(region, { SubnetId: subnetId })[0]);
  const { PublicIpAddress, PublicDnsName, NetworkInterfaces } = instanceNow(region, web);
  assert.deepEqual(found(region, "instance-state-name", "running"), [web, inside]);
  assert.deepEqual(found(region, "instance-state-code", "0"), [pending]);
  assert.deepEqual(found(region, "vpc-id", vpcId), [inside, pending]);
  assert.deepEqual(found(region, "subnet-id", subnetId, "subnet-0"), [inside, pending]);
  assert.deepEqual(found(region, "instance-id", web), [web]);
  assert.deepEqual(found(region, "instance-id", "i-nothing"), []);
  assert.deepEqual(found(region, "private-ip-address", "10.0.0.9"), [inside]);
  assert.deepEqual(found(region, "private-dns-name", "ip-10-0-0-*.ec2.internal"), [inside, pending]);
  assert.deepEqual(found(region, "ip-address", must(PublicIpAddress)), [web]);
  assert.deepEqual(found(region, "dns-name", must(PublicDnsName)), [web]);
  assert.deepEqual(found(region, "network-interface.association.public-ip", must(PublicIpAddress)), [web]);
  assert.deepEqual(found(region, "network-interface.addresses.association.ip-owner-id", "amazon"), [web]);
  assert.deepEqual(found(region, "network-interface.mac-address", must(NetworkInterfaces?.[0]?.MacAddress)), [
    web,
  ]);
  assert.deepEqual(found(region, "tag:Name", "web-*"), [web]);
  assert.deepEqual(found(region, "tag-key", "Name"), [web]);
  assert.deepEqual(found(region, "ipv6-address", "*"), []);
  refuses("InvalidParameterValue", () => found(region, "colour", "red"), "The filter 'colour' is invalid");
});

test("every filter answers for instances in every state", () => {
  const region = regionWithDefaults();
  const ended = launchedRunning(region);
  region.call(instanceStateActions.TerminateInstances, { InstanceIds: [ended] });
  machineHalted(region, ended);
  launchedRunning(region);
  launchedPending(region);
  const names = Object.keys(instanceFields(region.reader(), region.context()));
  assert.ok(names.length > 100);
  for (const name of names) assert.ok(found(region, name, "*").length <= 3, name);
  assert.equal(found(region, "vpc-id", "*").length, 2);
});

test("outside us-east-1 names are under the region's own domain", () => {
  const region = regionWithDefaults({ region: "eu-west-1" });
  const { PrivateDnsName, PublicDnsName } = instanceNow(region, launchedRunning(region));
  assert.match(must(PrivateDnsName), /^ip-172-31-\d+-\d+\.eu-west-1\.compute\.internal$/);
  assert.match(must(PublicDnsName), /^ec2-203-0-113-\d+\.eu-west-1\.compute\.amazonaws\.com$/);
});

test("the status is described of running instances, or of all when asked", () => {
  const region = regionWithDefaults();
  const up = launchedRunning(region);
  const pending = must(launchedPending(region)[0]);
  const ids = (IncludeAllInstances: boolean): unknown =>
    region
      .call(DescribeInstanceStatus, { IncludeAllInstances })
      .InstanceStatuses?.map((s) => [s.InstanceId, s.InstanceStatus?.Status]);
  assert.deepEqual(ids(false), [[up, "ok"]]);
  assert.deepEqual(ids(true), [
    [up, "ok"],
    [pending, "not-applicable"],
  ]);
  const ok = region.call(DescribeInstanceStatus, {
    Filters: [{ Name: "system-status.reachability", Values: ["passed"] }],
  });
  assert.deepEqual(ok.InstanceStatuses?.[0]?.SystemStatus, {
    Details: [{ Name: "reachability", Status: "passed" }],
    Status: "ok",
  });
});

test("the console's output is what the instance printed", () => {
  const region = regionWithDefaults({ consoleOutput: () => "booted – さくら\n" });
  const InstanceId = launchedRunning(region);
  const { Output } = region.call(consoleActions.GetConsoleOutput, { InstanceId });
  assert.equal(Buffer.from(must(Output), "base64").toString(), "booted – さくら\n");
  const silent = newRegion({ defaultVpc: true });
  assert.equal(
    silent.call(consoleActions.GetConsoleOutput, { InstanceId: launchedRunning(silent) }).Output,
    undefined,
  );
});
