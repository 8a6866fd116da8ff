import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { attachGateway, type Genkan, noPackets, startGenkan, there } from "../kit/genkan.ts";

const INTERNET = "2001:db8:ffff::1";
const ALL_IPV6 = [{ IpProtocol: "-1", Ipv6Ranges: [{ CidrIpv6: "::/0" }] }];

describe("IPv6", { skip: noPackets }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan();
  });
  after(() => genkan.stop());

  const inside = (id: string, ...command: readonly string[]): ReturnType<Genkan["genkan"]> =>
    genkan.genkan("exec", id, "--", ...command);
  const outside = (...command: readonly string[]): ReturnType<Genkan["genkan"]> =>
    genkan.genkan("internet", "--", ...command);

  test(
    "goes both ways by the internet gateway, only out by the egress-only one, and by no other",
    { timeout: 180_000 },
    async () => {
      const { client } = genkan;
      const made = await client.send(
        new ec2.CreateVpcCommand({ CidrBlock: "10.0.0.0/16", AmazonProvidedIpv6CidrBlock: true }),
      );
      const vpc = there(made.Vpc?.VpcId);
      const { Vpcs } = await client.send(new ec2.DescribeVpcsCommand({ VpcIds: [vpc] }));
      const block = there(Vpcs?.[0]?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock);
      const subnetOf = async (more: object): Promise<string> =>
        there((await client.send(new ec2.CreateSubnetCommand({ VpcId: vpc, ...more }))).Subnet?.SubnetId);
      const dual = await subnetOf({ CidrBlock: "10.0.1.0/24", Ipv6CidrBlock: block.replace("/56", "/64") });
      const only = await subnetOf({ Ipv6Native: true, Ipv6CidrBlock: block.replace("00::/56", "01::/64") });
      const igw = await attachGateway(client, vpc);
      const tables = await client.send(
        new ec2.DescribeRouteTablesCommand({ Filters: [{ Name: "vpc-id", Values: [vpc] }] }),
      );
      const table = there(tables.RouteTables?.[0]?.RouteTableId);
      const group = there(
        (
          await client.send(
            new ec2.CreateSecurityGroupCommand({ VpcId: vpc, GroupName: "open", Description: "in" }),
          )
        ).GroupId,
      );
      await client.send(
        new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions: ALL_IPV6 }),
      );
      const launch = async (SubnetId: string): Promise<readonly [id: string, address: string]> => {
        const eni = { DeviceIndex: 0, SubnetId, Groups: [group], Ipv6AddressCount: 1 };
        const image = {
          ImageId: "ami-0123456789abcdef0",
          InstanceType: "t3.micro",
          MinCount: 1,
          MaxCount: 1,
        } as const;
        const { Instances } = await client.send(
          new ec2.RunInstancesCommand({ ...image, NetworkInterfaces: [eni] }),
        );
        const id = there(Instances?.[0]?.InstanceId);
        await ec2.waitUntilInstanceRunning(
          { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
          { InstanceIds: [id] },
        );
        return [id, there(Instances?.[0]?.NetworkInterfaces?.[0]?.Ipv6Addresses?.[0]?.Ipv6Address)];
      };
      const [a, aAddress] = await launch(dual);
      const [b, bAddress] = await launch(only);

      const lost = await inside(a, "ping", "-6", "-c", "1", "-W", "1", INTERNET);
      assert.notEqual(lost.status, 0, "no route");
      await client.send(
        new ec2.CreateRouteCommand({ RouteTableId: table, DestinationIpv6CidrBlock: "::/0", GatewayId: igw }),
      );
      const ping = await inside(a, "ping", "-6", "-c", "2", "-W", "2", INTERNET);
      assert.equal(ping.status, 0, `${ping.out}${ping.err}`);
      const seen = await inside(b, "curl", "-gs", "--max-time", "5", `http://[${INTERNET}]/ip`);
      assert.equal(seen.out.trim(), bAddress, `the internet sees the instance's own address ${seen.err}`);
      const named = await inside(b, "curl", "-6s", "--max-time", "5", "http://internet.example/ip");
      assert.equal(
        named.out.trim(),
        bAddress,
        `by its name, which the resolver tells over IPv6 ${named.err}`,
      );
      const metadata = (path: string): ReturnType<Genkan["genkan"]> =>
        inside(b, "curl", "-gsf", "--max-time", "2", `http://[fd00:ec2::254]/latest/${path}`);
      assert.notEqual(
        (await metadata("meta-data/instance-id")).status,
        0,
        "the metadata's IPv6 endpoint is off",
      );
      await client.send(
        new ec2.ModifyInstanceMetadataOptionsCommand({
          InstanceId: b,
          HttpProtocolIpv6: "enabled",
          HttpTokens: "optional",
        }),
      );
      assert.equal((await metadata("meta-data/instance-id")).out, b, "and answers when it is on");
      const neighbours = await inside(a, "ping", "-6", "-c", "1", "-W", "2", bAddress);
      assert.equal(neighbours.status, 0, "between subnets");
      const inwards = await outside("ping", "-6", "-c", "1", "-W", "2", aAddress);
      assert.equal(inwards.status, 0, `${inwards.out}${inwards.err}`);
      const long = await inside(a, "ping", "-6", "-c", "1", "-W", "1", "-M", "do", "-s", "1500", INTERNET);
      assert.match(`${long.out}${long.err}`, /mtu[ =:]+1500/i, "too big is told");

      const egress = await client.send(new ec2.CreateEgressOnlyInternetGatewayCommand({ VpcId: vpc }));
      const EgressOnlyInternetGatewayId = there(
        egress.EgressOnlyInternetGateway?.EgressOnlyInternetGatewayId,
      );
      await client.send(
        new ec2.ReplaceRouteCommand({
          RouteTableId: table,
          DestinationIpv6CidrBlock: "::/0",
          EgressOnlyInternetGatewayId,
        }),
      );
      const out = await inside(a, "curl", "-gs", "--max-time", "5", `http://[${INTERNET}]/ip`);
      assert.equal(out.out.trim(), aAddress);
      const unasked = await outside("ping", "-6", "-c", "1", "-W", "1", aAddress);
      assert.notEqual(unasked.status, 0, "nobody comes in");

      // An address that comes later is there at once, and one that goes is not.
      const { Instances } = there(
        (await client.send(new ec2.DescribeInstancesCommand({ InstanceIds: [a] }))).Reservations?.[0],
      );
      const NetworkInterfaceId = there(Instances?.[0]?.NetworkInterfaces?.[0]?.NetworkInterfaceId);
      const assigned = await client.send(
        new ec2.AssignIpv6AddressesCommand({ NetworkInterfaceId, Ipv6AddressCount: 1 }),
      );
      const added = there(assigned.AssignedIpv6Addresses?.[0]);
      const from = async (address: string): Promise<number> => {
        for (let attempt = 0; ; attempt++) {
          const { status, out: seenAs } = await inside(
            a,
            "curl",
            "-gs",
            "--max-time",
            "1",
            "--interface",
            address,
            `http://[${INTERNET}]/ip`,
          );
          if (seenAs.trim() === address || attempt > 10) return status;
        }
      };
      assert.equal(await from(added), 0);
      await client.send(new ec2.UnassignIpv6AddressesCommand({ NetworkInterfaceId, Ipv6Addresses: [added] }));
      const gone = await outside("ping", "-6", "-c", "1", "-W", "1", added);
      assert.notEqual(gone.status, 0);
    },
  );
});
