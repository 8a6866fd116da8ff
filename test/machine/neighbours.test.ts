import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import {
  attachGateway,
  buildVpc,
  type Genkan,
  launchInstance,
  noPackets,
  startGenkan,
  there,
  type Vpc,
} from "../kit/genkan.ts";
import { ATTACKS, MANY_NEIGHBOURS, PRELUDE, PROBE } from "./neighbours-attacks.ts";
import { begun, ended, over, Probe, runPerl } from "./neighbours-probe.ts";

/** How much slower a quiet neighbour and the control plane may get while an instance does its worst. */
const NEIGHBOUR = 3;
const CONTROL_PLANE = 5;
/** Below so many milliseconds nothing is slow, whatever it was before. */
const QUICK = 8;

/** Quiet and attacked rounds take turns, so that whatever else the machine does is in both alike. */
const ROUNDS = 2;
const SAMPLES = 10;

const KINDS = ["web", "echo", "metadata", "resolver", "time", "change", "question"] as const;
type Kind = (typeof KINDS)[number];
type Times = Record<Kind, number[]>;

describe("a quiet neighbour of an instance that does its worst", { skip: noPackets }, () => {
  let genkan: Genkan;
  let attacker: string;
  let tagged: string;
  let elsewhere: Vpc;
  let probe: Probe;

  before(async () => {
    genkan = await startGenkan();
    const { client } = genkan;
    const launch = async (): Promise<readonly [string, Vpc]> => {
      const vpc = await buildVpc(client);
      const igw = await attachGateway(client, vpc.vpc);
      await client.send(
        new ec2.CreateRouteCommand({
          RouteTableId: vpc.table,
          DestinationCidrBlock: "0.0.0.0/0",
          GatewayId: igw,
        }),
      );
      return [there((await launchInstance(client, vpc, { publicIp: true })).InstanceId), vpc];
    };
    const [one, its] = await launch();
    [attacker, tagged] = [one, its.vpc];
    const [neighbour, other] = await launch();
    elsewhere = other;
    probe = new Probe(runPerl(genkan, neighbour, PROBE));
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
      await sent("change", () =>
        genkan.client.send(new ec2.CreateTagsCommand({ Resources: [tagged], Tags: tags })),
      );
      await sent("question", () => genkan.client.send(new ec2.DescribeVpcsCommand({ VpcIds: [tagged] })));
    }
  }

  for (const [what, script] of Object.entries(ATTACKS)) {
    test(what, { timeout: 300_000 }, async () => {
      const quiet = noTimes();
      const attacked = noTimes();
      for (let round = 0; round < ROUNDS; round += 1) {
        await sample(quiet);
        const attack = runPerl(genkan, attacker, `${PRELUDE}${script}`);
        await begun(attack);
        await sample(attacked);
        assert.equal(attack.exitCode ?? attack.signalCode, null, "the attack ended by itself");
        await over(attack);
      }
      const figures = KINDS.map((kind) => `${kind} ${show(quiet[kind])} → ${show(attacked[kind])}`).join(
        ", ",
      );
      console.log(`${what}: ${figures}`);
      for (const kind of KINDS) {
        assert.ok(
          Number.isFinite(Math.max(...quiet[kind])),
          `${kind} has not recovered from the attack before: ${figures}`,
        );
        const most =
          (kind === "change" || kind === "question" ? CONTROL_PLANE : NEIGHBOUR) * median(quiet[kind]);
        assert.ok(median(attacked[kind]) <= Math.max(QUICK, most), `${kind}: ${figures}`);
      }
    });
  }

  test(
    "an instance that begins while another fills the machine's table of neighbours has its network at once",
    { timeout: 300_000 },
    async () => {
      const { client } = genkan;
      for (let round = 0; round < ROUNDS; round += 1) {
        const attack = runPerl(genkan, attacker, `${PRELUDE}${MANY_NEIGHBOURS}`);
        await begun(attack);
        const id = there((await launchInstance(client, elsewhere, { publicIp: true })).InstanceId);
        const its = new Probe(runPerl(genkan, id, PROBE));
        const times = await its.ask();
        assert.ok(times.every(Number.isFinite), times.join(" "));
        assert.ok((await probe.ask()).every(Number.isFinite));
        await its.end();
        await client.send(new ec2.TerminateInstancesCommand({ InstanceIds: [id] }));
        // Whoever takes the table is ended, and may begin anew.
        await ended(attack);
        await ec2.waitUntilInstanceStopped(
          { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
          { InstanceIds: [attacker] },
        );
        await client.send(new ec2.StartInstancesCommand({ InstanceIds: [attacker] }));
        await ec2.waitUntilInstanceRunning(
          { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
          { InstanceIds: [attacker] },
        );
      }
    },
  );
});

function noTimes(): Times {
  return Object.fromEntries(KINDS.map((kind) => [kind, [] as number[]])) as Times;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

function show(values: readonly number[]): string {
  return `${median(values).toFixed(1)} (${Math.max(...values).toFixed(0)})`;
}
