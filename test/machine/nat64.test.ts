import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { attachGateway, type Genkan, noPackets, startGenkan, there } from "../kit/genkan.ts";

const SYNTHETIC = "64:ff9b::c633:6401";

describe("an IPv6-only instance, behind NAT64 and DNS64", { skip: noPackets }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan();
  });
  after(() => genkan.stop());

  test(
    "reaches IPv4 hosts as the NAT gateway's address, by number and by name",
    { timeout: 180_000 },
    async () => {
      const { client } = genkan;
      const made = await client.send(
        new ec2.CreateVpcCommand({ CidrBlock: "10.0.0.0/16", AmazonProvidedIpv6CidrBlock: true }),
      );
      const vpc = there(made.Vpc?.VpcId);
      const block = there(made.Vpc?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock).replace("/56", "/64");
      const igw = await attachGateway(client, vpc);
      const tables = await client.send(
        new ec2.DescribeRouteTablesCommand({ Filters: [{ Name: "vpc-id", Values: [vpc] }] }),
      );
      const main = there(tables.RouteTables?.[0]?.RouteTableId);
      await client.send(
        new ec2.CreateRouteCommand({ RouteTableId: main, DestinationCidrBlock: "0.0.0.0/0", GatewayId: igw }),
      );
      const outer = there(
        (await client.send(new ec2.CreateSubnetCommand({ VpcId: vpc, CidrBlock: "10.0.1.0/24" }))).Subnet
          ?.SubnetId,
      );
      const address = await client.send(new ec2.AllocateAddressCommand({}));
      const gateway = await client.send(
        new ec2.CreateNatGatewayCommand({ SubnetId: outer, AllocationId: address.AllocationId }),
      );
      const nat = there(gateway.NatGateway?.NatGatewayId);
      await ec2.waitUntilNatGatewayAvailable(
        { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
        { NatGatewayIds: [nat] },
      );
      const native = new ec2.CreateSubnetCommand({ VpcId: vpc, Ipv6Native: true, Ipv6CidrBlock: block });
      const inner = there((await client.send(native)).Subnet?.SubnetId);
      await client.send(
        new ec2.ModifySubnetAttributeCommand({ SubnetId: inner, EnableDns64: { Value: true } }),
      );
      const table = there(
        (await client.send(new ec2.CreateRouteTableCommand({ VpcId: vpc }))).RouteTable?.RouteTableId,
      );
      await client.send(new ec2.AssociateRouteTableCommand({ RouteTableId: table, SubnetId: inner }));
      const way = { RouteTableId: table, DestinationIpv6CidrBlock: "64:ff9b::/96", NatGatewayId: nat };
      await client.send(new ec2.CreateRouteCommand(way));
      const launch = {
        ImageId: "ami-0123456789abcdef0",
        InstanceType: "t3.micro",
        MinCount: 1,
        MaxCount: 1,
        SubnetId: inner,
      } as const;
      const worker = there(
        (await client.send(new ec2.RunInstancesCommand(launch))).Instances?.[0]?.InstanceId,
      );
      await ec2.waitUntilInstanceRunning(
        { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
        { InstanceIds: [worker] },
      );
      const inside = (...command: readonly string[]): ReturnType<Genkan["genkan"]> =>
        genkan.genkan("exec", worker, "--", ...command);

      const seen = await inside("curl", "-s", "--max-time", "5", `http://[${SYNTHETIC}]/ip`);
      assert.equal(
        seen.out.trim(),
        address.PublicIp,
        `the internet sees the NAT gateway's address ${seen.err}`,
      );
      const ping = await inside("ping", "-6", "-c", "2", "-W", "2", SYNTHETIC);
      assert.equal(ping.status, 0, `${ping.out}${ping.err}`);
      // The only name that has an IPv4 address and no IPv6 address.
      const named = await inside("getent", "ahostsv6", "machine.internet.example");
      assert.match(named.out, /^64:ff9b::c633:6402\s/, named.err);
      const own = await inside("getent", "ahostsv6", "internet.example");
      assert.match(own.out, /^2001:db8:ffff::1\s/);

      const traced = await genkan.genkan("trace", worker, "--to", SYNTHETIC);
      assert.match(traced.out, new RegExp(`${nat}[^]*${address.PublicIp}`), traced.err);
      const explained = await genkan.genkan("explain", worker, "--to", SYNTHETIC);
      assert.match(
        explained.out,
        /✓ i-[0-9a-f]+ can reach 64:ff9b::c633:6401 on TCP 80, and the answer comes back/,
      );
      // Nobody begins anything through NAT64 from outside, so that is not asked.
      assert.equal(explained.status, 0, explained.out);

      await client.send(
        new ec2.DeleteRouteCommand({ RouteTableId: table, DestinationIpv6CidrBlock: "64:ff9b::/96" }),
      );
      const lost = await inside("curl", "-s", "--max-time", "1", `http://[${SYNTHETIC}]/ip`);
      assert.notEqual(lost.status, 0);
      assert.notEqual(
        (
          await genkan.genkan(
            "internet",
            "--",
            "curl",
            "-s",
            "--max-time",
            "1",
            `http://${address.PublicIp}/`,
          )
        ).status,
        0,
      );
    },
  );
});
