/** Several machines that are one region: each takes every request, and one decides. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import type { Status } from "../../src/protocol/status.ts";
import { EtcdClient } from "../../src/store/etcd-client.ts";
import { compact, noEtcd, startEtcd, type TestCluster } from "../../src/store/test-etcd.ts";
import { codeOf, type Genkan, noPackets, startGenkan, there } from "../kit/genkan.ts";

type Machine = NonNullable<Status["machines"]>[number];

/** Looks until it is so. */
async function until(body: () => Promise<boolean>): Promise<void> {
  while (!(await body())) await new Promise((resolve) => setImmediate(resolve));
}

describe("a region of three machines", { skip: noPackets || noEtcd, timeout: 600_000 }, () => {
  let cluster: TestCluster;
  let machines: Genkan[];
  before(async () => {
    cluster = await startEtcd(3);
    machines = [];
    for (const last of [2, 3, 4]) machines.push(await startGenkan(flags(last)));
  });
  after(async () => {
    for (const machine of machines) await machine.stop();
    await cluster.stop();
  });
  const flags = (last: number): readonly string[] => {
    const etcd = ["--etcd", cluster.endpoints.join()];
    const machine = ["--machine-address", `127.0.0.${last}`, "--machine-name", `m${last}`];
    return ["--no-packets", "--quota", "vpcs=1000", ...etcd, ...machine];
  };
  const vpcs = async ({ client }: Genkan): Promise<readonly string[]> => {
    const { Vpcs = [] } = await client.send(new ec2.DescribeVpcsCommand({}));
    return Vpcs.map(({ CidrBlock = "" }) => CidrBlock);
  };
  const create = ({ client }: Genkan, CidrBlock: string): Promise<unknown> =>
    client.send(new ec2.CreateVpcCommand({ CidrBlock }));
  const listed = async (genkan: Genkan): Promise<readonly Machine[]> =>
    (await genkan.ask("status", {})).machines ?? [];
  const leaderOf = async (genkan: Genkan): Promise<number> => {
    const found = (await listed(genkan)).findIndex(({ leads }) => leads);
    return found;
  };
  const revisions = (): Promise<readonly number[]> =>
    Promise.all(machines.map(async (one) => (await one.ask("health", {})).obeyed));

  it("takes a change at any machine; when the answer is there, all obey it", async () => {
    const [one, two, three] = machines;
    for (const [index, genkan] of [one, two, three].entries()) {
      await create(there(genkan), `10.${index}.0.0/16`);
      const [first, ...others] = await revisions();
      assert.deepEqual(others, [first, first]);
    }
    for (const genkan of machines)
      assert.deepEqual(await vpcs(genkan), ["172.31.0.0/16", "10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"]);
  });

  it("refuses with AWS's code whoever is asked, and shows its machines", async () => {
    for (const genkan of machines)
      assert.equal(
        await codeOf(genkan.client.send(new ec2.DeleteVpcCommand({ VpcId: "vpc-0123456789abcdef0" }))),
        "InvalidVpcID.NotFound",
      );
    const [first, ...others] = await Promise.all(machines.map(listed));
    for (const other of others) assert.deepEqual(other, first);
    assert.deepEqual(
      first?.map(({ number, name, address, live, behind }) => [number, name, address, live, behind]),
      [2, 3, 4].map((last) => [last - 1, `m${last}`, `127.0.0.${last}`, true, false]),
    );
    assert.equal(first?.filter(({ leads }) => leads).length, 1);
    assert.deepEqual(new Set(first?.map(({ obeyed }) => obeyed)), new Set(await revisions()));
  });

  it("runs each instance on one machine, which reports to the leader", async () => {
    const client = there(machines[1]).client;
    const { Instances = [] } = await client.send(
      new ec2.RunInstancesCommand({
        ImageId: "ami-0123456789abcdef0",
        InstanceType: "t3.micro",
        MinCount: 6,
        MaxCount: 6,
      }),
    );
    const InstanceIds = Instances.map(({ InstanceId = "" }) => InstanceId);
    await ec2.waitUntilInstanceRunning(
      { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { InstanceIds },
    );
    await client.send(new ec2.TerminateInstancesCommand({ InstanceIds }));
    await ec2.waitUntilInstanceTerminated(
      { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { InstanceIds },
    );
  });

  it("has another leader soon after one was killed, with all that was acknowledged", async () => {
    const times: number[] = [];
    for (let round = 0; round < 5; round++) {
      const index = await leaderOf(there(machines[0]));
      const leader = there(machines[index]);
      const other = there(machines[(index + 1) % 3]);
      const before = await vpcs(other);
      const ended = once(leader.process, "exit");
      const killed = performance.now();
      process.kill(-there(leader.process.pid), "SIGKILL");
      await ended;
      await create(other, `10.${10 + round}.0.0/16`);
      times.push(performance.now() - killed);
      assert.deepEqual(await vpcs(other), [...before, `10.${10 + round}.0.0/16`]);
      await leader.start();
      await until(async () => (await listed(other)).every(({ live, behind }) => live && !behind));
      assert.deepEqual(await vpcs(leader), [...before, `10.${10 + round}.0.0/16`]);
    }
    process.stderr.write(
      `from the leader's death to the next acknowledged change: ${times.map(Math.round).join(" ")} ms\n`,
    );
    assert.ok(Math.max(...times) < 3_000);
  });

  /** What a machine has in its own memory, whoever leads. */
  const held = async (genkan: Genkan): Promise<readonly string[]> =>
    (await genkan.ask("status", {})).regions.flatMap((region) => region.vpcs.map(({ cidr }) => cidr));

  it("hands over at once when the leader is stopped in order", async () => {
    const index = await leaderOf(there(machines[0]));
    const [leader, other] = [there(machines[index]), there(machines[(index + 1) % 3])];
    const ended = once(leader.process, "exit");
    const stopped = performance.now();
    leader.process.kill("SIGTERM");
    while ((await leaderOf(other)) === index);
    await create(other, "10.30.0.0/16");
    const time = performance.now() - stopped;
    assert.equal((await ended)[0], 0);
    assert.ok(time < 2_000, `handed over in ${Math.round(time)} ms`);
    await leader.start();
    assert.deepEqual(await held(leader), await vpcs(other));
  });

  it("is written no more by a leader that stood still: it follows when it goes on", async () => {
    const index = await leaderOf(there(machines[0]));
    const [leader, other] = [there(machines[index]), there(machines[(index + 1) % 3])];
    process.kill(there(leader.process.pid), "SIGSTOP");
    try {
      while ((await leaderOf(other)) === index);
      await create(other, "10.31.0.0/16");
    } finally {
      process.kill(there(leader.process.pid), "SIGCONT");
    }
    await until(async () => (await listed(other)).every(({ live, behind }) => live && !behind));
    await create(leader, "10.32.0.0/16");
    const found = await vpcs(other);
    assert.deepEqual(found.slice(-2), ["10.31.0.0/16", "10.32.0.0/16"]);
    for (const genkan of machines) assert.deepEqual(await held(genkan), found);
    assert.equal(leader.process.exitCode, null);
  });

  it("waits no longer for a machine that stands still, names it, and brings it up to date when etcd has forgotten what it missed", async () => {
    const index = await leaderOf(there(machines[0]));
    const [leader, away] = [there(machines[index]), there(machines[(index + 1) % 3])];
    const etcd = new EtcdClient({ endpoints: cluster.endpoints });
    process.kill(there(away.process.pid), "SIGSTOP");
    try {
      const start = performance.now();
      await create(leader, "10.33.0.0/16");
      assert.ok(performance.now() - start > 900, "the first answer waits for it");
      const { behind } = there((await listed(leader))[(index + 1) % 3]);
      assert.equal(behind, true);
      for (let n = 34; n < 60; n++) await create(leader, `10.${n}.0.0/16`);
      await compact(cluster, (await etcd.range({ key: "genkan/header" })).revision);
    } finally {
      process.kill(there(away.process.pid), "SIGCONT");
      etcd.close();
    }
    await until(async () => (await listed(leader)).every(({ live, behind }) => live && !behind));
    assert.deepEqual(await held(away), await vpcs(leader));
  });

  it("goes on with what it has when etcd is out of reach, says so, and goes on deciding when it is back", async () => {
    const before = await vpcs(there(machines[0]));
    const [one, two] = cluster.members;
    await Promise.all([one?.kill(), two?.kill()]);
    for (const genkan of machines)
      await until(async () => (await genkan.ask("health", {})).etcd?.reached === false);
    for (const genkan of machines) {
      assert.deepEqual(await held(genkan), before);
      assert.equal(await codeOf(create(genkan, "10.70.0.0/16")), "Unavailable");
    }
    one?.start();
    two?.start();
    await until(async () => (await codeOf(vpcs(there(machines[0])))) === undefined);
    await create(there(machines[1]), "10.71.0.0/16");
    const found = await vpcs(there(machines[2]));
    // One that was refused may have been under way.
    assert.deepEqual(
      found.filter((block) => block !== "10.70.0.0/16"),
      [...before, "10.71.0.0/16"],
    );
  });
});
