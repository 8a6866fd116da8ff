import assert from "node:assert/strict";
import { test } from "node:test";
import { instanceDescribeActions } from "./instance/instance-describe.ts";
import { addressAssociationActions } from "./interface/address-association.ts";
import { addressActions } from "./interface/address.ts";
import { networkInterfaceAddressActions } from "./interface/network-interface-address.ts";
import { networkInterfaceAttributeActions } from "./interface/network-interface-attribute.ts";
import { networkInterfaceIpv6Actions } from "./interface/network-interface-ipv6.ts";
import { networkInterfaceListActions } from "./interface/network-interface-list.ts";
import { networkInterfaceActions } from "./interface/network-interface.ts";
import { instanceNow, launchedPending, launchedRunning } from "./test-launch.ts";
import { must, newRegion, refuses, type TestRegion } from "./test-region.ts";
import { subnetCidrBlockActions } from "./vpc/subnet-cidr-block.ts";
import { subnetCreateActions } from "./vpc/subnet-create.ts";
import { subnetActions } from "./vpc/subnet.ts";
import { vpcCreateActions } from "./vpc/vpc-create.ts";

const { CreateSubnet } = subnetCreateActions;
const { DescribeSubnets, ModifySubnetAttribute } = subnetActions;
const { CreateNetworkInterface } = networkInterfaceActions;

function place(region: TestRegion): {
  readonly VpcId: string;
  readonly SubnetId: string;
  readonly block: string;
} {
  const { Vpc } = region.call(vpcCreateActions.CreateVpc, {
    CidrBlock: "10.0.0.0/16",
    AmazonProvidedIpv6CidrBlock: true,
  });
  const VpcId = must(Vpc?.VpcId);
  const block = must(Vpc?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock).replace("/56", "/64");
  const SubnetId = must(
    region.call(CreateSubnet, { VpcId, Ipv6Native: true, Ipv6CidrBlock: block }).Subnet?.SubnetId,
  );
  return { VpcId, SubnetId, block };
}

test("an IPv6-only subnet has no IPv4 block, and gives each interface an IPv6 address", () => {
  const region = newRegion();
  const { VpcId, SubnetId, block } = place(region);
  const subnet = must(region.call(DescribeSubnets, { SubnetIds: [SubnetId] }).Subnets?.[0]);
  assert.equal(subnet.CidrBlock, undefined);
  assert.equal(subnet.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock, block);
  assert.deepEqual(
    [
      subnet.Ipv6Native,
      subnet.AssignIpv6AddressOnCreation,
      subnet.MapPublicIpOnLaunch,
      subnet.AvailableIpAddressCount,
    ],
    [true, true, false, 0],
  );
  assert.deepEqual(subnet.PrivateDnsNameOptionsOnLaunch, {
    HostnameType: "resource-name",
    EnableResourceNameDnsARecord: false,
    EnableResourceNameDnsAAAARecord: false,
  });
  const found = region.call(DescribeSubnets, {
    Filters: [{ Name: "ipv6-native", Values: ["true"] }],
  }).Subnets;
  assert.deepEqual(
    found?.map((one) => one.SubnetId),
    [SubnetId],
  );
  refuses(
    "MissingParameter",
    () => region.call(CreateSubnet, { VpcId, Ipv6Native: true }),
    "Either 'ipv6CidrBlock' or 'ipv6IpamPoolId' should be provided.",
  );
  refuses(
    "InvalidParameterCombination",
    () =>
      region.call(CreateSubnet, { VpcId, Ipv6Native: true, CidrBlock: "10.0.1.0/24", Ipv6CidrBlock: block }),
    "When specifying ipv4 parameters, cidrBlock or ipv4IpamPoolId, you cannot set ipv6Native to true.",
  );
  refuses("MissingParameter", () => region.call(CreateSubnet, { VpcId, Ipv6CidrBlock: block }));
  for (const attribute of [
    { MapPublicIpOnLaunch: { Value: true } },
    { AssignIpv6AddressOnCreation: { Value: false } },
    { PrivateDnsHostnameTypeOnLaunch: "ip-name" as const },
    { EnableResourceNameDnsARecordOnLaunch: { Value: true } },
  ]) {
    refuses("InvalidParameterValue", () => region.call(ModifySubnetAttribute, { SubnetId, ...attribute }));
  }
  const AssociationId = must(subnet.Ipv6CidrBlockAssociationSet?.[0]?.AssociationId);
  refuses("OperationNotPermitted", () =>
    region.call(subnetCidrBlockActions.DisassociateSubnetCidrBlock, { AssociationId }),
  );
});

