import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { story } from "./story.ts";

test("a regional NAT gateway takes each zone's packets at that zone's address", { skip: noKernel }, () => {
  const s = story("nat-gateway-regional");
  s.ec2("CreateVpc", { CidrBlock: "10.0.0.0/16" }, "vpc");
  const VpcId = s.id("vpc");
  s.name(present(s.region.reader().get("vpc", VpcId), VpcId).mainRouteTable.routeTableId, "table");
  s.ec2("CreateInternetGateway", {}, "gateway");
  s.ec2("AttachInternetGateway", { VpcId, InternetGatewayId: s.id("gateway") });
  s.ec2("CreateSubnet", { VpcId, CidrBlock: "10.0.1.0/24", AvailabilityZone: "us-east-1a" }, "subnet a");
  s.ec2("CreateNatGateway", { VpcId, AvailabilityMode: "regional" }, "nat");
  s.ec2("CreateRoute", {
    RouteTableId: s.id("table"),
    DestinationCidrBlock: "0.0.0.0/0",
    NatGatewayId: s.id("nat"),
  });
  s.ec2("CreateSubnet", { VpcId, CidrBlock: "10.0.2.0/24", AvailabilityZone: "us-east-1c" }, "subnet c");
  const a = s.launch("a", { SubnetId: s.id("subnet a") });
  const c = s.launch("c", { SubnetId: s.id("subnet c") });
  const publicIps = (): readonly string[] =>
    s.region
      .reader()
      .by("network-interface", "natGatewayId", s.id("nat"))
      .toSorted((x, y) => (x.availabilityZone < y.availabilityZone ? -1 : 1))
      .flatMap(({ id }) => s.region.reader().by("address", "networkInterfaceId", id))
      .map(({ publicIp }) => publicIp);
  const [inA = "", inC = ""] = publicIps();
  assert.notEqual(inA, inC);

  s.title("Each zone has its own address, and no subnet is public");
  assert.equal(s.send({ from: a.ip, to: "198.51.100.1" }).trace?.packet.source, inA);
  assert.equal(s.answer().verdict, "deliver");
  assert.equal(s.send({ from: c.ip, to: "198.51.100.1" }).trace?.packet.source, inC);
  assert.equal(s.answer().verdict, "deliver");
  s.title("Nobody comes in");
  assert.equal(s.send({ from: "198.51.100.1", to: inA, port: 22 }).reason, "nat_no_connection");
  s.title("Nobody reaches its own addresses");
  assert.equal(s.send({ from: a.ip, to: "169.254.192.4" }).reason, "link_local");

  s.title("Its route table says where packets go from there");
  const RouteTableId = present(s.region.reader().get("nat-gateway", s.id("nat"))?.routeTableId, "its table");
  s.name(RouteTableId, "nat's table");
  s.ec2("DeleteRoute", { RouteTableId, DestinationCidrBlock: "0.0.0.0/0" });
  assert.equal(s.send({ from: a.ip, to: "198.51.100.1", port: 81 }).reason, "no_route");
  s.ec2("CreateRoute", { RouteTableId, DestinationCidrBlock: "0.0.0.0/0", GatewayId: s.id("gateway") });

  s.title("Addresses of two zones; a third zone's packets take one of them");
  s.ec2("AllocateAddress", {}, "one");
  s.ec2("AllocateAddress", {}, "two");
  const zones = [
    { AvailabilityZone: "us-east-1c", AllocationIds: [s.id("one")] },
    { AvailabilityZone: "us-east-1d", AllocationIds: [s.id("two")] },
  ];
  s.ec2(
    "CreateNatGateway",
    { VpcId, AvailabilityMode: "regional", AvailabilityZoneAddresses: zones },
    "named nat",
  );
  s.ec2("ReplaceRoute", {
    RouteTableId: s.id("table"),
    DestinationCidrBlock: "0.0.0.0/0",
    NatGatewayId: s.id("named nat"),
  });
  const one = present(s.region.reader().get("address", s.id("one")), "one").publicIp;
  assert.equal(s.send({ from: c.ip, to: "198.51.100.1", port: 82 }).trace?.packet.source, one);
  assert.equal(s.send({ from: a.ip, to: "198.51.100.1", port: 82 }).trace?.packet.source, one);
  assert.equal(s.answer().verdict, "deliver");

  s.title("It is deleted");
  s.ec2("DeleteNatGateway", { NatGatewayId: s.id("named nat") });
  assert.equal(s.send({ from: a.ip, to: "198.51.100.1", port: 83 }).reason, "blackhole");
  s.end();
});
