import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { story, type Story } from "./story.ts";

/** A VPC with a subnet; its main table is called `NAME table`. */
function vpc(s: Story, name: string, second: number): void {
  s.ec2("CreateVpc", { CidrBlock: `10.${second}.0.0/16` }, name);
  s.name(
    present(s.region.reader().get("vpc", s.id(name)), name).mainRouteTable.routeTableId,
    `${name} table`,
  );
  s.ec2("CreateSubnet", { VpcId: s.id(name), CidrBlock: `10.${second}.0.0/24` }, `${name} subnet`);
  const group = present(
    s.region.reader().by("security-group", "vpcName", `${s.id(name)}/default`)[0],
    "its default group",
  );
  s.name(group.id, `${name} group`);
}

function peered(s: Story, one: string, other: string, name: string): void {
  s.ec2("CreateVpcPeeringConnection", { VpcId: s.id(one), PeerVpcId: s.id(other) }, name);
}

function leads(s: Story, from: string, block: string, connection: string): void {
  const VpcPeeringConnectionId = s.id(connection);
  s.ec2("CreateRoute", {
    RouteTableId: s.id(`${from} table`),
    DestinationCidrBlock: block,
    VpcPeeringConnectionId,
  });
}

function lets(s: Story, into: string, from: string): void {
  const IpPermissions = [{ IpProtocol: "-1", IpRanges: [{ CidrIp: from }] }];
  s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.id(`${into} group`), IpPermissions });
}

test("two VPCs that are peered", { skip: noKernel }, () => {
  const s = story("vpc-peering");
  vpc(s, "left", 0);
  vpc(s, "right", 1);
  const a = s.launch("a", { SubnetId: s.id("left subnet") });
  const b = s.launch("b", { SubnetId: s.id("right subnet") });
  const out = (): string => s.send({ from: a.ip, to: b.ip, protocol: "ping" }).reason;

  s.title("No route, then a request that nobody has accepted");
  assert.equal(out(), "no_route");
  peered(s, "left", "right", "peering");
  leads(s, "left", "10.1.0.0/16", "peering");
  assert.equal(out(), "blackhole");

  s.title("Accepted: the other's groups decide, and its table leads back");
  s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: s.id("peering") });
  assert.equal(out(), "security_group_in");
  lets(s, "right", "10.0.0.0/16");
  assert.equal(out(), "none");
  assert.equal(s.answer().reason, "no_route");
  leads(s, "right", "10.0.0.0/16", "peering");
  assert.equal(out(), "none");
  assert.equal(s.answer().verdict, "deliver");

  s.title("Nobody at the address");
  assert.equal(s.send({ from: a.ip, to: "10.1.0.200" }).reason, "no_such_private_address");

  s.title("The other's network ACL");
  const acl = present(s.region.reader().by("network-acl", "vpcId", s.id("right"))[0], "an ACL").id;
  s.name(acl, "right acl");
  const entry = { NetworkAclId: acl, RuleNumber: 50, Protocol: "-1", CidrBlock: "10.0.0.0/16" };
  s.ec2("CreateNetworkAclEntry", { ...entry, RuleAction: "deny", Egress: false });
  assert.equal(out(), "network_acl_in");
  s.ec2("DeleteNetworkAclEntry", { NetworkAclId: acl, RuleNumber: 50, Egress: false });
  s.ec2("CreateNetworkAclEntry", { ...entry, RuleAction: "deny", Egress: true });
  assert.equal(out(), "none");
  assert.equal(s.answer().reason, "network_acl_out");
  s.ec2("DeleteNetworkAclEntry", { NetworkAclId: acl, RuleNumber: 50, Egress: true });

  s.title("Deleted");
  assert.equal(out(), "none");
  s.ec2("DeleteVpcPeeringConnection", { VpcPeeringConnectionId: s.id("peering") });
  assert.equal(out(), "blackhole");
  s.end();
});

