import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Host } from "./host.ts";
import type { InstanceSpec } from "./instance-spec.ts";
import type { Ending } from "./instance.ts";

/** What the host's own tests are made of. */
export const POOL = "203.0.113.0/24";

/** An instance whose slot and addresses follow from a small number. */
export function example(number: number, more: Partial<InstanceSpec> = {}): InstanceSpec {
  const host = 10 + number;
  return {
    id: `i-${number.toString(16).padStart(17, "0")}`,
    hostname: `ip-10-0-1-${host}`,
    dnsServers: ["10.0.0.2"],
    dnsSearch: ["ec2.internal"],
    dnsDomain: "ec2.internal",
    interfaces: [
      {
        slot: 20 + number,
        deviceIndex: 0,
        mac: `02:00:00:00:01:${host.toString(16).padStart(2, "0")}`,
        addresses: [`10.0.1.${host}`],
        prefixLength: 24,
        router: "10.0.1.1",
        ipv6Addresses: [],
      },
    ],
    userData: undefined,
    publicKey: undefined,
    ...more,
  };
}

/** Runs a command to its end and returns its output; throws with what it said when it fails. */
export function output(argv: readonly string[], input = ""): string {
  const [command = "", ...args] = argv;
  const ended = spawnSync(command, args, { input, encoding: "utf8" });
  if (ended.status !== 0)
    throw new Error(`${argv.slice(-3).join(" ")}: ${ended.status} ${ended.stdout} ${ended.stderr}`);
  return ended.stdout;
}

export function status(argv: readonly string[]): number | null {
  const [command = "", ...args] = argv;
  return spawnSync(command, args, { stdio: "ignore" }).status;
}

export function nextExit(host: Host): Promise<readonly [string, Ending]> {
  return new Promise((resolve) => host.onExit((id, ending) => resolve([id, ending])));
}

/** When the control plane is to be killed: in the middle of its start, of a boot, or when all is up. */
export type Moment = "starting" | "booting" | "up";

export type Victim = { readonly init: number; readonly kill: () => Promise<void> };

/** A control plane in a process of its own, which has come to the moment and goes no further. */
export async function launchVictim(home: string, number: number, moment: Moment): Promise<Victim> {
  const main = fileURLToPath(new URL("./test-victim.js", import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [main, home, String(number), moment], {
    stdio: ["ignore", "pipe", "inherit"],
    detached: true,
  });
  const exit = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout?.setEncoding("utf8").once("data", resolve);
    void exit.then(() => reject(new Error("the victim ended by itself")));
  });
  return {
    init: Number(line),
    kill: async () => {
      // The whole process group, as a terminal that goes away does.
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
      await exit;
    },
  };
}
