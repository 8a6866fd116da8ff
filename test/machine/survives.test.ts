import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import { present } from "../../src/lib/assert.ts";
import {
  attachGateway,
  buildVpc,
  type Genkan,
  launchInstance,
  noPackets,
  ROOT,
  startGenkan,
  there,
} from "../kit/genkan.ts";

const STREAM = join(ROOT, "dist/test/machine/udp-stream.js");
const SECONDS = 20;
const RATE = 1000;

describe("packets outlive the control plane", { skip: noPackets }, () => {
  let genkan: Genkan;
  before(async () => {
    genkan = await startGenkan();
  });
  after(async () => {
    for (const child of children) child.kill("SIGKILL");
    await genkan.stop();
  });

  test(
    `kill -9, restart and an upgrade of the kernel program: no gap in ${SECONDS} seconds of numbered packets each way`,
    { timeout: 600_000 },
    async () => {
      const { client } = genkan;
      const vpc = await buildVpc(client);
      const igw = await attachGateway(client, vpc.vpc);
      await client.send(
        new ec2.CreateRouteCommand({
          RouteTableId: vpc.table,
          DestinationCidrBlock: "0.0.0.0/0",
          GatewayId: igw,
        }),
      );
      const instance = await launchInstance(client, vpc, { publicIp: true });
      const address = there(instance.PublicIpAddress);

      const argv = (prefix: readonly string[], ...rest: string[]): readonly string[] => [
        ...prefix,
        process.execPath,
        STREAM,
        ...rest,
      ];
      const inside = prefixOf(await genkan.ask("instance", { id: there(instance.InstanceId) }));
      const outside = prefixOf(await genkan.ask("internet", {}));
      const receivers = [start(argv(inside, "receive", "9000")), start(argv(outside, "receive", "9000"))];
      for (const receiver of receivers) await line(receiver);
      const senders = [
        start(argv(outside, "send", address, "9000", String(RATE), String(SECONDS))),
        start(argv(inside, "send", "198.51.100.1", "9000", String(RATE), String(SECONDS))),
      ];
      for (const sender of senders) await line(sender);
      // They may be through before the last start is: their ends are listened for from here on.
      const sent = Promise.all(senders.map((sender) => once(sender, "exit")));

      for (let round = 0; round < 3; round += 1) {
        const group = there(genkan.process.pid);
        const ended = once(genkan.process, "exit");
        process.kill(-group, "SIGKILL");
        await ended;
        // Each start loads the kernel program anew and swaps it in place of the running one.
        await genkan.start();
      }
      await sent;
      for (const receiver of receivers) {
        receiver.stdin?.end();
        const report = JSON.parse(await line(receiver)) as { came: number; missing: number };
        assert.deepEqual(report, { came: RATE * SECONDS, missing: 0 });
      }
    },
  );
});

function prefixOf({ netns }: { readonly netns?: string }): readonly string[] {
  return ["nsenter", `--net=${present(netns, "its network namespace")}`];
}

const children: ChildProcess[] = [];

function start(argv: readonly string[]): ChildProcess {
  const [command = "", ...args] = argv;
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  return child;
}

function line(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()));
    child.once("error", reject);
  });
}
