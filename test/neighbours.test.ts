import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { attachGateway, buildVpc, type Genkan, launchInstance, noPackets, startGenkan, there } from "./kit.ts";

/** How much slower a quiet neighbour and the control plane may get while an instance does its worst. */
const NEIGHBOUR = 3;
const CONTROL_PLANE = 5;
/** Below this many milliseconds nothing is slow, whatever it was before. */
const QUICK = 60;

/** Quiet and attacked rounds take turns, so that whatever else the machine does is in both alike. */
const ROUNDS = 2;
const SAMPLES = 3;

/** What an instance's root does, in Perl, until it is killed. It says `begun` when it is at it. */
const ATTACKS: Readonly<Record<string, string>> = {
  "a lease on its console, taken again and again": `$SIG{IO} = 'IGNORE'; open my $console, '>>', '/dev/console' or die $!; begun();
    while (1) { fcntl $console, 1024, 1; select undef, undef, undef, 0.01 }`,
  "a hundred busy processes, each a session of its own": `for my $one (1 .. 100) { defined(my $child = fork) or last; next if $child; POSIX::setsid(); 1 while getppid() != 1; exit }
    begun(); sleep 1 while 1`,
  "processes that begin and end": `for my $one (1 .. 50) { defined(my $child = fork) or last; next if $child;
      while (getppid() != 1) { defined(my $grandchild = fork) or next; exit if !$grandchild; waitpid $grandchild, 0 } exit }
    begun(); sleep 1 while 1`,
  "a console that is written without end": `open my $console, '>>', '/dev/console' or die $!; begun(); my $line = 'x' x 65536; syswrite $console, $line while 1`,
  "sockets full of what nobody reads": `use Socket; my @kept; for my $one (1 .. 900) { socket my $socket, PF_INET, SOCK_DGRAM, 0 or last; bind $socket, sockaddr_in(0, INADDR_LOOPBACK);
      connect $socket, getsockname $socket; for (1 .. 200) { send $socket, 'x' x 1200, 0x40 or last } push @kept, $socket } begun(); sleep 1 while 1`,
  "links that come and go": `begun(); while (1) { open my $ip, '|-', 'ip -force -batch - 2>/dev/null'; print $ip map { "link add v$_ type veth peer name w$_\\nlink del v$_\\n" } 1 .. 50; close $ip }`,
};

/** All of it ends with the command's input. */
const PRELUDE = `use strict; use POSIX (); $| = 1; sub begun { print "begun\\n" }
  if (my $worst = fork) { 1 while <STDIN>; kill 'KILL', $worst; exit }`;

describe("a quiet neighbour of an instance that does its worst", { skip: noPackets }, () => {
  let genkan: Genkan;
  let attacker: string;
  let neighbour: string;
  let tagged: string;

  before(async () => {
    genkan = await startGenkan();
    const { client } = genkan;
    const launch = async (): Promise<readonly [string, string]> => {
      const vpc = await buildVpc(client);
      const igw = await attachGateway(client, vpc.vpc);
      await client.send(new ec2.CreateRouteCommand({ RouteTableId: vpc.table, DestinationCidrBlock: "0.0.0.0/0", GatewayId: igw }));
      return [there((await launchInstance(client, vpc, { publicIp: true })).InstanceId), vpc.vpc];
    };
    [attacker, tagged] = await launch();
    [neighbour] = await launch();
  });
  after(() => genkan.stop());

  /** Each the milliseconds of a page of the internet and of an answer of the metadata service, to a new process. */
  async function neighbourly(): Promise<readonly number[]> {
    const script = `for i in $(seq ${SAMPLES}); do curl -s -m 20 -o /dev/null -w '%{time_total}\\n' http://198.51.100.1/ip; curl -s -m 20 -o /dev/null -w '%{time_total}\\n' http://169.254.169.254/latest/meta-data/; done`;
    const { out, status } = await genkan.genkan("exec", neighbour, "--", "sh", "-c", script);
    assert.equal(status, 0);
    return out
      .trim()
      .split("\n")
      .map((seconds) => Number(seconds) * 1000);
  }

  async function controlled(): Promise<readonly number[]> {
    const times: number[] = [];
    for (let i = 0; i < SAMPLES; i += 1) {
      const began = performance.now();
      await genkan.client.send(new ec2.CreateTagsCommand({ Resources: [tagged], Tags: [{ Key: "n", Value: String(i) }] }));
      times.push(performance.now() - began);
    }
    return times;
  }

  /** Runs the attack in the background; settles when it has begun. */
  async function attack(script: string): Promise<ChildProcess> {
    const argv = ["--no-warnings", `${import.meta.dirname}/../src/main.js`, "exec", attacker, "--", "perl", "-e", `${PRELUDE} ${script}`];
    const child = spawn(process.execPath, argv, { env: genkan.environment, stdio: ["pipe", "pipe", "inherit"] });
    await new Promise<void>((resolve, reject) => {
      child.stdout.once("data", () => resolve());
      child.once("exit", () => reject(new Error("the attack ended by itself")));
    });
    return child;
  }

  async function over(child: ChildProcess): Promise<void> {
    const gone = new Promise((resolve) => child.once("exit", resolve));
    child.stdin?.end();
    await gone;
  }

  for (const [what, script] of Object.entries(ATTACKS)) {
    test(what, { timeout: 300_000 }, async () => {
      const quiet = { neighbour: [] as number[], control: [] as number[] };
      const attacked = { neighbour: [] as number[], control: [] as number[] };
      for (let round = 0; round < ROUNDS; round += 1) {
        quiet.neighbour.push(...(await neighbourly()));
        quiet.control.push(...(await controlled()));
        const child = await attack(script);
        attacked.neighbour.push(...(await neighbourly()));
        attacked.control.push(...(await controlled()));
        await over(child);
      }
      const figures = `neighbour ${show(quiet.neighbour)} → ${show(attacked.neighbour)} ms, control plane ${show(quiet.control)} → ${show(attacked.control)} ms`;
      console.log(`${what}: ${figures}`);
      assert.ok(median(attacked.neighbour) <= Math.max(QUICK, NEIGHBOUR * median(quiet.neighbour)), figures);
      assert.ok(median(attacked.control) <= Math.max(QUICK, CONTROL_PLANE * median(quiet.control)), figures);
      assert.ok(Math.max(...attacked.control) < 20_000, figures);
    });
  }
});

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function show(values: readonly number[]): string {
  return `${median(values).toFixed(0)} (at most ${Math.max(...values).toFixed(0)})`;
}
