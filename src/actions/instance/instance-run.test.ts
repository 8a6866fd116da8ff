import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { networkInterfaceActions } from "../interface/network-interface.ts";
import { securityGroupActions } from "../security/security-group.ts";
import { imagesOf } from "../storage/image-catalogue.ts";
import {
  instanceNow,
  launchedPending,
  launchedRunning,
  newSubnet,
  regionWithDefaults,
  SOME_IMAGE,
} from "../test-launch.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { instanceRunActions } from "./instance-run.ts";
import { keyPairActions } from "./key-pair.ts";

const { RunInstances } = instanceRunActions;
const ONE = { ImageId: SOME_IMAGE, InstanceType: "t3.micro", MinCount: 1, MaxCount: 1 } as const;

test("a launch is pending and shows no public address, though one is held", () => {
  const region = regionWithDefaults();
  const { ReservationId, OwnerId, Groups, Instances } = region.call(RunInstances, ONE);
  const instance = must(Instances?.[0]);
  assert.match(must(ReservationId), /^r-[0-9a-f]{17}$/);
  assert.deepEqual([OwnerId, Groups], ["123456789012", []]);
  assert.deepEqual(instance.State, { Code: 0, Name: "pending" });
  assert.equal(instance.PublicDnsName, "");
  assert.equal(instance.PublicIpAddress, undefined);
  assert.equal(instance.NetworkInterfaces?.[0]?.Association, undefined);
  assert.equal(instance.NetworkInterfaces?.[0]?.PrivateIpAddresses?.[0]?.Association, undefined);
  assert.match(must(instance.PrivateDnsName), /^ip-172-31-\d+-\d+\.ec2\.internal$/);

  const described = instanceNow(region, must(instance.InstanceId));
  const publicIp = must(described.PublicIpAddress);
  assert.match(publicIp, /^203\.0\.113\./);
  assert.equal(described.PublicDnsName, `ec2-${publicIp.replaceAll(".", "-")}.compute-1.amazonaws.com`);
  assert.deepEqual(described.NetworkInterfaces?.[0]?.Association, {
    IpOwnerId: "amazon",
    PublicDnsName: described.PublicDnsName,
    PublicIp: publicIp,
  });
});

test("auto-assign follows the request, else the subnet, also in a VPC without a gateway", () => {
  const region = newRegion();
  const quiet = newSubnet(region, "10.0.0.0/24");
  const open = newSubnet(region, "10.1.0.0/24", { mapPublic: true });
  const publicOf = (request: Parameters<typeof launchedPending>[1]): string | undefined =>
    instanceNow(region, must(launchedPending(region, request)[0])).PublicIpAddress;
  const asked = (SubnetId: string, AssociatePublicIpAddress: boolean): string | undefined =>
    publicOf({ NetworkInterfaces: [{ DeviceIndex: 0, SubnetId, AssociatePublicIpAddress }] });
  assert.equal(publicOf({ SubnetId: quiet.subnetId }), undefined);
  assert.notEqual(publicOf({ SubnetId: open.subnetId }), undefined);
  assert.notEqual(asked(quiet.subnetId, true), undefined);
  assert.equal(asked(open.subnetId, false), undefined);
  // Names need DNS host names, which a new VPC does not give.
  const id = must(launchedPending(region, { SubnetId: open.subnetId })[0]);
  assert.equal(instanceNow(region, id).PublicDnsName, "");
});

test("several interfaces: none is auto-assigned, each has its index, groups and addresses", () => {
  const region = newRegion();
  const { subnetId, vpcId } = newSubnet(region, "10.0.0.0/24", { mapPublic: true });
  const group = region.call(securityGroupActions.CreateSecurityGroup, {
    GroupName: "web",
    Description: "web",
    VpcId: vpcId,
  });
  const GroupId = must(group.GroupId);
  const id = must(
    launchedPending(region, {
      NetworkInterfaces: [
        {
          DeviceIndex: 1,
          SubnetId: subnetId,
          Groups: [GroupId],
          SecondaryPrivateIpAddressCount: 1,
          DeleteOnTermination: false,
        },
        { DeviceIndex: 0, SubnetId: subnetId, PrivateIpAddress: "10.0.0.10", Description: "front" },
      ],
    })[0],
  );
  const { NetworkInterfaces: interfaces, PublicIpAddress, PrivateIpAddress } = instanceNow(region, id);
  assert.deepEqual([PublicIpAddress, PrivateIpAddress], [undefined, "10.0.0.10"]);
  assert.deepEqual(
    interfaces?.map((eni) => [
      eni.Attachment?.DeviceIndex,
      eni.Attachment?.DeleteOnTermination,
      eni.PrivateIpAddresses?.length,
      eni.Description,
    ]),
    [
      [0, true, 1, "front"],
      [1, false, 2, ""],
    ],
  );
  assert.deepEqual(interfaces?.[1]?.Groups, [{ GroupId, GroupName: "web" }]);
});

