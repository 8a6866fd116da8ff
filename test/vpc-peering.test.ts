import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { buildVpc, type Genkan, launchInstance, noPackets, startGenkan, there } from "./kit.ts";

describe("two VPCs that are peered", { skip: noPackets }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan();
  });
  after(() => genkan.stop());

  test("reach each other while the connection is active and both tables lead through it", { timeout: 120_000 }, async () => {
    const { client } = genkan;
    const left = await buildVpc(client);
    const made = await client.send(new ec2.CreateVpcCommand({ CidrBlock: "10.1.0.0/16" }));
    const right = there(made.Vpc?.VpcId);
    const subnet = there((await client.send(new ec2.CreateSubnetCommand({ VpcId: right, CidrBlock: "10.1.0.0/24" }))).Subnet?.SubnetId);
    const ofRight = [{ Name: "vpc-id", Values: [right] }];
    const table = there((await client.send(new ec2.DescribeRouteTablesCommand({ Filters: ofRight }))).RouteTables?.[0]?.RouteTableId);
    const group = there((await client.send(new ec2.DescribeSecurityGroupsCommand({ Filters: ofRight }))).SecurityGroups?.[0]?.GroupId);
    const IpPermissions = [{ IpProtocol: "icmp", FromPort: -1, ToPort: -1, IpRanges: [{ CidrIp: "10.0.0.0/16" }] }];
    await client.send(new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions }));
    const one = await launchInstance(client, left);
    const other = await launchInstance(client, { ...left, vpc: right, subnet, group });
    const address = there(other.PrivateIpAddress);
    const ping = async (): Promise<number | null> =>
      (await genkan.genkan("exec", there(one.InstanceId), "--", "ping", "-c", "1", "-W", "1", address)).status;
    const asked = await client.send(new ec2.CreateVpcPeeringConnectionCommand({ VpcId: left.vpc, PeerVpcId: right }));
    const VpcPeeringConnectionId = there(asked.VpcPeeringConnection?.VpcPeeringConnectionId);
    const leads = async (RouteTableId: string, DestinationCidrBlock: string): Promise<unknown> =>
      client.send(new ec2.CreateRouteCommand({ RouteTableId, DestinationCidrBlock, VpcPeeringConnectionId }));
    await leads(left.table, "10.1.0.0/16");
    await leads(table, "10.0.0.0/16");
    assert.notEqual(await ping(), 0, "nobody has accepted yet");
    await client.send(new ec2.AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    assert.equal(await ping(), 0, "accepted");
    await client.send(new ec2.DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    assert.notEqual(await ping(), 0, "deleted");
  });

  test("of two regions exchange packets of 8500 bytes, until the connection is deleted in either", { timeout: 180_000 }, async (t) => {
    const { client: east } = genkan;
    const west = genkan.clientIn("us-west-2");
    t.after(() => west.destroy());
    const left = await buildVpc(east, 2);
    const built = await buildVpc(west, 3);
    const ofRight = [
      { Name: "vpc-id", Values: [built.vpc] },
      { Name: "group-name", Values: ["default"] },
    ];
    const found = await west.send(new ec2.DescribeSecurityGroupsCommand({ Filters: ofRight }));
    const right = { ...built, group: there(found.SecurityGroups?.[0]?.GroupId) };
    const ping = (from: string, to: string, ...more: string[]) =>
      genkan.genkan("exec", from, "--", "ping", "-c", "1", "-W", "1", ...more, to).then(({ status }) => status);
    const IpPermissions = [{ IpProtocol: "icmp", FromPort: -1, ToPort: -1, IpRanges: [{ CidrIp: "10.2.0.0/16" }] }];
    await west.send(new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId: right.group, IpPermissions }));
    const [a, b] = [await launchInstance(east, left), await launchInstance(west, right)];
    const [one, other] = [there(a.InstanceId), there(b.InstanceId)];
    const [ofOne, ofOther] = [there(a.PrivateIpAddress), there(b.PrivateIpAddress)];
    const request = { VpcId: left.vpc, PeerVpcId: right.vpc, PeerRegion: "us-west-2" };
    const asked = await east.send(new ec2.CreateVpcPeeringConnectionCommand(request));
    const VpcPeeringConnectionId = there(asked.VpcPeeringConnection?.VpcPeeringConnectionId);
    const leads = (RouteTableId: string, DestinationCidrBlock: string) => ({ RouteTableId, DestinationCidrBlock, VpcPeeringConnectionId });
    await east.send(new ec2.CreateRouteCommand(leads(left.table, "10.3.0.0/16")));
    await west.send(new ec2.CreateRouteCommand(leads(right.table, "10.2.0.0/16")));
    await assert.rejects(east.send(new ec2.AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId })), {
      name: "OperationNotPermitted",
    });
    assert.notEqual(await ping(one, ofOther), 0, "nobody has accepted yet");
    await west.send(new ec2.AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    assert.equal(await ping(one, ofOther), 0, "accepted");
    assert.equal(await ping(other, ofOne), 0, "both ways");
    assert.equal(await ping(one, ofOther, "-M", "do", "-s", "8472"), 0, "8500 bytes with their headers");
    assert.notEqual(await ping(one, ofOther, "-M", "do", "-s", "8473"), 0, "one more");
    await east.send(new ec2.DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
    assert.notEqual(await ping(one, ofOther), 0, "deleted");
    assert.notEqual(await ping(other, ofOne), 0, "deleted in the other region, too");
    const states = [east, west].map(async (client) => {
      const { VpcPeeringConnections } = await client.send(new ec2.DescribeVpcPeeringConnectionsCommand({}));
      return VpcPeeringConnections?.find((found) => found.VpcPeeringConnectionId === VpcPeeringConnectionId)?.Status?.Code;
    });
    assert.deepEqual(await Promise.all(states), ["deleted", "deleted"]);
  });
});
