import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { type Story, story } from "./story.ts";

const INTERNET = "198.51.100.1";

/**
 * A VPC 10.0.0.0/16 whose subnet's packets go to its gateway, and whose default group lets in what `CidrIp`
 * sends.
 */
function publicVpc(s: Story, CidrIp: string): void {
  s.ec2("CreateVpc", { CidrBlock: "10.0.0.0/16" }, "vpc");
  const vpc = present(s.region.reader().get("vpc", s.id("vpc")), "the VPC");
  s.name(vpc.mainRouteTable.routeTableId, "table");
  s.name(vpc.defaultSecurityGroupId, "group");
  s.ec2("CreateSubnet", { VpcId: vpc.id, CidrBlock: "10.0.1.0/24" }, "subnet");
  s.ec2("CreateInternetGateway", {}, "gateway");
  s.ec2("AttachInternetGateway", { VpcId: vpc.id, InternetGatewayId: s.id("gateway") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id("table"),
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: s.id("gateway"),
  });
  const IpPermissions = [{ IpProtocol: "-1", IpRanges: [{ CidrIp }] }];
  s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.id("group"), IpPermissions });
}

/** Allocates an Elastic IP, called `word`; returns its public address. */
function allocated(s: Story, word: string): string {
  s.ec2("AllocateAddress", {}, word);
  const { publicIp } = present(s.region.reader().get("address", s.id(word)), word);
  return publicIp;
}

/** Takes the Elastic IP from where it is. */
function disassociate(s: Story, word: string): void {
  const { association } = present(s.region.reader().get("address", s.id(word)), word);
  const AssociationId = present(association, `${word} is somewhere`).associationId;
  s.name(AssociationId, `${word}'s association`);
  s.ec2("DisassociateAddress", { AssociationId });
}

test("Elastic IPs", { skip: noKernel }, () => {
  const s = story("elastic-ips");
  publicVpc(s, "0.0.0.0/0");
  const web = s.launch("web", { SubnetId: s.id("subnet"), PrivateIpAddress: "10.0.1.10" });
  const other = s.launch("other", { SubnetId: s.id("subnet"), PrivateIpAddress: "10.0.1.20" });
  s.ec2("AssignPrivateIpAddresses", { NetworkInterfaceId: web.eni, PrivateIpAddresses: ["10.0.1.11"] });
  const [a, b] = [allocated(s, "a"), allocated(s, "b")];
  const [A, B] = [s.id("a"), s.id("b")];
  const comesIn = (to: string, port = 80) => s.send({ from: INTERNET, to, port });
  const reached = (to: string, port?: number): string | undefined =>
    comesIn(to, port).trace?.packet.destination;
  const goesOut = (from: string, port = 443) => s.send({ from, to: INTERNET, port });

  s.title("An address that is nowhere takes nothing, and nobody without one gets out");
  assert.equal(comesIn(a).reason, "public_ip_not_mapped");
  assert.equal(goesOut(web.ip).reason, "no_public_ip");

  s.title("One on each private address of an interface: each leads to its own, and leaves as its own");
  s.ec2("AssociateAddress", { AllocationId: A, NetworkInterfaceId: web.eni });
  s.ec2("AssociateAddress", { AllocationId: B, NetworkInterfaceId: web.eni, PrivateIpAddress: "10.0.1.11" });
  assert.deepEqual([reached(a), s.answer().trace?.packet.source], [web.ip, a]);
  assert.deepEqual([reached(b), s.answer().trace?.packet.source], ["10.0.1.11", b]);
  assert.equal(goesOut("10.0.1.11").trace?.packet.source, b);

  s.title("Where reassociation is forbidden");
  s.refused("AssociateAddress", { AllocationId: A, InstanceId: other.id, AllowReassociation: false });
  assert.equal(reached(a, 81), web.ip);

  s.title("Reassociation moves packets at once, those of known flows too");
  s.ec2("AssociateAddress", { AllocationId: A, InstanceId: other.id });
  assert.equal(reached(a, 82), other.ip);
  assert.equal(
    s.send({ from: web.ip, to: INTERNET, sourcePort: 80, port: 40_000, flags: "ack" }).reason,
    "no_public_ip",
  );
  assert.equal(goesOut(other.ip).trace?.packet.source, a);
  assert.equal(reached(b, 82), "10.0.1.11", "the interface's other address is as it was");

  s.title("An address comes to where another one was, which is free then");
  s.ec2("AssociateAddress", { AllocationId: B, InstanceId: other.id });
  assert.equal(reached(b, 83), other.ip);
  assert.equal(comesIn(a, 83).reason, "public_ip_not_mapped");
  assert.equal(goesOut(other.ip, 444).trace?.packet.source, b);

  s.title("It is released when it is nowhere");
  s.refused("ReleaseAddress", { AllocationId: B });
  disassociate(s, "b");
  assert.equal(comesIn(b, 84).reason, "public_ip_not_mapped");
  assert.equal(goesOut(other.ip, 445).reason, "no_public_ip");
  s.ec2("ReleaseAddress", { AllocationId: B });
  s.refused("AssociateAddress", { AllocationId: B, InstanceId: other.id });
  s.end();
});