test("an existing interface brings its subnet and addresses, and stays when the instance ends", () => {
  const region = newRegion();
  const { subnetId, vpcId } = newSubnet(region, "10.0.0.0/24", { mapPublic: true });
  const made = region.call(networkInterfaceActions.CreateNetworkInterface, {
    SubnetId: subnetId,
    PrivateIpAddress: "10.0.0.77",
  });
  const NetworkInterfaceId = must(made.NetworkInterface?.NetworkInterfaceId);
  const wrong = (spec: object, code: Parameters<typeof refuses>[0], words: string): void =>
    refuses(
      code,
      () => launchedPending(region, { NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId, ...spec }] }),
      words,
    );
  wrong(
    { SubnetId: subnetId },
    "InvalidParameterCombination",
    "A network interface may not specify both a network interface ID and a subnet",
  );
  wrong(
    { DeleteOnTermination: true },
    "InvalidParameterCombination",
    "A network interface may not specify a network interface ID and delete on termination as true",
  );
  wrong(
    { AssociatePublicIpAddress: true },
    "InvalidParameterCombination",
    "The associatePublicIPAddress parameter cannot be specified for a network interface with an ID.",
  );
  const id = launchedRunning(region, { NetworkInterfaces: [{ DeviceIndex: 0, NetworkInterfaceId }] });
  const instance = instanceNow(region, id);
  assert.deepEqual(
    [instance.PrivateIpAddress, instance.VpcId, instance.PublicIpAddress],
    ["10.0.0.77", vpcId, undefined],
  );
  assert.equal(instance.NetworkInterfaces?.[0]?.Attachment?.DeleteOnTermination, false);
  wrong({}, "InvalidNetworkInterface.InUse", `Interface: [${NetworkInterfaceId}] in use.`);
});

test("a launch makes as many instances as there is room for, between MinCount and MaxCount; if fewer fit, it is refused and changes nothing", () => {
  const region = newRegion();
  // A /28 has 11 addresses to give.
  const { subnetId } = newSubnet(region, "10.0.0.0/28");
  const { Instances } = region.call(RunInstances, { ...ONE, MaxCount: 20, SubnetId: subnetId });
  assert.equal(Instances?.length, 11);
  assert.deepEqual(
    Instances?.map((instance) => instance.AmiLaunchIndex),
    Array.from({ length: 11 }, (_, index) => index),
  );
  assert.equal(new Set(Instances?.map((instance) => instance.PrivateIpAddress)).size, 11);
  refuses(
    "InsufficientFreeAddressesInSubnet",
    () => region.call(RunInstances, { ...ONE, SubnetId: subnetId }),
    `There are not enough free addresses in subnet '${subnetId}' to satisfy the requested number of instances.`,
  );
  assert.equal(region.reader().count("instance"), 11);
  assert.equal(region.reader().count("network-interface"), 11);
});

test("the quota counts instances that are not terminated", () => {
  const region = regionWithDefaults({ quotas: { ...DEFAULT_QUOTAS, instances: 2 } });
  assert.equal(launchedPending(region, { count: 2 }).length, 2);
  refuses(
    "InstanceLimitExceeded",
    () => launchedPending(region),
    /^You have requested more instances \(3\) than your current instance limit of 2/,
  );
});

test("exhausted public pools refuse the launch and leave nothing behind", () => {
  const region = regionWithDefaults({ pools: ["203.0.113.0/30"] });
  launchedPending(region, { count: 2 });
  refuses("InsufficientAddressCapacity", () => launchedPending(region));
  assert.deepEqual([region.reader().count("instance"), region.reader().count("network-interface")], [2, 2]);
});

