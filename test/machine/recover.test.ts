/** A machine that only lost the others: what it ran runs elsewhere, and never twice for anybody who sends a packet. */

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { type Door, openDoor } from "../../src/box/door.ts";
import { networkBetween } from "../../src/box/network.ts";
import { ip } from "../../src/host/command.ts";
import { installationAt } from "../../src/host/installation.ts";
import { readRecord, signal } from "../../src/host/processes.ts";
import type { Status } from "../../src/protocol/status.ts";
import { noEtcd } from "../../src/store/test-etcd.ts";
import { noBird } from "../../src/underlay/test-bird.ts";
import {
  attachGateway,
  buildVpc,
  clientOf,
  type Ended,
  execute,
  freePort,
  type Genkan,
  launchInstance,
  MAIN,
  noPackets,
  startGenkan,
  there,
} from "../kit/genkan.ts";

const INTERNET = "198.51.100.1";
/** It only runs instances, as one of two of its zones. */
const LOST = "machine-4";
/** The address of machine-5, on the network between the machines. */
const GATEWAY = "100.126.0.5";

describe("genkan recover", { skip: noPackets || noEtcd || noBird, timeout: 600_000 }, () => {
  let genkan: Genkan;
  /** On the machine that is lost, and on others. */
  let moves: ec2.Instance;
  let others: readonly ec2.Instance[];
  /** Only of machines that are not lost. */
  let door: Door;
  let client: ec2.EC2Client;

  before(async () => {
    genkan = await startGenkan(["--machines", "6"]);
    const port = await freePort();
    const doors = [1, 2, 3].map((number) => join(machineHome(`machine-${number}`), "api.sock"));
    door = await openDoor({ host: "127.0.0.1", port, doors });
    client = clientOf(genkan.home, port);
    const vpc = await buildVpc(client);
    const GatewayId = await attachGateway(client, vpc.vpc);
    await client.send(
      new ec2.CreateRouteCommand({
        RouteTableId: vpc.table,
        DestinationCidrBlock: "0.0.0.0/0",
        GatewayId,
      }),
    );
    const subnetIn = async (letter: string, block: string): Promise<string> => {
      const AvailabilityZone = `us-east-1${letter}`;
      const wanted = { VpcId: vpc.vpc, CidrBlock: block, AvailabilityZone };
      const made = await client.send(new ec2.CreateSubnetCommand(wanted));
      return there(made.Subnet?.SubnetId);
    };
    const [a, b] = await Promise.all([subnetIn("a", "10.0.10.0/24"), subnetIn("b", "10.0.11.0/24")]);
    const launch = (subnet: string) => launchInstance(client, { ...vpc, subnet }, { publicIp: true });
    // Each of the zone's two machines takes one.
    const pair = [await launch(b), await launch(b)];
    moves = there(pair.find(({ InstanceId }) => processOf(LOST, InstanceId)));
    others = [...pair.filter((one) => one !== moves), await launch(a)];
  });
  after(async () => {
    client?.destroy();
    await door?.close();
    await genkan?.stop();
  });

  const machineHome = (name: string): string => join(genkan.home, "machines", name);
  const processOf = (machine: string, id: string | undefined): number | undefined => {
    const { records } = installationAt(machineHome(machine));
    return (readRecord(records, `${id}.init`) ?? readRecord(records, there(id)))?.pid;
  };
  const processesOfOthers = (): readonly number[] =>
    others.map(({ InstanceId }) =>
      there([1, 2, 3].map((n) => processOf(`machine-${n}`, InstanceId)).find((pid) => pid !== undefined)),
    );
  const within = (pid: number | undefined, ...command: readonly string[]): Promise<Ended> =>
    execute("nsenter", [`--net=/proc/${there(pid)}/ns/net`, "--", ...command], { timeout: 60_000 });
  const fromInternet = (...command: readonly string[]): Promise<Ended> =>
    execute("nsenter", [`--net=${installationAt(genkan.home).namespaces.internet}`, "--", ...command]);
  const ping = (address: string | undefined): readonly string[] => [
    "ping",
    "-c3",
    "-i0.2",
    "-W1",
    there(address),
  ];
  const setCable = (present: boolean): Promise<void> =>
    ip(networkBetween(installationAt(genkan.home)), [
      `link set ${LOST} ${present ? "master bridge" : "nomaster"}`,
    ]);
  /** On a machine that is not lost. */
  const command = (...argv: readonly string[]): Promise<Ended> => {
    const network = join(installationAt(genkan.home).run, "box/machine-1");
    const env = { ...process.env, GENKAN_HOME: machineHome("machine-1"), LC_ALL: "C" };
    return execute("nsenter", [`--net=${network}`, process.execPath, "--no-warnings", MAIN, ...argv], {
      env,
    });
  };
  const machine = async (name: string) => {
    const { machines = [] } = JSON.parse((await command("status", "--json")).out) as Status;
    return there(machines.find((one) => one.name === name));
  };
  const until = async (body: () => Promise<boolean>): Promise<void> => {
    while (!(await body())) await new Promise((resolve) => setTimeout(resolve, 100));
  };
  const stateNow = async (): Promise<ec2.Instance> => {
    const InstanceIds = [there(moves.InstanceId)];
    const { Reservations } = await client.send(new ec2.DescribeInstancesCommand({ InstanceIds }));
    return there(Reservations?.[0]?.Instances?.[0]);
  };
  const controlOf = (name: string) =>
    readRecord(installationAt(genkan.home).records, name) ?? assert.fail(`${name} has a control plane`);
  /** How many pings have come to the instance, or to the internet's host. */
  const heard = async (pid: number | "internet" | undefined): Promise<number> => {
    const read = ["cat", "/proc/net/snmp"];
    const { out } = await (pid === "internet" ? fromInternet(...read) : within(pid, ...read));
    const [names = [], counts = []] = out
      .split("\n")
      .filter((line) => line.startsWith("Icmp:"))
      .map((line) => line.split(" "));
    return Number(there(counts[names.indexOf("InEchos")]));
  };

  it("refuses while the machine is there, and a name that none has", async () => {
    const { err, status } = await command("recover", LOST);
    assert.match(err, /machine-4 is there, and runs its instances/);
    assert.equal(status, 1);
    assert.match((await command("recover", "machine-9")).err, /There is no machine machine-9/);
  });

  it("runs the instance of a lost machine on another one, with the same id and addresses", async () => {
    await setCable(false);
    await until(async () => !(await machine(LOST)).live);
    const { InstanceStatuses } = await client.send(
      new ec2.DescribeInstanceStatusCommand({ InstanceIds: [there(moves.InstanceId)] }),
    );
    assert.equal(InstanceStatuses?.[0]?.SystemStatus?.Status, "impaired");
    const { out, err, status } = await command("recover", LOST);
    assert.equal(status, 0, err);
    assert.equal(out, `${moves.InstanceId} starts on machine-2, with fresh files.\n`);
    await until(async () => (await stateNow()).State?.Name === "running");
    const { PrivateIpAddress, PublicIpAddress } = await stateNow();
    assert.deepEqual([PrivateIpAddress, PublicIpAddress], [moves.PrivateIpAddress, moves.PublicIpAddress]);
    const now = processOf("machine-2", moves.InstanceId);
    for (const { PrivateIpAddress: to } of others) assert.equal((await within(now, ...ping(to))).status, 0);
    const seen = await within(now, "curl", "-sS", "-m5", `http://${INTERNET}/ip`);
    assert.equal(seen.out.trim(), PublicIpAddress, seen.err);
  });

  it("keeps the lost machine's instance from everybody while it knows of nothing", async () => {
    const old = there(processOf(LOST, moves.InstanceId));
    // Its cable is back, and its control plane stands still: it goes by what it knew.
    signal(controlOf(LOST), "SIGSTOP");
    await setCable(true);
    // Whatever its routing daemon makes of that.
    const network = join(installationAt(genkan.home).run, "box", LOST);
    await ip(network, [`route replace 100.127.0.1/32 via ${GATEWAY} metric 1`]);
    const receivers = [...processesOfOthers(), "internet" as const];
    const heardThere = () => Promise.all(receivers.map((one) => heard(one)));
    const [before, beforeThere] = [await heard(old), await heardThere()];
    const addresses = [...others.map((one) => one.PrivateIpAddress), INTERNET];
    for (const to of addresses)
      assert.match((await within(old, ...ping(to))).out, /3 packets transmitted, 0 received/, to);
    assert.deepEqual(await heardThere(), beforeThere, "nothing of the old one came to anybody");
    for (const to of addresses) await within(processOf("machine-2", moves.InstanceId), ...ping(to));
    assert.deepEqual(
      await heardThere(),
      beforeThere.map((count) => count + 3),
      "what the new one sends does",
    );
    const answered = await within(processesOfOthers()[1], ...ping(moves.PrivateIpAddress));
    assert.match(answered.out, /3 received/);
    assert.match((await fromInternet(...ping(moves.PublicIpAddress))).out, /3 received/);
    assert.equal(await heard(old), before, "nothing came to the old one");
    assert.ok((await heard(processOf("machine-2", moves.InstanceId))) >= 6);
  });

  it("lets the machine take part again when it has ended what runs elsewhere", async () => {
    assert.ok((await machine(LOST)).fence);
    const network = join(installationAt(genkan.home).run, "box", LOST);
    await ip(network, [`route del 100.127.0.1/32 via ${GATEWAY} metric 1`]);
    signal(controlOf(LOST), "SIGCONT");
    await until(async () => {
      const { live, fence } = await machine(LOST);
      return live && !fence;
    });
    assert.equal(processOf(LOST, moves.InstanceId), undefined);
    assert.match((await fromInternet(...ping(moves.PublicIpAddress))).out, /3 received/);
    const { InstanceId } = moves;
    const from = processOf("machine-2", InstanceId);
    assert.equal((await within(from, ...ping(others[0]?.PrivateIpAddress))).status, 0);
  });
});
