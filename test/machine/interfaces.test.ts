import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { attachGateway, type Genkan, noPackets, startGenkan, there } from "../kit/genkan.ts";

const INTERNET = ["198.51.100.1", "2001:db8:ffff::1"] as const;

describe("several interfaces", { skip: noPackets }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan();
  });
  after(() => genkan.stop());

  const inside = (id: string, ...command: readonly string[]): ReturnType<Genkan["genkan"]> =>
    genkan.genkan("exec", id, "--", ...command);

  test(
    "each answers for itself over IPv4 and IPv6, from launch on, over a restart, and after the machine lost one",
    { timeout: 300_000 },
    async () => {
      const { client } = genkan;
      const made = await client.send(
        new ec2.CreateVpcCommand({ CidrBlock: "10.0.0.0/16", AmazonProvidedIpv6CidrBlock: true }),
      );
      const vpc = there(made.Vpc?.VpcId);
      const { Vpcs } = await client.send(new ec2.DescribeVpcsCommand({ VpcIds: [vpc] }));
      const block = there(Vpcs?.[0]?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock);
      const igw = await attachGateway(client, vpc);
      const tables = await client.send(
        new ec2.DescribeRouteTablesCommand({ Filters: [{ Name: "vpc-id", Values: [vpc] }] }),
      );
      const table = there(tables.RouteTables?.[0]?.RouteTableId);
      for (const to of [{ DestinationCidrBlock: "0.0.0.0/0" }, { DestinationIpv6CidrBlock: "::/0" }])
        await client.send(new ec2.CreateRouteCommand({ RouteTableId: table, GatewayId: igw, ...to }));
      const group = there(
        (
          await client.send(
            new ec2.CreateSecurityGroupCommand({ VpcId: vpc, GroupName: "open", Description: "in" }),
          )
        ).GroupId,
      );
      const all = [
        { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }], Ipv6Ranges: [{ CidrIpv6: "::/0" }] },
      ];
      await client.send(new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId: group, IpPermissions: all }));
      const subnets = await Promise.all(
        [0, 1].map(async (i) => {
          const blocks = {
            CidrBlock: `10.0.${i}.0/24`,
            Ipv6CidrBlock: block.replace("00::/56", `0${i}::/64`),
          };
          return there(
            (await client.send(new ec2.CreateSubnetCommand({ VpcId: vpc, ...blocks }))).Subnet?.SubnetId,
          );
        }),
      );
      // The second in another subnet, the third beside the first.
      const NetworkInterfaces = [subnets[0], subnets[1], subnets[0]].map((SubnetId, DeviceIndex) => ({
        DeviceIndex,
        SubnetId: there(SubnetId),
        Groups: [group],
        Ipv6AddressCount: 1,
      }));
      const image = {
        ImageId: "ami-0123456789abcdef0",
        InstanceType: "m5.large",
        MinCount: 1,
        MaxCount: 1,
      } as const;
      const launched = await client.send(new ec2.RunInstancesCommand({ ...image, NetworkInterfaces }));
      const id = there(launched.Instances?.[0]?.InstanceId);
      const enis = there(launched.Instances?.[0]?.NetworkInterfaces).toSorted(
        (a, b) => (a.Attachment?.DeviceIndex ?? 0) - (b.Attachment?.DeviceIndex ?? 0),
      );
      const running = (): Promise<unknown> =>
        ec2.waitUntilInstanceRunning(
          { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
          { InstanceIds: [id] },
        );
      await running();
      const publicIps = await Promise.all(
        enis.map(async (eni) => {
          const { AllocationId, PublicIp } = await client.send(
            new ec2.AllocateAddressCommand({ Domain: "vpc" }),
          );
          await client.send(
            new ec2.AssociateAddressCommand({ AllocationId, NetworkInterfaceId: eni.NetworkInterfaceId }),
          );
          return there(PublicIp);
        }),
      );
      const own = enis.map(
        (eni) => [there(eni.PrivateIpAddress), there(eni.Ipv6Addresses?.[0]?.Ipv6Address)] as const,
      );
      const answers = async (when: string): Promise<void> => {
        for (const [i, [four, six]] of own.entries()) {
          for (const address of [publicIps[i] ?? "", six]) {
            const asked = await genkan.genkan("internet", "--", "ping", "-c", "1", "-W", "3", address);
            assert.equal(
              asked.status,
              0,
              `${when}: eth${i} is asked at ${address}: ${asked.out}${asked.err}`,
            );
          }
          const seen = [publicIps[i], six];
          for (const [family, source] of [four, six].entries()) {
            const url = family === 0 ? `http://${INTERNET[0]}/ip` : `http://[${INTERNET[1]}]/ip`;
            const told = await inside(id, "curl", "-gs", "--max-time", "5", "--interface", source, url);
            assert.equal(told.out.trim(), seen[family], `${when}: eth${i} asks from ${source} ${told.err}`);
          }
        }
      };
      await answers("launched");
      // An address that its root gave it stays when another comes by the API.
      assert.equal((await inside(id, "ip", "address", "add", "172.20.0.9/32", "dev", "eth1")).status, 0);
      await client.send(
        new ec2.AssignPrivateIpAddressesCommand({
          NetworkInterfaceId: enis[1]?.NetworkInterfaceId,
          PrivateIpAddresses: ["10.0.1.99"],
        }),
      );
      const shows = async (pattern: RegExp): Promise<void> => {
        const end = Date.now() + 30_000;
        while (!pattern.test((await inside(id, "ip", "-br", "addr")).out))
          assert.ok(Date.now() < end, String(pattern));
      };
      await shows(/eth1@.* 172\.20\.0\.9\/32 .*10\.0\.1\.99\/24|eth1@.*10\.0\.1\.99\/24 .*172\.20\.0\.9\/32/);
      // Gone while nobody looks: the next start makes it again, and packets pass.
      await inside(id, "ip", "link", "del", "eth0");
      genkan.process.kill("SIGKILL");
      await new Promise((resolve) => genkan.process.once("exit", resolve));
      await genkan.start();
      await answers("adopted");
      await client.send(new ec2.StopInstancesCommand({ InstanceIds: [id] }));
      await ec2.waitUntilInstanceStopped(
        { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
        { InstanceIds: [id] },
      );
      await client.send(new ec2.StartInstancesCommand({ InstanceIds: [id] }));
      await running();
      await answers("started again");
    },
  );
});
