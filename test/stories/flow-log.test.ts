import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { type Story, story } from "./story.ts";

const FIELDS =
  "interface-id flow-direction action srcaddr dstaddr pkt-srcaddr pkt-dstaddr srcport dstport protocol packets bytes tcp-flags traffic-path start end log-status";
const LogFormat = FIELDS.split(" ")
  .map((field) => `\${${field}}`)
  .join(" ");
const INTERNET = "198.51.100.1";

/** A VPC with a gateway and two instances of the default group in one subnet, `web` with a public address. */
function network(s: Story) {
  s.ec2("CreateVpc", { CidrBlock: "10.0.0.0/16" }, "vpc");
  const vpc = present(s.region.reader().list("vpc")[0], "the VPC");
  s.name(vpc.mainRouteTable.routeTableId, "table");
  s.name(vpc.defaultSecurityGroupId, "group");
  s.name(vpc.defaultNetworkAclId, "acl");
  s.ec2("CreateSubnet", { VpcId: vpc.id, CidrBlock: "10.0.1.0/24" }, "subnet");
  s.ec2("CreateInternetGateway", {}, "gateway");
  const [subnet, gateway] = [s.id("subnet"), s.id("gateway")];
  s.ec2("AttachInternetGateway", { VpcId: vpc.id, InternetGatewayId: gateway });
  const table = vpc.mainRouteTable.routeTableId;
  s.ec2("CreateRoute", { RouteTableId: table, DestinationCidrBlock: "0.0.0.0/0", GatewayId: gateway });
  const web = s.launch("web", {
    NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: subnet, AssociatePublicIpAddress: true }],
  });
  const inside = s.launch("inside", {
    NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: subnet, AssociatePublicIpAddress: false }],
  });
  return { vpc, table, subnet, web, inside, address: present(web.publicIp, "a public address") };
}

function toBucket(ResourceType: string, id: string, more: object = {}): object {
  return {
    ResourceType,
    ResourceIds: [id],
    TrafficType: "ALL",
    LogDestinationType: "s3",
    LogDestination: "arn:aws:s3:::bucket",
    ...more,
  };
}