test("two VPCs of two regions that are peered", { skip: noKernel }, async () => {
  const s = story("vpc-peering-regions");
  vpc(s, "east", 0);
  const to = { TrafficType: "ALL", LogDestinationType: "s3", LogDestination: "arn:aws:s3:::flows" };
  const LogFormat =
    "${region} ${pkt-srcaddr} ${pkt-dstaddr} ${action} ${flow-direction} ${traffic-path} ${next-hop-interface-id}";
  s.ec2("CreateFlowLogs", { ResourceType: "VPC", ResourceIds: [s.id("east")], ...to, LogFormat });
  const a = s.launch("a", { SubnetId: s.id("east subnet") });
  s.into("us-west-2");
  vpc(s, "west", 1);
  const b = s.launch("b", { SubnetId: s.id("west subnet") });
  const out = (): string => s.send({ from: a.ip, to: b.ip, protocol: "ping" }).reason;

  s.title("A request, which only the accepter's region accepts");
  s.into("us-east-1");
  s.ec2(
    "CreateVpcPeeringConnection",
    { VpcId: s.id("east"), PeerVpcId: s.id("west"), PeerRegion: "us-west-2" },
    "peering",
  );
  leads(s, "east", "10.1.0.0/16", "peering");
  const accept = { VpcPeeringConnectionId: s.id("peering") };
  s.refused("AcceptVpcPeeringConnection", accept);
  assert.equal(out(), "blackhole");
  s.into("us-west-2");
  s.ec2("AcceptVpcPeeringConnection", accept);
  assert.equal(out(), "security_group_in");
  lets(s, "west", "10.0.0.0/16");
  leads(s, "west", "10.0.0.0/16", "peering");
  assert.equal(out(), "none");
  assert.equal(s.answer().verdict, "deliver");

  await s.flows();

  s.title("Deleted in the requester's region");
  s.into("us-east-1");
  s.ec2("DeleteVpcPeeringConnection", accept);
  assert.equal(out(), "blackhole");
  assert.equal(s.send({ from: b.ip, to: a.ip, protocol: "ping" }).reason, "blackhole");
  s.end();
});

test("peering does not pass anything on", { skip: noKernel }, () => {
  const s = story("vpc-peering-no-transit");
  for (const [index, name] of ["left", "middle", "right"].entries()) vpc(s, name, index);
  for (const [one, other] of [
    ["left", "middle"],
    ["middle", "right"],
  ] as const) {
    peered(s, one, other, `${one} to ${other}`);
    s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: s.id(`${one} to ${other}`) });
  }
  leads(s, "left", "10.2.0.0/16", "left to middle");
  leads(s, "middle", "10.2.0.0/16", "middle to right");
  for (const name of ["middle", "right"]) lets(s, name, "0.0.0.0/0");
  const a = s.launch("a", { SubnetId: s.id("left subnet") });
  const router = s.launch("router", { SubnetId: s.id("middle subnet") });
  const c = s.launch("c", { SubnetId: s.id("right subnet") });

  s.title("Not to a VPC behind the other");
  assert.equal(s.send({ from: a.ip, to: c.ip }).reason, "no_such_private_address");
  s.title("Not through an instance of the other either");
  s.ec2("ModifyInstanceAttribute", { InstanceId: router.id, SourceDestCheck: { Value: false } });
  assert.equal(s.send({ from: a.ip, to: c.ip, by: router.eni }).reason, "peering_source");
  assert.equal(s.send({ from: router.ip, to: c.ip }).reason, "none");

  s.title("Not out of the other's internet gateway");
  s.ec2("CreateInternetGateway", {}, "gateway");
  s.ec2("AttachInternetGateway", { VpcId: s.id("middle"), InternetGatewayId: s.id("gateway") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id("middle table"),
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: s.id("gateway"),
  });
  leads(s, "left", "0.0.0.0/0", "left to middle");
  assert.equal(s.send({ from: a.ip, to: "198.51.100.1" }).reason, "no_such_private_address");
  s.end();
});
