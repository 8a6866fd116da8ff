import assert from "node:assert/strict";
import { test } from "node:test";
import { InstanceAttributeName } from "@aws-sdk/client-ec2";
import { securityGroupActions } from "../security/security-group.ts";
import {
  instanceNow,
  launchedRunning,
  machineHalted,
  newSubnet,
  regionWithDefaults,
} from "../test-launch.ts";
import { must, refuses, type TestRegion } from "../test-region.ts";
import { instanceAttributeModifyActions } from "./instance-attribute-modify.ts";
import { instanceAttributeActions } from "./instance-attribute.ts";
import { instanceOptionActions } from "./instance-option.ts";
import { instanceStateActions } from "./instance-state.ts";

const { DescribeInstanceAttribute } = instanceAttributeActions;
const { ModifyInstanceAttribute, ResetInstanceAttribute } = instanceAttributeModifyActions;
const {
  ModifyInstanceMetadataOptions,
  DescribeInstanceCreditSpecifications,
  ModifyInstanceCreditSpecification,
} = instanceOptionActions;

function stop(region: TestRegion, id: string): void {
  region.call(instanceStateActions.StopInstances, { InstanceIds: [id] });
  machineHalted(region, id);
}

test("every attribute is described by itself", () => {
  const region = regionWithDefaults();
  const InstanceId = launchedRunning(region, { UserData: "aGVsbG8=" });
  for (const Attribute of Object.values(InstanceAttributeName)) {
    const { InstanceId: id, ...described } = region.call(DescribeInstanceAttribute, {
      InstanceId,
      Attribute,
    });
    assert.deepEqual([id, Object.keys(described).length], [InstanceId, 1], Attribute);
  }
  const userData = region.call(DescribeInstanceAttribute, { InstanceId, Attribute: "userData" });
  assert.deepEqual(userData.UserData, { Value: "aGVsbG8=" });
  refuses("InvalidParameterValue", () =>
    region.call(DescribeInstanceAttribute, { InstanceId, Attribute: "toString" as "kernel" }),
  );
});

test("source/destination check and groups are those of the only interface", () => {
  const region = regionWithDefaults();
  const InstanceId = launchedRunning(region);
  const vpcId = must(instanceNow(region, InstanceId).VpcId);
  region.call(ModifyInstanceAttribute, { InstanceId, SourceDestCheck: { Value: false } });
  assert.equal(region.reader().list("network-interface")[0]?.sourceDestCheck, false);
  region.call(ResetInstanceAttribute, { InstanceId, Attribute: "sourceDestCheck" });
  assert.equal(instanceNow(region, InstanceId).SourceDestCheck, true);
  region.call(ModifyInstanceAttribute, { InstanceId, Attribute: "sourceDestCheck", Value: "false" });
  assert.equal(instanceNow(region, InstanceId).SourceDestCheck, false);

  const made = region.call(securityGroupActions.CreateSecurityGroup, {
    GroupName: "web",
    Description: "web",
    VpcId: vpcId,
  });
  const GroupId = must(made.GroupId);
  region.call(ModifyInstanceAttribute, { InstanceId, Groups: [GroupId] });
  assert.deepEqual(instanceNow(region, InstanceId).SecurityGroups, [{ GroupId, GroupName: "web" }]);
  refuses("InvalidGroup.NotFound", () =>
    region.call(ModifyInstanceAttribute, { InstanceId, Groups: ["sg-01234567"] }),
  );

  const { subnetId: SubnetId } = newSubnet(region, "10.0.0.0/24");
  const two = launchedRunning(region, {
    NetworkInterfaces: [0, 1].map((DeviceIndex) => ({ DeviceIndex, SubnetId })),
  });
  refuses(
    "InvalidInstanceID",
    () => region.call(ModifyInstanceAttribute, { InstanceId: two, SourceDestCheck: { Value: false } }),
    `There are multiple interfaces attached to instance '${two}'. Please specify an interface ID for the operation instead.`,
  );
});

