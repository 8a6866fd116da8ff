import { execFile } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { type Datapath, type DatapathOptions, openDatapath } from "../datapath/loader.ts";
import { ProgramRefused } from "../datapath/object.ts";
import { giveReserve } from "../host/disk-watch.ts";
import { execInInstance } from "../host/exec.ts";
import { type Host, type HostUp, openHost } from "../host/host.ts";
import { runPromptly } from "../host/priority.ts";
import { present } from "../lib/assert.ts";
import { CommandError } from "../lib/command-error.ts";
import { reasons } from "../lib/reasons.ts";
import type { World } from "../model/world.ts";
import type { PlanSettings } from "../plan/settings.ts";
import type { LoadedImage } from "../store/embedded.ts";
import { GATEWAYS_ADDRESS } from "../underlay/bird-config.ts";
import { AROUND, ensureOverlay, type Overlay, spreadFlows } from "../underlay/overlay.ts";
import { startPlan } from "./image.ts";
import { selfCheck, type SelfCheckTools } from "./self-check.ts";

/** What moves packets: this machine's instances and links, and the program in its kernel. */
export type RunningMachine = { readonly host: Host; readonly datapath: Datapath };

type MachineOptions = {
  /** The folder of this home. */
  readonly home: string;
  readonly pools: readonly string[];
  readonly hostLink: boolean;
  /** This machine's place in a region of machines. */
  readonly place?: Place;
  readonly log: (message: string, cause?: unknown) => void;
};

export type Place = {
  /** The machine's number in the region. */
  readonly number: number;
  /** On the network between the machines. */
  readonly address: string;
  readonly gateway: boolean;
};

/** What everybody's packets may have. */
const LEAST_MTU = 1_500;

const OBJECT = join(import.meta.dirname, "../../datapath/genkan.bpf.o");

/**
 * Sets up namespaces, links and services, then brings the kernel's tables to the state, then attaches the
 * program to every link.
 */
export async function startMachine(
  options: MachineOptions,
  world: World,
  image: LoadedImage | undefined,
): Promise<RunningMachine> {
  if (!existsSync(OBJECT))
    throw new CommandError(`The compiled kernel program is missing: ${OBJECT}. Run: npm start`);
  runPromptly();
  const { home, pools, hostLink, place, log } = options;
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
  const overlay = place && (await ensureOverlay(host.installation, place.address));
  if (place) spreadFlows(host.installation);
  if (overlay && overlay.mtu < LEAST_MTU)
    log(
      `the network at ${place.address} has an MTU of ${overlay.mtu + AROUND}: between machines it carries packets of up to ${overlay.mtu} bytes, and longer ones are answered with an ICMP error. Set it to ${LEAST_MTU + AROUND} or more on every machine`,
    );
  const sizes = { interfaces: roomFor(world.slots.get("network-interface")?.end() ?? 0) };
  const datapath = await load({ pins: links.bpf, netns: links.namespace, object: OBJECT, sizes }, home, host);
  opened.datapath = datapath;
  datapath.reconcile(startPlan(world, image, settingsOf(hostUp, options, overlay), log));
  datapath.attachFragments(links.fragmentsIndex);
  datapath.attachServices(links.servicesIndex);
  if (place?.gateway ?? true) datapath.attachUplink(links.uplinkIndex);
  if (overlay) datapath.attachOverlay(overlay.index);
  await host.attachLinks();
  return { host, datapath };
}

/**
 * @throws CommandError when this kernel does not take the program; everything that the start made is then
 * removed, unless instances run.
 */
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

/**
 * The number of interfaces that the tables have room for: those in the state and a quarter more, for new ones
 * until the next start.
 */
function roomFor(interfaces: number): number {
  return Math.max(LEAST_INTERFACES, Math.ceil((interfaces * 1.25) / STEP) * STEP);
}

function settingsOf(
  { links }: HostUp,
  { pools, place }: MachineOptions,
  overlay: Overlay | undefined,
): PlanSettings {
  const { uplinkIndex, servicesIndex: services, fragmentsIndex: fragments, ...macs } = links;
  if (!place || !overlay) return { pools, uplink: uplinkIndex, services, fragments, ...macs };
  return {
    pools,
    // What leaves for the internet goes to a gateway, unless this machine is one.
    uplink: place.gateway ? uplinkIndex : 0,
    services,
    fragments,
    ...macs,
    machine: place.number,
    overlay: overlay.index,
    overlayMtu: overlay.mtu,
    gateways: GATEWAYS_ADDRESS,
  };
}

type Check = Pick<SelfCheckTools, "world" | "region" | "pools" | "build"> & {
  readonly machine: RunningMachine;
  readonly log: (message: string) => void;
};

/**
 * Sends a real packet through the gateway. Without disk space for one more instance this is skipped, so that
 * users can still end the instances that filled the disk.
 * @throws CommandError when the packet does not come back.
 */
export async function checkMachine({ machine: { host, datapath }, log, ...what }: Check): Promise<void> {
  try {
    await selfCheck({
      ...what,
      applyDelta: (delta) => datapath.apply(delta),
      boot: (plan) => host.boot(plan),
      destroy: (id) => host.destroy(id),
      exec: (id, command) =>
        outputOf(execInInstance({ pid: present(host.pidOf(id), `the process of ${id}`), command })),
    });
  } catch (cause) {
    if (isFull(cause))
      return log(
        "the self-check was left out, for no space is left on the disk: terminate instances that fill it",
      );
    throw new CommandError(`The self-check failed: ${reasons(cause)}. See: ./genkan doctor`, { cause });
  }
}

function isFull(cause: unknown): boolean {
  if (!(cause instanceof Error)) return false;
  return ["ENOSPC", "EDQUOT"].includes((cause as NodeJS.ErrnoException).code ?? "") || isFull(cause.cause);
}

function outputOf(argv: readonly string[]): Promise<string | undefined> {
  const [command = "", ...args] = argv;
  return new Promise((resolve) =>
    execFile(command, args, { timeout: 15_000 }, (error, out) => resolve(error ? undefined : out)),
  );
}
