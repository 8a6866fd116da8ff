/** A region in a box: several machines, one region to every client; packets over machines, and deaths of them. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { networkBetween } from "../../src/box/network.ts";
import { ip } from "../../src/host/command.ts";
import { installationAt } from "../../src/host/installation.ts";
import { readRecord, signal } from "../../src/host/processes.ts";
import { noEtcd } from "../../src/store/test-etcd.ts";
import { noBird } from "../../src/underlay/test-bird.ts";
import {
  attachGateway,
  buildVpc,
  type Ended,
  execute,
  type Genkan,
  launchInstance,
  noPackets,
  startGenkan,
  there,
  type Vpc,
} from "../kit/genkan.ts";

const INTERNET = "198.51.100.1";

describe("a region in a box", { skip: noPackets || noEtcd || noBird, timeout: 600_000 }, () => {
  let genkan: Genkan;
  let vpc: Vpc;
  let subnets: readonly string[];
  let instances: readonly ec2.Instance[];

  before(async () => {
    genkan = await startGenkan(["--machines", "5"]);
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

  const machineHome = (number: number): string => join(genkan.home, "machines", `machine-${number}`);
  /** Runs a command in an instance, which runs on the machine. */
  const inside = (number: number, id: string | undefined, ...command: readonly string[]): Promise<Ended> => {
    const { records } = installationAt(machineHome(number));
    const { pid } =
      readRecord(records, `${id}.init`) ?? readRecord(records, there(id)) ?? assert.fail(`${id} is there`);
    return execute("nsenter", [`--net=/proc/${pid}/ns/net`, "--", ...command], { timeout: 120_000 });
  };
  const fromInternet = (...command: readonly string[]): Promise<Ended> =>
    execute("nsenter", [`--net=${installationAt(genkan.home).namespaces.internet}`, "--", ...command]);
  /** Takes a machine's cable out, or puts it back. */
  const setCable = async (number: number, present: boolean): Promise<void> => {
    const between = networkBetween(installationAt(genkan.home));
    const words = present ? ["master", "bridge"] : ["nomaster"];
    await ip(between, [`link set machine-${number} ${words.join(" ")}`]);
  };

  it("runs the instances of each zone on that zone's machine", () => {
    for (const [index, { InstanceId }] of instances.entries())
      assert.ok(readRecord(installationAt(machineHome(index + 1)).records, there(InstanceId)));
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
      assert.equal((await fromInternet("ping", "-c1", "-W2", there(PublicIpAddress))).status, 0);
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
    }
  });

  it("loses at most a tenth of a second of packets when a gateway dies silently, and no connection", async () => {
    const [one] = instances;
    const COUNT = 600;
    const EVERY_MILLISECONDS = 10;
    for (const gateway of [4, 5]) {
      const pings = inside(1, one?.InstanceId, "ping", "-q", "-c", `${COUNT}`, "-i", "0.01", "-W1", INTERNET);
      const talks = inside(1, one?.InstanceId, process.execPath, "-e", TALK, INTERNET);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      await setCable(gateway, false);
      const [{ out }, talk] = await Promise.all([pings, talks]);
      await setCable(gateway, true);
      const lost = COUNT - Number(/(\d+) received/.exec(out)?.[1]);
      assert.ok(lost * EVERY_MILLISECONDS <= 100, `${lost} of ${COUNT} lost`);
      assert.equal(talk.out, "400 answers\n", talk.err);
      await gateways(2);
    }
  });

  it("loses no packet when a gateway is drained, and when it comes back", async () => {
    const [one] = instances;
    const pings = inside(1, one?.InstanceId, "ping", "-q", "-c", "800", "-i", "0.01", "-W1", INTERNET);
    for (const name of ["machine-4", "machine-5"]) {
      assert.equal((await genkan.genkan("drain", name)).out, `${name} is drained.\n`);
      await gateways(1);
      const other = name === "machine-4" ? "machine-5" : "machine-4";
      const last = await genkan.genkan("drain", other);
      assert.match(last.err, new RegExp(`${other} is the last gateway that takes packets`));
      assert.equal((await genkan.genkan("drain", name, "--undo")).out, `${name} is in use again.\n`);
      await gateways(2);
    }
    assert.match((await pings).out, /800 packets transmitted, 800 received/);
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

  it("loses no packet when the machine that leads is killed, and goes on within three seconds", async () => {
    const [one] = instances;
    const pings = inside(1, one?.InstanceId, "ping", "-q", "-c", "600", "-i", "0.01", "-W1", INTERNET);
    const { machines = [] } = await genkan.ask("status", {});
    const leader = machines.find(({ leads }) => leads);
    const { records } = installationAt(genkan.home);
    signal(readRecord(records, there(leader?.name)) ?? assert.fail("the leader has a record"), "SIGKILL");
    const start = performance.now();
    const again = async (): Promise<unknown> =>
      genkan.client.send(new ec2.CreateKeyPairCommand({ KeyName: `after-${start}` })).catch(again);
    await again();
    const took = performance.now() - start;
    assert.ok(took <= 3_000, `${Math.round(took)} ms until the next change`);
    assert.match((await pings).out, /600 packets transmitted, 600 received/);
  });

  /** Settles when so many gateways are next hops, of the machine and of the internet's router. */
  const gateways = async (count: number): Promise<void> => {
    const hops = async (namespace: string, to: string): Promise<number> =>
      (
        await execute("nsenter", [`--net=${namespace}`, "ip", "route", "show", to, "proto", "bird"])
      ).out.split("via ").length - 1;
    const { run, namespaces } = installationAt(genkan.home);
    while ((await hops(join(run, "box/machine-1"), "100.127.0.1")) !== count);
    while ((await hops(namespaces.internet, "203.0.113.0/24")) !== count);
  };
});

/** Sends a line to the echo every 10 ms on one TCP connection, 400 times, and counts the lines that come back. */
const TALK = `
const socket = require("node:net").connect(7, process.argv[1]);
let sent = 0, heard = "";
socket.setNoDelay(true);
const timer = setInterval(() => {
  socket.write(String(sent++).padStart(7, "0") + "\\n");
  if (sent === 400) clearInterval(timer);
}, 10);
socket.on("data", (chunk) => {
  heard += chunk;
  if (heard.length < 3200) return;
  const lines = heard.trimEnd().split("\\n");
  console.log(lines.filter((line, n) => Number(line) === n).length + " answers");
  process.exit();
});
`;
