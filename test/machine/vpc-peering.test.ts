import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import {
  buildVpc,
  type Genkan,
  launchInstance,
  noPackets,
  startGenkan,
  there,
  type Vpc,
} from "../kit/genkan.ts";

describe("two VPCs that are peered", { skip: noPackets }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan();
  });
  after(() => genkan.stop());

  test(
    "reach each other while the connection is active and both tables lead through it",
    { timeout: 120_000 },
    async () => {
      const { client } = genkan;
      const left = await buildVpc(client);
      const made = await client.send(new ec2.CreateVpcCommand({ CidrBlock: "10.1.0.0/16" }));
      const right = there(made.Vpc?.VpcId);
      const subnet = there(
        (await client.send(new ec2.CreateSubnetCommand({ VpcId: right, CidrBlock: "10.1.0.0/24" }))).Subnet
          ?.SubnetId,
      );
      const ofRight = [{ Name: "vpc-id", Values: [right] }];
      const table = there(
        (await client.send(new ec2.DescribeRouteTablesCommand({ Filters: ofRight }))).RouteTables?.[0]
          ?.RouteTableId,
      );
      const group = there(
        (await client.send(new ec2.DescribeSecurityGroupsCommand({ Filters: ofRight }))).SecurityGroups?.[0]
          ?.GroupId,
      );
      const IpPermissions = [
        { IpProtocol: "icmp", FromPort: -1, ToPort: -1, IpRanges: [{ CidrIp: "10.0.0.0/16" }] },
      ];
      await client.send(new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions }));
      const one = await launchInstance(client, left);
      const other = await launchInstance(client, { ...left, vpc: right, subnet, group });
      const address = there(other.PrivateIpAddress);
      const ping = async (): Promise<number | null> =>
        (await genkan.genkan("exec", there(one.InstanceId), "--", "ping", "-c", "1", "-W", "1", address))
          .status;
      const asked = await client.send(
        new ec2.CreateVpcPeeringConnectionCommand({ VpcId: left.vpc, PeerVpcId: right }),
      );
      const VpcPeeringConnectionId = there(asked.VpcPeeringConnection?.VpcPeeringConnectionId);
      const leads = async (RouteTableId: string, DestinationCidrBlock: string): Promise<unknown> =>
        client.send(
          new ec2.CreateRouteCommand({ RouteTableId, DestinationCidrBlock, VpcPeeringConnectionId }),
        );
      await leads(left.table, "10.1.0.0/16");
      await leads(table, "10.0.0.0/16");
      assert.notEqual(await ping(), 0, "nobody has accepted yet");
      await client.send(new ec2.AcceptVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
      assert.equal(await ping(), 0, "accepted");
      await client.send(new ec2.DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
      assert.notEqual(await ping(), 0, "deleted");
    },
  );

  test(
    "of two regions exchange packets of 8500 bytes, over both families, until the connection is deleted in either",
    { timeout: 180_000 },
    async (t) => {
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
        genkan
          .genkan("exec", from, "--", "ping", "-c", "1", "-W", "1", ...more, to)
          .then(({ status }) => status);
      const IpPermissions = [
        { IpProtocol: "icmp", FromPort: -1, ToPort: -1, IpRanges: [{ CidrIp: "10.2.0.0/16" }] },
      ];
      await west.send(new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId: right.group, IpPermissions }));
      const [a, b] = [await launchInstance(east, left), await launchInstance(west, right)];
      const [one, other] = [there(a.InstanceId), there(b.InstanceId)];
      const [ofOne, ofOther] = [there(a.PrivateIpAddress), there(b.PrivateIpAddress)];
      const request = { VpcId: left.vpc, PeerVpcId: right.vpc, PeerRegion: "us-west-2" };
      const asked = await east.send(new ec2.CreateVpcPeeringConnectionCommand(request));
      const VpcPeeringConnectionId = there(asked.VpcPeeringConnection?.VpcPeeringConnectionId);
      const leads = (RouteTableId: string, DestinationCidrBlock: string) => ({
        RouteTableId,
        DestinationCidrBlock,
        VpcPeeringConnectionId,
      });
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
      const [six, otherSix] = [await ipv6Of(east, left, a), await ipv6Of(west, right, b)];
      const ipv6Leads = (RouteTableId: string, DestinationIpv6CidrBlock: string) => ({
        RouteTableId,
        DestinationIpv6CidrBlock,
        VpcPeeringConnectionId,
      });
      const icmpv6 = [
        { IpProtocol: "icmpv6", FromPort: -1, ToPort: -1, Ipv6Ranges: [{ CidrIpv6: six.block }] },
      ];
      await west.send(
        new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId: right.group, IpPermissions: icmpv6 }),
      );
      await east.send(new ec2.CreateRouteCommand(ipv6Leads(left.table, otherSix.block)));
      assert.notEqual(await ping(one, otherSix.address), 0, "there is no way back over IPv6");
      await west.send(new ec2.CreateRouteCommand(ipv6Leads(right.table, six.block)));
      assert.equal(await ping(one, otherSix.address), 0, "over IPv6");
      assert.equal(await ping(one, otherSix.address, "-M", "do", "-s", "8452"), 0, "8500 bytes of IPv6");
      assert.notEqual(await ping(one, otherSix.address, "-M", "do", "-s", "8453"), 0, "one more of IPv6");
      await east.send(new ec2.DeleteVpcPeeringConnectionCommand({ VpcPeeringConnectionId }));
      assert.notEqual(await ping(one, ofOther), 0, "deleted");
      assert.notEqual(await ping(one, otherSix.address), 0, "deleted for IPv6");
      assert.notEqual(await ping(other, ofOne), 0, "deleted in the other region, too");
      const states = [east, west].map(async (client) => {
        const { VpcPeeringConnections } = await client.send(new ec2.DescribeVpcPeeringConnectionsCommand({}));
        return VpcPeeringConnections?.find((found) => found.VpcPeeringConnectionId === VpcPeeringConnectionId)
          ?.Status?.Code;
      });
      assert.deepEqual(await Promise.all(states), ["deleted", "deleted"]);
    },
  );
});

/**
 * Gives the VPC and its subnet IPv6 blocks, and the instance an address. @returns the VPC's block, and the
 * address
 */
async function ipv6Of(
  client: ec2.EC2Client,
  { vpc, subnet }: Vpc,
  instance: ec2.Instance,
): Promise<{ block: string; address: string }> {
  await client.send(new ec2.AssociateVpcCidrBlockCommand({ VpcId: vpc, AmazonProvidedIpv6CidrBlock: true }));
  const { Vpcs } = await client.send(new ec2.DescribeVpcsCommand({ VpcIds: [vpc] }));
  const block = there(Vpcs?.[0]?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock);
  await client.send(
    new ec2.AssociateSubnetCidrBlockCommand({ SubnetId: subnet, Ipv6CidrBlock: block.replace("/56", "/64") }),
  );
  const NetworkInterfaceId = there(instance.NetworkInterfaces?.[0]?.NetworkInterfaceId);
  const assigned = await client.send(
    new ec2.AssignIpv6AddressesCommand({ NetworkInterfaceId, Ipv6AddressCount: 1 }),
  );
  return { block, address: there(assigned.AssignedIpv6Addresses?.[0]) };
}
