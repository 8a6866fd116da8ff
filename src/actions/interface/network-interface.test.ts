import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { securityGroupActions } from "../security/security-group.ts";
import { launched, newNetwork, type TestNetwork } from "../test-network.ts";
import { must, refuses } from "../test-region.ts";
import { subnetCreateActions } from "../vpc/subnet-create.ts";
import { vpcCreateActions } from "../vpc/vpc-create.ts";
import { vpcActions } from "../vpc/vpc.ts";
import { addressAssociationActions } from "./address-association.ts";
import { addressActions } from "./address.ts";
import { networkInterfaceListActions } from "./network-interface-list.ts";
import { networkInterfaceActions } from "./network-interface.ts";

const { CreateNetworkInterface, DeleteNetworkInterface } = networkInterfaceActions;
const { DescribeNetworkInterfaces } = networkInterfaceListActions;

type Request = Parameters<typeof CreateNetworkInterface>[1];

function created({ region, subnetId }: TestNetwork, input: Partial<Request> = {}) {
  return must(region.call(CreateNetworkInterface, { SubnetId: subnetId, ...input }).NetworkInterface);
}

function addresses(network: TestNetwork, input: Partial<Request>): readonly (string | undefined)[] {
  return must(created(network, input).PrivateIpAddresses).map((address) => address.PrivateIpAddress);
}

test("an interface begins `pending`, in the default group, and is then described as available", () => {
  const network = newNetwork();
  const { region, vpcId, subnetId } = network;
  const answer = created(network, { Description: "d" });
  assert.equal(answer.Status, "pending");
  const group = must(region.reader().get("vpc", vpcId)).defaultSecurityGroupId;
  const [described] = must(region.call(DescribeNetworkInterfaces, {}).NetworkInterfaces);
  assert.match(must(described?.MacAddress), /^02(:[0-9a-f]{2}){5}$/);
  assert.deepEqual(described, {
    Association: undefined,
    Attachment: undefined,
    AvailabilityZone: "us-east-1a",
    AvailabilityZoneId: described?.AvailabilityZoneId,
    Description: "d",
    Groups: [{ GroupId: group, GroupName: "default" }],
    InterfaceType: "interface",
    Ipv6Addresses: [],
    MacAddress: described?.MacAddress,
    NetworkInterfaceId: answer.NetworkInterfaceId,
    OwnerId: "123456789012",
    PrivateDnsName: undefined,
    PrivateIpAddress: "10.0.1.4",
    PrivateIpAddresses: [
      { Association: undefined, Primary: true, PrivateDnsName: undefined, PrivateIpAddress: "10.0.1.4" },
    ],
    RequesterId: "123456789012",
    RequesterManaged: false,
    Operator: { Managed: false },
    SourceDestCheck: true,
    Status: "available",
    SubnetId: subnetId,
    TagSet: [],
    VpcId: vpcId,
  });
});

test("private addresses: named, listed, counted", () => {
  const network = newNetwork();
  assert.deepEqual(addresses(network, { PrivateIpAddress: "10.0.1.50" }), ["10.0.1.50"]);
  assert.deepEqual(addresses(network, { SecondaryPrivateIpAddressCount: 2 }).length, 3);
  const listed = [{ PrivateIpAddress: "10.0.1.61" }, { PrivateIpAddress: "10.0.1.60", Primary: true }];
  assert.deepEqual(addresses(network, { PrivateIpAddresses: listed }), ["10.0.1.60", "10.0.1.61"]);
  const [primary, named, ...rest] = addresses(network, {
    PrivateIpAddresses: [{ PrivateIpAddress: "10.0.1.62" }],
  });
  assert.equal(named, "10.0.1.62");
  assert.ok(primary);
  assert.deepEqual(rest, []);
});

test("an address chosen freely is none of those named in the same request", () => {
  const network = newNetwork();
  // The next free address is the very one that the request names as its secondary.
  assert.deepEqual(addresses(network, { PrivateIpAddresses: [{ PrivateIpAddress: "10.0.1.4" }] }), [
    "10.0.1.5",
    "10.0.1.4",
  ]);
});

test("a subnet is used up to its last address, and no further", () => {
  const { region, vpcId, ...rest } = newNetwork();
  const subnetId = must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId: vpcId, CidrBlock: "10.0.2.0/28" }).Subnet
      ?.SubnetId,
  );
  const network = { ...rest, region, vpcId, subnetId };
  // Eleven addresses: the named one and ten free ones.
  const all = addresses(network, { PrivateIpAddress: "10.0.2.9", SecondaryPrivateIpAddressCount: 10 });
  assert.deepEqual(new Set(all), new Set(Array.from({ length: 11 }, (_, index) => `10.0.2.${index + 4}`)));
  refuses("InsufficientFreeAddressesInSubnet", () => created(network));
});

