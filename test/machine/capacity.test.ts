/** A gateway joins when traffic grows, and stands by when it has gone: no packet is lost by either. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { installationAt } from "../../src/host/installation.ts";
import { readRecord } from "../../src/host/processes.ts";
import { noEtcd } from "../../src/store/test-etcd.ts";
import { noBird } from "../../src/underlay/test-bird.ts";
import { INTERNET } from "../kit/box.ts";
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
} from "../kit/genkan.ts";
import { talkCommand, talked } from "../kit/talk.ts";

const TALK = { connections: 1, lines: 6_000 };

describe("a region with three gateways", { skip: noPackets || noEtcd || noBird, timeout: 600_000 }, () => {
  let genkan: Genkan;
  let inside: readonly string[];

  before(async () => {
    // Three quarters of two gateways: 1,500 packets a second.
    genkan = await startGenkan(["--machines", "7", "--gateway-capacity", "1000"]);
    const vpc = await buildVpc(genkan.client);
    const GatewayId = await attachGateway(genkan.client, vpc.vpc);
    const out = { RouteTableId: vpc.table, DestinationCidrBlock: "0.0.0.0/0", GatewayId };
    await genkan.client.send(new ec2.CreateRouteCommand(out));
    const { InstanceId: id } = await launchInstance(genkan.client, vpc, { publicIp: true });
    const found = [1, 2, 3, 4].flatMap((number) => {
      const { records } = installationAt(join(genkan.home, "machines", `machine-${number}`));
      return readRecord(records, `${id}.init`) ?? readRecord(records, there(id)) ?? [];
    });
    inside = [`--net=/proc/${there(found[0]).pid}/ns/net`, "--"];
  });
  after(() => genkan?.stop());

  const run = (...command: readonly string[]): Promise<Ended> =>
    execute("nsenter", [...inside, ...command], { timeout: 150_000 });
  const begin = (...command: readonly string[]): ChildProcess =>
    spawn("nsenter", [...inside, ...command], { stdio: "ignore" });
  /** Sends numbered packets, of which none is lost, until so many gateways are active. */
  const pingUntil = async (count: number): Promise<void> => {
    for (;;) {
      const { out } = await run("ping", "-q", "-c", "200", "-i", "0.01", "-W1", INTERNET);
      assert.match(out, /200 packets transmitted, 200 received/);
      const { machines = [] } = await genkan.ask("status", {});
      const gateways = machines.filter(({ roles, live }) => roles.includes("gateway") && live);
      if (gateways.length === 3 && gateways.filter(({ standby }) => !standby).length === count) return;
    }
  };

  it("has two of them active; a third one joins with the traffic, and goes with it; nothing is lost", async () => {
    await pingUntil(2);
    const talk = run(...talkCommand(INTERNET, TALK));
    const floods = [1, 2].map(() => begin("ping", "-q", "-i", "0.001", INTERNET));
    await pingUntil(3);
    for (const flood of floods) flood.kill("SIGKILL");
    await pingUntil(2);
    assert.equal((await talk).out, talked(TALK), (await talk).err);
  });
});
