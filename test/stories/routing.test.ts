import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { type Story, story } from "./story.ts";

/** A VPC 10.N.0.0/16 with a subnet 10.N.1.0/24; its words begin with `word`. */
function vpc(s: Story, word: string, number: number): string {
  s.ec2("CreateVpc", { CidrBlock: `10.${number}.0.0/16` }, word);
  const id = s.id(word);
  const record = present(s.region.reader().get("vpc", id), id);
  s.name(record.mainRouteTable.routeTableId, `${word}'s table`);
  s.name(record.defaultSecurityGroupId, `${word}'s group`);
  s.ec2("CreateSubnet", { VpcId: id, CidrBlock: `10.${number}.1.0/24` }, `${word}'s subnet`);
  return id;
}

function gateway(s: Story, word: string): void {
  s.ec2("CreateInternetGateway", {}, "gateway");
  s.ec2("AttachInternetGateway", { VpcId: s.id(word), InternetGatewayId: s.id("gateway") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id(`${word}'s table`),
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: s.id("gateway"),
  });
}

const admit = (s: Story, group: string, CidrIp = "0.0.0.0/0"): void =>
  s.ec2("AuthorizeSecurityGroupIngress", {
    GroupId: s.id(group),
    IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp }] }],
  });

test("a gateway route table", { skip: noKernel }, () => {
  const s = story("gateway-route-table");
  vpc(s, "vpc", 1);
  gateway(s, "vpc");
  admit(s, "vpc's group");
  s.ec2("CreateSubnet", { VpcId: s.id("vpc"), CidrBlock: "10.1.2.0/24" }, "appliance's subnet");
  const web = s.launch("web", {
    NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: s.id("vpc's subnet"), AssociatePublicIpAddress: true }],
  });
  const appliance = s.launch("appliance", { SubnetId: s.id("appliance's subnet") });
  s.ec2("CreateRouteTable", { VpcId: s.id("vpc") }, "gateway's table");
  s.ec2("CreateRoute", {
    RouteTableId: s.id("gateway's table"),
    DestinationCidrBlock: "10.1.1.0/24",
    NetworkInterfaceId: appliance.eni,
  });
  s.ec2("AssociateRouteTable", { RouteTableId: s.id("gateway's table"), GatewayId: s.id("gateway") });
  const publicIp = present(web.publicIp, "its public address");
  s.title("What comes in meets the appliance first, which must take packets for others");
  assert.equal(s.send({ from: "198.51.100.1", to: publicIp }).reason, "destination_check");
  s.ec2("ModifyNetworkInterfaceAttribute", {
    NetworkInterfaceId: appliance.eni,
    SourceDestCheck: { Value: false },
  });
  const seen = s.send({ from: "198.51.100.1", to: publicIp });
  assert.deepEqual([seen.verdict, seen.trace?.packet.destination], ["deliver", web.ip]);
  s.title("The appliance sends it on");
  assert.equal(s.send({ from: "198.51.100.1", to: web.ip, by: appliance.eni }).verdict, "deliver");
  s.title("The answer goes by the subnet's own table, past the appliance unless that says so");
  assert.equal(
    s.send({ from: web.ip, to: "198.51.100.1", sourcePort: 80, port: 40_000, flags: "ack" }).verdict,
    "internet",
  );
  s.ec2("ReplaceRoute", {
    RouteTableId: s.id("vpc's table"),
    DestinationCidrBlock: "0.0.0.0/0",
    NetworkInterfaceId: appliance.eni,
  });
  assert.equal(
    s.send({ from: web.ip, to: "198.51.100.1", sourcePort: 80, port: 40_000, flags: "ack" }).target > 0,
    true,
  );
  s.end();
});

