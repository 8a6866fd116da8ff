/** Opens the state: on this machine, or in etcd, for it alone or for the machines of a region. */

import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { countedNow, openGatewayLoad } from "./agent/gateway-load.ts";
import type { Place, RunningMachine } from "./agent/machine.ts";
import { type Neighbour, Neighbours } from "./agent/neighbours.ts";
import type { PortsSaid } from "./agent/port-needs.ts";
import { answerHanded, type ApiOptions, type HandedAnswer, type HandedRequest } from "./api/api.ts";
import type { InternalAnswer } from "./api/internal.ts";
import type { ControlPlane } from "./control/control-plane.ts";
import { Fleet, type ObeyedQuestion } from "./fleet/fleet.ts";
import { touchByTcp } from "./fleet/leader-watch.ts";
import type { Machine, MachineReport } from "./fleet/member.ts";
import { type Identity, Peers, servePeers } from "./fleet/peer-link.ts";
import { joinRegion, openRegion, type RegionStore, requireOwnState } from "./fleet/region-store.ts";
import type { Credentials, Home } from "./home/home.ts";
import type { Desk } from "./join/desk.ts";
import { isReached } from "./join/reach.ts";
import { leaveRegion } from "./leave-region.ts";
import { CommandError } from "./lib/command-error.ts";
import { type Belonging, deskOf, enlisted, keepOwnEtcd, openOwnEtcd } from "./membership.ts";
import type { InstanceReport } from "./model/instance-report.ts";
import type { HostMachine } from "./model/machine.ts";
import type { Realm } from "./model/realm.ts";
import { realmReaders, type World } from "./model/world.ts";
import type { DrainAnswer } from "./protocol/drain.ts";
import type { InstanceAnswer } from "./protocol/instance.ts";
import type { Invitation } from "./protocol/invitation.ts";
import type { LeaveAnswer } from "./protocol/leave.ts";
import type { RecoverAnswer } from "./protocol/recover.ts";
import { recoverMachine } from "./recover-machine.ts";
import { regionSettingsOf } from "./start/region-options.ts";
import type { MachineSettings, Settings } from "./start/settings.ts";
import { type EmbeddedStore, openEmbedded } from "./store/embedded.ts";
import { EtcdClient } from "./store/etcd-client.ts";
import { systemClock } from "./store/system-clock.ts";

type Log = (message: string, cause?: unknown) => void;

type Stated = {
  readonly home: Home;
  readonly settings: Settings;
  readonly credentials: Credentials;
  /** That the start asks for. */
  readonly account: string | undefined;
  /** The store's folder. */
  readonly folder: string;
  readonly print: (line: string) => void;
  readonly log: Log;
};

/** This machine in a region of several. */
type Membered = {
  readonly fleet: Fleet;
  readonly me: Machine;
  readonly identity: Identity;
  /** Lets other machines join. */
  readonly desk: Desk;
  readonly belonging: Belonging;
  readonly close: () => Promise<void>;
};

export type Opened = {
  readonly store: EmbeddedStore;
  /** Absent: the state is on this machine. */
  readonly region?: RegionStore;
  /** Absent: this machine is alone. */
  readonly member?: Membered;
  /** Those of the region, where it has several machines. */
  readonly credentials: Credentials;
  /** Absent: the state is on this machine. */
  readonly etcd?: Pick<EtcdClient, "endpoints">;
  /** Those of the start, with what the region has been told before. */
  readonly settings: Settings;
};

const PREFIX = "genkan/";

/** @throws StoreError, CommandError */
export async function openState(stated: Stated): Promise<Opened> {
  const { settings, credentials, folder, log } = stated;
  const embedded = openEmbedded(folder, log);
  try {
    if (settings.machine) {
      const etcd = settings.etcd
        ? new EtcdClient(settings.etcd)
        : await openOwnEtcd({ ...stated, machine: settings.machine });
      return await openMember(stated, etcd, settings.machine, embedded);
    }
    if (settings.etcd) {
      const etcd = new EtcdClient(settings.etcd);
      return { ...(await openAlone(stated, etcd, embedded)), credentials, etcd, settings };
    }
    requireOwnState(embedded);
    return { store: embedded, credentials, settings };
  } catch (cause) {
    await embedded.close();
    throw cause;
  }
}

async function openAlone({ home, settings, print, log }: Stated, etcd: EtcdClient, copy: EmbeddedStore) {
  const region = await openRegion({
    etcd,
    prefix: PREFIX,
    me: { machine: `${hostname()} (${home.folder})`, url: `http://${settings.host}:${settings.port}` },
    nonce: randomUUID,
    copy,
    clock: systemClock,
    replaced: (leader) => {
      print(`genkan: ${leader.machine} has the region's state now; this Genkan ends.`);
      process.kill(process.pid, "SIGTERM");
    },
    log,
  });
  return { store: region, region };
}

