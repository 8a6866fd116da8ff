/**
 * Starts Genkan: wires the rooms together.
 *
 *   home ─ credentials
 *   store ─▶ world ─▶ control plane ─┬─▶ plan ─▶ datapath (kernel tables)
 *                        ▲           └─▶ plan ─▶ host (instances, links)
 *                        │
 *   http ─ wire ─ actions┘
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { makeAnswers } from "./answers.ts";
import { ensureCredentials, type Home, isAlive, processStart, readRunning, writeRunning } from "./cli/home.ts";
import { CommandError } from "./cli/control.ts";
import { type Datapath, openDatapath } from "./datapath/loader.ts";
import { execInInstance } from "./host/exec.ts";
import { type Host, type HostUp, openHost } from "./host/host.ts";
import { present } from "./lib/assert.ts";
import type { Entry } from "./plan/tables.ts";
import { fullPlan } from "./plan/compile.ts";
import type { World } from "./model/world.ts";
import { ACTIONS } from "./actions/registry.ts";
import { ControlPlane } from "./server/control-plane.ts";
import { createServer } from "./server/http.ts";
import { answerInternal } from "./server/internal.ts";
import { selfCheck } from "./server/self-check.ts";
import type { Settings } from "./server/settings.ts";
import { openEmbedded } from "./store/embedded.ts";
import { VERSION } from "./cli/version.ts";
import { generateKeyPair, systemRandom } from "./server/system-random.ts";

export type UpOptions = {
  readonly home: Home;
  readonly settings: Settings;
  readonly account: string | undefined;
  readonly region: string | undefined;
  readonly hostLink: boolean;
  /** Why no packets can move here; undefined when they can. */
  readonly noPackets: string | undefined;
  readonly print: (line: string) => void;
};

const SWEEP_MS = 5_000;
const PURGE_MS = 60_000;
const OBJECT = join(import.meta.dirname, "../datapath/genkan.bpf.o");

/** Starts everything and returns when it is ready: the API answers, and a real packet has passed the gateway. */
export async function up(options: UpOptions): Promise<{ readonly stop: () => Promise<void> }> {
  const { home, settings, print } = options;
  const log = (message: string, cause?: unknown): void => print(`genkan: ${message}${cause === undefined ? "" : `: ${reasons(cause)}`}`);
  refuseSecond(home);
  const credentials = ensureCredentials(home, options);
  const store = openEmbedded(join(home.folder, "state"));
  const world = await store.load();
  const machine = options.noPackets === undefined ? await startMachine(options, world, log) : undefined;
  const plane = new ControlPlane({
    world,
    store,
    settings,
    now: () => new Date(),
    random: systemRandom,
    generateKeyPair,
    machine: machine?.host,
    applyDelta: (delta) => machine?.datapath.apply(delta),
    log,
  });
  machine?.host.onExit((id, ending) => {
    const found = plane.findInstance(id);
    if (found) plane.lifecycle.exited(found.realm, id, ending);
  });
  await plane.resume();
  if (machine) await check(machine, world, plane, credentials.region);
  const answers = makeAnswers({ plane, settings, machine, noPackets: options.noPackets, home });
  const server = await createServer({
    host: settings.host,
    port: settings.port,
    auth: settings.auth,
    defaults: { account: credentials.account, region: credentials.region },
    lookupKey: (id) =>
      id === credentials.accessKeyId ? { secretAccessKey: credentials.secretAccessKey, account: credentials.account } : undefined,
    now: () => new Date(),
    offered: (name) => Object.hasOwn(ACTIONS, name),
    perform: (request) => plane.perform(request),
    internal: (request) => answerInternal(answers, credentials.token, request),
    log,
  });
  writeRunning(home, {
    pid: process.pid,
    startTime: present(processStart(process.pid), "this process"),
    host: settings.host,
    port: settings.port,
    version: VERSION,
  });
  const timers = [
    setInterval(() => machine?.datapath.sweep(), SWEEP_MS),
    setInterval(() => void plane.purge().catch((cause: unknown) => log("purge", cause)), PURGE_MS),
  ];
  return {
    stop: async () => {
      for (const timer of timers) clearInterval(timer);
      await server.close();
      await plane.lifecycle.settled();
      await store.close();
      await machine?.host.close();
      machine?.datapath.close();
    },
  };
}

export type RunningMachine = { readonly host: Host; readonly datapath: Datapath; readonly up: HostUp };

/** Namespaces, links and services, then the kernel's tables brought to what the state says, then the program on every link. */
async function startMachine(options: UpOptions, world: World, log: (message: string, cause?: unknown) => void): Promise<RunningMachine> {
  if (!existsSync(OBJECT)) throw new CommandError(`The compiled kernel program is missing: ${OBJECT}. Run: npm start`);
  const { pools } = options.settings;
  const opened: { datapath?: Datapath } = {};
  const host = openHost({
    home: options.home.folder,
    pools,
    hostLink: options.hostLink,
    attach: (slot) => present(opened.datapath, "the datapath").attach(slot),
    log,
  });
  const hostUp = await host.up();
  const { links } = hostUp;
  const datapath = openDatapath({ pins: links.bpf, netns: links.namespace, object: OBJECT });
  opened.datapath = datapath;
  datapath.reconcile(planOf(world, hostUp, pools));
  datapath.attachFragments(links.fragmentsIndex);
  datapath.attachServices(links.servicesIndex);
  datapath.attachUplink(links.uplinkIndex);
  for (const slot of host.slots()) datapath.attach(slot);
  return { host, datapath, up: hostUp };
}

/** Tracked connections that one interface may hold. */
const CONNECTION_LIMIT = 65_536;

function planOf(world: World, { links }: HostUp, pools: readonly string[]): readonly Entry[] {
  const { uplinkIndex: uplink, servicesIndex: services, fragmentsIndex: fragments, ...macs } = links;
  return fullPlan(world.regions.values(), { pools, uplink, services, fragments, ...macs, connectionLimit: CONNECTION_LIMIT });
}

async function check({ host, datapath }: RunningMachine, world: World, plane: ControlPlane, region: string): Promise<void> {
  try {
    await selfCheck({
      world,
      context: plane.context({ account: "000000000000", region }),
      applyDelta: (delta) => datapath.apply(delta),
      boot: (plan) => host.boot(plan),
      destroy: (id) => host.destroy(id),
      exec: (id, command) => outputOf(execInInstance(present(host.pidOf(id), `the process of ${id}`), command)),
    });
  } catch (cause) {
    throw new CommandError(`The self-check failed: ${reasons(cause)}. See: ./genkan doctor`, { cause });
  }
}

function outputOf(argv: readonly string[]): Promise<string | undefined> {
  const [command = "", ...args] = argv;
  return new Promise((resolve) => execFile(command, args, { timeout: 15_000 }, (error, out) => resolve(error ? undefined : out)));
}

function refuseSecond(home: Home): void {
  const running = readRunning(home);
  if (running && isAlive(running)) {
    throw new CommandError(`Genkan is already up in ${home.folder} (process ${running.pid}, http://${running.host}:${running.port}).`);
  }
}

/** An error and what caused it, in one line. */
export function reasons(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause === undefined ? cause.message : `${cause.message}: ${reasons(cause.cause)}`;
}
