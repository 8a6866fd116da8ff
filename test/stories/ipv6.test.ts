import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { story, type Story } from "./story.ts";

const INTERNET = "2001:db8:ffff::1";
const EVERYBODY = [{ IpProtocol: "-1", Ipv6Ranges: [{ CidrIpv6: "::/0" }] }];

/**
 * A VPC with IPv6, called `name`; its main table and default group are called `NAME table` and `NAME group`.
 */
function vpc(s: Story, name: string, second = 0): void {
  s.ec2("CreateVpc", { CidrBlock: `10.${second}.0.0/16`, AmazonProvidedIpv6CidrBlock: true }, name);
  const made = present(s.region.reader().get("vpc", s.id(name)), name);
  s.name(made.mainRouteTable.routeTableId, `${name} table`);
  s.name(
    present(s.region.reader().by("security-group", "vpcName", `${s.id(name)}/default`)[0], "its group").id,
    `${name} group`,
  );
}

/** The number-th /64 of the VPC's block. */
function block(s: Story, name: string, number: number): string {
  const made = present(
    s.region.reader().get("vpc", s.id(name))?.ipv6CidrBlocks?.[0],
    `the block of ${name}`,
  ).ipv6CidrBlock;
  return made.replace("00::/56", `0${number}::/64`);
}

function gateway(s: Story, name: string): void {
  s.ec2("CreateInternetGateway", {}, `${name} igw`);
  s.ec2("AttachInternetGateway", { InternetGatewayId: s.id(`${name} igw`), VpcId: s.id(name) });
}

