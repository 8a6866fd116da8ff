/** Machines of one's own become a region by one command on each; here they are network namespaces. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { type Door, openDoor } from "../../src/box/door.ts";
import { ensureBoxNetwork, networkBetween } from "../../src/box/network.ts";
import { openHome, readOwnRegion } from "../../src/home/home.ts";
import { ip } from "../../src/host/command.ts";
import { type Installation, installationAt } from "../../src/host/installation.ts";
import type { Invitation } from "../../src/protocol/invitation.ts";
import type { Status } from "../../src/protocol/status.ts";
import { noEtcd } from "../../src/store/test-etcd.ts";
import { noBird } from "../../src/underlay/test-bird.ts";
import { clientOf, codeOf, type Ended, execute, MAIN, noPackets, there } from "../kit/genkan.ts";

type Listed = NonNullable<Status["machines"]>[number];

/** The first machine is told of it, once. */
const POOL = "192.0.2.0/25";

/** A machine that has a network of its own. */
class Machine {
  readonly home = mkdtempSync(join(tmpdir(), "genkan-test-"));
  readonly network: string;
  #process: ChildProcess | undefined;
  #door: Door | undefined;
  #client: ec2.EC2Client | undefined;

  constructor(network: string) {
    this.network = network;
  }

  #command(argv: readonly string[]): readonly string[] {
    return [`--net=${this.network}`, "--", process.execPath, "--no-warnings", MAIN, ...argv];
  }

  get #environment(): NodeJS.ProcessEnv {
    return { ...process.env, GENKAN_HOME: this.home, LC_ALL: "C" };
  }

  /** What it printed until it was ready. */
  async start(...argv: readonly string[]): Promise<string> {
    const child = spawn("nsenter", this.#command(argv), {
      env: this.#environment,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    this.#process = child;
    let said = "";
    await new Promise<void>((resolve, reject) => {
      const listen = (chunk: Buffer): void => {
        said += chunk.toString();
        if (/^In another shell/m.test(said)) resolve();
      };
      for (const stream of [child.stdout, child.stderr]) stream?.on("data", listen);
      child.once("exit", (code) => reject(new Error(`ended with ${code}: ${said}`)));
    });
    return said;
  }

  run(...argv: readonly string[]): Promise<Ended> {
    return execute("nsenter", this.#command(argv), { env: this.#environment, timeout: 120_000 });
  }

  async json<T>(...argv: readonly string[]): Promise<T> {
    const { out, err } = await this.run(...argv, "--json");
    assert.equal(err, "");
    return JSON.parse(out) as T;
  }

  async listed(): Promise<readonly Listed[]> {
    return (await this.json<Status>("status")).machines ?? [];
  }

  async client(): Promise<ec2.EC2Client> {
    if (this.#client) return this.#client;
    const probe = createServer().listen(0, "127.0.0.1");
    await once(probe, "listening");
    const { port } = probe.address() as { readonly port: number };
    probe.close();
    this.#door = await openDoor({ host: "127.0.0.1", port, doors: [join(this.home, "api.sock")] });
    return (this.#client = clientOf(this.home, port));
  }

  /** Ends its control plane at once. */
  async kill(): Promise<void> {
    const child = there(this.#process);
    const ended = once(child, "exit");
    process.kill(-there(child.pid), "SIGKILL");
    await ended;
  }

  async end(): Promise<void> {
    this.#client?.destroy();
    await this.#door?.close();
    const down = await this.run("down");
    rmSync(this.home, { recursive: true, force: true });
    assert.equal(down.status, 0, down.err);
  }
}

/** Looks until it is so. */
async function until(body: () => Promise<boolean>): Promise<void> {
  while (!(await body())) await new Promise((resolve) => setImmediate(resolve));
}

describe("machines of one's own", { skip: noPackets || noEtcd || noBird, timeout: 900_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), "genkan-test-"));
  let cables: Installation;
  let machines: readonly Machine[];
  const address = (number: number): string => `10.77.0.${number}`;
  const machine = (number: number): Machine => there(machines[number - 1]);
  let invitation: Invitation;

  before(async () => {
    cables = installationAt(folder);
    mkdirSync(cables.run, { recursive: true });
    const names = [1, 2, 3, 4, 5].map((n) => ({ name: `m${n}`, address: address(n), roles: [], zones: [] }));
    machines = (await ensureBoxNetwork(cables, names)).map((network) => new Machine(network));
  });
  after(async () => {
    for (const one of machines.toReversed()) await one.end();
    rmSync(folder, { recursive: true, force: true });
  });
  const joining = (number: number, ...more: readonly string[]): readonly string[] => [
    "join",
    invitation.door,
    "--token",
    invitation.token,
    "--no-host-link",
    "--machine-name",
    `m${number}`,
    ...more,
  ];

  it("begin a region with the first, which prints the command for the others", async () => {
    const flags = ["--machine-address", address(1), "--machine-name", "m1", "--no-host-link"];
    const said = await machine(1).start("up", ...flags, "--pool", POOL, "--gateway-capacity", "4000000");
    invitation = await machine(1).json<Invitation>("token");
    assert.equal(invitation.door, `${address(1)}:4566`);
    assert.match(said, /a region begins on this machine/);
    for (const file of ["tls/machine.key", "tls/machine.crt", "region.json"])
      assert.equal(statSync(join(machine(1).home, file)).mode & 0o777, 0o600, file);
  });

  it("join by it, and the first instance runs soon", async () => {
    const began = performance.now();
    await machine(2).start(...joining(2, "--machine-zone", "b"));
    const joined = performance.now();
    const commands = await execute("ps", ["-eo", "args"]);
    assert.ok(!commands.out.includes(invitation.token), "no process has the token");
    const client = await machine(2).client();
    const { Subnets = [] } = await client.send(
      new ec2.DescribeSubnetsCommand({
        Filters: [{ Name: "availability-zone", Values: ["us-east-1b"] }],
      }),
    );
    await machine(1).run("drain", "m1");
    const { Instances = [] } = await client.send(
      new ec2.RunInstancesCommand({
        ImageId: "ami-0123456789abcdef0",
        InstanceType: "t3.micro",
        MinCount: 1,
        MaxCount: 1,
        SubnetId: there(Subnets[0]?.SubnetId),
      }),
    );
    const InstanceIds = [there(Instances[0]?.InstanceId)];
    await until(async () => {
      const found = await client.send(new ec2.DescribeInstancesCommand({ InstanceIds }));
      return found.Reservations?.[0]?.Instances?.[0]?.State?.Name === "running";
    });
    const [whole, instance] = [performance.now() - began, performance.now() - joined].map(Math.round);
    process.stderr.write(`join to its first instance: ${whole} ms, ${instance} ms of them after it joined\n`);
    assert.ok((whole ?? Infinity) < 15_000);
    await machine(1).run("drain", "m1", "--undo");
    const inside = await machine(2).run("exec", there(InstanceIds[0]), "--", "hostname", "-i");
    assert.equal(inside.status, 0, inside.err);
  });

  it("have a member of etcd on three of them as soon as there are three", async () => {
    await machine(3).start(...joining(3));
    await until(async () => {
      const { etcd } = await machine(1).json<Status>("status");
      return etcd?.members.length === 3;
    });
    await machine(4).start(...joining(4, "--machine-roles", "host"));
    for (const number of [1, 2, 3, 4]) {
      const listed = await machine(number).listed();
      assert.deepEqual(
        listed.map(({ name, address: at, live }) => [name, at, live]),
        [1, 2, 3, 4].map((n) => [`m${n}`, address(n), true]),
      );
    }
  });

  it("go on when the first one's control plane and its etcd are killed, and it takes part again without options", async () => {
    const client = await machine(2).client();
    await machine(1).kill();
    const { pid } = JSON.parse(
      readFileSync(join(installationAt(machine(1).home).records, "etcd.json"), "utf8"),
    ) as { readonly pid: number };
    process.kill(pid, "SIGKILL");
    const killed = performance.now();
    await client.send(new ec2.CreateVpcCommand({ CidrBlock: "10.40.0.0/16" }));
    process.stderr.write(`killed to the next change: ${Math.round(performance.now() - killed)} ms\n`);
    assert.ok(performance.now() - killed < 5_000);
    await until(async () => (await machine(3).listed()).some(({ name, live }) => name === "m1" && !live));
    await machine(1).start("up", "--no-host-link");
    // Whoever leads now was not told of the pool itself.
    const { PublicIp } = await client.send(new ec2.AllocateAddressCommand({}));
    assert.match(there(PublicIp), /^192\.0\.2\./);
    assert.deepEqual(readOwnRegion(openHome({ GENKAN_HOME: machine(1).home }, false))?.options, {
      "gateway-capacity": "4000000",
    });
    await until(async () => (await machine(3).listed()).every(({ live, behind }) => live && !behind));
    const { Vpcs = [] } = await (await machine(1).client()).send(new ec2.DescribeVpcsCommand({}));
    assert.ok(Vpcs.some(({ CidrBlock }) => CidrBlock === "10.40.0.0/16"));
  });

  it("are told what is wrong with a command to join, each mistake for itself", async () => {
    const refused = async (argv: readonly string[], words: RegExp): Promise<void> => {
      const { status, err } = await machine(5).run(...argv);
      assert.equal(status, 1);
      assert.match(err, words);
      assert.equal(err.trimEnd().split("\n").length, 1, err);
    };
    const [door, token] = [invitation.door, invitation.token];
    const other = `${token.slice(0, -2)}${token.endsWith("AA") ? "BB" : "AA"}`;
    await refused(["join", door, "--token", other], /token is not this region's/);
    await refused(["join", door, "--token", token.slice(3)], /token is incomplete/);
    await refused(["join", `${address(1)}:4`, "--token", token], /Nothing answers at 10\.77\.0\.1:4/);
    await refused(["join", `${address(9)}:4566`, "--token", token], /No route|silent/);
    await refused(["join", `${address(1)}:2379`, "--token", token], /token is not|no machine of a region/);
    await refused(
      ["join", door, "--token", token, "--machine-address", address(3)],
      /is no address of this machine/,
    );
    await ip(machine(5).network, [`addr add ${address(3)}/32 dev lo`]);
    await refused(
      ["join", door, "--token", token, "--machine-address", address(3)],
      /is the address of m3, machine 3 of the region/,
    );
    await ip(machine(5).network, [`addr del ${address(3)}/32 dev lo`]);
    const { err } = await machine(2).run("join", door, "--token", token);
    assert.match(err, /is a machine of a region already/);
    assert.equal(await codeOf((await machine(2).client()).send(new ec2.DescribeVpcsCommand({}))), undefined);
  });

  it("leave in order, the first one too, unless something depends on them", async () => {
    const refused = async (number: number, words: RegExp, ...names: readonly string[]): Promise<void> => {
      const { status, err } = await machine(number).run("leave", ...names);
      assert.equal(status, 1);
      assert.match(err, words);
    };
    await refused(2, /m2 runs 1 instance \(i-/);
    await refused(1, /m1 is a gateway, and packets may still come to it: .*genkan drain m1 first/);
    await refused(1, /m3 is up: run \.\/genkan leave there/, "m3");
    await refused(1, /There is no machine m9/, "m9");
    assert.equal((await machine(1).run("drain", "m1")).status, 0);
    const left = await machine(1).run("leave");
    assert.equal(left.status, 0, left.err);
    const listed = await machine(3).listed();
    assert.deepEqual(
      listed.map(({ name }) => name),
      ["m2", "m3", "m4"],
    );
    await until(async () => (await machine(3).json<Status>("status")).etcd?.members.length === 2);
    for (const file of ["region.json", "tls", "etcd", "state"])
      assert.ok(!existsSync(join(machine(1).home, file)), file);
    await (await machine(2).client()).send(new ec2.CreateVpcCommand({ CidrBlock: "10.41.0.0/16" }));
  });

  it("join anew after they have left, with what the region has become", async () => {
    invitation = await machine(3).json<Invitation>("token");
    assert.equal(invitation.door, `${address(3)}:4566`);
    await machine(1).start(...joining(1));
    await until(async () => (await machine(3).json<Status>("status")).etcd?.members.length === 3);
  });

  it("are taken out when they are dead for good; what they ran can start elsewhere", async () => {
    const client = await machine(2).client();
    for (const name of ["m1", "m3"]) await machine(2).run("drain", name);
    const { Instances = [] } = await client.send(
      new ec2.RunInstancesCommand({
        ImageId: "ami-0123456789abcdef0",
        InstanceType: "t3.micro",
        MinCount: 1,
        MaxCount: 1,
        Placement: { AvailabilityZone: "us-east-1a" },
      }),
    );
    const InstanceIds = [there(Instances[0]?.InstanceId)];
    const stateIs = (state: string) => async (): Promise<boolean> => {
      const found = await client.send(new ec2.DescribeInstancesCommand({ InstanceIds }));
      return found.Reservations?.[0]?.Instances?.[0]?.State?.Name === state;
    };
    await until(stateIs("running"));
    const inside = await machine(4).run("exec", there(InstanceIds[0]), "--", "true");
    assert.equal(inside.status, 0, inside.err);
    await machine(4).kill();
    await until(async () => (await machine(2).listed()).some(({ name, live }) => name === "m4" && !live));
    const taken = await machine(2).run("leave", "m4");
    assert.equal(taken.status, 0, taken.err);
    assert.ok(!(await machine(2).listed()).some(({ name }) => name === "m4"));
    await until(stateIs("stopped"));
    await machine(2).run("drain", "m3", "--undo");
    await client.send(new ec2.StartInstancesCommand({ InstanceIds }));
    await until(stateIs("running"));
    assert.equal((await machine(3).run("exec", there(InstanceIds[0]), "--", "true")).status, 0);
    const back = await machine(4).run("up", "--no-host-link");
    assert.match(back.err, /was taken out of its region/);
  });

  it("say which port is closed, and what a network with a small MTU carries", async () => {
    await ip(networkBetween(cables), ["link set m5 mtu 1500"]);
    await ip(machine(5).network, ["link set eth0 mtu 1500"]);
    const filter = (words: string): Promise<void> =>
      execute("nsenter", [`--net=${machine(5).network}`, "--", "nft", ...words.split(" ")]).then(({ err }) =>
        assert.equal(err, ""),
      );
    await filter("add table ip closed");
    await filter("add chain ip closed out { type filter hook output priority 0 ; }");
    await filter("add rule ip closed out tcp dport 2379 drop");
    const closed = await machine(5).run(...joining(5, "--machine-roles", "host"));
    assert.match(closed.err, /etcd at 10\.77\.0\.\d:2379 can't be reached from here: let TCP 2379/);
    await filter("flush chain ip closed out");
    await filter("add chain ip closed in { type filter hook input priority 0 ; }");
    await filter("add rule ip closed in tcp dport 4566 iifname eth0 drop");
    const said = await machine(5).start(...joining(5, "--machine-roles", "host"));
    assert.match(said, /other machines can't reach this one at 10\.77\.0\.5:4566: let TCP 4566 pass/);
    await filter("delete table ip closed");
    assert.match(said, /has an MTU of 1500: between machines it carries packets of up to 1450 bytes/);
  });
});
