import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import {
  attachGateway,
  buildVpc,
  type Genkan,
  launchInstance,
  noPackets,
  startGenkan,
  there,
  type Vpc,
} from "../kit/genkan.ts";

const SERVER =
  "#!/bin/sh\nmkdir -p /tmp/www\necho inside > /tmp/www/index.html\nexec busybox httpd -f -p 80 -h /tmp/www\n";

describe("inside the VPC", { skip: noPackets, timeout: 180_000 }, () => {
  let genkan: Genkan;
  let vpc: Vpc;
  let igw: string;
  before(async () => {
    genkan = await startGenkan();
    vpc = await buildVpc(genkan.client);
    igw = await attachGateway(genkan.client, vpc.vpc);
    await genkan.client.send(
      new ec2.CreateRouteCommand({
        RouteTableId: vpc.table,
        DestinationCidrBlock: "0.0.0.0/0",
        GatewayId: igw,
      }),
    );
  });
  after(() => genkan.stop());

  const run = (id: string, ...command: string[]): ReturnType<Genkan["genkan"]> =>
    genkan.genkan("exec", id, "--", ...command);
  /** Whether the page that SERVER serves comes back. */
  const fetches = async (id: string, address: string): Promise<boolean> =>
    (await run(id, "curl", "-s", "-m", "2", `http://${address}/`)).out.trim() === "inside";
  const served = async (id: string): Promise<void> => {
    const ended = await run(
      id,
      "curl",
      "-s",
      "--retry",
      "50",
      "--retry-delay",
      "0",
      "--retry-connrefused",
      "--retry-max-time",
      "10",
      "http://127.0.0.1/",
    );
    assert.equal(ended.out.trim(), "inside");
  };
  const group = async (name: string): Promise<string> =>
    there(
      (
        await genkan.client.send(
          new ec2.CreateSecurityGroupCommand({ VpcId: vpc.vpc, GroupName: name, Description: name }),
        )
      ).GroupId,
    );
  const subnet = async (block: string): Promise<string> =>
    there(
      (await genkan.client.send(new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock: block }))).Subnet
        ?.SubnetId,
    );

  test("groups name groups; a public address of the VPC is seen from the public address and matches no such rule", async () => {
    const { client } = genkan;
    const clients = await group("clients");
    const servers = await group("servers");
    await client.send(
      new ec2.AuthorizeSecurityGroupIngressCommand({
        GroupId: servers,
        IpPermissions: [
          { IpProtocol: "tcp", FromPort: 80, ToPort: 80, UserIdGroupPairs: [{ GroupId: clients }] },
        ],
      }),
    );
    const server = await launchInstance(
      client,
      { ...vpc, group: servers },
      { publicIp: true, userData: SERVER },
    );
    const member = await launchInstance(client, { ...vpc, group: clients }, { publicIp: true });
    const stranger = await launchInstance(client, vpc);
    await served(there(server.InstanceId));
    const privateIp = there(server.PrivateIpAddress);
    const publicIp = there(server.PublicIpAddress);

    assert.equal(await fetches(there(member.InstanceId), privateIp), true, "a member of the group gets in");
    assert.equal(await fetches(there(stranger.InstanceId), privateIp), false, "another does not");
    assert.equal(
      await fetches(there(member.InstanceId), publicIp),
      false,
      "by the public address the rule does not match",
    );

    // A rule for the member's public address admits it: that is where it is seen from.
    await client.send(
      new ec2.AuthorizeSecurityGroupIngressCommand({
        GroupId: servers,
        IpProtocol: "tcp",
        FromPort: 80,
        ToPort: 80,
        CidrIp: `${there(member.PublicIpAddress)}/32`,
      }),
    );
    assert.equal(await fetches(there(member.InstanceId), publicIp), true);
    await client.send(
      new ec2.AuthorizeSecurityGroupIngressCommand({
        GroupId: servers,
        IpProtocol: "tcp",
        FromPort: 80,
        ToPort: 80,
        CidrIp: "0.0.0.0/0",
      }),
    );
    assert.equal(
      await fetches(there(stranger.InstanceId), publicIp),
      false,
      "without a public IP of its own nobody reaches one",
    );
    assert.equal(await fetches(there(stranger.InstanceId), privateIp), true);
  });

  test("network ACLs stand between subnets, not within one; the lowest rule decides", async () => {
    const { client } = genkan;
    const near = await launchInstance(client, vpc, { userData: SERVER });
    const neighbour = await launchInstance(client, vpc);
    const far = await launchInstance(client, { ...vpc, subnet: await subnet("10.0.2.0/24") });
    await served(there(near.InstanceId));
    const address = there(near.PrivateIpAddress);
    const acls = await client.send(
      new ec2.DescribeNetworkAclsCommand({
        Filters: [{ Name: "association.subnet-id", Values: [vpc.subnet] }],
      }),
    );
    const acl = there(acls.NetworkAcls?.[0]?.Associations?.find((one) => one.SubnetId === vpc.subnet));
    const mine = there(
      (await client.send(new ec2.CreateNetworkAclCommand({ VpcId: vpc.vpc }))).NetworkAcl?.NetworkAclId,
    );
    const rule = (
      RuleNumber: number,
      RuleAction: "allow" | "deny",
      Egress: boolean,
      CidrBlock = "0.0.0.0/0",
    ): Promise<unknown> =>
      client.send(
        new ec2.CreateNetworkAclEntryCommand({
          NetworkAclId: mine,
          RuleNumber,
          RuleAction,
          Egress,
          CidrBlock,
          Protocol: "-1",
        }),
      );
    await rule(200, "allow", false);
    await rule(200, "allow", true);
    const replaced = await client.send(
      new ec2.ReplaceNetworkAclAssociationCommand({
        AssociationId: there(acl.NetworkAclAssociationId),
        NetworkAclId: mine,
      }),
    );
    assert.equal(await fetches(there(far.InstanceId), address), true);
    await rule(100, "deny", false, "10.0.0.0/16");
    assert.equal(await fetches(there(far.InstanceId), address), false, "rule 100 comes before rule 200");
    assert.equal(
      await fetches(there(neighbour.InstanceId), address),
      true,
      "within the subnet no ACL is asked",
    );
    await client.send(
      new ec2.ReplaceNetworkAclAssociationCommand({
        AssociationId: there(replaced.NewAssociationId),
        NetworkAclId: there(acl.NetworkAclId),
      }),
    );
    assert.equal(await fetches(there(far.InstanceId), address), true);
  });

  test("9001 bytes inside, 1500 through the gateway: fragmentation needed with DF, fragments without", async () => {
    const a = await launchInstance(genkan.client, vpc, { publicIp: true });
    const b = await launchInstance(genkan.client, vpc);
    const id = there(a.InstanceId);
    const ping = (size: number, df: "do" | "dont", to: string): ReturnType<typeof run> =>
      run(id, "ping", "-c", "1", "-W", "2", "-s", String(size), "-M", df, to);
    assert.equal((await ping(8973, "do", there(b.PrivateIpAddress))).status, 0, "9001 bytes inside");
    assert.equal((await ping(1472, "do", "198.51.100.1")).status, 0, "1500 bytes through the gateway");
    const refused = await ping(1473, "do", "198.51.100.1");
    assert.notEqual(refused.status, 0);
    assert.match(refused.out + refused.err, /From 10\.0\.1\.1 .*Frag(mentation)? needed.*mtu = 1500/i);
    // The path's MTU is remembered from the refusal: forget it, so that this one leaves whole and the gateway
    // cuts it.
    await run(id, "ip", "route", "flush", "cache");
    assert.equal((await ping(4000, "dont", "198.51.100.1")).status, 0, "fragments both ways");
  });

  test("a secondary address has an Elastic IP of its own; an interface comes and goes while the instance runs", async () => {
    const { client } = genkan;
    const instance = await launchInstance(client, vpc, { publicIp: true });
    const id = there(instance.InstanceId);
    const eni = there(instance.NetworkInterfaces?.[0]?.NetworkInterfaceId);
    await client.send(
      new ec2.AssignPrivateIpAddressesCommand({
        NetworkInterfaceId: eni,
        PrivateIpAddresses: ["10.0.1.200"],
      }),
    );
    const elastic = await client.send(new ec2.AllocateAddressCommand({ Domain: "vpc" }));
    await client.send(
      new ec2.AssociateAddressCommand({
        AllocationId: there(elastic.AllocationId),
        NetworkInterfaceId: eni,
        PrivateIpAddress: "10.0.1.200",
      }),
    );
    const seenFrom = async (source: string): Promise<string> => {
      const end = Date.now() + 10_000;
      for (;;) {
        const ended = await run(id, "curl", "-s", "-m", "3", "--interface", source, "http://198.51.100.1/ip");
        if (ended.status === 0 || Date.now() > end) return ended.out.trim();
      }
    };
    assert.equal(await seenFrom("10.0.1.200"), there(elastic.PublicIp));
    assert.equal(await seenFrom(there(instance.PrivateIpAddress)), there(instance.PublicIpAddress));

    const second = await client.send(
      new ec2.CreateNetworkInterfaceCommand({ SubnetId: vpc.subnet, Groups: [vpc.group] }),
    );
    const secondId = there(second.NetworkInterface?.NetworkInterfaceId);
    const attachment = await client.send(
      new ec2.AttachNetworkInterfaceCommand({ NetworkInterfaceId: secondId, InstanceId: id, DeviceIndex: 1 }),
    );
    const shows = async (wanted: boolean): Promise<void> => {
      const end = Date.now() + 10_000;
      while (((await run(id, "ip", "link", "show", "eth1")).status === 0) !== wanted)
        assert.ok(Date.now() < end, `eth1 ${wanted ? "comes" : "goes"}`);
    };
    await shows(true);
    await client.send(
      new ec2.DetachNetworkInterfaceCommand({ AttachmentId: there(attachment.AttachmentId) }),
    );
    await shows(false);
  });
});
