/** The state in an etcd cluster: what is acknowledged is there, whatever dies, and packets do not wait for it. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { present } from "../../src/lib/assert.ts";
import { noEtcd, startEtcd, type TestCluster } from "../../src/store/test-etcd.ts";
import {
  attachGateway,
  buildVpc,
  codeOf,
  describeInstance,
  execute,
  type Genkan,
  launchInstance,
  MAIN,
  noPackets,
  startGenkan,
  there,
} from "../kit/genkan.ts";

describe("the state in etcd", { skip: noPackets || noEtcd, timeout: 600_000 }, () => {
  let cluster: TestCluster;
  let genkan: Genkan;
  let flags: readonly string[];
  before(async () => {
    cluster = await startEtcd(3);
    // A change whose answer was lost may have come to be.
    flags = ["--no-host-link", "--quota", "vpcs=20", "--etcd", cluster.endpoints.join()];
    genkan = await startGenkan(flags);
  });
  after(async () => {
    await genkan.stop();
    await cluster.stop();
  });
  const vpcs = async ({ client }: Genkan): Promise<readonly string[]> => {
    const { Vpcs = [] } = await client.send(new ec2.DescribeVpcsCommand({}));
    return Vpcs.map(({ CidrBlock = "" }) => CidrBlock);
  };
  const create = ({ client }: Genkan, CidrBlock: string): Promise<unknown> =>
    client.send(new ec2.CreateVpcCommand({ CidrBlock }));
  const eventually = async (body: () => Promise<unknown>): Promise<void> => {
    while ((await codeOf(body())) === "Unavailable") await new Promise((resolve) => setImmediate(resolve));
  };

  /** An instance that boots answers after a while. */
  const eventuallyUp = async (body: () => Promise<{ readonly status: number }>): Promise<void> => {
    while ((await body()).status !== 0);
  };

  it("is out of reach without most of etcd's members, says so, and comes back with all of it; packets go on", async () => {
    const vpc = await buildVpc(genkan.client);
    const GatewayId = await attachGateway(genkan.client, vpc.vpc);
    await genkan.client.send(
      new ec2.CreateRouteCommand({ RouteTableId: vpc.table, DestinationCidrBlock: "0.0.0.0/0", GatewayId }),
    );
    const { GroupId, IpPermissions } = {
      GroupId: vpc.group,
      IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
    };
    await codeOf(
      genkan.client.send(new ec2.AuthorizeSecurityGroupIngressCommand({ GroupId, IpPermissions })),
    );
    const instance = await launchInstance(genkan.client, vpc, { publicIp: true });
    const { netns } = await genkan.ask("internet", {});
    const { netns: own } = await genkan.ask("instance", { id: there(instance.InstanceId) });
    // The metadata service asks for a token first.
    const METADATA =
      'at=http://169.254.169.254/latest; curl -sf -H "X-aws-ec2-metadata-token: $(curl -sf -X PUT -H "X-aws-ec2-metadata-token-ttl-seconds: 60" $at/api/token)" $at/meta-data/local-ipv4';
    const metadata = async (): Promise<string> =>
      (await execute("nsenter", [`--net=${present(own, "its namespace")}`, "sh", "-c", METADATA])).out;
    assert.equal(await metadata(), instance.PrivateIpAddress);
    const ping = () =>
      execute("nsenter", [
        `--net=${present(netns, "the internet's namespace")}`,
        "ping",
        "-c1",
        "-W5",
        there(instance.PublicIpAddress),
      ]);
    assert.equal((await ping()).status, 0);

    const [one, two] = cluster.members;
    await Promise.all([one?.kill(), two?.kill()]);
    const known = ["172.31.0.0/16", "10.0.0.0/16"];
    assert.equal(await codeOf(create(genkan, "10.50.0.0/16")), "Unavailable");
    assert.equal((await ping()).status, 0, "packets do not need etcd");
    // The lease ends soon after: then nothing is answered, for another machine might lead.
    while ((await codeOf(vpcs(genkan))) !== "Unavailable");
    const members = cluster.endpoints;
    assert.deepEqual((await genkan.ask("health", {})).etcd, { members, reached: false });
    assert.equal((await ping()).status, 0);
    assert.equal(await metadata(), instance.PrivateIpAddress);

    one?.start();
    two?.start();
    await eventually(() => vpcs(genkan));
    const found = await vpcs(genkan);
    // The refused change was under way when etcd went: it may have come to be, whole.
    assert.deepEqual(
      found.filter((block) => block !== "10.50.0.0/16"),
      known,
    );
    assert.deepEqual((await genkan.ask("health", {})).etcd, { members, reached: true });
    await create(genkan, "10.51.0.0/16");
    assert.deepEqual(await vpcs(genkan), [...found, "10.51.0.0/16"]);
  });

  it("is led by one Genkan at a time; another one says by which, and where a state is not that in etcd", async () => {
    await assert.rejects(startGenkan([...flags, "--no-packets"]), /leads genkan\/ in etcd/);
    const alone = await startGenkan(["--no-packets"]);
    await create(alone, "10.60.0.0/16");
    await alone.genkan("down");
    const up = (home: string, ...more: readonly string[]) =>
      execute(process.execPath, ["--no-warnings", MAIN, "up", "--no-packets", ...more], {
        env: { ...alone.environment, GENKAN_HOME: home },
      });
    const { err } = await up(alone.home, ...flags);
    assert.match(err, /this home has a state of its own/);
    await alone.stop();
  });

  it("is written no more by a Genkan that stood still while another one took its place", async () => {
    const still = there(genkan.process.pid);
    const ended = once(genkan.process, "exit");
    process.kill(still, "SIGSTOP");
    let other: Genkan | undefined;
    try {
      // The lease lives on for some seconds.
      while (!other) other = await startGenkan([...flags, "--no-packets"]).catch(() => undefined);
      await create(other, "10.61.0.0/16");
      process.kill(still, "SIGCONT");
      assert.equal((await ended)[0], 0, "it ends in order");
      const found = await vpcs(other);
      assert.ok(found.includes("10.61.0.0/16"));
    } finally {
      if (genkan.process.exitCode === null) process.kill(still, "SIGCONT");
      await other?.stop();
    }
    await genkan.start();
    assert.ok((await vpcs(genkan)).includes("10.61.0.0/16"), "it has what the other one wrote");
  });

  it("is there after kill -9, on the same machine and on another one", async () => {
    const before = await vpcs(genkan);
    const ended = once(genkan.process, "exit");
    process.kill(-there(genkan.process.pid), "SIGKILL");
    await ended;
    await genkan.start();
    assert.deepEqual(await vpcs(genkan), before);
    await create(genkan, "10.52.0.0/16");
    const { client } = genkan;
    const instances = async ({ client: by }: Pick<Genkan, "client">) => {
      const { Reservations = [] } = await by.send(new ec2.DescribeInstancesCommand({}));
      return Reservations.flatMap(({ Instances = [] }) => Instances.map(({ InstanceId }) => InstanceId));
    };
    const running = await instances({ client });
    assert.equal(running.length, 1);
    await genkan.genkan("down");
    const forked = await execute(process.execPath, ["--no-warnings", MAIN, "up", "--no-packets"], {
      env: genkan.environment,
    });
    assert.match(forked.err, /is a copy of one in etcd/);
    await genkan.stop();

    const other = await startGenkan(flags);
    try {
      assert.deepEqual(await vpcs(other), [...before, "10.52.0.0/16"]);
      assert.deepEqual(await instances(other), running);
      const again = await describeInstance(other.client, there(running[0]));
      const { netns } = await other.ask("internet", {});
      const argv = [`--net=${present(netns, "the internet's namespace")}`, "ping", "-c1", "-W5"];
      await eventuallyUp(() => execute("nsenter", [...argv, there(again.PublicIpAddress)]));
    } finally {
      genkan = other;
    }
  });
});