test("two public addresses of one VPC", { skip: noKernel }, () => {
  const s = story("hairpin");
  publicVpc(s, "10.0.0.0/16");
  const left = s.launch("left", { SubnetId: s.id("subnet"), PrivateIpAddress: "10.0.1.10" });
  const right = s.launch("right", { SubnetId: s.id("subnet"), PrivateIpAddress: "10.0.1.20" });
  const inner = s.launch("inner", { SubnetId: s.id("subnet"), PrivateIpAddress: "10.0.1.30" });
  const [a, b] = [allocated(s, "a"), allocated(s, "b")];
  s.ec2("AssociateAddress", { AllocationId: s.id("a"), InstanceId: left.id });
  s.ec2("AssociateAddress", { AllocationId: s.id("b"), InstanceId: right.id });

  s.title("By their private addresses they are of one group and one network");
  assert.equal(s.send({ from: left.ip, to: right.ip }).verdict, "deliver");

  s.title(
    "By its public address one comes as from outside, with its own public address: the group's own rule does not know it",
  );
  assert.equal(s.send({ from: left.ip, to: b, port: 81 }).reason, "security_group_in");
  const IpPermissions = [{ IpProtocol: "tcp", FromPort: 81, ToPort: 81, IpRanges: [{ CidrIp: `${a}/32` }] }];
  s.ec2("AuthorizeSecurityGroupIngress", { GroupId: s.id("group"), IpPermissions });
  const came = s.send({ from: left.ip, to: b, port: 81 });
  assert.deepEqual(
    [came.verdict, came.trace?.packet.source, came.trace?.packet.destination],
    ["deliver", a, right.ip],
  );
  const back = s.answer();
  assert.deepEqual(
    [back.verdict, back.trace?.packet.source, back.trace?.packet.destination],
    ["deliver", b, left.ip],
  );

  s.title("To itself by its own public address");
  assert.deepEqual([s.send({ from: left.ip, to: a, port: 81 }).trace?.packet.source], [a]);

  s.title("Who has no public address does not get to one");
  assert.equal(s.send({ from: inner.ip, to: b, port: 81 }).reason, "no_public_ip");

  s.title("Nor does anybody get to one that is nowhere");
  disassociate(s, "b");
  assert.equal(s.send({ from: left.ip, to: b, port: 82 }).reason, "public_ip_not_mapped");
  s.end();
});

test("a range of the user's own", { skip: noKernel }, () => {
  const Cidr = "198.18.1.0/24";
  const s = story("public-addresses-brought", { byoip: [Cidr] });
  publicVpc(s, "0.0.0.0/0");
  const web = s.launch("web", { SubnetId: s.id("subnet") });
  s.refused("ProvisionByoipCidr", { Cidr: "192.0.2.0/24", PubliclyAdvertisable: false });
  s.ec2("ProvisionByoipCidr", { Cidr, CidrAuthorizationContext: { Message: "mine", Signature: "signed" } });
  s.ec2("AllocateAddress", { Address: "198.18.1.7" }, "own");
  s.ec2("AssociateAddress", { AllocationId: s.id("own"), InstanceId: web.id });
  const both = (port: number): readonly string[] => [
    s.send({ from: INTERNET, to: "198.18.1.7", port }).reason,
    s.send({ from: web.ip, to: INTERNET, port }).reason,
  ];

  s.title("Until it is advertised its addresses lead nowhere");
  assert.deepEqual(both(80), ["public_ip_not_mapped", "no_public_ip"]);
  s.ec2("AdvertiseByoipCidr", { Cidr });
  assert.deepEqual(both(81), ["none", "none"]);

  s.title("Withdrawn: at once");
  s.ec2("WithdrawByoipCidr", { Cidr });
  assert.deepEqual(both(81), ["public_ip_not_mapped", "no_public_ip"]);
  s.refused("DeprovisionByoipCidr", { Cidr });
  disassociate(s, "own");
  s.ec2("ReleaseAddress", { AllocationId: s.id("own") });
  s.ec2("DeprovisionByoipCidr", { Cidr });
  s.end();
});

test("automatic addresses", { skip: noKernel }, () => {
  const s = story("automatic-address");
  publicVpc(s, "0.0.0.0/0");
  s.ec2("ModifySubnetAttribute", { SubnetId: s.id("subnet"), MapPublicIpOnLaunch: { Value: true } });
  const web = s.launch("web", { SubnetId: s.id("subnet") });
  const auto = (): string | undefined => s.region.reader().get("network-interface", web.eni)?.autoPublicIp;
  const first = present(web.publicIp, "the automatic address");
  const comesIn = (to: string, port: number) => s.send({ from: INTERNET, to, port });
  const goesOut = (port: number): string | undefined =>
    s.send({ from: web.ip, to: INTERNET, port }).trace?.packet.source;

  s.title("The subnet gives one");
  assert.equal(comesIn(first, 80).verdict, "deliver");
  assert.equal(goesOut(443), first);

  s.title("An Elastic IP takes its place at once");
  const elastic = allocated(s, "elastic");
  s.ec2("AssociateAddress", { AllocationId: s.id("elastic"), InstanceId: web.id });
  assert.equal(auto(), undefined);
  assert.equal(comesIn(first, 81).reason, "public_ip_not_mapped");
  assert.equal(comesIn(elastic, 81).verdict, "deliver");
  assert.equal(goesOut(444), elastic);

  s.title("When that goes, another automatic one comes");
  disassociate(s, "elastic");
  const second = present(auto(), "another automatic address");
  assert.notEqual(second, first);
  assert.equal(comesIn(elastic, 82).reason, "public_ip_not_mapped");
  assert.equal(comesIn(second, 82).verdict, "deliver");
  assert.equal(goesOut(445), second);

  s.title("An instance that stops loses it, and the gateway can be detached");
  s.refused("DetachInternetGateway", { VpcId: s.id("vpc"), InternetGatewayId: s.id("gateway") });
  s.ec2("StopInstances", { InstanceIds: [web.id] });
  assert.equal(auto(), undefined);
  assert.equal(comesIn(second, 83).reason, "public_ip_not_mapped");
  s.ec2("DetachInternetGateway", { VpcId: s.id("vpc"), InternetGatewayId: s.id("gateway") });
  s.end();
});
