/**
 * Starts Genkan: wires the rooms together.
 *
 *   home ─ credentials
 *   store ─▶ world ─▶ control plane ─┬─▶ plan ─▶ datapath (kernel tables)
 *                        ▲           └─▶ plan ─▶ host (instances, links)
 *                        │
 *   http ─ wire ─ actions┘
 */
import { randomBytes } from "node:crypto";
import { createServer as createProbe } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { makeAnswers } from "./answers.ts";
import { beginStart } from "./begin.ts";
import { type Credentials, ensureCredentials, type Home, processStart, writeRunning } from "./cli/home.ts";
import { CommandError } from "./cli/control.ts";
import { monotonicNow } from "./datapath/clock.ts";
import { inSlices } from "./datapath/slices.ts";
import { roomForConnections } from "./host/descriptors.ts";
import { keepReserve } from "./host/disk-watch.ts";
import { keepImages } from "./image.ts";
import { present } from "./lib/assert.ts";
import { reasons } from "./lib/reasons.ts";
import { requireSoundState } from "./state-check.ts";
import { checkMachine, type RunningMachine, startMachine } from "./machine.ts";
import { ACTIONS } from "./actions/registry.ts";
import { isAwsRegion } from "./actions/zone.ts";
import type { World } from "./model/world.ts";
import { ControlPlane } from "./server/control-plane.ts";
import { FlowRecorder } from "./server/flow-log.ts";
import { openFlowLogFiles } from "./server/flow-log-files.ts";
import { createServer, type RunningServer } from "./server/http.ts";
import { answerInternal } from "./server/internal.ts";
import { Others } from "./server/others.ts";
import { Sessions } from "./server/session.ts";
import { WebIdentity } from "./server/web-identity.ts";
import { openGauges } from "./server/metrics.ts";
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
const FLOWS_MS = 1_000;
/** Bytes of all flow logs' files. */
const FLOW_LOG_LIMIT = 256 << 20;
const PURGE_MS = 60_000;
/** More than the clients of one machine have open. */
const MOST_CONNECTIONS = 2_000;

/** Starts everything and returns when it is ready: the API answers, and a real packet has passed the gateway. */
export async function up(options: UpOptions): Promise<{ readonly stop: () => Promise<void> }> {
  const { home, settings, print } = options;
  const log = (message: string, cause?: unknown): void => print(`genkan: ${message}${cause === undefined ? "" : `: ${reasons(cause)}`}`);
  const begun = await beginStart(home);
  await requireFreePort(settings);
  await requireSoundState(home.folder);
  const credentials = ensureCredentials(home, options);
  const state = join(home.folder, "state");
  const store = openEmbedded(state, log);
  const world = await store.load();
  const machine =
    options.noPackets === undefined
      ? await startMachine({ home: home.folder, pools: settings.pools, hostLink: options.hostLink, log }, world, store.loadedImage())
      : undefined;
  const gauges = openGauges();
  const plane = new ControlPlane({
    world,
    store: gauges.timed(store),
    settings,
    now: () => new Date(),
    random: systemRandom,
    generateKeyPair,
    machine: machine?.host,
    applyDelta: (delta) => machine?.datapath.apply(delta),
    onChanged: (realm, changes) => recorder.changed(realm, changes),
    log,
  });
  const recorder = newRecorder({ home, plane, machine, log });
  machine?.host.onExit((id, ending) => {
    const found = plane.findInstance(id);
    if (found) plane.lifecycle.exited(found.realm, id, ending);
  });
  await plane.resume();
  if (machine) await checkMachine({ machine, world, plane, region: credentials.region, log });
  const own = { account: credentials.account, region: credentials.region };
  const answers = makeAnswers({ plane, settings, own, machine, noPackets: options.noPackets, home, gauges, recorder, log });
  const others = settings.others && new Others(settings.others, { log });
  const server = await listen({ settings, credentials, world, plane, answers, gauges, others, log });
  writeRunning(home, {
    pid: process.pid,
    startTime: present(processStart(process.pid), "this process"),
    host: settings.host,
    port: settings.port,
    version: VERSION,
  });
  keepReserve(home.folder);
  begun();
  const endImages = keepImages({ store, folder: state, pools: settings.pools, log });
  const endHousekeeping = housekeeping({ home: home.folder, machine, plane, recorder, log });
  return {
    stop: async () => {
      endHousekeeping();
      endImages();
      answers.watchers?.close();
      recorder.followers.close();
      await recorder.collect().catch((cause: unknown) => log("flow logs", cause));
      await server.close();
      others?.close();
      await plane.lifecycle.settled();
      await store.close();
      await machine?.host.close();
      machine?.datapath.close();
    },
  };
}