async function openMember(
  stated: Stated,
  etcd: EtcdClient,
  machine: MachineSettings,
  copy: EmbeddedStore,
): Promise<Opened> {
  const { home, settings, log } = stated;
  const own = settings.etcd === undefined;
  const part = { home, machine, etcd, own, log };
  const { me, identity, credentials, options } = await enlisted({
    ...part,
    given: settings.given,
    port: settings.port,
    credentials: stated.credentials,
  });
  requireAccount(credentials, stated.account);
  const region = await joinRegion({
    etcd,
    prefix: PREFIX,
    me: { number: me.number, machine: me.name, url: me.url },
    mayLead: me.roles.includes("control"),
    nonce: randomUUID,
    copy,
    clock: systemClock,
    log,
  });
  const peers = new Peers(identity);
  const common = { etcd, prefix: PREFIX, me, region, peers, clock: systemClock };
  const fleet = new Fleet({ ...common, touch: touchByTcp, log });
  const ended = new AbortController();
  const belonging = { ...part, fleet };
  const keeping = keepOwnEtcd(belonging, ended.signal);
  const close = async (): Promise<void> => {
    ended.abort();
    await keeping;
    peers.close();
    etcd.close();
  };
  const member = { fleet, me, identity, desk: deskOf(belonging), belonging, close };
  const told = { ...settings, ...regionSettingsOf(options) };
  return { store: region, region, member, credentials, etcd, settings: told };
}

/** An account that the region does not have can't be asked for. @throws CommandError */
function requireAccount({ account: known }: Credentials, account: string | undefined): void {
  if (account !== undefined && account !== known)
    throw new CommandError(`--account ${account}: the region's account is ${known}.`);
}

type Served = Pick<ApiOptions, "offered" | "perform"> & {
  readonly plane: ControlPlane;
  /** Answers a question to `/_genkan` that another machine was asked. */
  readonly internal: (question: HandedQuestion) => Promise<InternalAnswer>;
  /** Of an instance that this machine runs. */
  readonly instance: (id: string) => InstanceAnswer;
  readonly port: number;
  readonly log: Log;
};

type HandedQuestion = {
  readonly method: string;
  readonly path: string;
  readonly query: string;
  readonly authorization: string | undefined;
};

type ReachQuestion = { readonly address: string; readonly port: number };
type ReachAnswer = { readonly reached: boolean };
type PortsTold = PortsSaid & { readonly machine: number };
type Reported = { readonly machine: number; readonly realm: Realm; readonly report: InstanceReport };

/** Answers the region's other machines. Returns what ends it. */
export function serveMembers(
  { fleet, me, identity, desk: { guests } }: Membered,
  served: Served,
): Promise<() => Promise<void>> {
  const { plane, internal, instance, port, log } = served;
  const handlers = {
    request: async (request: HandedRequest): Promise<HandedAnswer> => {
      fleet.requireLead();
      return await answerHanded(request, served);
    },
    question: async (question: HandedQuestion): Promise<InternalAnswer> => {
      fleet.requireLead();
      return await internal(question);
    },
    report: async ({ machine, realm, report }: Reported): Promise<object> => {
      fleet.requireLead();
      // A machine that was away may still run what another one runs now.
      if (plane.findInstance(report.instanceId)?.instance.machine === machine)
        await plane.report(realm, report);
      return {};
    },
    ports: async ({ machine, realm, reports }: PortsTold): Promise<object> => {
      fleet.requireLead();
      await plane.ports(realm, machine, reports);
      return {};
    },
    instance: async ({ id }: { readonly id: string }): Promise<InstanceAnswer> =>
      Promise.resolve(instance(id)),
    reach: async ({ address, port }: ReachQuestion): Promise<ReachAnswer> => ({
      reached: await isReached(address, port),
    }),
    obeyed: async (question: ObeyedQuestion): Promise<object> => fleet.told(question),
  };
  return servePeers({ host: me.address, port, identity, handlers, guests, log });
}

/** How long a start waits for a machine that leads: a busy machine takes long to bring etcd up. */
const LEADER_MILLISECONDS = 60_000;

/** Waits for a machine that leads, and says so when there is none, or it can't connect to this one. */
export async function untilLed({ fleet, me }: Membered, log: Log): Promise<void> {
  if (!(await fleet.led(LEADER_MILLISECONDS)))
    return log("no machine leads the region: requests are refused until one does");
  const { hostname: address, port } = new URL(me.url);
  const question: ReachQuestion = { address, port: Number(port) };
  const answer = await fleet.toLeader<ReachAnswer>("reach", question, true).catch(() => undefined);
  if (answer?.reached === false)
    log(
      `other machines can't reach this one at ${address}:${port}: let TCP ${port} pass to it, and UDP 3784 and 4789`,
    );
}

