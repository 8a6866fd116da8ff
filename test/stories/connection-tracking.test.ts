import assert from "node:assert/strict";
import { test } from "node:test";
import { noKernel } from "../../src/datapath/test-kit.ts";
import { present } from "../../src/lib/assert.ts";
import { type Story, story } from "./story.ts";

const HOST = "198.51.100.1";
const HOST6 = "2001:db8:ffff::1";

/**
 * A VPC with IPv4 and IPv6 whose main table leads to the internet gateway, and a group that lets everything
 * out.
 */
function made(name: string): { readonly s: Story; readonly table: string; readonly group: string } {
  const s = story(name);
  s.ec2("CreateVpc", { CidrBlock: "10.0.0.0/16", AmazonProvidedIpv6CidrBlock: true }, "vpc");
  const VpcId = s.id("vpc");
  const vpc = present(s.region.reader().get("vpc", VpcId), VpcId);
  s.name(vpc.mainRouteTable.routeTableId, "table");
  s.ec2("CreateInternetGateway", {}, "gateway");
  s.ec2("AttachInternetGateway", { VpcId, InternetGatewayId: s.id("gateway") });
  s.ec2("CreateRoute", {
    RouteTableId: s.id("table"),
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: s.id("gateway"),
  });
  const block = present(vpc.ipv6CidrBlocks?.[0], "its IPv6 block").ipv6CidrBlock.replace("::/56", ":");
  s.ec2("CreateSubnet", { VpcId, CidrBlock: "10.0.1.0/24", Ipv6CidrBlock: `${block}:/64` }, "subnet");
  s.ec2("CreateSecurityGroup", { VpcId, GroupName: "open", Description: "both ways" }, "group");
  return { s, table: s.id("table"), group: s.id("group") };
}

const OUT = { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
const OUT6 = { IpProtocol: "-1", Ipv6Ranges: [{ CidrIpv6: "::/0" }] };

test(
  "an untracked connection is cut with its rule, whoever sends next; a tracked one goes on",
  { skip: noKernel },
  () => {
    const { s, group } = made("connection-untracked");
    const GroupId = group;
    const ssh = (CidrIp: string) => ({
      GroupId,
      IpPermissions: [{ IpProtocol: "tcp", FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp }] }],
    });
    const launched = s.launch("server", {
      NetworkInterfaces: [
        { DeviceIndex: 0, SubnetId: s.id("subnet"), Groups: [group], AssociatePublicIpAddress: true },
      ],
    });
    const publicIp = present(launched.publicIp, "its public address");
    const fromClient = { from: HOST, to: publicIp, port: 22, sourcePort: 50_000 };
    const fromServer = { from: launched.ip, to: HOST, port: 50_000, sourcePort: 22 };

    s.title("Open for everybody: a connection that is not tracked");
    s.ec2("AuthorizeSecurityGroupIngress", ssh("0.0.0.0/0"));
    assert.equal(s.send(fromClient).verdict, "deliver");
    assert.equal(s.answer().verdict, "internet");
    assert.equal(s.send({ ...fromClient, flags: "ack" }).verdict, "deliver");
    s.title("The rule goes, and the server sends next");
    s.ec2("RevokeSecurityGroupIngress", ssh("0.0.0.0/0"));
    s.send({ ...fromServer, flags: "ack" });
    assert.equal(s.send({ ...fromClient, flags: "ack" }).reason, "security_group_in");

    s.title("Open for one: a connection that is tracked");
    s.ec2("AuthorizeSecurityGroupIngress", ssh(`${HOST}/32`));
    assert.equal(s.send(fromClient).verdict, "deliver");
    assert.equal(s.answer().verdict, "internet");
    s.title("The rule goes, and the connection stays");
    s.ec2("RevokeSecurityGroupIngress", ssh(`${HOST}/32`));
    s.ec2("RevokeSecurityGroupEgress", { GroupId, IpPermissions: [OUT] });
    assert.equal(s.send({ ...fromServer, flags: "ack" }).verdict, "internet");
    assert.equal(s.send({ ...fromClient, flags: "ack" }).verdict, "deliver");
    s.end();
  },
);

test(
  "connections through NAT and egress-only gateways are tracked, and outlive the open rules",
  { skip: noKernel },
  () => {
    const { s, table, group } = made("connection-through-gateways");
    const VpcId = s.id("vpc");
    const subnet = present(s.region.reader().get("subnet", s.id("subnet")), "the subnet");
    s.ec2("CreateSubnet", { VpcId, CidrBlock: "10.0.2.0/24" }, "private subnet");
    s.ec2("CreateRouteTable", { VpcId }, "private table");
    const RouteTableId = s.id("private table");
    s.ec2("AssociateRouteTable", { RouteTableId, SubnetId: s.id("private subnet") });
    s.ec2("AllocateAddress", {}, "address");
    s.ec2("CreateNatGateway", { SubnetId: subnet.id, AllocationId: s.id("address") }, "nat");
    s.ec2("CreateRoute", { RouteTableId, DestinationCidrBlock: "0.0.0.0/0", NatGatewayId: s.id("nat") });
    s.ec2("CreateEgressOnlyInternetGateway", { VpcId }, "egress-only");
    const EgressOnlyInternetGatewayId = s.id("egress-only");
    s.ec2("CreateRoute", {
      RouteTableId: table,
      DestinationIpv6CidrBlock: "::/0",
      EgressOnlyInternetGatewayId,
    });
    s.ec2("AuthorizeSecurityGroupIngress", { GroupId: group, IpPermissions: [OUT, OUT6] });
    const a = s.launch("a", { SubnetId: s.id("private subnet"), SecurityGroupIds: [group] });
    const b = s.launch("b", {
      NetworkInterfaces: [{ DeviceIndex: 0, SubnetId: subnet.id, Groups: [group], Ipv6AddressCount: 1 }],
    });

    s.title("Everything is open both ways");
    const through = [
      { from: a.ip, to: HOST },
      { from: b.ipv6, to: HOST6 },
    ];
    for (const ends of through) {
      assert.equal(s.send({ ...ends, protocol: "tcp" }).verdict, "internet");
      assert.equal(s.answer().verdict, "deliver");
      assert.equal(s.send({ ...ends, protocol: "udp", port: 53 }).verdict, "internet");
    }
    s.title("Nothing is any more; what there was goes on, both ways");
    s.ec2("RevokeSecurityGroupIngress", { GroupId: group, IpPermissions: [OUT, OUT6] });
    s.ec2("RevokeSecurityGroupEgress", { GroupId: group, IpPermissions: [OUT, OUT6] });
    for (const ends of through) {
      assert.equal(s.send({ ...ends, protocol: "tcp", flags: "ack" }).verdict, "internet");
      assert.equal(s.answer().verdict, "deliver");
      assert.equal(s.send({ ...ends, protocol: "udp", port: 53 }).verdict, "internet");
      assert.equal(s.answer().verdict, "deliver");
      assert.equal(s.send({ ...ends, port: 81 }).reason, "security_group_out");
    }
    s.end();
  },
);