test("type and user data change only while it is stopped", () => {
  const region = regionWithDefaults();
  const InstanceId = launchedRunning(region, {
    UserData: "aGVsbG8=",
    CpuOptions: { CoreCount: 1, ThreadsPerCore: 1 },
  });
  const words = `The instance '${InstanceId}' is not in the 'stopped' state.`;
  const setType = (Value: string): unknown =>
    region.call(ModifyInstanceAttribute, { InstanceId, InstanceType: { Value } });
  refuses("IncorrectInstanceState", () => setType("t3.large"), words);
  refuses(
    "IncorrectInstanceState",
    () => region.call(ModifyInstanceAttribute, { InstanceId, UserData: { Value: Buffer.from("bye") } }),
    words,
  );
  stop(region, InstanceId);
  setType("m5.large");
  const { InstanceType, CpuOptions } = instanceNow(region, InstanceId);
  assert.deepEqual([InstanceType, CpuOptions], ["m5.large", { CoreCount: 1, ThreadsPerCore: 2 }]);
  refuses(
    "InvalidParameterValue",
    () => setType("m5.huge"),
    "The following supplied instance types do not exist: [m5.huge]",
  );
  region.call(ModifyInstanceAttribute, { InstanceId, UserData: { Value: Buffer.from("bye") } });
  assert.equal(region.reader().get("instance", InstanceId)?.userData, Buffer.from("bye").toString("base64"));
  region.call(ModifyInstanceAttribute, { InstanceId, UserData: { Value: new Uint8Array() } });
  assert.equal(region.reader().get("instance", InstanceId)?.userData, undefined);
});

test("protection can be set and taken away; exactly one attribute at a time", () => {
  const region = regionWithDefaults();
  const InstanceId = launchedRunning(region);
  region.call(ModifyInstanceAttribute, { InstanceId, DisableApiTermination: { Value: true } });
  const terminate = (): unknown =>
    region.call(instanceStateActions.TerminateInstances, { InstanceIds: [InstanceId] });
  refuses("OperationNotPermitted", terminate);
  refuses("InvalidParameterCombination", () =>
    region.call(ModifyInstanceAttribute, {
      InstanceId,
      DisableApiStop: { Value: true },
      EbsOptimized: { Value: true },
    }),
  );
  refuses(
    "InvalidParameterCombination",
    () => region.call(ModifyInstanceAttribute, { InstanceId }),
    "No attributes specified.",
  );
  refuses("UnsupportedOperation", () =>
    region.call(ModifyInstanceAttribute, { InstanceId, EnclaveOptions: { Enabled: true } }),
  );
  region.call(ModifyInstanceAttribute, { InstanceId, Attribute: "disableApiTermination", Value: "false" });
  terminate();
});

test("a volume can be made to outlive its instance", () => {
  const region = regionWithDefaults();
  const InstanceId = launchedRunning(region);
  const change = (DeviceName: string): unknown =>
    region.call(ModifyInstanceAttribute, {
      InstanceId,
      BlockDeviceMappings: [{ DeviceName, Ebs: { DeleteOnTermination: false } }],
    });
  change("/dev/xvda");
  assert.equal(instanceNow(region, InstanceId).BlockDeviceMappings?.[0]?.Ebs?.DeleteOnTermination, false);
  refuses(
    "InvalidInstanceAttributeValue",
    () => change("/dev/sdz"),
    "No device is currently mapped at /dev/sdz",
  );
});

test("metadata options change one by one", () => {
  const region = regionWithDefaults();
  const InstanceId = launchedRunning(region);
  const answer = region.call(ModifyInstanceMetadataOptions, { InstanceId, HttpTokens: "required" });
  assert.equal(answer.InstanceMetadataOptions?.State, "pending");
  region.call(ModifyInstanceMetadataOptions, { InstanceId, HttpPutResponseHopLimit: 3 });
  assert.deepEqual(instanceNow(region, InstanceId).MetadataOptions, {
    State: "applied",
    HttpTokens: "required",
    HttpPutResponseHopLimit: 3,
    HttpEndpoint: "enabled",
    HttpProtocolIpv6: "disabled",
    InstanceMetadataTags: "disabled",
  });
  refuses("InvalidParameterValue", () =>
    region.call(ModifyInstanceMetadataOptions, { InstanceId, HttpPutResponseHopLimit: 0 }),
  );
  const ipv6 = region.call(ModifyInstanceMetadataOptions, { InstanceId, HttpProtocolIpv6: "enabled" });
  assert.equal(ipv6.InstanceMetadataOptions?.HttpProtocolIpv6, "enabled");
});

test("CPU credits are a record of burstable instances", () => {
  const region = regionWithDefaults();
  const t3 = launchedRunning(region);
  const m5 = launchedRunning(region, { InstanceType: "m5.large" });
  const described = (...InstanceIds: string[]): unknown =>
    region.call(DescribeInstanceCreditSpecifications, { InstanceIds }).InstanceCreditSpecifications;
  assert.deepEqual(described(t3, m5), [{ InstanceId: t3, CpuCredits: "unlimited" }]);
  const modify = (InstanceId: string): unknown =>
    region.call(ModifyInstanceCreditSpecification, {
      InstanceCreditSpecifications: [{ InstanceId, CpuCredits: "standard" }],
    });
  modify(t3);
  assert.deepEqual(described(t3), [{ InstanceId: t3, CpuCredits: "standard" }]);
  refuses("UnsupportedOperation", () => modify(m5));
});