describe("with etcd's own limit of operations", { skip: noPackets || noEtcd, timeout: 120_000 }, () => {
  it("a request that makes more records at once is refused whole, with what to do", async () => {
    const cluster = await startEtcd(1, { flags: ["--max-txn-ops", "128"] });
    const genkan = await startGenkan(["--no-packets", "--etcd", cluster.endpoints.join()]);
    try {
      const { client } = genkan;
      const launch = (count: number): Promise<unknown> =>
        client.send(
          new ec2.RunInstancesCommand({
            ImageId: "ami-0123456789abcdef0",
            InstanceType: "t3.micro",
            MinCount: count,
            MaxCount: count,
          }),
        );
      const count = async (): Promise<number> => {
        const { Reservations = [] } = await client.send(new ec2.DescribeInstancesCommand({}));
        return Reservations.flatMap(({ Instances = [] }) => Instances).length;
      };
      await assert.rejects(launch(100), {
        name: "ResourceCountExceeded",
        message: /^The change has \d+ records, and etcd takes 128 at once \(--max-txn-ops\)\.$/,
      });
      assert.equal(await count(), 0);
      await Promise.all([launch(10), launch(10), launch(10), launch(10)]);
      assert.equal(await count(), 40);
    } finally {
      await genkan.stop();
      await cluster.stop();
    }
  });
});
