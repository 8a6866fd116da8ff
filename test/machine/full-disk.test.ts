import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import {
  attachGateway,
  buildVpc,
  codeOf,
  execute,
  type Genkan,
  launchInstance,
  noPackets,
  startGenkan,
  there,
  type Vpc,
} from "../kit/genkan.ts";
import { PROBE } from "./neighbours-attacks.ts";
import { runPerl, Probe } from "./neighbours-probe.ts";

describe("a disk without any room", { skip: noPackets }, () => {
  const disk = mkdtempSync(join(tmpdir(), "genkan-disk-"));
  const full = join(disk, "full");
  let genkan: Genkan;
  let vpc: Vpc;
  let ids: readonly string[];
  let probe: Probe;

  before(async () => {
    assert.equal(
      (await execute("mount", ["--no-mtab", "-t", "tmpfs", "-o", "size=128m", "tmpfs", disk])).status,
      0,
    );
    process.env["TMPDIR"] = disk;
    genkan = await startGenkan();
    const { client } = genkan;
    vpc = await buildVpc(client);
    const igw = await attachGateway(client, vpc.vpc);
    await client.send(
      new ec2.CreateRouteCommand({
        RouteTableId: vpc.table,
        DestinationCidrBlock: "0.0.0.0/0",
        GatewayId: igw,
      }),
    );
    const launch = async (): Promise<string> =>
      there((await launchInstance(client, vpc, { publicIp: true })).InstanceId);
    ids = await Promise.all([launch(), launch(), launch()]);
    probe = new Probe(runPerl(genkan, there(ids[0]), PROBE));
  });
  after(async () => {
    rmSync(full, { force: true });
    await probe.end();
    await genkan.stop();
    await execute("umount", ["--no-mtab", "--lazy", disk]);
    rmSync(disk, { recursive: true });
  });

  const create = (name: string): Promise<string | undefined> =>
    codeOf(
      genkan.client.send(
        new ec2.CreateSecurityGroupCommand({ VpcId: vpc.vpc, GroupName: name, Description: "x".repeat(255) }),
      ),
    );

  test("instances are stopped and terminated, and neighbours and questions are answered; new resources wait for room", async () => {
    const { client } = genkan;
    assert.match(
      (await execute("dd", ["if=/dev/zero", `of=${full}`, "bs=64k"])).err,
      /No space left on device/,
    );
    const [, second = "", third = ""] = ids;
    // Until what the file of the state has in hand is used up.
    let refused: string | undefined;
    for (let n = 0; n < 300 && refused === undefined; n += 1) refused = await create(`full-${n}`);
    assert.equal(refused, "Unavailable");
    assert.ok((await probe.ask()).every(Number.isFinite));
    await client.send(new ec2.StopInstancesCommand({ InstanceIds: [second] }));
    await ec2.waitUntilInstanceStopped(
      { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { InstanceIds: [second] },
    );
    await client.send(new ec2.TerminateInstancesCommand({ InstanceIds: [second, third] }));
    await ec2.waitUntilInstanceTerminated(
      { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { InstanceIds: [second, third] },
    );
    assert.equal((await client.send(new ec2.DescribeVpcsCommand({ VpcIds: [vpc.vpc] }))).Vpcs?.length, 1);
    assert.ok((await probe.ask()).every(Number.isFinite));
    rmSync(full);
    assert.equal(await create("room"), undefined);
  });
});
