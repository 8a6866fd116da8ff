import assert from "node:assert/strict";
import { test } from "node:test";
import { internetGatewayAttachmentActions } from "../gateway/internet-gateway-attachment.ts";
import { internetGatewayActions } from "../gateway/internet-gateway.ts";
import { routeTableActions } from "../route/route-table.ts";
import { routeActions } from "../route/route.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { subnetCreateActions } from "./subnet-create.ts";
import { subnetDeleteActions } from "./subnet-delete.ts";
import { vpcCidrBlockActions } from "./vpc-cidr-block.ts";
import { vpcCreateActions } from "./vpc-create.ts";
import { vpcDeleteActions } from "./vpc-delete.ts";
import { vpcActions } from "./vpc.ts";

const { CreateVpc } = vpcCreateActions;
const { DeleteVpc } = vpcDeleteActions;
const { DescribeVpcs, DescribeVpcAttribute, ModifyVpcAttribute, ModifyVpcTenancy } = vpcActions;
const { AssociateVpcCidrBlock, DisassociateVpcCidrBlock } = vpcCidrBlockActions;

function notCidr(text: string): string {
  return `Value (${text}) for parameter cidrBlock is invalid. This is not a valid CIDR block.`;
}

function vpcIn(region: TestRegion, CidrBlock = "10.0.0.0/16"): string {
  return must(region.call(CreateVpc, { CidrBlock }).Vpc?.VpcId);
}

test("a new VPC is pending in the answer, available when described, and comes with its table, group and ACL", () => {
  const region = newRegion();
  const { Vpc } = region.call(CreateVpc, {
    CidrBlock: "100.68.0.18/18",
    TagSpecifications: [{ ResourceType: "vpc", Tags: [{ Key: "Name", Value: "x" }] }],
  });
  assert.equal(Vpc?.State, "pending");
  assert.equal(Vpc?.CidrBlock, "100.68.0.0/18", "brought to canonical form");
  assert.deepEqual(Vpc?.Ipv6CidrBlockAssociationSet, []);
  const described = region.call(DescribeVpcs, {}).Vpcs ?? [];
  assert.equal(described.length, 1);
  assert.equal(described[0]?.State, "available");
  assert.equal(described[0]?.Ipv6CidrBlockAssociationSet, undefined);
  assert.deepEqual(described[0]?.Tags, [{ Key: "Name", Value: "x" }]);
  const reader = region.reader();
  const vpc = must(reader.get("vpc", must(Vpc?.VpcId)));
  assert.equal(reader.get("security-group", vpc.defaultSecurityGroupId)?.name, "default");
  assert.equal(reader.get("network-acl", vpc.defaultNetworkAclId)?.isDefault, true);
  assert.equal(reader.get("route-table", vpc.mainRouteTable.routeTableId)?.vpcId, vpc.id);
});

test("VPC blocks are /16 to /28 of usable addresses", () => {
  const region = newRegion();
  refuses("InvalidVpc.Range", () => vpcIn(region, "10.0.0.0/8"), "The CIDR '10.0.0.0/8' is invalid.");
  refuses("InvalidVpc.Range", () => vpcIn(region, "10.0.0.0/29"));
  refuses("InvalidVpc.Range", () => vpcIn(region, "127.0.0.0/16"));
  refuses("InvalidParameterValue", () => vpcIn(region, "10.0.0/16"), notCidr("10.0.0/16"));
  refuses("InvalidParameterValue", () => vpcIn(region, "x"), notCidr("x"));
  refuses("MissingParameter", () => region.call(CreateVpc, {}));
  refuses("UnsupportedOperation", () =>
    region.call(CreateVpc, { CidrBlock: "10.0.0.0/16", Ipv6Pool: "ipv6pool-ec2-012345abc" }),
  );
  region.call(CreateVpc, { CidrBlock: "10.0.0.0/16", AmazonProvidedIpv6CidrBlock: false });
});

