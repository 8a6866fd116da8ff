/** The box's network: a namespace for each machine, and between them a bridge in one of its own. */

import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inNetwork, ip, run } from "../host/command.ts";
import type { Installation } from "../host/installation.ts";
import type { BoxMachine } from "./box-plan.ts";

/** An instance's longest packet and what VXLAN puts around it, with room to spare. */
const MTU = 9_216;
const PREFIX_LENGTH = 24;

/** The paths of the machines' namespaces, in their order. Those that are there are kept. */
export async function ensureBoxNetwork(
  installation: Installation,
  machines: readonly BoxMachine[],
): Promise<readonly string[]> {
  const folder = join(installation.run, "box");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const between = networkBetween(installation);
  if (await isNew(between)) {
    await ip(between, ["link set lo up", "link add bridge type bridge", `link set bridge mtu ${MTU} up`]);
  }
  const paths = [];
  for (const { name, address } of machines) {
    const path = join(folder, name);
    if (await isNew(path)) await connect({ path, between, name, address });
    paths.push(path);
  }
  return paths;
}

/** The path of the network between the machines. */
export function networkBetween(installation: Installation): string {
  return join(installation.run, "box/between");
}

async function isNew(path: string): Promise<boolean> {
  if (existsSync(path) && readFileSync("/proc/self/mountinfo", "utf8").includes(` ${path} `)) return false;
  closeSync(openSync(path, "a", 0o600));
  await run(["unshare", `--net=${path}`, "--", "true"]);
  return true;
}

type Connection = {
  readonly path: string;
  readonly between: string;
  readonly name: string;
  readonly address: string;
};

async function connect({ path, between, name, address }: Connection): Promise<void> {
  // `ip` names a namespace by a process in it: here the shell, which runs in the machine's.
  const link = `link add name ${name} mtu ${MTU} type veth peer name eth0 mtu ${MTU} netns $$`;
  await run([...inNetwork(path), "sh", "-c", `nsenter --net="$1" -- ip ${link}`, "sh", between]);
  await ip(between, [`link set ${name} master bridge up`]);
  await ip(path, ["link set lo up", `addr add ${address}/${PREFIX_LENGTH} dev eth0`, "link set eth0 up"]);
}