test("images: any well-formed id launches, on a type of its architecture when that is known", () => {
  const region = regionWithDefaults();
  const run = (ImageId: string | undefined, InstanceType: string): unknown =>
    region.call(RunInstances, { ...ONE, ImageId, InstanceType } as Parameters<typeof RunInstances>[1]);
  refuses(
    "InvalidAMIID.Malformed",
    () => run("ami-xyz", "t3.micro"),
    'Invalid id: "ami-xyz" (expecting "ami-...")',
  );
  refuses(
    "MissingParameter",
    () => run(undefined, "t3.micro"),
    "The request must contain the parameter ImageId",
  );
  refuses(
    "InvalidParameterValue",
    () => run(SOME_IMAGE, "t3.huge"),
    "Invalid value 't3.huge' for InstanceType.",
  );
  const arm = must(
    imagesOf("us-east-1").find(({ name }) => name.startsWith("al2023-ami-2023") && name.endsWith("arm64")),
  );
  refuses(
    "InvalidParameterValue",
    () => run(arm.id, "t3.micro"),
    /^The architecture 'x86_64' .* does not match the architecture 'arm64'/,
  );
  run(arm.id, "t4g.micro");
  run(SOME_IMAGE, "t4g.micro");
  run("resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-arm64", "t4g.micro");
  refuses("InvalidParameterValue", () => run("resolve:ssm:/nothing", "t4g.micro"));
  assert.equal(region.reader().count("instance"), 3);
});

test("an image that asks for IMDSv2 makes it required; the request overrides", () => {
  const region = regionWithDefaults();
  const image = must(imagesOf("us-east-1").find(({ imdsV2 }) => imdsV2));
  const options = (request: Parameters<typeof launchedPending>[1]): unknown[] => {
    const { MetadataOptions: o } = instanceNow(region, launchedRunning(region, request));
    return [o?.HttpTokens, o?.HttpPutResponseHopLimit, o?.HttpEndpoint];
  };
  assert.deepEqual(options({ ImageId: image.id }), ["required", 2, "enabled"]);
  assert.deepEqual(options({}), ["optional", 1, "enabled"]);
  assert.deepEqual(options({ ImageId: image.id, MetadataOptions: { HttpTokens: "optional" } }), [
    "optional",
    2,
    "enabled",
  ]);
  refuses("InvalidParameterValue", () =>
    launchedPending(region, { MetadataOptions: { HttpPutResponseHopLimit: 65 } }),
  );
});

test("key pairs and user data are checked", () => {
  const region = regionWithDefaults();
  refuses(
    "InvalidKeyPair.NotFound",
    () => launchedPending(region, { KeyName: "mine" }),
    "The key pair 'mine' does not exist",
  );
  const PublicKeyMaterial = Buffer.from(
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHFHq6cdXPEnCXFQCVGZhlMJ4p8iCBYXxUuzZTt7Dp9k me",
  );
  region.call(keyPairActions.ImportKeyPair, { KeyName: "mine", PublicKeyMaterial });
  const UserData = Buffer.from("#!/bin/sh\necho hello\n").toString("base64");
  const id = launchedRunning(region, { KeyName: "mine", UserData });
  assert.equal(instanceNow(region, id).KeyName, "mine");
  assert.equal(region.reader().get("instance", id)?.userData, UserData);
  refuses(
    "InvalidUserData.Malformed",
    () => launchedPending(region, { UserData: "#!/bin/sh" }),
    "Invalid BASE64 encoding of user data.",
  );
  const limit = Buffer.alloc(16_384, "x");
  launchedPending(region, { UserData: limit.toString("base64") });
  refuses(
    "InvalidUserData.Malformed",
    () =>
      launchedPending(region, { UserData: Buffer.concat([limit, limit.subarray(0, 1)]).toString("base64") }),
    "User data is limited to 16384 bytes",
  );
});

test("without a subnet: the default subnet of the zone; without a default VPC: refused", () => {
  const region = regionWithDefaults();
  const id = launchedRunning(region, { Placement: { AvailabilityZone: "us-east-1c" } });
  assert.equal(instanceNow(region, id).Placement?.AvailabilityZone, "us-east-1c");
  refuses(
    "InvalidParameterValue",
    () => launchedPending(region, { Placement: { AvailabilityZone: "us-east-1z" } }),
    "Invalid availability zone: [us-east-1z]",
  );
  refuses("VPCIdNotSpecified", () => launchedPending(newRegion()), "No default VPC for this user");
  for (const subnet of region.reader().list("subnet"))
    if (subnet.availabilityZone === "us-east-1b") region.perform("DeleteSubnet", { SubnetId: subnet.id });
  const inB = { Placement: { AvailabilityZone: "us-east-1b" } };
  refuses(
    "MissingInput",
    () => launchedPending(region, inB),
    "No default subnet for availability zone: 'us-east-1b'.",
  );
});

