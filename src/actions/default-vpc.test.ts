import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultVpcActions, seedRegion } from "./default-vpc.ts";
import { internetGatewayAttachmentActions } from "./gateway/internet-gateway-attachment.ts";
import { internetGatewayActions } from "./gateway/internet-gateway.ts";
import { routeTableActions } from "./route/route-table.ts";
import { must, newRegion, refuses } from "./test-region.ts";
import { subnetDeleteActions } from "./vpc/subnet-delete.ts";
import { subnetActions } from "./vpc/subnet.ts";
import { vpcDeleteActions } from "./vpc/vpc-delete.ts";
import { vpcActions } from "./vpc/vpc.ts";

const { CreateDefaultVpc, CreateDefaultSubnet } = defaultVpcActions;

test("a region begins with a default VPC whose instances reach the internet", () => {
  const region = newRegion({ defaultVpc: true });
  const vpc = must(region.call(vpcActions.DescribeVpcs, {}).Vpcs?.[0]);
  assert.equal(vpc.CidrBlock, "172.31.0.0/16");
  assert.equal(vpc.IsDefault, true);
  assert.deepEqual(
    region.call(vpcActions.DescribeVpcAttribute, { VpcId: vpc.VpcId, Attribute: "enableDnsHostnames" })
      .EnableDnsHostnames,
    {
      Value: true,
    },
  );
  const subnets = region.call(subnetActions.DescribeSubnets, {}).Subnets ?? [];
  assert.deepEqual(
    subnets.map((s) => [s.AvailabilityZone, s.CidrBlock, s.DefaultForAz, s.MapPublicIpOnLaunch]),
    ["a", "b", "c", "d", "e", "f"].map((letter, n) => [
      `us-east-1${letter}`,
      `172.31.${n * 16}.0/20`,
      true,
      true,
    ]),
  );
  const gateway = must(
    region.call(internetGatewayActions.DescribeInternetGateways, {}).InternetGateways?.[0],
  );
  assert.deepEqual(gateway.Attachments, [{ State: "available", VpcId: vpc.VpcId }]);
  const routes = region.call(routeTableActions.DescribeRouteTables, {}).RouteTables?.[0]?.Routes;
  assert.deepEqual(routes?.[1], {
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: gateway.InternetGatewayId,
    Origin: "CreateRoute",
    State: "active",
  });
});

test("it is made once: not again when the user deleted it, but when asked for", () => {
  const region = newRegion({ defaultVpc: true });
  refuses(
    "DefaultVpcAlreadyExists",
    () => region.call(CreateDefaultVpc, {}),
    "A Default VPC already exists for this account in this region.",
  );
  const VpcId = must(region.call(vpcActions.DescribeVpcs, {}).Vpcs?.[0]?.VpcId);
  refuses("DependencyViolation", () => region.call(vpcDeleteActions.DeleteVpc, { VpcId }));
  const InternetGatewayId = must(
    region.call(internetGatewayActions.DescribeInternetGateways, {}).InternetGateways?.[0]?.InternetGatewayId,
  );
  region.call(internetGatewayAttachmentActions.DetachInternetGateway, { InternetGatewayId, VpcId });
  region.call(internetGatewayActions.DeleteInternetGateway, { InternetGatewayId });
  for (const { SubnetId } of region.call(subnetActions.DescribeSubnets, {}).Subnets ?? []) {
    region.call(subnetDeleteActions.DeleteSubnet, { SubnetId });
  }
  refuses("DefaultSubnetAlreadyExistsInAvailabilityZone", () => {
    region.call(CreateDefaultSubnet, { AvailabilityZone: "us-east-1c" });
    region.call(CreateDefaultSubnet, { AvailabilityZone: "us-east-1c" });
  });
  const [subnet] = region.call(subnetActions.DescribeSubnets, {}).Subnets ?? [];
  assert.equal(subnet?.CidrBlock, "172.31.0.0/20");
  region.call(subnetDeleteActions.DeleteSubnet, { SubnetId: subnet?.SubnetId });
  region.call(vpcDeleteActions.DeleteVpc, { VpcId });
  region.change(seedRegion);
  assert.equal(region.reader().count("vpc"), 0);
  refuses("DefaultVpcDoesNotExist", () =>
    region.call(CreateDefaultSubnet, { AvailabilityZone: "us-east-1c" }),
  );
  region.call(CreateDefaultVpc, {});
  assert.equal(region.reader().count("subnet"), 6);
});

test("a region is seeded whatever the quotas", () => {
  const quotas = { ...newRegion().context().quotas, vpcs: 0, "internet-gateways": 0 };
  assert.equal(newRegion({ defaultVpc: true, quotas }).reader().count("vpc"), 1);
});