test("the sixth VPC is refused, and the error says how to raise the quota", () => {
  const region = newRegion();
  for (let n = 0; n < 5; n += 1) vpcIn(region, `10.${n}.0.0/16`);
  refuses(
    "VpcLimitExceeded",
    () => vpcIn(region),
    /^The maximum number of VPCs has been reached\..*--quota vpcs=6/,
  );
  assert.equal(region.reader().count("vpc"), 5);
});

test("a VPC that has anything in it can't be deleted; an empty one takes its companions along", () => {
  const region = newRegion();
  const VpcId = vpcIn(region);
  const words = `The vpc '${VpcId}' has dependencies and cannot be deleted.`;
  const subnet = must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId, CidrBlock: "10.0.1.0/24" }).Subnet?.SubnetId,
  );
  refuses("DependencyViolation", () => region.call(DeleteVpc, { VpcId }), words);
  region.call(subnetDeleteActions.DeleteSubnet, { SubnetId: subnet });
  const InternetGatewayId = must(
    region.call(internetGatewayActions.CreateInternetGateway, {}).InternetGateway?.InternetGatewayId,
  );
  region.call(internetGatewayAttachmentActions.AttachInternetGateway, { InternetGatewayId, VpcId });
  refuses("DependencyViolation", () => region.call(DeleteVpc, { VpcId }), words);
  const main = must(region.reader().get("vpc", VpcId)).mainRouteTable.routeTableId;
  region.call(routeActions.CreateRoute, {
    RouteTableId: main,
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: InternetGatewayId,
  });
  region.call(internetGatewayAttachmentActions.DetachInternetGateway, { InternetGatewayId, VpcId });
  const RouteTableId = must(
    region.call(routeTableActions.CreateRouteTable, { VpcId }).RouteTable?.RouteTableId,
  );
  refuses("DependencyViolation", () => region.call(DeleteVpc, { VpcId }), words);
  region.call(routeTableActions.DeleteRouteTable, { RouteTableId });
  region.call(DeleteVpc, { VpcId });
  const reader = region.reader();
  for (const kind of [
    "vpc",
    "route-table",
    "route",
    "security-group",
    "security-group-rule",
    "network-acl",
  ] as const) {
    assert.equal(reader.count(kind), 0, kind);
  }
  refuses(
    "InvalidVpcID.NotFound",
    () => region.call(DeleteVpc, { VpcId }),
    `The vpc ID '${VpcId}' does not exist`,
  );
});

test("attributes are changed one at a time, and each is described by itself", () => {
  const region = newRegion();
  const VpcId = vpcIn(region);
  assert.deepEqual(region.call(DescribeVpcAttribute, { VpcId, Attribute: "enableDnsHostnames" }), {
    VpcId,
    EnableDnsHostnames: { Value: false },
  });
  region.call(ModifyVpcAttribute, { VpcId, EnableDnsHostnames: { Value: true } });
  region.call(ModifyVpcAttribute, { VpcId, EnableDnsSupport: { Value: false } });
  assert.deepEqual(
    region.call(DescribeVpcAttribute, { VpcId, Attribute: "enableDnsHostnames" }).EnableDnsHostnames,
    { Value: true },
  );
  assert.deepEqual(
    region.call(DescribeVpcAttribute, { VpcId, Attribute: "enableDnsSupport" }).EnableDnsSupport,
    { Value: false },
  );
  refuses("InvalidParameterCombination", () => region.call(ModifyVpcAttribute, { VpcId }));
  refuses("InvalidParameterCombination", () =>
    region.call(ModifyVpcAttribute, {
      VpcId,
      EnableDnsSupport: { Value: true },
      EnableDnsHostnames: { Value: true },
    }),
  );
  refuses("InvalidParameterValue", () =>
    region.call(ModifyVpcTenancy, { VpcId, InstanceTenancy: "dedicated" as "default" }),
  );
});