test("groups by name are the default VPC's; a group of another VPC is refused", () => {
  const region = regionWithDefaults();
  const { subnetId, vpcId } = newSubnet(region, "10.0.0.0/24");
  const id = launchedRunning(region, { SecurityGroups: ["default"] });
  assert.deepEqual(
    instanceNow(region, id).SecurityGroups?.map(({ GroupName }) => GroupName),
    ["default"],
  );
  refuses("InvalidGroup.NotFound", () => launchedPending(region, { SecurityGroups: ["none"] }));
  refuses(
    "InvalidParameterCombination",
    () => launchedPending(region, { SecurityGroups: ["default"], SubnetId: subnetId }),
    "The parameter groupName cannot be used with the parameter subnet",
  );
  const foreign = must(instanceNow(region, id).SecurityGroups?.[0]?.GroupId);
  refuses(
    "InvalidParameter",
    () => launchedPending(region, { SecurityGroupIds: [foreign], SubnetId: subnetId }),
    `Security group ${foreign} and subnet ${subnetId} belong to different networks.`,
  );
  assert.notEqual(vpcId, instanceNow(region, id).VpcId);
});

test("a launch may name a private address, if it is in the subnet, free, and for a single instance", () => {
  const region = newRegion();
  const { subnetId: SubnetId } = newSubnet(region, "10.0.0.0/24");
  const PrivateIpAddress = "10.0.0.50";
  const id = launchedRunning(region, { SubnetId, PrivateIpAddress });
  assert.equal(instanceNow(region, id).PrivateIpAddress, PrivateIpAddress);
  refuses(
    "InvalidIPAddress.InUse",
    () => launchedPending(region, { SubnetId, PrivateIpAddress }),
    "Address 10.0.0.50 is in use.",
  );
  refuses("InvalidParameterValue", () =>
    launchedPending(region, { SubnetId, PrivateIpAddress: "10.0.1.50" }),
  );
  refuses("InvalidParameterValue", () => launchedPending(region, { SubnetId, PrivateIpAddress: "10.0.0.3" }));
  refuses("InvalidParameterCombination", () =>
    launchedPending(region, { SubnetId, PrivateIpAddress: "10.0.0.51", count: 2 }),
  );
});