type Served = Pick<UpOptions, "settings"> & {
  readonly credentials: Credentials;
  readonly world: World;
  readonly plane: ControlPlane;
  readonly answers: ReturnType<typeof makeAnswers>;
  readonly gauges: ReturnType<typeof openGauges>;
  readonly others: Others | undefined;
  readonly log: (message: string, cause?: unknown) => void;
};

async function listen({ settings, credentials, world, plane, answers, gauges, others, log }: Served): Promise<RunningServer> {
  const own = new Set([credentials.region, ...settings.ownRegions]);
  const sessions = new Sessions(`${credentials.secretAccessKey} ${credentials.token}`, randomBytes);
  try {
    return await createServer({
      ...(others ? { others } : {}),
      host: settings.host,
      port: settings.port,
      mostConnections: roomForConnections(MOST_CONNECTIONS, 0.5),
      auth: settings.auth,
      defaults: { account: credentials.account, region: credentials.region },
      // What a region has stays within reach, whatever the next start is told.
      hasRegion: (name, account) => isAwsRegion(name) || own.has(name) || world.regions.has(`${account}/${name}`),
      lookupKey: (id, token) => {
        if (token !== undefined) return sessions.lookUp(id, token, new Date());
        return id === credentials.accessKeyId ? { secretAccessKey: credentials.secretAccessKey, account: credentials.account } : undefined;
      },
      sts: { sessions, webIdentity: new WebIdentity(settings.issuers, settings.auth === "none") },
      now: () => new Date(),
      offered: (name) => Object.hasOwn(ACTIONS, name),
      perform: (request) => plane.perform(request),
      answered: gauges.answered,
      internal: (request) => answerInternal(answers, credentials.token, request),
      log,
    });
  } catch (cause) {
    throw portError(cause as NodeJS.ErrnoException, settings.port);
  }
}

type Kept = {
  readonly home: string;
  readonly machine: RunningMachine | undefined;
  readonly plane: ControlPlane;
  readonly recorder: FlowRecorder;
  readonly log: (message: string, cause?: unknown) => void;
};

/** Returns what ends it all. */
function housekeeping({ home, machine, plane, recorder, log }: Kept): () => void {
  const endSweeping = machine && sweeping(machine, log);
  const timers = [
    setInterval(() => void recorder.tick().catch((cause: unknown) => log("flow logs", cause)), FLOWS_MS),
    setInterval(() => void plane.purge().catch((cause: unknown) => log("purge", cause)), PURGE_MS),
    setInterval(() => keepReserve(home), PURGE_MS),
  ];
  return () => {
    endSweeping?.();
    for (const timer of timers) clearInterval(timer);
  };
}

type Recorded = Pick<UpOptions, "home"> & {
  readonly plane: ControlPlane;
  readonly machine: RunningMachine | undefined;
  readonly log: (message: string, cause?: unknown) => void;
};

function newRecorder({ home, plane, machine, log }: Recorded): FlowRecorder {
  return new FlowRecorder({
    kernel: machine && { take: machine.datapath.flowLogs.take, tables: machine.datapath.reader, monotonicNow },
    realms: () => plane.realms(),
    reader: (realm) => plane.reader(realm),
    files: openFlowLogFiles({ folder: join(home.folder, "flow-logs"), limit: FLOW_LOG_LIMIT }),
    now: Date.now,
    log,
  });
}

/** Looked at first: a start that can't end well should not begin to change the machine. */
function requireFreePort({ host, port }: Settings): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createProbe();
    probe.once("error", (cause) => reject(portError(cause, port)));
    probe.listen(port, host, () => probe.close(() => resolve()));
  });
}

function portError(cause: NodeJS.ErrnoException, port: number): Error {
  if (cause.code === "EADDRINUSE")
    return new CommandError(`Port ${port} is in use by another program. Choose another: ./genkan up --port PORT`);
  if (cause.code === "EACCES")
    return new CommandError(`Port ${port} may not be used by this user. Choose another: ./genkan up --port PORT`);
  return cause;
}

/**
 * Full tables take long to read: that is done in slices, and between two sweeps lies ten times what the last one took, so that
 * requests keep their turn. What the kernel refuses once may pass the next time. Returns what ends it, in the midst of a sweep too.
 */
function sweeping({ datapath }: RunningMachine, log: (message: string, cause?: unknown) => void): () => void {
  let [ended, running, notBefore] = [false, false, 0];
  const turns = {
    clock: () => performance.now(),
    rest: (milliseconds: number) => setTimeout(milliseconds, undefined, { ref: false }),
    ended: () => ended,
  };
  const sweep = async (): Promise<void> => {
    if (running || performance.now() < notBefore) return;
    running = true;
    const worked = await inSlices(datapath.sweepSteps(), turns).catch((cause: unknown) => log("sweep", cause));
    running = false;
    notBefore = performance.now() + 10 * (worked ?? 0);
  };
  const timer = setInterval(() => void sweep(), SWEEP_MS);
  return () => {
    ended = true;
    clearInterval(timer);
  };
}
