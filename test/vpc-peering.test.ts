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
});
