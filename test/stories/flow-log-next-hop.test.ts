import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { type Story, story } from "./story.ts";

const INTERNET = "198.51.100.1";
const FIELDS =
  "version interface-id resource-id vpc-id flow-direction action srcaddr dstaddr pkt-srcaddr pkt-dstaddr az-id interface-type " +
  "next-hop-interface-id next-hop-subnet-id next-hop-az-id next-hop-vpc-id next-hop-interface-type instance-tag";
const format = (fields: string): string =>
  fields
    .split(" ")
    .map((field) => `\${${field}}`)
    .join(" ");
const TagFieldSpecifications = [{ ResourceType: "instance", TagKeys: ["team"] }];

function toBucket(ResourceType: string, id: string): object {
  const to = { LogDestinationType: "s3", LogDestination: "arn:aws:s3:::bucket" };
  return {
    ResourceType,
    ResourceIds: [id],
    TrafficType: "ALL",
    ...to,
    LogFormat: format(FIELDS),
    TagFieldSpecifications,
  };
}

/** A VPC with a gateway; `a` in a subnet whose table has no way out yet. */
function made(name: string) {
  const s = story(name);
  s.ec2("CreateVpc", { CidrBlock: "10.0.0.0/16" }, "vpc");
  const VpcId = s.id("vpc");
  s.name(present(s.region.reader().get("vpc", VpcId), VpcId).mainRouteTable.routeTableId, "table");
  s.ec2("CreateInternetGateway", {}, "gateway");
  s.ec2("AttachInternetGateway", { VpcId, InternetGatewayId: s.id("gateway") });
  s.ec2("CreateSubnet", { VpcId, CidrBlock: "10.0.1.0/24", AvailabilityZone: "us-east-1a" }, "subnet a");
  s.ec2("CreateSubnet", { VpcId, CidrBlock: "10.0.2.0/24", AvailabilityZone: "us-east-1b" }, "subnet b");
  const tag = { ResourceType: "instance", Tags: [{ Key: "team", Value: "net & ops 日本" }] };
  const a = s.launch("a", { SubnetId: s.id("subnet a"), TagSpecifications: [tag] });
  return { s, VpcId, a, everywhere: { RouteTableId: s.id("table"), DestinationCidrBlock: "0.0.0.0/0" } };
}

function throughNat(s: Story, ip: string): void {
  assert.equal(s.send({ from: ip, to: INTERNET }).verdict, "internet");
  assert.equal(s.answer().verdict, "deliver");
}

test("flow logs tell the next hop, also of a zonal NAT gateway's interface", { skip: noKernel }, async () => {
  const { s, VpcId, a, everywhere } = made("flow-log-next-hop");
  const b = s.launch("b", { SubnetId: s.id("subnet b") });
  s.ec2("CreateSubnet", { VpcId, CidrBlock: "10.0.3.0/24", AvailabilityZone: "us-east-1b" }, "public subnet");
  s.ec2("CreateRouteTable", { VpcId }, "public table");
  s.ec2("AssociateRouteTable", { RouteTableId: s.id("public table"), SubnetId: s.id("public subnet") });
  s.ec2("CreateRoute", { ...everywhere, RouteTableId: s.id("public table"), GatewayId: s.id("gateway") });
  s.ec2("AllocateAddress", {}, "address");
  s.ec2("CreateNatGateway", { SubnetId: s.id("public subnet"), AllocationId: s.id("address") }, "nat");
  s.name(
    present(s.region.reader().by("network-interface", "natGatewayId", s.id("nat"))[0], "its interface").id,
    "nat's interface",
  );
  s.ec2("CreateRoute", { ...everywhere, NatGatewayId: s.id("nat") });
  s.ec2("CreateFlowLogs", toBucket("VPC", VpcId), "log");

  s.title("From one instance to another, and its refusal at the other's group");
  s.send({ from: a.ip, to: b.ip });
  await s.flows();
  s.title("Through the NAT gateway, whose interface has four records");
  throughNat(s, a.ip);
  await s.flows();
  s.end();
});

test("a regional NAT gateway has flow logs of its own", { skip: noKernel }, async () => {
  const { s, VpcId, a, everywhere } = made("flow-log-regional-nat");
  s.ec2("CreateNatGateway", { VpcId, AvailabilityMode: "regional" }, "nat");
  s.ec2("CreateRoute", { ...everywhere, NatGatewayId: s.id("nat") });
  s.title("Those of the VPC have none of its own records, and it as the next hop");
  s.ec2("CreateFlowLogs", toBucket("VPC", VpcId), "vpc's log");
  throughNat(s, a.ip);
  await s.flows();
  s.ec2("DeleteFlowLogs", { FlowLogIds: [s.id("vpc's log")] });

  s.title("Its own have no interface, and the addresses of its packets");
  s.ec2("CreateFlowLogs", toBucket("RegionalNatGateway", s.id("nat")), "log");
  throughNat(s, a.ip);
  await s.flows();
  s.wait(60);
  await s.flows();

  s.title("They end with it; a zonal one has those of its interface");
  s.ec2("DeleteNatGateway", { NatGatewayId: s.id("nat") });
  assert.deepEqual(s.region.reader().list("flow-log"), []);
  s.refused("CreateFlowLogs", toBucket("RegionalNatGateway", s.id("nat")));
  s.ec2("CreateNatGateway", { SubnetId: s.id("subnet a"), ConnectivityType: "private" }, "zonal nat");
  s.refused("CreateFlowLogs", toBucket("RegionalNatGateway", s.id("zonal nat")));
  s.end();
});
