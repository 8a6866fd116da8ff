/**
 * Starts Genkan: wires the rooms together.
 *
 *   home ─ credentials
 *   store ─▶ world ─▶ control plane ─▶ agent ─┬─▶ plan ─▶ datapath (kernel tables)
 *                        ▲                    └─▶ plan ─▶ host (instances, links)
 *                        │
 *   http ─ wire ─ actions┘
 */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { isOffered } from "./actions/registry.ts";
import { Agent } from "./agent/agent.ts";
import { openFlowLogFiles } from "./agent/flow-log-files.ts";
import { FlowRecorder } from "./agent/flow-log.ts";
import { keepHouse } from "./agent/housekeeping.ts";
import { keepImages } from "./agent/image.ts";
import { checkMachine, type RunningMachine, startMachine } from "./agent/machine.ts";
import { type Gauges, openGauges } from "./agent/metrics.ts";
import { NatPorts } from "./agent/nat-ports.ts";
import { CHECK_ACCOUNT } from "./agent/self-check.ts";
import { makeAnswers } from "./answers/answers.ts";
import { createServer, type RunningServer } from "./api/http.ts";
import { answerInternal, type InternalAnswer } from "./api/internal.ts";
import { Others } from "./api/others.ts";
import { Sessions } from "./api/session.ts";
import { WebIdentity } from "./api/web-identity.ts";
import { buildCheckRegion } from "./control/check-region.ts";
import { ControlPlane } from "./control/control-plane.ts";
import { generateKeyPair, systemRandom } from "./control/system-random.ts";
import { monotonicNow } from "./datapath/clock.ts";
import type { RegionStore } from "./fleet/region-store.ts";
import { untilTaken } from "./fleet/until-taken.ts";
import { type Credentials, ensureCredentials, type Home, processStart, writeRunning } from "./home/home.ts";
import { VERSION } from "./home/version.ts";
import { roomForConnections } from "./host/descriptors.ts";
import { keepReserve } from "./host/disk-watch.ts";
import { present } from "./lib/assert.ts";
import { reasons } from "./lib/reasons.ts";
import { realmKey } from "./model/realm.ts";
import type { World } from "./model/world.ts";
import { isAwsRegion } from "./model/zone.ts";
import type { Invitation } from "./protocol/invitation.ts";
import {
  followNeighbours,
  hostsOf,
  placeOf,
  regionAnswers,
  type Opened,
  openState,
  reportFrom,
  tellPorts,
  untilLed,
  serveMembers,
} from "./region.ts";
import { beginStart } from "./start/begin.ts";
import { memberPortError, portError, requireFreePort } from "./start/free-port.ts";
import type { Settings } from "./start/settings.ts";
import { requireSoundState } from "./start/state-check.ts";
import { noteEnd, sayDisorder } from "./start/state-order.ts";
import type { LoadedImage } from "./store/embedded.ts";

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

/** Bytes of all flow logs' files. */
const FLOW_LOG_LIMIT = 256 << 20;
const PURGE_MILLISECONDS = 60_000;
/** More than the clients of one machine have open. */
const MOST_CONNECTIONS = 2_000;

type RunningUp = {
  readonly stop: () => Promise<void>;
  /** What other machines join by; absent: nothing can be joined here. */
  readonly invite?: () => Promise<Invitation>;
};

/**
 * Starts everything and returns when it is ready: the API answers, and a real packet has passed the gateway.
 */