test("an interface without IPv4: whatever needs a private IPv4 address is refused", () => {
  const region = newRegion();
  const { SubnetId } = place(region);
  const { NetworkInterface } = region.call(CreateNetworkInterface, { SubnetId });
  const NetworkInterfaceId = must(NetworkInterface?.NetworkInterfaceId);
  const described = must(
    region.call(networkInterfaceListActions.DescribeNetworkInterfaces, {}).NetworkInterfaces?.[0],
  );
  assert.equal(described.Ipv6Addresses?.length, 1);
  assert.deepEqual([described.PrivateIpAddress, described.PrivateIpAddresses], [undefined, []]);
  const refused = (body: () => unknown) => refuses("InvalidParameterValue", body);
  refused(() => region.call(CreateNetworkInterface, { SubnetId, PrivateIpAddress: "10.0.1.5" }));
  refused(() => region.call(CreateNetworkInterface, { SubnetId, SecondaryPrivateIpAddressCount: 1 }));
  refused(() => region.call(CreateNetworkInterface, { SubnetId, Ipv6AddressCount: 0 }));
  const assign = { NetworkInterfaceId, SecondaryPrivateIpAddressCount: 1 };
  refused(() => region.call(networkInterfaceAddressActions.AssignPrivateIpAddresses, assign));
  const { ModifyNetworkInterfaceAttribute } = networkInterfaceAttributeActions;
  refused(() =>
    region.call(ModifyNetworkInterfaceAttribute, { NetworkInterfaceId, AssociatePublicIpAddress: true }),
  );
  const { AllocationId } = region.call(addressActions.AllocateAddress, {});
  refused(() =>
    region.call(addressAssociationActions.AssociateAddress, { AllocationId, NetworkInterfaceId }),
  );
  const Ipv6Addresses = must(described.Ipv6Addresses).map((one) => must(one.Ipv6Address));
  refused(() =>
    region.call(networkInterfaceIpv6Actions.UnassignIpv6Addresses, { NetworkInterfaceId, Ipv6Addresses }),
  );
  region.call(networkInterfaceIpv6Actions.AssignIpv6Addresses, { NetworkInterfaceId, Ipv6AddressCount: 1 });
  region.call(networkInterfaceIpv6Actions.UnassignIpv6Addresses, { NetworkInterfaceId, Ipv6Addresses });
});

test("an instance without IPv4 is named after itself", () => {
  const region = newRegion();
  const { SubnetId } = place(region);
  const id = launchedRunning(region, { SubnetId });
  const instance = instanceNow(region, id);
  assert.deepEqual(
    [instance.PrivateIpAddress, instance.PublicIpAddress, instance.PublicDnsName],
    [undefined, undefined, ""],
  );
  assert.match(must(instance.Ipv6Address), /^2001:db8:/);
  assert.equal(instance.PrivateDnsName, `${id}.ec2.internal`);
  assert.equal(instance.PrivateDnsNameOptions?.HostnameType, "resource-name");
  const by = (Name: string, value: string | undefined) =>
    region.call(instanceDescribeActions.DescribeInstances, { Filters: [{ Name, Values: [must(value)] }] })
      .Reservations?.length;
  assert.equal(by("ipv6-address", instance.Ipv6Address), 1);
  assert.equal(by("network-interface.ipv6-addresses.ipv6-address", instance.Ipv6Address), 1);
  assert.equal(by("private-ip-address", "10.0.0.4"), 0);
  assert.equal(launchedPending(region, { count: 3, SubnetId }).length, 3);
  const refused = (code: Parameters<typeof refuses>[0], request: Parameters<typeof launchedPending>[1]) =>
    refuses(code, () => launchedPending(region, { SubnetId, ...request }));
  refused("UnsupportedOperation", { InstanceType: "t2.micro" });
  refused("InvalidParameterValue", { PrivateIpAddress: "10.0.1.5" });
  const spec = { DeviceIndex: 0, SubnetId, AssociatePublicIpAddress: true };
  refuses("InvalidParameterValue", () => launchedPending(region, { NetworkInterfaces: [spec] }));
});
