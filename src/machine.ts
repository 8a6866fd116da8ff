import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { CommandError } from "./cli/control.ts";
import { type Datapath, type DatapathOptions, openDatapath } from "./datapath/loader.ts";
import { ProgramRefused } from "./datapath/object.ts";
import { giveReserve } from "./host/disk-watch.ts";
import { execInInstance } from "./host/exec.ts";
import { type Host, type HostUp, openHost } from "./host/host.ts";
import { runPromptly } from "./host/priority.ts";
import { startPlan } from "./image.ts";
import { present } from "./lib/assert.ts";
import { reasons } from "./lib/reasons.ts";
import type { World } from "./model/world.ts";
import type { PlanSettings } from "./plan/settings.ts";
import type { ControlPlane } from "./server/control-plane.ts";
import { selfCheck } from "./server/self-check.ts";
import type { LoadedImage } from "./store/embedded.ts";

/** What moves packets: the instances and links of this machine, and the program in its kernel. */
export type RunningMachine = { readonly host: Host; readonly datapath: Datapath };

type MachineOptions = {
  /** The home's folder. */
  readonly home: string;
  readonly pools: readonly string[];
  readonly hostLink: boolean;
  readonly log: (message: string, cause?: unknown) => void;
};

const OBJECT = join(import.meta.dirname, "../datapath/genkan.bpf.o");

/** Namespaces, links and services, then the kernel's tables brought to what the state says, then the program on every link. */
export async function startMachine(options: MachineOptions, world: World, image: LoadedImage | undefined): Promise<RunningMachine> {
  if (!existsSync(OBJECT)) throw new CommandError(`The compiled kernel program is missing: ${OBJECT}. Run: npm start`);
  runPromptly();
  const { home, pools, hostLink, log } = options;
  const opened: { datapath?: Datapath } = {};
  const host = openHost({
    home,
    pools,
    hostLink,
    attach: (slot) => present(opened.datapath, "the datapath").attach(slot),
    log,
  });
  const hostUp = await host.up();
  giveReserve(home);
  const { links } = hostUp;
  const sizes = { interfaces: roomFor(world.slots.get("network-interface")?.end() ?? 0) };
  const datapath = await load({ pins: links.bpf, netns: links.namespace, object: OBJECT, sizes }, home, host);
  opened.datapath = datapath;
  datapath.reconcile(startPlan(world, image, settingsOf(hostUp, pools), log));
  datapath.attachFragments(links.fragmentsIndex);
  datapath.attachServices(links.servicesIndex);
  datapath.attachUplink(links.uplinkIndex);
  await host.attachLinks();
  return { host, datapath };
}

/** @throws CommandError when this kernel does not take the program: what the start made is gone again, unless instances run. */
async function load(options: DatapathOptions, home: string, host: Host): Promise<Datapath> {
  try {
    return openDatapath(options);
  } catch (cause) {
    if (!(cause instanceof ProgramRefused)) throw cause;
    if (host.slots().length === 0) await host.down();
    const file = join(home, "verifier.log");
    writeFileSync(file, `Linux ${release()}\n${reasons(cause)}\n`, { mode: 0o600 });
    throw new CommandError(
      `This kernel (${release()}) refuses the program that moves packets: ${cause.errno}. Its last words: ${file}. Without packets: ./genkan up --no-packets`,
      { cause },
    );
  }
}

const LEAST_INTERFACES = 131_072;

const STEP = 65_536;

/** How many interfaces the tables get room for: a quarter more than there are, for those to come until the next start. */
function roomFor(interfaces: number): number {
  return Math.max(LEAST_INTERFACES, Math.ceil((interfaces * 1.25) / STEP) * STEP);
}

/** Tracked connections that one interface may hold. */
const CONNECTION_LIMIT = 65_536;

function settingsOf({ links }: HostUp, pools: readonly string[]): PlanSettings {
  const { uplinkIndex: uplink, servicesIndex: services, fragmentsIndex: fragments, ...macs } = links;
  return { pools, uplink, services, fragments, ...macs, connectionLimit: CONNECTION_LIMIT };
}

type Check = {
  readonly machine: RunningMachine;
  readonly world: World;
  readonly plane: ControlPlane;
  readonly region: string;
  readonly log: (message: string) => void;
};

/**
 * Sends a real packet through the gateway. A disk without room for one more instance keeps nobody from ending those that filled it.
 * @throws CommandError when it does not come back.
 */
export async function checkMachine({ machine: { host, datapath }, world, plane, region, log }: Check): Promise<void> {
  try {
    await selfCheck({
      world,
      context: plane.context({ account: "000000000000", region }),
      applyDelta: (delta) => datapath.apply(delta),
      boot: (plan) => host.boot(plan),
      destroy: (id) => host.destroy(id),
      exec: (id, command) => outputOf(execInInstance({ pid: present(host.pidOf(id), `the process of ${id}`), command })),
    });
  } catch (cause) {
    if (isFull(cause)) return log("the self-check was left out, for no space is left on the disk: terminate instances that fill it");
    throw new CommandError(`The self-check failed: ${reasons(cause)}. See: ./genkan doctor`, { cause });
  }
}

function isFull(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  return ["ENOSPC", "EDQUOT"].includes((cause as NodeJS.ErrnoException).code ?? "") || isFull(cause.cause);
}

function outputOf(argv: readonly string[]): Promise<string | undefined> {
  const [command = "", ...args] = argv;
  return new Promise((resolve) => execFile(command, args, { timeout: 15_000 }, (error, out) => resolve(error ? undefined : out)));
}