test("IPv6 through the internet gateway", { skip: noKernel }, () => {
  const s = story("ipv6-internet-gateway");
  vpc(s, "vpc");
  s.ec2(
    "CreateSubnet",
    { VpcId: s.id("vpc"), CidrBlock: "10.0.1.0/24", Ipv6CidrBlock: block(s, "vpc", 0) },
    "dual",
  );
  s.ec2("CreateSubnet", { VpcId: s.id("vpc"), Ipv6Native: true, Ipv6CidrBlock: block(s, "vpc", 1) }, "only");
  s.ec2("CreateSubnet", { VpcId: s.id("vpc"), CidrBlock: "10.0.2.0/24" }, "old");
  const a = s.launch("a", { SubnetId: s.id("dual"), Ipv6AddressCount: 1 });
  const b = s.launch("b", { SubnetId: s.id("only"), Ipv6AddressCount: 1, InstanceType: "t3.micro" });
  const c = s.launch("c", { SubnetId: s.id("old") });
  const out = (more: object = {}): string => s.send({ from: a.ipv6, to: INTERNET, ...more }).reason;
  const into = (to: string, more: object = {}): string =>
    s.send({ from: INTERNET, to, port: 443, ...more }).reason;
  const RouteTableId = s.id("vpc table");

  s.title("No route, no gateway attached, then both: an address is public by itself");
  assert.equal(out(), "no_route");
  gateway(s, "vpc");
  const attachment = { InternetGatewayId: s.id("vpc igw"), VpcId: s.id("vpc") };
  s.ec2("CreateRoute", { RouteTableId, DestinationIpv6CidrBlock: "::/0", GatewayId: s.id("vpc igw") });
  s.ec2("DetachInternetGateway", attachment);
  assert.equal(out(), "no_internet_gateway");
  s.ec2("AttachInternetGateway", attachment);
  assert.equal(s.send({ from: a.ipv6, to: INTERNET }).verdict, "internet");
  assert.equal(s.answer().verdict, "deliver");
  assert.equal(s.send({ from: b.ipv6, to: INTERNET, protocol: "ping" }).verdict, "internet");
  assert.equal(s.answer().verdict, "deliver");

  s.title("From outside, groups decide; ::/0 lets no IPv4 in, and 0.0.0.0/0 no IPv6");
  assert.equal(into(a.ipv6), "security_group_in");
  const group = { GroupId: s.id("vpc group") };
  s.ec2("AuthorizeSecurityGroupIngress", {
    ...group,
    IpPermissions: [{ IpProtocol: "tcp", FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
  });
  assert.equal(into(a.ipv6), "security_group_in");
  assert.equal(s.send({ from: a.ip, to: c.ip, port: 80, protocol: "udp" }).reason, "none");
  s.ec2("RevokeSecurityGroupIngress", {
    ...group,
    IpPermissions: [{ IpProtocol: "-1", UserIdGroupPairs: [{ GroupId: s.id("vpc group") }] }],
  });
  s.ec2("AuthorizeSecurityGroupIngress", { ...group, IpPermissions: EVERYBODY });
  assert.equal(into(a.ipv6), "none");
  assert.equal(s.answer().verdict, "internet");
  assert.equal(
    s.send({ from: a.ip, to: c.ip, sourcePort: 1_111, port: 81, protocol: "udp" }).reason,
    "security_group_in",
  );

  s.title("What a sender may not do");
  assert.equal(out({ from: "2001:db8::bad", by: a.eni }), "spoofed_source");
  assert.equal(out({ from: "2001:db8::1", by: c.eni }), "ipv6_not_offered");
  assert.equal(out({ to: "fe80::1" }), "link_local");
  assert.equal(out({ to: "ff02::1" }), "multicast");
  assert.equal(out({ to: "fd00::1" }), "private_destination");
  assert.equal(out({ routed: true }), "malformed");
  assert.equal(out({ protocol: "udp", data: 1_600 }), "too_big");

  s.title("What cannot come from outside");
  assert.equal(into(a.ipv6, { from: b.ipv6, by: "nobody" }), "own_source");
  assert.equal(into(a.ipv6, { from: "fd00::1" }), "private_source");
  assert.equal(into(a.ipv6.replace(/[^:]+$/, "99")), "public_ip_not_mapped");
  assert.equal(into("2001:db9::1"), "not_for_us");

  s.title("Network ACLs, only for IPv6");
  const acl = present(s.region.reader().by("network-acl", "vpcId", s.id("vpc"))[0], "an ACL").id;
  s.name(acl, "acl");
  const entry = { NetworkAclId: acl, RuleNumber: 50, RuleAction: "deny", Egress: true };
  s.ec2("CreateNetworkAclEntry", {
    ...entry,
    Protocol: "58",
    Ipv6CidrBlock: "::/0",
    IcmpTypeCode: { Type: 128, Code: -1 },
  });
  assert.equal(out({ protocol: "ping" }), "network_acl_out");
  assert.equal(s.send({ from: a.ip, to: c.ip, protocol: "ping" }).reason, "security_group_in");
  s.ec2("DeleteNetworkAclEntry", { NetworkAclId: acl, RuleNumber: 50, Egress: true });
  assert.equal(out({ protocol: "ping" }), "none");

  s.title("Between the subnets, and to an address that goes");
  assert.equal(s.send({ from: a.ipv6, to: b.ipv6 }).verdict, "deliver");
  assert.equal(s.answer().verdict, "deliver");
  s.refused("UnassignIpv6Addresses", { NetworkInterfaceId: b.eni, Ipv6Addresses: [b.ipv6] });
  s.ec2("UnassignIpv6Addresses", { NetworkInterfaceId: a.eni, Ipv6Addresses: [a.ipv6] });
  assert.equal(s.send({ from: b.ipv6, to: a.ipv6 }).reason, "no_such_private_address");
  assert.equal(into(a.ipv6), "public_ip_not_mapped");
  s.end();
});

test("IPv6 through the egress-only internet gateway", { skip: noKernel }, () => {
  const s = story("ipv6-egress-only");
  vpc(s, "vpc");
  s.ec2(
    "CreateSubnet",
    { VpcId: s.id("vpc"), CidrBlock: "10.0.1.0/24", Ipv6CidrBlock: block(s, "vpc", 0) },
    "private",
  );
  s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.id("vpc group"), IpPermissions: EVERYBODY });
  const a = s.launch("a", { SubnetId: s.id("private"), Ipv6AddressCount: 1 });
  const RouteTableId = s.id("vpc table");
  s.ec2("CreateEgressOnlyInternetGateway", { VpcId: s.id("vpc") }, "eigw");
  const EgressOnlyInternetGatewayId = s.id("eigw");
  s.ec2("CreateRoute", { RouteTableId, DestinationIpv6CidrBlock: "::/0", EgressOnlyInternetGatewayId });
  const asked = (sourcePort: number): string =>
    s.send({ from: INTERNET, to: a.ipv6, sourcePort, port: 22 }).reason;

  s.title("Out, and what answers comes back; nothing else does, whatever the groups say");
  assert.equal(s.send({ from: a.ipv6, to: INTERNET }).verdict, "internet");
  assert.equal(s.answer().verdict, "deliver");
  assert.equal(asked(5_000), "egress_only");
  assert.equal(s.send({ from: a.ipv6, to: INTERNET, protocol: "ping" }).verdict, "internet");
  assert.equal(s.answer().verdict, "deliver");
  assert.equal(s.send({ from: INTERNET, to: a.ipv6, protocol: "ping", sourcePort: 7 }).reason, "egress_only");
  s.wait(40);
  assert.equal(
    s.send({ from: INTERNET, to: a.ipv6, protocol: "ping", sourcePort: 40_000 }).reason,
    "egress_only",
  );

  s.title("Nor beside an internet gateway, until the route leads there");
  gateway(s, "vpc");
  assert.equal(asked(5_001), "egress_only");
  s.ec2("ReplaceRoute", { RouteTableId, DestinationIpv6CidrBlock: "::/0", GatewayId: s.id("vpc igw") });
  assert.equal(asked(5_002), "none");
  s.ec2("ReplaceRoute", { RouteTableId, DestinationIpv6CidrBlock: "::/0", EgressOnlyInternetGatewayId });
  assert.equal(asked(5_003), "egress_only");

  s.title("Block Public Access: what only goes out stays, until nothing may");
  s.ec2("ModifyVpcBlockPublicAccessOptions", { InternetGatewayBlockMode: "block-ingress" });
  s.wait(600);
  assert.equal(s.send({ from: a.ipv6, to: INTERNET, sourcePort: 41_000 }).verdict, "internet");
  assert.equal(s.answer().verdict, "deliver");
  s.ec2("ModifyVpcBlockPublicAccessOptions", { InternetGatewayBlockMode: "block-bidirectional" });
  s.wait(600);
  assert.equal(s.send({ from: a.ipv6, to: INTERNET, sourcePort: 41_001 }).reason, "block_public_access");

  s.title("Deleted: the route leads nowhere");
  s.ec2("DeleteEgressOnlyInternetGateway", { EgressOnlyInternetGatewayId });
  assert.equal(s.send({ from: a.ipv6, to: INTERNET, sourcePort: 41_002 }).reason, "blackhole");
  s.end();
});

