import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface, type Interface } from "node:readline";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { attachGateway, buildVpc, type Genkan, launchInstance, MAIN, noPackets, startGenkan, there } from "./kit.ts";
import { ATTACKS, PRELUDE, PROBE } from "./neighbours-attacks.ts";

/** How much slower a quiet neighbour and the control plane may get while an instance does its worst. */
const NEIGHBOUR = 3;
const CONTROL_PLANE = 5;
/** Below so many milliseconds, a few turns of the scheduler, nothing is slow, whatever it was before. */
const QUICK = 40;

/** Quiet and attacked rounds take turns, so that whatever else the machine does is in both alike. */
const ROUNDS = 2;
const SAMPLES = 6;

const KINDS = ["web", "echo", "metadata", "resolver", "time", "change", "question"] as const;
type Kind = (typeof KINDS)[number];
type Times = Record<Kind, number[]>;

describe("a quiet neighbour of an instance that does its worst", { skip: noPackets }, () => {
  let genkan: Genkan;
  let attacker: string;
  let tagged: string;
  let probe: Probe;

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
    const [neighbour] = await launch();
    probe = new Probe(run(genkan, neighbour, PROBE));
  });
  after(async () => {
    await probe.end();
    await genkan.stop();
  });

  async function sample(times: Times): Promise<void> {
    const sent = async (kind: Kind, send: () => Promise<unknown>): Promise<void> => {
      const began = performance.now();
      await send();
      times[kind].push(performance.now() - began);
    };
    for (let i = 0; i < SAMPLES; i += 1) {
      for (const [n, time] of (await probe.ask()).entries()) times[there(KINDS[n])].push(time);
      const tags = [{ Key: "n", Value: String(i) }];
      await sent("change", () => genkan.client.send(new ec2.CreateTagsCommand({ Resources: [tagged], Tags: tags })));
      await sent("question", () => genkan.client.send(new ec2.DescribeVpcsCommand({ VpcIds: [tagged] })));
    }
  }

  for (const [what, script] of Object.entries(ATTACKS)) {
    test(what, { timeout: 300_000 }, async () => {
      const quiet = noTimes();
      const attacked = noTimes();
      for (let round = 0; round < ROUNDS; round += 1) {
        await sample(quiet);
        const attack = run(genkan, attacker, `${PRELUDE}${script}`);
        await begun(attack);
        await sample(attacked);
        assert.equal(attack.exitCode ?? attack.signalCode, null, "the attack ended by itself");
        await over(attack);
      }
      const figures = KINDS.map((kind) => `${kind} ${show(quiet[kind])} → ${show(attacked[kind])}`).join(", ");
      console.log(`${what}: ${figures}`);
      for (const kind of KINDS) {
        const most = (kind === "change" || kind === "question" ? CONTROL_PLANE : NEIGHBOUR) * median(quiet[kind]);
        assert.ok(median(attacked[kind]) <= Math.max(QUICK, most), `${kind}: ${figures}`);
      }
    });
  }
});

function noTimes(): Times {
  return Object.fromEntries(KINDS.map((kind) => [kind, [] as number[]])) as Times;
}

/** Perl in an instance; it ends with its input. */
function run(genkan: Genkan, instance: string, script: string): ChildProcess {
  const argv = ["--no-warnings", MAIN, "exec", instance, "--", "perl", "-e", script];
  return spawn(process.execPath, argv, { env: genkan.environment, stdio: ["pipe", "pipe", "inherit"] });
}

async function begun(child: ChildProcess): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.stdout?.once("data", () => resolve());
    child.once("exit", () => reject(new Error("the attack ended by itself")));
  });
}

async function over(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.stdin?.end();
  await gone;
}

class Probe {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(child: ChildProcess) {
    this.#child = child;
    const lines: Interface = createInterface({ input: there(child.stdout ?? undefined) });
    this.#lines = lines[Symbol.asyncIterator]();
  }

  /** Milliseconds of an exchange of each kind; without end what failed. */
  async ask(): Promise<readonly number[]> {
    this.#child.stdin?.write("\n");
    const line = await this.#lines.next();
    return String(line.value)
      .split(" ")
      .map((time) => (time.startsWith("-") ? Number.POSITIVE_INFINITY : Number(time)));
  }

  end(): Promise<void> {
    return over(this.#child);
  }
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function show(values: readonly number[]): string {
  return `${median(values).toFixed(1)} (${Math.max(...values).toFixed(0)})`;
}
