import { execFile } from "node:child_process";
import { EC2Client } from "@aws-sdk/client-ec2";
import type { Home } from "../home/home.ts";
import { CommandError } from "../lib/command-error.ts";
import type { Language } from "../words/language.ts";
import { ask, type Control, endpointOf } from "./control.ts";
import { type Attempt, demo } from "./demo.ts";
import type { Paint } from "./paint.ts";

type Tools = {
  readonly control: Control;
  readonly home: Home;
  readonly language: Language;
  readonly paint: Paint;
  readonly print: (line: string) => void;
  /** The command line that runs a command in an instance, or on the internet's side. */
  readonly inInstance: (pid: number, command: readonly string[]) => readonly string[];
  readonly inInternet: (command: readonly string[]) => readonly string[];
};

/** Runs the demo against the control plane that is up. Exit status 0 when every step went as it should. */
export async function runDemo(tools: Tools): Promise<number> {
  const { control } = tools;
  const { packets } = await ask(control, "status");
  if (!packets)
    throw new CommandError("The demo sends real packets, and none move here. See: ./genkan doctor");
  const { accessKeyId, secretAccessKey, region } = control.credentials;
  const client = new EC2Client({
    endpoint: endpointOf(control),
    region,
    credentials: { accessKeyId, secretAccessKey },
  });
  const patient = ["curl", "-s", "-m", "2"];
  const good = await demo({
    ...tools,
    client,
    outward: async (instanceId) => {
      const { pid, state } = await ask(control, "instance", { id: instanceId });
      if (pid === undefined) throw new CommandError(`${instanceId} is ${state}: nothing runs in it.`);
      return attempt(control, tools.inInstance(pid, [...patient, "http://198.51.100.1/ip"]));
    },
    inward: (_instanceId, address) =>
      attempt(
        control,
        tools.inInternet([
          ...patient,
          "--retry",
          "20",
          "--retry-delay",
          "0",
          "--retry-connrefused",
          "--retry-max-time",
          "3",
          `http://${address}/cgi-bin/ip`,
        ]),
      ),
  });
  client.destroy();
  return good ? 0 : 1;
}

/** Runs the command; when nothing came back, the reason is the drop whose count grew meanwhile. */
async function attempt(control: Control, argv: readonly string[]): Promise<Attempt> {
  const before = await drops(control);
  const [command = "", ...args] = argv;
  const out = await new Promise<string | undefined>((resolve) =>
    execFile(command, args, { timeout: 15_000 }, (error, text) => resolve(error ? undefined : text.trim())),
  );
  if (out !== undefined)
    return { passed: true, seen: out.replace(/^\[?(?:::ffff:)?([\d.]+)\]?$/, "$1"), reason: "" };
  const grown = [...(await drops(control))]
    .filter(([reason, packets]) => packets > (before.get(reason) ?? 0))
    .map(([reason]) => reason);
  return { passed: false, seen: "", reason: grown.join(", ") || "?" };
}

async function drops(control: Control): Promise<ReadonlyMap<string, number>> {
  const status = await ask(control, "status");
  const sums = new Map<string, number>();
  for (const { reason, packets } of status.drops) sums.set(reason, (sums.get(reason) ?? 0) + packets);
  return sums;
}