test("Block Public Access", { skip: noKernel }, () => {
  const s = story("block-public-access");
  vpc(s, "vpc", 1);
  gateway(s, "vpc");
  admit(s, "vpc's group");
  const web = s.launch("web", {
    NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: s.id("vpc's subnet"), AssociatePublicIpAddress: true }],
  });
  s.ec2("CreateSubnet", { VpcId: s.id("vpc"), CidrBlock: "10.1.2.0/24" }, "private subnet");
  s.ec2("AllocateAddress", {}, "address");
  s.ec2("CreateNatGateway", { SubnetId: s.id("vpc's subnet"), AllocationId: s.id("address") }, "nat");
  s.ec2("CreateRouteTable", { VpcId: s.id("vpc") }, "private table");
  s.ec2("AssociateRouteTable", { RouteTableId: s.id("private table"), SubnetId: s.id("private subnet") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id("private table"),
    DestinationCidrBlock: "0.0.0.0/0",
    NatGatewayId: s.id("nat"),
  });
  const worker = s.launch("worker", { SubnetId: s.id("private subnet") });
  const mode = (to: "off" | "block-ingress" | "block-bidirectional"): void => {
    s.title(to);
    s.ec2("ModifyVpcBlockPublicAccessOptions", { InternetGatewayBlockMode: to });
  };
  const publicIp = present(web.publicIp, "its public address");
  const all = (port: number): readonly string[] => [
    s.send({ from: web.ip, to: "198.51.100.1", port }).reason,
    s.send({ from: "198.51.100.1", to: publicIp, port }).reason,
    s.send({ from: worker.ip, to: "198.51.100.1", port }).reason,
    s.answer().reason,
  ];
  const blocked = "block_public_access";
  mode("off");
  assert.deepEqual(all(80), ["none", "none", "none", "none"]);
  mode("block-ingress");
  assert.deepEqual(all(81), ["none", blocked, "none", "none"]);
  mode("block-bidirectional");
  assert.deepEqual(
    [s.send({ from: web.ip, to: "198.51.100.1", port: 80, flags: "ack" }).reason],
    [blocked],
    "known flows too, at once",
  );
  assert.equal(s.send({ from: "198.51.100.1", to: publicIp, port: 82 }).reason, blocked);
  assert.equal(s.send({ from: worker.ip, to: "198.51.100.1", port: 82 }).reason, blocked);
  const spare = { SubnetId: s.id("vpc's subnet") };
  s.title("The subnet is spared: egress");
  s.ec2(
    "CreateVpcBlockPublicAccessExclusion",
    { ...spare, InternetGatewayExclusionMode: "allow-egress" },
    "exclusion",
  );
  assert.deepEqual(all(83), ["none", blocked, "none", "none"]);
  s.title("The subnet is spared: both ways");
  s.ec2("ModifyVpcBlockPublicAccessExclusion", {
    ExclusionId: s.id("exclusion"),
    InternetGatewayExclusionMode: "allow-bidirectional",
  });
  assert.deepEqual(all(84), ["none", "none", "none", "none"]);
  s.end();
});

test("route priority", { skip: noKernel }, () => {
  const s = story("route-priority");
  vpc(s, "vpc", 1);
  gateway(s, "vpc");
  const web = s.launch("web", {
    NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: s.id("vpc's subnet"), AssociatePublicIpAddress: true }],
  });
  const box = s.launch("box", { SubnetId: s.id("vpc's subnet") });
  s.ec2("ModifyNetworkInterfaceAttribute", {
    NetworkInterfaceId: box.eni,
    SourceDestCheck: { Value: false },
  });
  const table = s.id("vpc's table");
  const list = (word: string, ...cidrs: readonly string[]): void => {
    const Entries = cidrs.map((Cidr) => ({ Cidr }));
    s.ec2(
      "CreateManagedPrefixList",
      { PrefixListName: word, AddressFamily: "IPv4", MaxEntries: 3, Entries },
      word,
    );
  };
  const toList = (
    word: string,
    target: { readonly GatewayId: string } | { readonly NetworkInterfaceId: string },
  ): void => s.ec2("CreateRoute", { RouteTableId: table, DestinationPrefixListId: s.id(word), ...target });
  const goes = (): string => s.send({ from: web.ip, to: "198.51.100.1" }).verdict;

  s.title("The longest prefix: the local route and 0.0.0.0/0");
  assert.equal(s.send({ from: web.ip, to: box.ip, protocol: "ping" }).verdict, "deliver");
  assert.equal(goes(), "internet");
  s.title("A longer one of a prefix list");
  list("list", "198.51.100.0/24");
  toList("list", { NetworkInterfaceId: box.eni });
  assert.equal(goes(), "drop");
  s.title("The same block in a route of its own goes before the list's");
  s.ec2("CreateRoute", {
    RouteTableId: table,
    DestinationCidrBlock: "198.51.100.0/24",
    GatewayId: s.id("gateway"),
  });
  assert.equal(goes(), "internet");
  s.ec2("DeleteRoute", { RouteTableId: table, DestinationCidrBlock: "198.51.100.0/24" });
  s.title("Of two lists with the same block, always the same one");
  list("another list", "198.51.100.0/24");
  toList("another list", { GatewayId: s.id("gateway") });
  const first = s.id("another list") < s.id("list");
  assert.equal(goes(), first ? "internet" : "drop");
  s.ec2("DeleteRoute", { RouteTableId: table, DestinationPrefixListId: s.id("another list") });
  s.title("A list's entry goes, and packets follow at once");
  s.ec2("ModifyManagedPrefixList", {
    PrefixListId: s.id("list"),
    CurrentVersion: 1,
    RemoveEntries: [{ Cidr: "198.51.100.0/24" }],
  });
  assert.equal(goes(), "internet");
  s.ec2("RestoreManagedPrefixListVersion", {
    PrefixListId: s.id("list"),
    CurrentVersion: 2,
    PreviousVersion: 1,
  });
  assert.equal(goes(), "drop");
  s.title("The local route goes before a list's of the same block");
  s.ec2("ModifyManagedPrefixList", {
    PrefixListId: s.id("list"),
    CurrentVersion: 3,
    AddEntries: [{ Cidr: "10.1.0.0/16" }],
    RemoveEntries: [{ Cidr: "198.51.100.0/24" }],
  });
  assert.equal(goes(), "internet");
  assert.equal(s.send({ from: box.ip, to: "10.1.9.9", by: box.eni }).reason, "no_such_private_address");
  s.end();
});
