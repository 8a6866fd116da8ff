import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { type Story, story } from "./story.ts";

/** A VPC 10.N.0.0/16 with a subnet 10.N.1.0/24, a group "NAME web" and a route for all other VPCs. */
function vpc(s: Story, name: string, number: number): void {
  s.ec2("CreateVpc", { CidrBlock: `10.${number}.0.0/16` }, name);
  s.name(
    present(s.region.reader().get("vpc", s.id(name)), name).mainRouteTable.routeTableId,
    `${name} table`,
  );
  s.ec2("CreateSubnet", { VpcId: s.id(name), CidrBlock: `10.${number}.1.0/24` }, `${name} subnet`);
  s.ec2("CreateSecurityGroup", { VpcId: s.id(name), GroupName: "web", Description: "web" }, `${name} web`);
}

function launched(s: Story, name: string, subnet: string, group: string) {
  return s.launch(name, { SubnetId: s.id(subnet), SecurityGroupIds: [s.id(group)] });
}

test("groups over several VPCs", { skip: noKernel }, () => {
  const s = story("security-group-vpcs");
  vpc(s, "left", 1);
  vpc(s, "right", 2);
  s.ec2("CreateVpcPeeringConnection", { VpcId: s.id("left"), PeerVpcId: s.id("right") }, "peering");
  s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: s.id("peering") });
  for (const name of ["left", "right"]) {
    const route = { RouteTableId: s.id(`${name} table`), DestinationCidrBlock: "10.0.0.0/8" };
    s.ec2("CreateRoute", { ...route, VpcPeeringConnectionId: s.id("peering") });
  }
  const a = launched(s, "a", "left subnet", "left web");
  const b = launched(s, "b", "right subnet", "right web");
  const other = launched(s, "other", "left subnet", "left web");
  const rule = {
    GroupId: s.id("right web"),
    IpPermissions: [{ IpProtocol: "-1", UserIdGroupPairs: [{ GroupId: s.id("left web") }] }],
  };
  let port = 80;
  const comes = (): string => s.send({ from: a.ip, to: b.ip, port: port++ }).reason;

  s.title("A rule that names the other VPC's group knows its members");
  assert.equal(comes(), "security_group_in");
  s.ec2("AuthorizeSecurityGroupIngress", rule);
  assert.equal(comes(), "none");

  s.title("Who leaves the group is known no longer");
  const outside = present(s.region.reader().get("vpc", s.id("left")), "left").defaultSecurityGroupId;
  s.name(outside, "left default");
  s.ec2("ModifyNetworkInterfaceAttribute", { NetworkInterfaceId: a.eni, Groups: [outside] });
  assert.equal(comes(), "security_group_in");
  s.ec2("ModifyNetworkInterfaceAttribute", { NetworkInterfaceId: a.eni, Groups: [s.id("left web")] });

  s.title("A group of one VPC on an interface of the other");
  s.ec2("RevokeSecurityGroupIngress", rule);
  assert.equal(comes(), "security_group_in");
  const groups = { NetworkInterfaceId: b.eni, Groups: [s.id("left web")] };
  s.refused("ModifyNetworkInterfaceAttribute", groups);
  s.ec2("AssociateSecurityGroupVpc", { GroupId: s.id("left web"), VpcId: s.id("right") });
  s.ec2("ModifyNetworkInterfaceAttribute", groups);
  assert.equal(comes(), "security_group_in");
  const http = [{ IpProtocol: "tcp", FromPort: 0, ToPort: 65_535, IpRanges: [{ CidrIp: `${a.ip}/32` }] }];
  s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.id("left web"), IpPermissions: http });
  assert.equal(comes(), "none");
  assert.equal(s.send({ from: other.ip, to: b.ip, port: port++ }).reason, "security_group_in");
  s.refused("DisassociateSecurityGroupVpc", { GroupId: s.id("left web"), VpcId: s.id("right") });
  s.refused("DeleteSecurityGroup", { GroupId: s.id("left web") });
  s.end();
});
