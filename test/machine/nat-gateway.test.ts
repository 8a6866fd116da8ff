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
} from "../kit/genkan.ts";

const INTERNET = "198.51.100.1";
const EVERYWHERE = "0.0.0.0/0";

describe("a private subnet behind a NAT gateway", { skip: noPackets }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan();
  });
  after(() => genkan.stop());

  test("reaches out as the gateway's address, and nobody reaches in", { timeout: 120_000 }, async () => {
    const { client } = genkan;
    const vpc = await buildVpc(client);
    const igw = await attachGateway(client, vpc.vpc);
    await client.send(
      new ec2.CreateRouteCommand({
        RouteTableId: vpc.table,
        DestinationCidrBlock: EVERYWHERE,
        GatewayId: igw,
      }),
    );
    const inner = there(
      (await client.send(new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock: "10.0.2.0/24" }))).Subnet
        ?.SubnetId,
    );
    const address = await client.send(new ec2.AllocateAddressCommand({}));
    const made = await client.send(
      new ec2.CreateNatGatewayCommand({ SubnetId: vpc.subnet, AllocationId: address.AllocationId }),
    );
    const nat = there(made.NatGateway?.NatGatewayId);
    await ec2.waitUntilNatGatewayAvailable(
      { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
      { NatGatewayIds: [nat] },
    );
    const table = there(
      (await client.send(new ec2.CreateRouteTableCommand({ VpcId: vpc.vpc }))).RouteTable?.RouteTableId,
    );
    await client.send(new ec2.AssociateRouteTableCommand({ RouteTableId: table, SubnetId: inner }));
    await client.send(
      new ec2.CreateRouteCommand({
        RouteTableId: table,
        DestinationCidrBlock: EVERYWHERE,
        NatGatewayId: nat,
      }),
    );
    const worker = there((await launchInstance(client, { ...vpc, subnet: inner })).InstanceId);
    const inside = (...command: readonly string[]): ReturnType<Genkan["genkan"]> =>
      genkan.genkan("exec", worker, "--", ...command);

    const seen = await inside("curl", "-s", "--max-time", "5", `http://${INTERNET}/ip`);
    assert.equal(
      seen.out.trim(),
      address.PublicIp,
      `the internet sees the NAT gateway's address ${seen.err}`,
    );
    const ping = await inside("ping", "-c", "2", "-W", "2", INTERNET);
    assert.equal(ping.status, 0, `${ping.out}${ping.err}`);
    const unasked = await genkan.genkan(
      "internet",
      "--",
      "curl",
      "-s",
      "--max-time",
      "1",
      `http://${address.PublicIp}/`,
    );
    assert.notEqual(unasked.status, 0, "nobody comes in");

    // It carries 8500 bytes of the 9001 that there are inside.
    const behind = await client.send(
      new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock: "10.0.3.0/24" }),
    );
    await client.send(
      new ec2.AssociateRouteTableCommand({ RouteTableId: table, SubnetId: there(behind.Subnet?.SubnetId) }),
    );
    const database = await launchInstance(client, { ...vpc, subnet: there(behind.Subnet?.SubnetId) });
    const open = { IpProtocol: "icmp", FromPort: 8, ToPort: -1, IpRanges: [{ CidrIp: "10.0.1.0/24" }] };
    const GroupId = there(database.SecurityGroups?.[0]?.GroupId);
    await client.send(new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions: [open] }));
    const by = { RouteTableId: table, DestinationCidrBlock: "10.0.3.0/24", NatGatewayId: nat };
    await client.send(new ec2.CreateRouteCommand(by));
    const long = (bytes: number): ReturnType<typeof inside> =>
      inside(
        "ping",
        "-c",
        "1",
        "-W",
        "2",
        "-M",
        "do",
        "-s",
        String(bytes - 28),
        there(database.PrivateIpAddress),
      );
    assert.equal((await long(8500)).status, 0);
    assert.match((await long(8501)).out, /From 10\.0\.2\.1 .*Frag(mentation)? needed.*mtu = 8500/i);

    const why = await genkan.genkan("explain", worker, "--json");
    const verdicts = (json: string): readonly string[] =>
      (JSON.parse(json) as { readonly exchanges: readonly { readonly verdict: string }[] }).exchanges.map(
        ({ verdict }) => verdict,
      );
    assert.deepEqual([why.status, verdicts(why.out)], [1, ["passes", "blocked"]]);
    assert.equal((await genkan.genkan("explain", worker, "--direction", "out")).status, 0);
    // The way of the NAT gateway's own subnet is what carries it on.
    await client.send(
      new ec2.DeleteRouteCommand({ RouteTableId: vpc.table, DestinationCidrBlock: EVERYWHERE }),
    );
    const lost = await inside("curl", "-s", "--max-time", "1", `http://${INTERNET}/ip`);
    assert.notEqual(lost.status, 0);
    const explained = await genkan.genkan("explain", worker);
    assert.match(
      explained.out,
      new RegExp(`✗ route table: the subnet's route table has no route to the destination  ${vpc.table}`),
    );
    assert.match(
      explained.out,
      new RegExp(
        `aws ec2 create-route --route-table-id ${vpc.table} --destination-cidr-block 0.0.0.0/0 --gateway-id ${igw}`,
      ),
    );

    // A regional one needs no subnet: its own table leads out.
    const regional = await client.send(
      new ec2.CreateNatGatewayCommand({ VpcId: vpc.vpc, AvailabilityMode: "regional" }),
    );
    const everywhere = there(regional.NatGateway?.NatGatewayId);
    const { NatGateways = [] } = await client.send(
      new ec2.DescribeNatGatewaysCommand({ NatGatewayIds: [everywhere] }),
    );
    const itsAddress = there(NatGateways[0]?.NatGatewayAddresses?.[0]?.PublicIp);
    const route = { RouteTableId: table, DestinationCidrBlock: EVERYWHERE, NatGatewayId: everywhere };
    await client.send(new ec2.ReplaceRouteCommand(route));
    const again = await inside("curl", "-s", "--max-time", "5", `http://${INTERNET}/ip`);
    assert.equal(
      again.out.trim(),
      itsAddress,
      `the internet sees the regional gateway's address ${again.err}`,
    );
    assert.deepEqual(verdicts((await genkan.genkan("explain", worker, "--json")).out), ["passes", "blocked"]);
    const itsTable = there(NatGateways[0]?.RouteTableId);
    await client.send(
      new ec2.DeleteRouteCommand({ RouteTableId: itsTable, DestinationCidrBlock: EVERYWHERE }),
    );
    assert.match(
      (await genkan.genkan("explain", worker)).out,
      new RegExp(
        `✗ route table: the subnet's route table has no route to the destination  ${itsTable}[^]*--route-table-id ${itsTable} --destination-cidr-block 0.0.0.0/0 --gateway-id ${igw}`,
      ),
    );
  });
});