/** Launches that are refused, with AWS's words where they are known. */
const REFUSED: readonly {
  readonly request: object;
  readonly code: Parameters<typeof refuses>[0];
  readonly words?: string;
}[] = [
  {
    request: { NetworkInterfaces: [{ DeviceIndex: 0 }], SubnetId: "subnet-01234567" },
    code: "InvalidParameterCombination",
    words: "Network interfaces and an instance-level subnet ID may not be specified on the same request",
  },
  {
    request: { NetworkInterfaces: [{ DeviceIndex: 0 }], SecurityGroupIds: ["sg-01234567"] },
    code: "InvalidParameterCombination",
    words:
      "Network interfaces and an instance-level security groups may not be specified on the same request",
  },
  {
    request: { NetworkInterfaces: [{ DeviceIndex: 0, AssociatePublicIpAddress: true }, { DeviceIndex: 1 }] },
    code: "InvalidParameterCombination",
    words:
      "The associatePublicIPAddress parameter cannot be specified when launching with multiple network interfaces.",
  },
  {
    request: { NetworkInterfaces: [{ DeviceIndex: 0 }, { DeviceIndex: 0 }] },
    code: "InvalidParameterValue",
    words: "Each network interface requires a unique device index.",
  },
  { request: { NetworkInterfaces: [{ DeviceIndex: 1 }] }, code: "InvalidParameterValue" },
  {
    request: { NetworkInterfaces: [{}] },
    code: "InvalidParameterValue",
    words: "Each network interface requires a device index.",
  },
  {
    request: { NetworkInterfaces: [0, 1, 2].map((DeviceIndex) => ({ DeviceIndex })) },
    code: "AttachmentLimitExceeded",
    words: "Interface count 3 exceeds the limit for t3.micro",
  },
  {
    request: { NetworkInterfaces: [{ DeviceIndex: 0, SecondaryPrivateIpAddressCount: 2 }] },
    code: "PrivateIpAddressLimitExceeded",
  },
  { request: { NetworkInterfaces: [{ DeviceIndex: 0, Ipv6PrefixCount: 1 }] }, code: "UnsupportedOperation" },
  { request: { SubnetId: "subnet-0123456789abcdef0" }, code: "InvalidSubnetID.NotFound" },
  { request: { MinCount: 0 }, code: "InvalidParameterValue" },
  { request: { MinCount: 3, MaxCount: 2 }, code: "InvalidParameterValue" },
  {
    request: { MinCount: undefined },
    code: "MissingParameter",
    words: "The request must contain the parameter MinCount",
  },
  {
    request: { LaunchTemplate: { LaunchTemplateName: "x" } },
    code: "InvalidLaunchTemplateName.NotFoundException",
  },
  { request: { Ipv6AddressCount: 1 }, code: "InvalidParameterValue" },
  { request: { HibernationOptions: { Configured: true } }, code: "UnsupportedOperation" },
  { request: { Placement: { HostId: "h-0123456789abcdef0" } }, code: "UnsupportedOperation" },
  { request: { PrivateDnsNameOptions: { HostnameType: "resource-name" } }, code: "UnsupportedOperation" },
  { request: { CpuOptions: { CoreCount: 9 } }, code: "InvalidParameterValue" },
  { request: { TagSpecifications: [{ ResourceType: "vpc", Tags: [] }] }, code: "InvalidParameterValue" },
  {
    request: { BlockDeviceMappings: [{ DeviceName: "/dev/xvda", Ebs: { VolumeSize: 4 } }] },
    code: "InvalidBlockDeviceMapping",
  },
];

test("refused launches change nothing", () => {
  const region: TestRegion = regionWithDefaults();
  const input = (request: object): Parameters<typeof RunInstances>[1] => ({ ...ONE, ...request });
  for (const { request, code, words } of REFUSED)
    refuses(code, () => region.call(RunInstances, input(request)), words);
  assert.deepEqual([region.reader().count("instance"), region.reader().count("network-interface")], [0, 0]);
});

test("parameters that clients send to ask for nothing are accepted, and recorded ones are kept", () => {
  const region = regionWithDefaults();
  const id = launchedRunning(region, {
    Monitoring: { Enabled: true },
    EbsOptimized: true,
    HibernationOptions: { Configured: false },
    EnclaveOptions: { Enabled: false },
    CapacityReservationSpecification: { CapacityReservationPreference: "open" },
    CreditSpecification: { CpuCredits: "standard" },
    CpuOptions: { CoreCount: 1, ThreadsPerCore: 1 },
    IamInstanceProfile: { Name: "web" },
    Placement: { Tenancy: "default" },
    InstanceInitiatedShutdownBehavior: "terminate",
    TagSpecifications: [
      { ResourceType: "instance", Tags: [{ Key: "Name", Value: "web" }] },
      { ResourceType: "network-interface", Tags: [{ Key: "Name", Value: "eth" }] },
    ],
  });
  const instance = instanceNow(region, id);
  assert.deepEqual(instance.Tags, [{ Key: "Name", Value: "web" }]);
  assert.deepEqual(instance.CpuOptions, { CoreCount: 1, ThreadsPerCore: 1 });
  assert.equal(instance.Monitoring?.State, "enabled");
  assert.equal(instance.IamInstanceProfile?.Arn, "arn:aws:iam::123456789012:instance-profile/web");
  const eni = must(region.reader().by("network-interface", "instanceId", id)[0]);
  assert.deepEqual(eni.tags, { Name: "eth" });
});

test("the same client token launches once", () => {
  const region = regionWithDefaults();
  const input = { ...ONE, ClientToken: "once" };
  const first = JSON.stringify(region.perform("RunInstances", input));
  assert.equal(JSON.stringify(region.perform("RunInstances", input)), first);
  assert.equal(region.reader().count("instance"), 1);
  refuses("IdempotentParameterMismatch", () => region.perform("RunInstances", { ...input, MaxCount: 2 }));
  refuses("DryRunOperation", () => region.perform("RunInstances", { ...ONE, DryRun: true }));
  assert.equal(region.reader().count("instance"), 1);
});