test("an address outside the subnet, reserved, in use or repeated is refused, and nothing is made", () => {
  const network = newNetwork();
  const { region } = network;
  created(network, { PrivateIpAddress: "10.0.1.50" });
  const refused = (code: Parameters<typeof refuses>[0], input: Partial<Request>, words?: string) =>
    refuses(code, () => created(network, input), words);
  const value = "InvalidParameterValue";
  refused(
    value,
    { PrivateIpAddress: "10.0.2.4" },
    "Address 10.0.2.4 does not fall within the subnet's address range",
  );
  for (const last of [0, 1, 2, 3, 255]) {
    refused(
      value,
      { PrivateIpAddress: `10.0.1.${last}` },
      `Address 10.0.1.${last} is in subnet's reserved address range`,
    );
  }
  refused(value, { PrivateIpAddress: "10.0.1" });
  refused("InvalidIPAddress.InUse", { PrivateIpAddress: "10.0.1.50" }, "Address 10.0.1.50 is in use.");
  refused(value, {
    PrivateIpAddresses: [{ PrivateIpAddress: "10.0.1.60" }, { PrivateIpAddress: "10.0.1.60" }],
  });
  refused("InvalidParameterCombination", {
    PrivateIpAddress: "10.0.1.60",
    PrivateIpAddresses: [{ PrivateIpAddress: "10.0.1.61", Primary: true }],
  });
  refused("InvalidParameterCombination", {
    PrivateIpAddresses: [{ PrivateIpAddress: "10.0.1.61" }],
    SecondaryPrivateIpAddressCount: 1,
  });
  refused(value, { SecondaryPrivateIpAddressCount: -1 });
  refused("UnsupportedOperation", { Ipv6PrefixCount: 1 });
  refused(value, { ConnectionTrackingSpecification: { UdpTimeout: 61 } });
  refused("InvalidSubnetID.NotFound", { SubnetId: "subnet-1" });
  assert.equal(region.reader().count("network-interface"), 1);
});

test("groups must be of the subnet's VPC, at most as many as the quota, never more than the kernel's tables hold", () => {
  const network = newNetwork({ quotas: { ...DEFAULT_QUOTAS, "security-groups-per-interface": 1000 } });
  const { region, vpcId, subnetId } = network;
  const groups = Array.from({ length: 17 }, (_, index) => {
    const input = { GroupName: `g${index}`, Description: "d", VpcId: vpcId };
    return must(region.call(securityGroupActions.CreateSecurityGroup, input).GroupId);
  });
  assert.equal(created(network, { Groups: [...groups.slice(0, 16), must(groups[0])] }).Groups?.length, 16);
  refuses("SecurityGroupsPerInterfaceLimitExceeded", () => created(network, { Groups: groups }));
  const few = newNetwork();
  refuses("InvalidGroup.NotFound", () => created(few, { Groups: groups.slice(0, 1) }));
  const other = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.1.0.0/16" }).Vpc?.VpcId);
  const stranger = must(region.reader().get("vpc", other)).defaultSecurityGroupId;
  refuses(
    "InvalidParameter",
    () => created(network, { Groups: [stranger] }),
    `Security group ${stranger} and subnet ${subnetId} belong to different networks.`,
  );
});

test("an Elastic IP shows under the interface and under its private address; deletion keeps it allocated", () => {
  const network = newNetwork();
  const { region, vpcId } = network;
  const NetworkInterfaceId = must(created(network, { SecondaryPrivateIpAddressCount: 1 }).NetworkInterfaceId);
  const { AllocationId, PublicIp } = region.call(addressActions.AllocateAddress, {});
  const { AssociationId } = region.call(addressAssociationActions.AssociateAddress, {
    AllocationId,
    NetworkInterfaceId,
  });
  const described = () => must(region.call(DescribeNetworkInterfaces, {}).NetworkInterfaces?.[0]);
  const association = { PublicIp, PublicDnsName: "", IpOwnerId: "123456789012", AllocationId, AssociationId };
  assert.deepEqual(described().Association, association);
  assert.deepEqual(
    described().PrivateIpAddresses?.map((address) => address.Association),
    [association, undefined],
  );
  region.call(vpcActions.ModifyVpcAttribute, { VpcId: vpcId, EnableDnsHostnames: { Value: true } });
  assert.equal(
    described().Association?.PublicDnsName,
    `ec2-${PublicIp?.replaceAll(".", "-")}.compute-1.amazonaws.com`,
  );
  assert.equal(described().PrivateDnsName, "ip-10-0-1-4.ec2.internal");
  const filters = {
    "association.public-ip": must(PublicIp),
    "association.allocation-id": must(AllocationId),
    "addresses.private-ip-address": "10.0.1.5",
    "private-dns-name": "ip-10-0-1-4.ec2.internal",
    "subnet-id": network.subnetId,
    status: "available",
  };
  launched({ ...network, subnetId: otherSubnet(network) });
  for (const [Name, value] of Object.entries(filters)) {
    const found = region.call(DescribeNetworkInterfaces, {
      Filters: [{ Name, Values: [value] }],
    }).NetworkInterfaces;
    assert.deepEqual(
      found?.map((eni) => eni.NetworkInterfaceId),
      [NetworkInterfaceId],
      Name,
    );
  }
  region.call(DeleteNetworkInterface, { NetworkInterfaceId });
  assert.equal(region.reader().get("address", must(AllocationId))?.association, undefined);
  refuses(
    "InvalidNetworkInterfaceID.NotFound",
    () => region.call(DeleteNetworkInterface, { NetworkInterfaceId }),
    `The networkInterface ID '${NetworkInterfaceId}' does not exist`,
  );
});

function otherSubnet({ region, vpcId }: TestNetwork): string {
  return must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId: vpcId, CidrBlock: "10.0.9.0/24" }).Subnet
      ?.SubnetId,
  );
}

test("an automatic address belongs to Amazon and has no ids", () => {
  const network = newNetwork();
  launched(network, { assignPublicIp: true });
  const association = network.region.call(DescribeNetworkInterfaces, {}).NetworkInterfaces?.[0]?.Association;
  assert.equal(association?.IpOwnerId, "amazon");
  assert.equal(association?.AllocationId, undefined);
  assert.equal(association?.AssociationId, undefined);
});

test("the quota of interfaces", () => {
  const network = newNetwork({ quotas: { ...DEFAULT_QUOTAS, "network-interfaces": 1 } });
  created(network);
  refuses("NetworkInterfaceLimitExceeded", () => created(network));
});
