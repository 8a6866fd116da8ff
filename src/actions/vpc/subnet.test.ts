import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { parseIpv4 } from "../../lib/address.ts";
import { blockSize, ipv4BlockOf, lastAddress } from "../../lib/block.ts";
import { availableAddressCount, freePrivateIps } from "../interface/subnet-address.ts";
import { find } from "../kit/find.ts";
import { interfaceRecord, must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { subnetCreateActions } from "./subnet-create.ts";
import { subnetDeleteActions } from "./subnet-delete.ts";
import { subnetActions } from "./subnet.ts";
import { vpcCreateActions } from "./vpc-create.ts";

const { CreateSubnet } = subnetCreateActions;
const { DescribeSubnets, ModifySubnetAttribute } = subnetActions;
const { DeleteSubnet } = subnetDeleteActions;

function vpcIn(region: TestRegion): string {
  return must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
}

test("a subnet is available at once, with all addresses but five", () => {
  const region = newRegion();
  const VpcId = vpcIn(region);
  const { Subnet } = region.call(CreateSubnet, {
    VpcId,
    CidrBlock: "10.0.1.7/24",
    AvailabilityZone: "us-east-1b",
  });
  assert.equal(Subnet?.CidrBlock, "10.0.1.0/24");
  assert.equal(Subnet?.State, "available");
  assert.equal(Subnet?.AvailableIpAddressCount, 251);
  assert.equal(Subnet?.AvailabilityZoneId, "use1-az2");
  assert.equal(Subnet?.MapPublicIpOnLaunch, false);
  assert.equal(Subnet?.Tags, undefined);
  const BlockPublicAccessStates = { InternetGatewayBlockMode: "off" };
  const described = region.call(DescribeSubnets, { SubnetIds: [must(Subnet?.SubnetId)] }).Subnets;
  assert.deepEqual(described, [{ ...Subnet, BlockPublicAccessStates }]);
});

test("ranges: inside the VPC, /16 to /28, no overlap", () => {
  const region = newRegion();
  const VpcId = vpcIn(region);
  const create = (CidrBlock: string) => region.call(CreateSubnet, { VpcId, CidrBlock });
  create("10.0.1.0/24");
  refuses(
    "InvalidSubnet.Conflict",
    () => create("10.0.0.0/22"),
    "The CIDR '10.0.0.0/22' conflicts with another subnet",
  );
  refuses("InvalidSubnet.Conflict", () => create("10.0.1.128/25"));
  refuses("InvalidSubnet.Range", () => create("10.1.0.0/24"), "The CIDR '10.1.0.0/24' is invalid.");
  refuses("InvalidSubnet.Range", () => create("10.0.8.0/32"));
  refuses("InvalidSubnet.Range", () => create("10.0.0.0/15"));
  const notCidr = "Value (ten) for parameter cidrBlock is invalid. This is not a valid CIDR block.";
  refuses("InvalidParameterValue", () => create("ten"), notCidr);
  refuses("InvalidVpcID.NotFound", () =>
    region.call(CreateSubnet, { VpcId: "vpc-0", CidrBlock: "10.0.2.0/24" }),
  );
  refuses(
    "MissingParameter",
    () => region.call(CreateSubnet, { VpcId: undefined, CidrBlock: "10.0.2.0/24" }),
    /parameter vpcId$/,
  );
  refuses("UnsupportedOperation", () =>
    region.call(CreateSubnet, { VpcId, CidrBlock: "10.0.2.0/24", Ipv6NetmaskLength: 64 }),
  );
  refuses(
    "InvalidParameterValue",
    () => region.call(CreateSubnet, { VpcId, CidrBlock: "10.0.2.0/24", AvailabilityZone: "us-west-2a" }),
    "Value (us-west-2a) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: us-east-1a, us-east-1b, us-east-1c, us-east-1d, us-east-1e, us-east-1f.",
  );
  refuses(
    "InvalidParameterValue",
    () => region.call(CreateSubnet, { VpcId, CidrBlock: "10.0.2.0/24", AvailabilityZoneId: "usw2-az1" }),
    "Value (usw2-az1) for parameter availabilityZoneId is invalid. Subnets can currently only be created in the following availability zones: use1-az1, use1-az2, use1-az3, use1-az4, use1-az5, use1-az6.",
  );
});

test("a subnet with an interface can't be deleted", () => {
  const region = newRegion();
  const SubnetId = must(
    region.call(CreateSubnet, { VpcId: vpcIn(region), CidrBlock: "10.0.1.0/24" }).Subnet?.SubnetId,
  );
  interfaceRecord(region, SubnetId, ["10.0.1.4"]);
  refuses(
    "DependencyViolation",
    () => region.call(DeleteSubnet, { SubnetId }),
    `The subnet '${SubnetId}' has dependencies and cannot be deleted.`,
  );
});

test("attributes change one at a time", () => {
  const region = newRegion();
  const SubnetId = must(
    region.call(CreateSubnet, { VpcId: vpcIn(region), CidrBlock: "10.0.1.0/24" }).Subnet?.SubnetId,
  );
  region.call(ModifySubnetAttribute, { SubnetId, MapPublicIpOnLaunch: { Value: true } });
  region.call(ModifySubnetAttribute, { SubnetId, PrivateDnsHostnameTypeOnLaunch: "resource-name" });
  region.call(ModifySubnetAttribute, { SubnetId, AssignIpv6AddressOnCreation: { Value: false } });
  const subnet = must(region.call(DescribeSubnets, {}).Subnets?.[0]);
  assert.equal(subnet.MapPublicIpOnLaunch, true);
  assert.equal(subnet.PrivateDnsNameOptionsOnLaunch?.HostnameType, "resource-name");
  refuses("UnsupportedOperation", () =>
    region.call(ModifySubnetAttribute, { SubnetId, MapCustomerOwnedIpOnLaunch: { Value: true } }),
  );
  refuses("InvalidParameterCombination", () => region.call(ModifySubnetAttribute, { SubnetId }));
});

test("free addresses are always different, usable and not held, until there are none", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 8 }), (sizes) => {
      const region = newRegion();
      const SubnetId = must(
        region.call(CreateSubnet, { VpcId: vpcIn(region), CidrBlock: "10.0.1.0/28" }).Subnet?.SubnetId,
      );
      const cidr = ipv4BlockOf("10.0.1.0/28");
      const held = new Set<string>();
      for (const size of sizes) {
        const subnet = find(region.reader(), "subnet", SubnetId);
        assert.equal(availableAddressCount(region.reader(), subnet), blockSize(cidr) - 5 - held.size);
        if (held.size + size > 11) {
          refuses("InsufficientFreeAddressesInSubnet", () => freePrivateIps(region.reader(), subnet, size));
          return;
        }
        const ips = freePrivateIps(region.reader(), subnet, size);
        assert.equal(ips.length, size);
        for (const ip of ips) {
          const address = must(parseIpv4(ip));
          assert.ok(address >= cidr.base + 4 && address < lastAddress(cidr), ip);
          assert.ok(!held.has(ip), `${ip} is free`);
          held.add(ip);
        }
        interfaceRecord(region, SubnetId, ips);
      }
    }),
    { numRuns: 50 },
  );
});
