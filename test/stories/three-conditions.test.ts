import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { story } from "./story.ts";

test("the three conditions", { skip: noKernel }, () => {
  const s = story("three-conditions");
  s.ec2("CreateVpc", { CidrBlock: "10.0.0.0/16" }, "vpc");
  const vpc = present(s.region.reader().list("vpc")[0], "the VPC");
  s.name(vpc.mainRouteTable.routeTableId, "table");
  s.ec2("CreateSubnet", { VpcId: vpc.id, CidrBlock: "10.0.1.0/24" }, "subnet");
  s.ec2("CreateInternetGateway", {}, "gateway");
  const [subnet, gateway] = [s.id("subnet"), s.id("gateway")];
  s.ec2("AttachInternetGateway", { VpcId: vpc.id, InternetGatewayId: gateway });
  const web = s.launch("web", {
    NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: subnet, AssociatePublicIpAddress: true }],
  });

  s.title("Without the route");
  assert.equal(s.send({ from: web.ip, to: "198.51.100.1" }).reason, "no_route");
  s.title("With all three");
  s.ec2("CreateRoute", {
    RouteTableId: vpc.mainRouteTable.routeTableId,
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: gateway,
  });
  assert.equal(s.send({ from: web.ip, to: "198.51.100.1" }).verdict, "internet");
  assert.equal(s.answer().verdict, "deliver");
  assert.equal(
    s.send({ from: "198.51.100.1", to: present(web.publicIp, "a public address"), port: 22 }).reason,
    "security_group_in",
  );
  s.title("Without the public address");
  const inside = s.launch("inside", {
    NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: subnet, AssociatePublicIpAddress: false }],
  });
  assert.equal(s.send({ from: inside.ip, to: "198.51.100.1", protocol: "ping" }).reason, "no_public_ip");
  s.refused("DetachInternetGateway", { VpcId: vpc.id, InternetGatewayId: gateway });
  s.end();
});