test("secondary blocks: the ranges that AWS restricts, overlaps, the primary, blocks in use, the quota", () => {
  const region = newRegion();
  const VpcId = vpcIn(region, "10.0.0.0/16");
  const add = (CidrBlock: string) =>
    must(region.call(AssociateVpcCidrBlock, { VpcId, CidrBlock }).CidrBlockAssociation);
  for (const restricted of ["172.16.0.0/16", "192.168.0.0/16", "198.19.0.0/16"]) {
    refuses("InvalidVpc.Range", () => add(restricted), /is restricted/);
  }
  refuses("InvalidVpc.Range", () => add("10.0.128.0/20"));
  const added = add("10.2.0.0/16");
  assert.equal(added.CidrBlockState?.State, "associating");
  const blocks = must(region.call(DescribeVpcs, { VpcIds: [VpcId] }).Vpcs?.[0]).CidrBlockAssociationSet ?? [];
  assert.deepEqual(
    blocks.map((block) => [block.CidrBlock, block.CidrBlockState?.State]),
    [
      ["10.0.0.0/16", "associated"],
      ["10.2.0.0/16", "associated"],
    ],
  );
  const routes = region.call(routeTableActions.DescribeRouteTables, {}).RouteTables?.[0]?.Routes ?? [];
  assert.deepEqual(
    routes.map((route) => [route.DestinationCidrBlock, route.GatewayId]),
    [
      ["10.0.0.0/16", "local"],
      ["10.2.0.0/16", "local"],
    ],
  );
  const AssociationId = must(blocks[0]?.AssociationId);
  refuses(
    "OperationNotPermitted",
    () => region.call(DisassociateVpcCidrBlock, { AssociationId }),
    `The vpc CIDR block with association ID ${AssociationId} may not be disassociated. It is the primary IPv4 CIDR block of the VPC`,
  );
  const SubnetId = must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId, CidrBlock: "10.2.1.0/24" }).Subnet?.SubnetId,
  );
  refuses(
    "InvalidCidrBlock.InUse",
    () => region.call(DisassociateVpcCidrBlock, { AssociationId: added.AssociationId }),
    `The vpc ${VpcId} currently has a subnet within CIDR block 10.2.0.0/16`,
  );
  region.call(subnetDeleteActions.DeleteSubnet, { SubnetId });
  region.call(DisassociateVpcCidrBlock, { AssociationId: added.AssociationId });
  refuses("InvalidVpcCidrBlockAssociationID.NotFound", () =>
    region.call(DisassociateVpcCidrBlock, { AssociationId: added.AssociationId }),
  );
  for (const block of ["10.3.0.0/16", "10.4.0.0/16", "100.64.0.0/16", "8.8.0.0/16"]) add(block);
  refuses(
    "CidrLimitExceeded",
    () => add("10.9.0.0/16"),
    new RegExp(`^This network ${VpcId} has met its maximum number of allowed CIDRs: 5`),
  );
});

test("filters and ids choose VPCs", () => {
  const region = newRegion({ defaultVpc: true });
  const VpcId = vpcIn(region);
  const ids = (Name: string, value: string) =>
    region.call(DescribeVpcs, { Filters: [{ Name, Values: [value] }] }).Vpcs?.map((vpc) => vpc.VpcId);
  assert.deepEqual(ids("cidr", "10.0.*"), [VpcId]);
  assert.deepEqual(ids("is-default", "false"), [VpcId]);
  assert.equal(ids("isDefault", "true")?.length, 1);
  assert.deepEqual(ids("state", "pending"), []);
  refuses("InvalidParameterValue", () => ids("colour", "red"), "The filter 'colour' is invalid");
  refuses(
    "InvalidVpcID.NotFound",
    () => region.call(DescribeVpcs, { VpcIds: ["aws_vpc.main.id"] }),
    "The vpc ID 'aws_vpc.main.id' does not exist",
  );
});