test("IPv6 between VPCs, by lists, past an appliance, and in flow logs", { skip: noKernel }, async () => {
  const s = story("ipv6-routing");
  for (const [index, name] of ["left", "right"].entries()) {
    vpc(s, name, index);
    s.ec2(
      "CreateSubnet",
      { VpcId: s.id(name), CidrBlock: `10.${index}.1.0/24`, Ipv6CidrBlock: block(s, name, 0) },
      `${name} subnet`,
    );
    s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.id(`${name} group`), IpPermissions: EVERYBODY });
  }
  const a = s.launch("a", { SubnetId: s.id("left subnet"), Ipv6AddressCount: 1 });
  const b = s.launch("b", { SubnetId: s.id("right subnet"), Ipv6AddressCount: 1 });
  const across = (sourcePort = 40_000): string => s.send({ from: a.ipv6, to: b.ipv6, sourcePort }).reason;
  const LogDestination = "arn:aws:s3:::logs";
  const LogFormat =
    "${action} ${flow-direction} ${srcaddr} ${dstaddr} ${pkt-srcaddr} ${protocol} ${traffic-path} ${type}";
  s.ec2(
    "CreateFlowLogs",
    {
      ResourceType: "VPC",
      ResourceIds: [s.id("left")],
      TrafficType: "ALL",
      LogDestinationType: "s3",
      LogDestination,
      LogFormat,
    },
    "log",
  );

  s.title("A peering connection carries it by its own routes");
  assert.equal(across(), "no_route");
  s.ec2("CreateVpcPeeringConnection", { VpcId: s.id("left"), PeerVpcId: s.id("right") }, "peering");
  s.ec2("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: s.id("peering") });
  const VpcPeeringConnectionId = s.id("peering");
  const right = block(s, "right", 0).replace("/64", "/56");
  const left = block(s, "left", 0).replace("/64", "/56");
  s.ec2("CreateRoute", {
    RouteTableId: s.id("left table"),
    DestinationIpv6CidrBlock: right,
    VpcPeeringConnectionId,
  });
  assert.equal(across(), "none");
  assert.equal(s.answer().reason, "no_route");
  s.ec2("CreateRoute", {
    RouteTableId: s.id("right table"),
    DestinationIpv6CidrBlock: left,
    VpcPeeringConnectionId,
  });
  assert.equal(across(40_001), "none");
  assert.equal(s.answer().verdict, "deliver");

  s.title("Else by the internet, straight from one gateway to the other");
  s.ec2("DeleteRoute", { RouteTableId: s.id("left table"), DestinationIpv6CidrBlock: right });
  s.ec2("DeleteRoute", { RouteTableId: s.id("right table"), DestinationIpv6CidrBlock: left });
  for (const name of ["left", "right"]) {
    gateway(s, name);
    s.ec2("CreateRoute", {
      RouteTableId: s.id(`${name} table`),
      DestinationIpv6CidrBlock: "::/0",
      GatewayId: s.id(`${name} igw`),
    });
  }
  assert.equal(across(40_002), "none");
  assert.equal(s.answer().verdict, "deliver");
  s.wait(60);
  await s.flows();

  s.title("A prefix list of IPv6 blocks, in a route and in a rule");
  const list = {
    PrefixListName: "hosts",
    AddressFamily: "IPv6",
    MaxEntries: 2,
    Entries: [{ Cidr: "2001:db8:ffff::/48" }],
  };
  s.ec2("CreateManagedPrefixList", list, "list");
  s.ec2("DeleteRoute", { RouteTableId: s.id("left table"), DestinationIpv6CidrBlock: "::/0" });
  assert.equal(s.send({ from: a.ipv6, to: INTERNET }).reason, "no_route");
  s.ec2("CreateRoute", {
    RouteTableId: s.id("left table"),
    DestinationPrefixListId: s.id("list"),
    GatewayId: s.id("left igw"),
  });
  assert.equal(s.send({ from: a.ipv6, to: INTERNET }).verdict, "internet");

  s.title("What comes in meets an appliance first");
  const appliance = s.launch("appliance", { SubnetId: s.id("left subnet"), Ipv6AddressCount: 1 });
  s.ec2("ModifyNetworkInterfaceAttribute", {
    NetworkInterfaceId: appliance.eni,
    SourceDestCheck: { Value: false },
  });
  s.ec2("CreateRouteTable", { VpcId: s.id("left") }, "edge table");
  const edge = s.id("edge table");
  s.ec2("CreateRoute", {
    RouteTableId: edge,
    DestinationIpv6CidrBlock: block(s, "left", 0),
    NetworkInterfaceId: appliance.eni,
  });
  s.ec2("AssociateRouteTable", { RouteTableId: edge, GatewayId: s.id("left igw") });
  const met = s.send({ from: INTERNET, to: a.ipv6, port: 443 });
  assert.equal(met.verdict, "deliver");
  assert.equal(
    met.target,
    present(s.region.reader().get("network-interface", appliance.eni), "the appliance").slot,
  );
  assert.equal(s.send({ from: INTERNET, to: a.ipv6, port: 443, by: appliance.eni }).verdict, "deliver");
  s.end();
});