export async function up(options: UpOptions): Promise<RunningUp> {
  const { home, print } = options;
  const log = (message: string, cause?: unknown): void =>
    print(`genkan: ${message}${cause === undefined ? "" : `: ${reasons(cause)}`}`);
  const begun = await beginStart(home);
  await requireFreePort(options.settings);
  await requireSoundState(home.folder);
  const state = join(home.folder, "state");
  const own = ensureCredentials(home, options);
  const opened = await openState({ ...options, credentials: own, folder: state, log });
  const { store, region, member, credentials, settings } = opened;
  const world = await store.load();
  const beginning = { world, image: store.loadedImage(), member, log };
  const machine = await machineFor({ ...options, settings }, beginning);
  const gauges = openGauges();
  const ending = new AbortController();
  const { agent, plane, recorder, ports } = openPlanes({
    home,
    settings,
    world,
    opened,
    available: () => region?.leads() ?? true,
    ending: ending.signal,
    gauges,
    machine,
    log,
  });
  machine?.host.onExit((id, ending) => agent.exited(id, ending));
  await agent.resume(region?.isFresh() ?? true);
  // In a region the answer may come by another gateway, which knows nothing of the check.
  if (machine && !member)
    await checkPackets({ machine, world, plane, settings, region: credentials.region, log });
  const ofRegion = regionAnswers(member, plane);
  const answers = makeAnswers({
    installed: installedAt(home, settings),
    world,
    plane,
    agent,
    own: { account: credentials.account, region: credentials.region },
    machine,
    noPackets: options.noPackets,
    etcd: region && (() => ({ members: opened.etcd?.endpoints ?? [], reached: region.reached() })),
    ...ofRegion,
    gauges,
    recorder,
    monotonicNow,
    log,
  });
  const others = settings.others && new Others(settings.others, { log });
  const served = { settings, credentials, world, plane, answers, gauges, others, log };
  const endMember = member && (await takePart({ ...served, member, agent, machine, ports }));
  if (region) followRegion(region, { world, plane, agent, log });
  if (member) await untilLed(member, log);
  const door = member ? { door: join(home.folder, "api.sock") } : {};
  const server = await listen({ ...served, member, ...door });
  noteRunning(home, settings);
  keepReserve(home.folder);
  begun();
  void sayDisorder(store, state, log).catch((cause: unknown) =>
    log("the state could not be looked through", cause),
  );
  const endImages = keepImages({ store, folder: state, pools: settings.pools, log });
  const endHousekeeping = keepHouse({ home: home.folder, machine, recorder, log });
  const purging = setInterval(() => {
    if (region?.leads() ?? true) void plane.purge().catch((cause: unknown) => log("purge", cause));
  }, PURGE_MILLISECONDS);
  return {
    ...(ofRegion.invite && !settings.etcd ? { invite: ofRegion.invite } : {}),
    stop: async () => {
      ending.abort();
      endHousekeeping();
      clearInterval(purging);
      endImages();
      answers.watchers?.close();
      recorder.followers.close();
      // Another machine leads while this one answers what it has begun.
      if (member) await region?.resign();
      await recorder.collect().catch((cause: unknown) => log("flow logs", cause));
      await server.close();
      others?.close();
      await agent.lifecycle.settled();
      await noteEnd(store, log);
      await endMember?.();
      await store.close();
      await member?.close();
      await machine?.host.close();
      machine?.datapath.close();
    },
  };
}

/** From now on the state is what the region's machines make of it. */
function followRegion(region: RegionStore, { world, plane, agent, log }: Followed): void {
  const fresh = region.isFresh();
  region.begin({ world, adopt: (what) => plane.adopt(what) });
  if (fresh) return;
  void region
    .untilFresh()
    .then(() => (region.isFresh() ? agent.resume(true) : undefined))
    .catch((cause: unknown) => log("instances could not be resumed", cause));
}

type Followed = Pick<Beginning, "world" | "log"> & { readonly plane: ControlPlane; readonly agent: Agent };

/** What moves packets; undefined where none can. */
async function machineFor(
  { home, settings: { pools }, hostLink, noPackets }: UpOptions,
  { world, image, member, log }: Beginning,
): Promise<RunningMachine | undefined> {
  if (noPackets !== undefined) return undefined;
  const place = member ? { place: placeOf(member.me) } : {};
  return await startMachine({ home: home.folder, pools, hostLink, ...place, log }, world, image);
}

type Beginning = {
  readonly world: World;
  readonly image: LoadedImage | undefined;
  readonly member: Opened["member"];
  readonly log: (message: string, cause?: unknown) => void;
};

function noteRunning(home: Home, { host, port }: Settings): void {
  const startTime = present(processStart(process.pid), "this process");
  writeRunning(home, { pid: process.pid, startTime, host, port, version: VERSION });
}

type Planes = Pick<UpOptions, "home" | "settings"> & {
  readonly world: World;
  readonly opened: Opened;
  readonly available: () => boolean;
  readonly ending: AbortSignal;
  readonly gauges: Gauges;
  readonly machine: RunningMachine | undefined;
  readonly log: (message: string, cause?: unknown) => void;
};

/** What decides, and what follows: each hears of the other. */
function openPlanes({ home, settings, world, opened, available, ending, gauges, machine, log }: Planes) {
  const { store, member } = opened;
  const ports =
    member && machine && new NatPorts({ datapath: machine.datapath, me: member.me.number, world, log });
  const agent = new Agent({
    world,
    revision: store.revision(),
    pools: settings.pools,
    applyDelta: (delta) => machine?.datapath.apply(delta),
    machine: machine?.host,
    ...(member
      ? {
          number: member.me.number,
          obeys: member.fleet.obeys,
          setNatBlocks: (blocks) => ports?.obey(blocks),
        }
      : {}),
    report: (realm, report) =>
      untilTaken(ending, () =>
        member ? reportFrom(member, { realm, report }, plane) : plane.report(realm, report),
      ),
    onChanged: (realm, changes) => recorder.changed(realm, changes),
    log,
  });
  const plane: ControlPlane = new ControlPlane({
    world,
    store: gauges.timed(store),
    settings,
    now: () => new Date(),
    random: systemRandom,
    generateKeyPair,
    console: (id) => machine?.host.console(id),
    follow: (parts) => agent.follow(parts),
    ...(member
      ? { everywhere: member.fleet.everywhere, hosts: (realm) => hostsOf(member, world, realm) }
      : {}),
    available,
    log,
  });
  const recorder = newRecorder({ home, plane, machine, log });
  return { agent, plane, recorder, ports };
}

type Part = Pick<Served, "settings" | "credentials" | "plane" | "answers" | "log"> & {
  readonly member: NonNullable<Opened["member"]>;
  readonly agent: Agent;
  readonly machine: RunningMachine | undefined;
  readonly ports: NatPorts | undefined;
};

