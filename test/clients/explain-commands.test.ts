/**
 * The commands that `genkan explain` prints, run by a shell and each AWS CLI that is on the machine, as they
 * stand.
 */

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import {
  buildVpc,
  execute,
  type Genkan,
  launchInstance,
  startGenkan,
  there,
  type Vpc,
} from "../kit/genkan.ts";
import { found } from "./found.ts";

const programs = found("aws");
const MINUTES = 60_000;
const EVERYWHERE = "0.0.0.0/0";

type Told = {
  readonly ok: boolean;
  readonly exchanges: readonly {
    readonly hops: readonly {
      readonly ok: boolean;
      readonly what: string;
      readonly commands?: readonly string[];
    }[];
  }[];
};

describe("explain's commands", { skip: programs.length === 0 ? "no aws here" : false }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan(["--no-packets"]);
  });
  after(() => genkan.stop());

  const explained = async (...words: readonly string[]): Promise<Told> =>
    JSON.parse((await genkan.genkan("explain", ...words, "--json")).out) as Told;

  /** Asks, runs the commands printed, and asks again, until none is printed. */
  const mended = async (program: string, ...words: readonly string[]): Promise<Told> => {
    const folder = mkdtempSync(join(tmpdir(), "genkan-aws-"));
    const env = {
      ...genkan.environment,
      ...genkan.credentials,
      AWS_CONFIG_FILE: join(folder, "config"),
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_PAGER: "",
    };
    // As `genkan env` does it, for a CLI of any age.
    const aws = `aws() { "${program}" --endpoint-url http://127.0.0.1:${genkan.port} "$@"; }`;
    let told = await explained(...words);
    for (let round = 0; round < 4 && !told.ok; round++) {
      const lines = told.exchanges.flatMap(({ hops }) => hops.flatMap(({ commands = [] }) => commands));
      assert.ok(lines.length > 0, JSON.stringify(told));
      const ran = await execute("sh", ["-euc", [aws, ...lines].join("\n")], { env, timeout: 4 * MINUTES });
      assert.equal(ran.status, 0, `${lines.join("\n")}\n${ran.err}`);
      told = await explained(...words);
    }
    rmSync(folder, { recursive: true });
    return told;
  };

  for (const program of programs) {
    test(
      `${program}: from an empty VPC to the internet and back, over IPv4 and IPv6`,
      { timeout: 10 * MINUTES },
      async () => {
        const { client } = genkan;
        const vpc = await buildVpc(client);
        await client.send(new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock: "10.0.2.0/24" }));
        const id = there((await launchInstance(client, vpc)).InstanceId);
        await close(client, vpc);
        assert.equal((await mended(program, id)).ok, true);
        assert.equal((await mended(program, id, "--to", "2001:db8:ffff::1", "--port", "443")).ok, true);
      },
    );

    test(
      `${program}: services, stopped instances, appliances and peers`,
      { timeout: 10 * MINUTES },
      async () => {
        const { client } = genkan;
        const vpc = await buildVpc(client);
        const id = there((await launchInstance(client, vpc)).InstanceId);
        const other = await launchInstance(client, vpc);
        await client.send(
          new ec2.ModifyVpcAttributeCommand({ VpcId: vpc.vpc, EnableDnsSupport: { Value: false } }),
        );
        await client.send(
          new ec2.ModifyInstanceMetadataOptionsCommand({ InstanceId: id, HttpEndpoint: "disabled" }),
        );
        assert.equal((await mended(program, id, "--to", "169.254.169.253")).ok, true);
        assert.equal((await mended(program, id, "--to", "169.254.169.254")).ok, true);
        await client.send(new ec2.StopInstancesCommand({ InstanceIds: [there(other.InstanceId)] }));
        await ec2.waitUntilInstanceStopped(
          { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
          { InstanceIds: [there(other.InstanceId)] },
        );
        assert.equal((await mended(program, id, "--to", there(other.InstanceId))).ok, true);
        const eni = there(other.NetworkInterfaces?.[0]?.NetworkInterfaceId);
        await client.send(
          new ec2.CreateRouteCommand({
            RouteTableId: vpc.table,
            DestinationCidrBlock: EVERYWHERE,
            NetworkInterfaceId: eni,
          }),
        );
        assert.equal((await mended(program, id, "--direction", "out")).ok, true);
        const [peer, accepter] = await withPeer(client, vpc);
        assert.equal((await mended(program, id, "--to", peer)).ok, true);
        assert.equal((await explained(accepter, "--to", id)).ok, true);
      },
    );
  }
});

/** Nothing gets in or out. */
async function close(client: ec2.EC2Client, { vpc, group }: Vpc): Promise<void> {
  const everything = { IpProtocol: "-1", IpRanges: [{ CidrIp: EVERYWHERE }] };
  await client.send(
    new ec2.RevokeSecurityGroupIngressCommand({ GroupId: group, IpPermissions: [everything] }),
  );
  await client.send(
    new ec2.RevokeSecurityGroupEgressCommand({ GroupId: group, IpPermissions: [everything] }),
  );
  const acls = await client.send(
    new ec2.DescribeNetworkAclsCommand({ Filters: [{ Name: "vpc-id", Values: [vpc] }] }),
  );
  const NetworkAclId = there(acls.NetworkAcls?.[0]?.NetworkAclId);
  for (const Egress of [true, false]) {
    const entry = {
      NetworkAclId,
      Egress,
      RuleNumber: 1,
      RuleAction: "deny",
      Protocol: "-1",
      CidrBlock: EVERYWHERE,
    } as const;
    await client.send(new ec2.CreateNetworkAclEntryCommand(entry));
  }
}

/** The address and the id of an instance in a VPC with a connection that waits to be accepted. */
async function withPeer(client: ec2.EC2Client, own: Vpc): Promise<readonly [address: string, id: string]> {
  const vpc = there((await client.send(new ec2.CreateVpcCommand({ CidrBlock: "10.9.0.0/16" }))).Vpc?.VpcId);
  const subnet = there(
    (await client.send(new ec2.CreateSubnetCommand({ VpcId: vpc, CidrBlock: "10.9.1.0/24" }))).Subnet
      ?.SubnetId,
  );
  const group = there(
    (await client.send(new ec2.CreateSecurityGroupCommand({ VpcId: vpc, GroupName: "g", Description: "g" })))
      .GroupId,
  );
  await client.send(new ec2.CreateVpcPeeringConnectionCommand({ VpcId: own.vpc, PeerVpcId: vpc }));
  const { PrivateIpAddress, InstanceId } = await launchInstance(client, { vpc, subnet, group, table: "" });
  return [there(PrivateIpAddress), there(InstanceId)];
}
