/** A region in a box: several machines, one region to every client; packets over machines, and deaths of them. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, it } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { installationAt } from "../../src/host/installation.ts";
import { readRecord } from "../../src/host/processes.ts";
import { noEtcd } from "../../src/store/test-etcd.ts";
import { noBird } from "../../src/underlay/test-bird.ts";
import { INTERNET, type Running, TestBox } from "../kit/box.ts";
import {
  attachGateway,
  buildVpc,
  type Ended,
  type Genkan,
  launchInstance,
  noPackets,
  startGenkan,
  there,
  type Vpc,
} from "../kit/genkan.ts";
import type { Pinged } from "../kit/pings.ts";
import { talkCommand, talked } from "../kit/talk.ts";
import { answeredFlows, flowsCommand } from "../kit/udp-flows.ts";

/** To one destination: more than the first ports that a machine has. */
const FLOWS = 7_000;

describe("a region in a box", { skip: noPackets || noEtcd || noBird, timeout: 600_000 }, () => {
  let genkan: Genkan;
  let box: TestBox;
  let vpc: Vpc;
  let subnets: readonly string[];
  let instances: readonly ec2.Instance[];
  /** One that has an address of its own, and one behind a NAT gateway. */
  let ends: readonly Running[];

  before(async () => {
    genkan = await startGenkan(["--machines", "5"]);
    box = new TestBox(genkan);
    vpc = await buildVpc(genkan.client);
    const GatewayId = await attachGateway(genkan.client, vpc.vpc);
    const out = { RouteTableId: vpc.table, DestinationCidrBlock: "0.0.0.0/0", GatewayId };
    await genkan.client.send(new ec2.CreateRouteCommand(out));
    subnets = await Promise.all(
      ["a", "b", "c"].map(async (letter, index) => {
        const wanted = { VpcId: vpc.vpc, CidrBlock: `10.0.${10 + index}.0/24` };
        const AvailabilityZone = `us-east-1${letter}`;
        const made = await genkan.client.send(new ec2.CreateSubnetCommand({ ...wanted, AvailabilityZone }));
        return there(made.Subnet?.SubnetId);
      }),
    );
    instances = await Promise.all(
      subnets.map((subnet) => launchInstance(genkan.client, { ...vpc, subnet }, { publicIp: true })),
    );
  });
  after(() => genkan?.stop());

  const inside = (machine: number, id: string | undefined, ...command: readonly string[]): Promise<Ended> =>
    box.inside({ machine, id }, ...command);

  it("runs the instances of each zone on that zone's machine", () => {
    for (const [index, { InstanceId }] of instances.entries())
      assert.ok(readRecord(installationAt(box.machineHome(index + 1)).records, there(InstanceId)));
  });

  it("runs a command in an instance of any machine", async () => {
    for (const { InstanceId, PrivateIpAddress } of instances) {
      const { out, err } = await genkan.genkan("exec", there(InstanceId), "--", "hostname", "-i");
      assert.equal(out.trim(), PrivateIpAddress, err);
    }
  });

  it("carries packets between instances of different machines", async () => {
    const [one, two, three] = instances;
    for (const to of [two, three]) {
      const ping = await inside(
        1,
        one?.InstanceId,
        "ping",
        "-c3",
        "-i0.1",
        "-W2",
        there(to?.PrivateIpAddress),
      );
      assert.match(ping.out, /3 packets transmitted, 3 received/);
    }
    const large = ["ping", "-c1", "-W2", "-Mdo", "-s", "8973", there(two?.PrivateIpAddress)];
    assert.equal((await inside(1, one?.InstanceId, ...large)).status, 0, "9001 bytes");
  });

  it("carries packets to the internet and back by its gateways, translated one to one", async () => {
    for (const [index, { InstanceId, PublicIpAddress }] of instances.entries()) {
      const seen = await inside(index + 1, InstanceId, "curl", "-sS", "-m5", `http://${INTERNET}/ip`);
      assert.equal(seen.out.trim(), PublicIpAddress, seen.err);
    }
    for (const { PublicIpAddress } of instances)
      assert.equal((await box.fromInternet("ping", "-c1", "-W2", there(PublicIpAddress))).status, 0);
  });

  it("obeys a rule that is taken away, on the receiver's machine", async () => {
    const [one, two] = instances;
    const ping = (): Promise<Ended> =>
      inside(1, one?.InstanceId, "ping", "-c1", "-W1", there(two?.PrivateIpAddress));
    const permission = {
      GroupId: vpc.group,
      IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
    };
    await genkan.client.send(new ec2.RevokeSecurityGroupIngressCommand(permission));
    assert.equal((await ping()).status, 1);
    const own = {
      GroupId: vpc.group,
      IpPermissions: [{ IpProtocol: "-1", UserIdGroupPairs: [{ GroupId: vpc.group }] }],
    };
    await genkan.client.send(new ec2.AuthorizeSecurityGroupIngressCommand(own));
    assert.equal((await ping()).status, 0, "the sender's group travels with the packet");
    await genkan.client.send(new ec2.RevokeSecurityGroupIngressCommand(own));
    await genkan.client.send(new ec2.AuthorizeSecurityGroupIngressCommand(permission));
  });

  it("lets private instances of several machines out by one NAT gateway's address", async () => {
    const { client } = genkan;
    const { AllocationId, PublicIp } = await client.send(new ec2.AllocateAddressCommand({}));
    const [public_ = ""] = subnets;
    const made = await client.send(new ec2.CreateNatGatewayCommand({ SubnetId: public_, AllocationId }));
    const NatGatewayId = there(made.NatGateway?.NatGatewayId);
    const { RouteTable } = await client.send(new ec2.CreateRouteTableCommand({ VpcId: vpc.vpc }));
    const RouteTableId = there(RouteTable?.RouteTableId);
    const route = { RouteTableId, DestinationCidrBlock: "0.0.0.0/0", NatGatewayId };
    await ec2.waitUntilNatGatewayAvailable(
      { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
      { NatGatewayIds: [NatGatewayId] },
    );
    await client.send(new ec2.CreateRouteCommand(route));
    for (const [index, letter] of ["b", "c"].entries()) {
      const CidrBlock = `10.0.${20 + index}.0/24`;
      const AvailabilityZone = `us-east-1${letter}`;
      const { Subnet } = await client.send(
        new ec2.CreateSubnetCommand({ VpcId: vpc.vpc, CidrBlock, AvailabilityZone }),
      );
      const subnet = there(Subnet?.SubnetId);
      await client.send(new ec2.AssociateRouteTableCommand({ RouteTableId, SubnetId: subnet }));
      const { InstanceId } = await launchInstance(client, { ...vpc, subnet });
      const seen = await inside(index + 2, InstanceId, "curl", "-sS", "-m5", `http://${INTERNET}/ip`);
      assert.equal(seen.out.trim(), PublicIp, seen.err);
      const ping = await inside(index + 2, InstanceId, "ping", "-c2", "-i0.1", "-W2", INTERNET);
      assert.match(ping.out, /2 packets transmitted, 2 received/);
      ends = [
        { machine: 1, id: instances[0]?.InstanceId },
        { machine: index + 2, id: InstanceId },
      ];
    }
  });

  it("gives a machine more ports of a NAT gateway when an instance needs more than the first ones", async () => {
    const { machine, id } = there(ends[1]);
    const { out, err } = await inside(machine, id, ...flowsCommand(INTERNET, FLOWS));
    assert.equal(out, answeredFlows(FLOWS), err);
  });

  /** Sends numbered packets and lines of TCP connections from both ends, until the body has ended. */
  const under = async (body: () => Promise<void>): Promise<readonly Pinged[]> => {
    const talk = { connections: 4, lines: 400 };
    const talks = ends.map((end) => box.inside(end, ...talkCommand(INTERNET, talk)));
    const pings = ends.map((end) => box.ping(end));
    await new Promise((resolve) => setTimeout(resolve, 500));
    await body();
    for (const { out, err } of await Promise.all(talks)) assert.equal(out, talked(talk), err);
    return Promise.all(pings.map((stop) => stop()));
  };
  const nothingLost = (all: readonly Pinged[]): void => {
    for (const { sent, received } of all) assert.equal(received, sent, `${received} of ${sent} came`);
  };

  it("loses at most a tenth of a second of packets when a gateway dies silently, and no connection", async () => {
    for (const gateway of [4, 5]) {
      const all = await under(() => box.setCable(gateway, false));
      await box.setCable(gateway, true);
      await box.gateways(2);
      for (const { sent, received, longestGapMilliseconds: gap } of all) {
        process.stderr.write(
          `machine-${gateway}: ${sent - received} of ${sent} lost, longest gap ${gap} ms\n`,
        );
        assert.ok(gap <= 100, `${gap} ms`);
      }
    }
  });

  it("loses no packet when a gateway is drained, and when it comes back", async () => {
    const all = await under(async () => {
      for (const name of ["machine-4", "machine-5"]) {
        assert.equal((await genkan.genkan("drain", name)).out, `${name} is drained.\n`);
        await box.gateways(1);
        const other = name === "machine-4" ? "machine-5" : "machine-4";
        const last = await genkan.genkan("drain", other);
        assert.match(last.err, new RegExp(`${other} is the last gateway that takes packets`));
        assert.equal((await genkan.genkan("drain", name, "--undo")).out, `${name} is in use again.\n`);
        await box.gateways(2);
      }
    });
    nothingLost(all);
  });

  it("loses no packet when an agent, BIRD on a host, a member of etcd or the leader is killed; another leads within three seconds", async () => {
    const change = (KeyName: string): Promise<unknown> =>
      genkan.client.send(new ec2.CreateKeyPairCommand({ KeyName }));
    const all = await under(async () => {
      const agent = `machine-${(await box.leader()) === 1 ? 3 : 1}`;
      const killed: readonly (readonly [name: string, machine?: number])[] = [
        [agent],
        ["bird", 1],
        [`etcd-${agent}`],
      ];
      for (const [name, machine] of killed) {
        const record = box.kill(name, machine);
        await change(`after-${name}`);
        await box.isBack(record, name, machine);
      }
      const leader = `machine-${await box.leader()}`;
      const record = box.kill(leader);
      const start = performance.now();
      const again = async (): Promise<unknown> => change("after-the-leader").catch(again);
      await again();
      const took = Math.round(performance.now() - start);
      process.stderr.write(`${took} ms from the leader's death to the next acknowledged change\n`);
      assert.ok(took <= 3_000, `${took} ms until the next change`);
      await box.isBack(record, leader);
    });
    nothingLost(all);
  });

  it("goes on after its supervisor is killed and started again; packets flow meanwhile", async () => {
    const [one, two] = instances;
    const { process: supervisor } = genkan;
    const gone = once(supervisor, "exit");
    supervisor.kill("SIGKILL");
    await gone;
    const pings = inside(
      1,
      one?.InstanceId,
      "ping",
      "-q",
      "-c",
      "500",
      "-i",
      "0.05",
      "-W1",
      there(two?.PrivateIpAddress),
    );
    await genkan.start();
    const { machines = [] } = await genkan.ask("status", {});
    assert.deepEqual(
      machines.map(({ name, live }) => [name, live]).toSorted(),
      [1, 2, 3, 4, 5].map((number) => [`machine-${number}`, true]),
    );
    await genkan.client.send(new ec2.CreateKeyPairCommand({ KeyName: "after-the-supervisor" }));
    assert.match((await pings).out, /500 packets transmitted, 500 received/);
    const alone = await genkan.genkan("up");
    assert.match(alone.err, /has a region of several machines/);
    const bad = await genkan.genkan("up", "--machines", "5", "--no-packets");
    assert.match(bad.err, /--no-packets does not go with --machines/);
  });
});