test("flow logs", { skip: noKernel }, async () => {
  const s = story("flow-log");
  const { vpc, table, web, inside, address } = network(s);
  s.ec2("CreateFlowLogs", toBucket("VPC", vpc.id, { LogFormat }), "log");

  s.title("An exchange with the internet: the interface's own addresses, on the way out and back");
  s.send({ from: web.ip, to: INTERNET });
  assert.equal(s.answer().verdict, "deliver");
  s.wait(1);
  s.send({ from: web.ip, to: INTERNET, flags: "ack" });
  s.send({ from: web.ip, to: INTERNET, flags: "ack" });
  await s.flows();

  s.title("Refused by the security group");
  assert.equal(s.send({ from: INTERNET, to: address, port: 22 }).reason, "security_group_in");
  await s.flows();

  s.title("A ping that the group lets in, and its answer that the network ACL refuses");
  s.ec2("AuthorizeSecurityGroupIngress", {
    GroupId: vpc.defaultSecurityGroupId,
    IpPermissions: [{ IpProtocol: "icmp", FromPort: -1, ToPort: -1, IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
  });
  const refuse = { NetworkAclId: vpc.defaultNetworkAclId, RuleNumber: 50, Egress: true };
  s.ec2("CreateNetworkAclEntry", {
    ...refuse,
    Protocol: "1",
    RuleAction: "deny",
    CidrBlock: "0.0.0.0/0",
    IcmpTypeCode: { Type: -1, Code: -1 },
  });
  s.send({ from: INTERNET, to: address, protocol: "ping" });
  assert.equal(s.answer().reason, "network_acl_out");
  await s.flows();
  s.ec2("DeleteNetworkAclEntry", refuse);

  s.title("Within the subnet: a line at each end");
  s.send({ from: web.ip, to: inside.ip, protocol: "udp", port: 7 });
  await s.flows();

  s.title("Without a public address: let out by group and ACL, and lost at the gateway");
  assert.equal(s.send({ from: inside.ip, to: INTERNET }).reason, "no_public_ip");
  await s.flows();

  s.title("A secondary address: the primary one is told, and the packet's own in pkt-dstaddr");
  s.ec2("AssignPrivateIpAddresses", { NetworkInterfaceId: inside.eni, PrivateIpAddresses: ["10.0.1.77"] });
  s.send({ from: web.ip, to: "10.0.1.77" });
  await s.flows();

  s.title("What is not logged: metadata, DNS, what is forged, what no route leads anywhere");
  assert.equal(s.send({ from: web.ip, to: "169.254.169.254" }).verdict, "service");
  assert.equal(s.send({ from: web.ip, to: "10.0.0.2", protocol: "udp", port: 53 }).verdict, "service");
  assert.equal(s.send({ from: "10.0.1.99", to: INTERNET, by: web.eni }).reason, "spoofed_source");
  assert.equal(s.send({ from: web.ip, to: "10.0.1.200" }).reason, "no_such_private_address");
  s.ec2("DeleteRoute", { RouteTableId: table, DestinationCidrBlock: "0.0.0.0/0" });
  assert.equal(s.send({ from: web.ip, to: INTERNET }).reason, "no_route");
  await s.flows();

  s.title("A quiet minute, then one with traffic");
  s.wait(60);
  await s.flows();
  s.wait(60);
  await s.flows();
  s.wait(30);
  s.send({ from: web.ip, to: inside.ip, protocol: "udp", port: 7 });
  s.wait(30);
  await s.flows();

  s.title("Of an interface, only what is refused, in the default format; the VPC's log ends");
  s.ec2("CreateFlowLogs", toBucket("NetworkInterface", web.eni, { TrafficType: "REJECT" }), "second log");
  s.ec2("DeleteFlowLogs", { FlowLogIds: [s.id("log")] });
  s.send({ from: web.ip, to: inside.ip, protocol: "udp", port: 7 });
  s.send({ from: INTERNET, to: address, port: 22 });
  await s.flows();
  s.end();
});

test("flow logs of a NAT gateway's interface", { skip: noKernel }, async () => {
  const s = story("flow-log-nat");
  s.ec2("CreateVpc", { CidrBlock: "10.0.0.0/16" }, "vpc");
  const vpc = present(s.region.reader().list("vpc")[0], "the VPC");
  s.name(vpc.mainRouteTable.routeTableId, "public table");
  s.name(vpc.defaultNetworkAclId, "acl");
  s.ec2("CreateInternetGateway", {}, "gateway");
  s.ec2("AttachInternetGateway", { VpcId: vpc.id, InternetGatewayId: s.id("gateway") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id("public table"),
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: s.id("gateway"),
  });
  s.ec2("CreateSubnet", { VpcId: vpc.id, CidrBlock: "10.0.0.0/24" }, "public subnet");
  s.ec2("CreateSubnet", { VpcId: vpc.id, CidrBlock: "10.0.1.0/24" }, "private subnet");
  s.ec2("AllocateAddress", {}, "address");
  s.ec2("CreateNatGateway", { SubnetId: s.id("public subnet"), AllocationId: s.id("address") }, "nat");
  s.ec2("CreateRouteTable", { VpcId: vpc.id }, "private table");
  s.ec2("AssociateRouteTable", { RouteTableId: s.id("private table"), SubnetId: s.id("private subnet") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id("private table"),
    DestinationCidrBlock: "0.0.0.0/0",
    NatGatewayId: s.id("nat"),
  });
  const eni = present(
    s.region.reader().by("network-interface", "natGatewayId", s.id("nat"))[0],
    "the gateway's interface",
  );
  s.name(eni.id, "nat's interface");
  const address = present(s.region.reader().get("address", s.id("address")), "the address").publicIp;
  const worker = s.launch("worker", { SubnetId: s.id("private subnet") });
  s.ec2("CreateFlowLogs", toBucket("VPC", vpc.id, { LogFormat }), "log");

  s.title("Out and back: four lines, the private end in pkt-srcaddr and pkt-dstaddr");
  s.send({ from: worker.ip, to: INTERNET });
  assert.equal(s.answer().verdict, "deliver");
  await s.flows();

  s.title("Unsolicited: no ACL refuses it, and the gateway has nobody to send it to");
  assert.equal(s.send({ from: INTERNET, to: address, port: 22 }).reason, "nat_no_connection");
  await s.flows();

  s.title("Refused by the ACL of the gateway's subnet, on the way to the gateway");
  const refuse = { NetworkAclId: vpc.defaultNetworkAclId, RuleNumber: 50, Egress: false };
  s.ec2("CreateNetworkAclEntry", {
    ...refuse,
    Protocol: "17",
    RuleAction: "deny",
    CidrBlock: "10.0.1.0/24",
    PortRange: { From: 9, To: 9 },
  });
  assert.equal(s.send({ from: worker.ip, to: INTERNET, protocol: "udp", port: 9 }).reason, "network_acl_in");
  await s.flows();
  s.end();
});
