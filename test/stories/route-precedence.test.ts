import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { type Story, story } from "./story.ts";

/** A VPC 10.N.0.0/16 with a subnet 10.N.1.0/24, whose default group lets everything in. */
function vpc(s: Story, word: string, number: number): void {
  s.ec2("CreateVpc", { CidrBlock: `10.${number}.0.0/16` }, word);
  const { mainRouteTable, defaultSecurityGroupId } = present(s.region.reader().get("vpc", s.id(word)), word);
  s.name(mainRouteTable.routeTableId, `${word}'s table`);
  s.name(defaultSecurityGroupId, `${word}'s group`);
  s.ec2("CreateSubnet", { VpcId: s.id(word), CidrBlock: `10.${number}.1.0/24` }, `${word}'s subnet`);
  const IpPermissions = [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }];
  s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.id(`${word}'s group`), IpPermissions });
}

/**
 * The rows of AWS's route priority that concern the local route and routes of one table with blocks of
 * different lengths (VPC user guide, "Route priority").
 */
test("longest prefix, local routes and blackholes", { skip: noKernel }, () => {
  const s = story("route-precedence");
  vpc(s, "vpc", 1);
  vpc(s, "peer", 2);
  s.ec2("CreateSubnet", { VpcId: s.id("vpc"), CidrBlock: "10.1.2.0/24" }, "inner subnet");
  s.ec2("CreateInternetGateway", {}, "gateway");
  s.ec2("AttachInternetGateway", { VpcId: s.id("vpc"), InternetGatewayId: s.id("gateway") });
  const RouteTableId = s.id("vpc's table");
  const open = { DeviceIndex: 0, SubnetId: s.id("vpc's subnet"), AssociatePublicIpAddress: true };
  const web = s.launch("web", { NetworkInterfaces: [open] });
  const box = s.launch("box", { SubnetId: s.id("vpc's subnet") });
  const inner = s.launch("inner", { SubnetId: s.id("inner subnet") });
  const far = s.launch("far", { SubnetId: s.id("peer's subnet") });
  s.ec2("ModifyNetworkInterfaceAttribute", {
    NetworkInterfaceId: box.eni,
    SourceDestCheck: { Value: false },
  });
  s.ec2("CreateVpcPeeringConnection", { VpcId: s.id("vpc"), PeerVpcId: s.id("peer") }, "peering");
  s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: s.id("peering") });
  const route = (DestinationCidrBlock: string, target: object): void =>
    s.ec2("CreateRoute", { RouteTableId, DestinationCidrBlock, ...target });
  const replace = (DestinationCidrBlock: string, target: object): void =>
    s.ec2("ReplaceRoute", { RouteTableId, DestinationCidrBlock, ...target });
  const send = (to: string) => s.send({ from: web.ip, to, protocol: "ping" });
  const holder = (to: string) => {
    const { target } = send(to);
    return s.region
      .reader()
      .list("network-interface")
      .find(({ slot }) => slot === target)?.id;
  };

  s.title("The local route goes before 0.0.0.0/0, which takes the rest");
  route("0.0.0.0/0", { GatewayId: s.id("gateway") });
  assert.equal(holder(inner.ip), inner.eni);
  assert.equal(send("198.51.100.1").verdict, "internet");
  assert.equal(send(far.ip).reason, "private_destination");

  s.title("A peering connection's longer block goes before 0.0.0.0/0; the VPC's own block cannot lead there");
  route("10.2.0.0/16", { VpcPeeringConnectionId: s.id("peering") });
  assert.equal(holder(far.ip), far.eni);
  assert.equal(send("198.51.100.1").verdict, "internet");
  s.refused("CreateRoute", {
    RouteTableId,
    DestinationCidrBlock: "10.1.2.0/24",
    VpcPeeringConnectionId: s.id("peering"),
  });
  s.refused("CreateRoute", {
    RouteTableId,
    DestinationCidrBlock: "10.1.0.0/16",
    VpcPeeringConnectionId: s.id("peering"),
  });

  s.title("Of the peer's block, a longer part to an interface");
  route("10.2.1.0/24", { NetworkInterfaceId: box.eni });
  assert.equal(holder(far.ip), box.eni);
  s.ec2("DeleteRoute", { RouteTableId, DestinationCidrBlock: "10.2.1.0/24" });
  assert.equal(holder(far.ip), far.eni);

  s.title("A subnet's block goes before the local route, which cannot be removed");
  route("10.1.2.0/24", { NetworkInterfaceId: box.eni });
  assert.equal(holder(inner.ip), box.eni);
  s.refused("CreateRoute", {
    RouteTableId,
    DestinationCidrBlock: "10.1.2.0/25",
    NetworkInterfaceId: box.eni,
  });
  s.refused("DeleteRoute", { RouteTableId, DestinationCidrBlock: "10.1.0.0/16" });
  s.ec2("DeleteRoute", { RouteTableId, DestinationCidrBlock: "10.1.2.0/24" });
  assert.equal(holder(inner.ip), inner.eni);

  s.title("The local route leads to an interface, and back to local");
  replace("10.1.0.0/16", { NetworkInterfaceId: box.eni });
  assert.equal(holder(inner.ip), box.eni);
  s.ec2("ReplaceRoute", { RouteTableId, DestinationCidrBlock: "10.1.0.0/16", LocalTarget: true });
  assert.equal(holder(inner.ip), inner.eni);

  s.title("A longer block whose target is gone is a blackhole: no shorter one stands in for it");
  route("198.51.100.0/24", { NetworkInterfaceId: box.eni });
  assert.equal(holder("198.51.100.1"), box.eni);
  s.ec2("TerminateInstances", { InstanceIds: [box.id] });
  assert.equal(send("198.51.100.1").reason, "blackhole");
  assert.equal(send("198.51.101.1").verdict, "internet");
  s.ec2("DeleteRoute", { RouteTableId, DestinationCidrBlock: "198.51.100.0/24" });
  assert.equal(send("198.51.100.1").verdict, "internet");

  s.title("So is a peering connection that is deleted");
  s.ec2("DeleteVpcPeeringConnection", { VpcPeeringConnectionId: s.id("peering") });
  assert.equal(send(far.ip).reason, "blackhole");
  s.end();
});