/** Reports to the leader, wherever it is. @throws Fault Unavailable when there is none */
export async function reportFrom(
  { fleet, me }: Membered,
  { realm, report }: Omit<Reported, "machine">,
  plane: ControlPlane,
): Promise<void> {
  const taken = await fleet.toLeader(
    "report",
    { machine: me.number, realm, report } satisfies Reported,
    true,
  );
  if (taken === undefined) await plane.report(realm, report);
}

/** Says to the leader what this machine needs of the ports of NAT gateways. @throws Fault Unavailable */
export async function tellPorts(
  { fleet, me }: Membered,
  { realm, reports }: PortsSaid,
  plane: ControlPlane,
): Promise<void> {
  const told: PortsTold = { machine: me.number, realm, reports };
  if ((await fleet.toLeader("ports", told, true)) === undefined) await plane.ports(realm, me.number, reports);
}

/** How many instances a machine takes. */
const CAPACITY = 1_000;

/** The machines that take instances of a realm. */
export function hostsOf(
  { fleet }: Membered,
  world: World,
  { account, region }: Realm,
): readonly HostMachine[] {
  const others = realmReaders(world).filter(
    ({ realm }) => realm.account !== account || realm.region !== region,
  );
  return fleet.machines().flatMap(({ number, zones, roles, live, drained, fence }) =>
    roles.includes("host")
      ? [
          {
            number,
            zones,
            live,
            open: !drained && !fence,
            capacity: CAPACITY,
            elsewhere: others.reduce(
              (sum, { reader }) => sum + reader.countBy("instance", "machine", String(number)),
              0,
            ),
          },
        ]
      : [],
  );
}

/** What follows the region's machines on this one. */
type Following = { readonly close: () => void; readonly report: () => MachineReport };

/** Makes the machine know the others, as packets are concerned with them, and says how it fares. */
export function followNeighbours(
  { upstream, pools, gatewayCapacity }: Settings,
  { fleet, me }: Membered,
  machine: RunningMachine,
  log: Log,
): Following {
  const neighbours = new Neighbours({
    installation: machine.host.installation,
    datapath: machine.datapath,
    me: me.number,
    ...(upstream ? { upstream: { ...upstream, pools } } : {}),
    obeys: fleet.tell,
    log,
  });
  const end = fleet.onMachines(() => {
    // Before etcd has told of them, what the kernel has is kept.
    const machines = fleet.machines();
    if (machines.length > 0) void neighbours.follow(machines.map(neighbourOf));
  });
  const { dp } = machine.host.installation.namespaces;
  const load = me.roles.includes("gateway")
    ? openGatewayLoad(() => countedNow(dp), gatewayCapacity)
    : undefined;
  return {
    close: () => {
      end();
      neighbours.close();
    },
    report: () => ({
      ...load?.(),
      ...(neighbours.bfd ? { bfd: neighbours.bfd } : {}),
      fences: neighbours.fences,
    }),
  };
}

function neighbourOf({ number, address, roles, drained, standby, fence }: Machine): Neighbour {
  const active = !drained && !standby && !fence;
  return { number, address, gateway: roles.includes("gateway"), member: !fence, active, fence: fence?.id };
}

const ALONE = {
  machines: undefined,
  drain: undefined,
  elsewhere: undefined,
  invite: undefined,
  leave: undefined,
  recover: undefined,
};

/** What is answered of the region's machines; nothing where Genkan is one machine. */
export function regionAnswers(member: Membered | undefined, plane: ControlPlane) {
  if (!member) return ALONE;
  const { fleet } = member;
  return {
    machines: () => fleet.status(),
    drain: async (machine: string, wanted: boolean): Promise<DrainAnswer> => {
      const { name, drained = false } = await fleet.drain(machine, wanted);
      return { machine: name, drained };
    },
    invite: async (): Promise<Invitation> => {
      const { hostname: address, port } = new URL(member.me.url);
      return { door: `${address}:${port}`, ...(await member.desk.token()) };
    },
    leave: (name: string, self: boolean): Promise<LeaveAnswer> =>
      leaveRegion({ ...member.belonging, plane }, name, self),
    recover: (name: string, off: boolean): Promise<RecoverAnswer> =>
      recoverMachine({ fleet, plane }, name, off),
    elsewhere: (id: string) => instanceElsewhere(member, plane, id),
  };
}

export function placeOf({ number, address, roles }: Machine): Place {
  return { number, address, gateway: roles.includes("gateway") };
}

/** What the machine that runs an instance says of it; undefined when that is this one, or nobody. */
function instanceElsewhere(
  { fleet, me }: Membered,
  plane: ControlPlane,
  id: string,
): Promise<InstanceAnswer> | undefined {
  const number = plane.findInstance(id)?.instance.machine;
  if (number === undefined || number === me.number) return undefined;
  const named = fleet.machines().find((machine) => machine.number === number)?.name;
  return fleet
    .toMachine<InstanceAnswer>(number, "instance", { id })
    .then((answer) => ({ ...answer, ...(named === undefined ? {} : { machine: named }) }));
}