/** From now on this machine is one of its region's. Returns what ends that. */
async function takePart({ settings, credentials, plane, answers, log, member, agent, machine, ports }: Part) {
  const close = await serveMembers(member, {
    plane,
    offered: isOffered,
    perform: (request) => plane.perform(request),
    internal: ({ query, ...question }) =>
      answerInternal(answers, credentials.token, { ...question, query: new URLSearchParams(query) }),
    instance: answers.ownInstance,
    port: settings.port,
    log,
  }).catch((cause: unknown) => {
    throw memberPortError(cause as NodeJS.ErrnoException, member.me);
  });
  const following = machine && followNeighbours(settings, member, machine, log);
  const { machines } = member.fleet;
  member.fleet.begin(agent.obeyed, {
    // Where no packets move, every fence is obeyed.
    report: following?.report ?? (() => ({ fences: machines().flatMap(({ fence }) => fence?.id ?? []) })),
    runsOnlyOwn: async () => {
      await agent.lifecycle.settled();
      return agent.runsOnlyOwn();
    },
  });
  const keeping = ports?.keep((said) => tellPorts(member, said, plane));
  return async () => {
    ports?.close();
    await keeping;
    following?.close();
    await member.fleet.close();
    await close();
  };
}

function installedAt({ id }: Home, { host, port, pools }: Settings) {
  return { version: VERSION, id, endpoint: `http://${host}:${port}`, pools };
}

type Checked = {
  readonly machine: RunningMachine;
  readonly world: World;
  readonly plane: ControlPlane;
  readonly settings: Settings;
  readonly region: string;
  readonly log: (message: string) => void;
};

function checkPackets({ machine, world, plane, settings: { pools }, region, log }: Checked): Promise<void> {
  // What the check makes is here, whichever machines the region has.
  const { hosts: _, ...context } = plane.context({ account: CHECK_ACCOUNT, region });
  return checkMachine({ machine, world, region, pools, build: (tx) => buildCheckRegion(tx, context), log });
}

type Served = Pick<UpOptions, "settings"> & {
  readonly credentials: Credentials;
  readonly world: World;
  readonly plane: ControlPlane;
  readonly answers: ReturnType<typeof makeAnswers>;
  readonly gauges: ReturnType<typeof openGauges>;
  readonly others: Others | undefined;
  readonly member?: Opened["member"];
  /** A socket for who is in another network namespace. */
  readonly door?: string;
  readonly log: (message: string, cause?: unknown) => void;
};

async function listen({
  settings,
  credentials,
  world,
  plane,
  answers,
  gauges,
  others,
  member,
  door,
  log,
}: Served): Promise<RunningServer> {
  const own = new Set([credentials.region, ...settings.ownRegions]);
  const fleet = member?.fleet;
  const sessions = new Sessions(`${credentials.secretAccessKey} ${credentials.token}`, randomBytes);
  try {
    return await createServer({
      ...(others ? { others } : {}),
      host: settings.host,
      port: settings.port,
      ...(door === undefined ? {} : { door }),
      mostConnections: roomForConnections(MOST_CONNECTIONS, 0.5),
      auth: settings.auth,
      defaults: { account: credentials.account, region: credentials.region },
      // What a region has stays within reach, whatever the next start is told.
      hasRegion: (name, account) =>
        isAwsRegion(name) || own.has(name) || world.regions.has(realmKey({ account, region: name })),
      lookupKey: (id, token) => {
        if (token !== undefined) return sessions.lookUp(id, token, new Date());
        return id === credentials.accessKeyId
          ? { secretAccessKey: credentials.secretAccessKey, account: credentials.account }
          : undefined;
      },
      sts: { sessions, webIdentity: new WebIdentity(settings.issuers, settings.auth === "none") },
      now: () => new Date(),
      offered: isOffered,
      perform: (request) => plane.perform(request),
      ...(fleet ? { handOn: (request) => fleet.toLeader("request", request, request.reads) } : {}),
      answered: gauges.answered,
      internal: (request) =>
        answerInternal(
          answers,
          credentials.token,
          request,
          fleet &&
            (({ query, ...question }) =>
              fleet.toLeader<InternalAnswer>("question", { ...question, query: query.toString() }, false)),
        ),
      log,
    });
  } catch (cause) {
    throw portError(cause as NodeJS.ErrnoException, settings.port);
  }
}

type Recorded = Pick<UpOptions, "home"> & {
  readonly plane: ControlPlane;
  readonly machine: RunningMachine | undefined;
  readonly log: (message: string, cause?: unknown) => void;
};

function newRecorder({ home, plane, machine, log }: Recorded): FlowRecorder {
  return new FlowRecorder({
    kernel: machine && { take: machine.datapath.flowLogs.take, monotonicNow },
    realms: () => plane.realms(),
    reader: (realm) => plane.reader(realm),
    files: openFlowLogFiles({ folder: join(home.folder, "flow-logs"), limit: FLOW_LOG_LIMIT }),
    now: Date.now,
    log,
  });
}
