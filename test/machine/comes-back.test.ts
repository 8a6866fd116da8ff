import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import {
  attachGateway,
  buildVpc,
  describeInstance,
  type Genkan,
  launchInstance,
  noPackets,
  startGenkan,
  there,
} from "../kit/genkan.ts";

/** Each boot of the machine runs this at most once: it counts itself in a file that must survive. */
const COUNTER = "#!/bin/sh\necho once >> /root/runs\necho ready\n";

describe("instances come back", { skip: noPackets }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan();
  });
  after(() => genkan.stop());

  const inside = async (id: string, ...command: string[]): Promise<string> =>
    (await genkan.genkan("exec", id, "--", ...command)).out.trim();
  /** Waits for the instance to be up on the machine again; the state says running all along. */
  const up = async (id: string): Promise<void> => {
    const end = Date.now() + 20_000;
    while ((await genkan.genkan("exec", id, "--", "true")).status !== 0)
      assert.ok(Date.now() < end, "the instance comes back");
  };

  test("after down and up, and after stop and start", { timeout: 120_000 }, async () => {
    const { client } = genkan;
    const vpc = await buildVpc(client);
    const igw = await attachGateway(client, vpc.vpc);
    await client.send(
      new ec2.CreateRouteCommand({
        RouteTableId: vpc.table,
        DestinationCidrBlock: "0.0.0.0/0",
        GatewayId: igw,
      }),
    );
    const instance = await launchInstance(client, vpc, { publicIp: true, userData: COUNTER });
    const id = there(instance.InstanceId);
    await inside(id, "sh", "-c", "until [ -f /root/runs ]; do :; done; echo kept > /root/note");

    // The machine forgets everything, as at a reboot; the state does not.
    assert.equal((await genkan.genkan("down")).status, 0);
    await genkan.start();
    await up(id);
    const back = await describeInstance(client, id);
    assert.equal(back.PrivateIpAddress, instance.PrivateIpAddress);
    assert.equal(back.PublicIpAddress, instance.PublicIpAddress);
    assert.equal(
      await inside(id, "curl", "-s", "-m", "5", "http://198.51.100.1/ip"),
      instance.PublicIpAddress,
    );
    assert.equal(await inside(id, "cat", "/root/runs", "/root/note"), "once\nkept");

    // Stop and start: the private address stays, the auto-assigned public one is another, and it works.
    await client.send(new ec2.StopInstancesCommand({ InstanceIds: [id] }));
    await ec2.waitUntilInstanceStopped(
      { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
      { InstanceIds: [id] },
    );
    assert.equal((await describeInstance(client, id)).PublicIpAddress, undefined);
    await client.send(new ec2.StartInstancesCommand({ InstanceIds: [id] }));
    await ec2.waitUntilInstanceRunning(
      { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
      { InstanceIds: [id] },
    );
    const started = await describeInstance(client, id);
    assert.equal(started.PrivateIpAddress, instance.PrivateIpAddress);
    assert.equal(
      await inside(id, "curl", "-s", "-m", "5", "http://198.51.100.1/ip"),
      there(started.PublicIpAddress),
    );
    assert.equal(await inside(id, "cat", "/root/runs", "/root/note"), "once\nkept");

    // Shut down from inside: stopped, as the instance's shutdown behaviour says.
    await genkan.genkan("exec", id, "--", "poweroff");
    await ec2.waitUntilInstanceStopped(
      { client, maxWaitTime: 30, minDelay: 1, maxDelay: 1 },
      { InstanceIds: [id] },
    );
  });

  test("reset empties everything, and the region begins anew", { timeout: 60_000 }, async () => {
    const { client } = genkan;
    assert.equal((await genkan.genkan("reset", "--yes")).status, 0);
    const vpcs = await client.send(new ec2.DescribeVpcsCommand({}));
    assert.deepEqual(
      vpcs.Vpcs?.map((vpc) => [vpc.CidrBlock, vpc.IsDefault]),
      [["172.31.0.0/16", true]],
    );
    assert.equal((await client.send(new ec2.DescribeInstancesCommand({}))).Reservations?.length, 0);
  });
});
