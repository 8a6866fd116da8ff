/** How this machine becomes and stays a machine of a region: its certificate, its etcd, its record. */

import { randomBytes } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { enlist } from "./fleet/enlist.ts";
import type { Fleet } from "./fleet/fleet.ts";
import { type Machine, recordsOf } from "./fleet/member.ts";
import type { Identity } from "./fleet/peer-link.ts";
import { unanswered } from "./fleet/region-store.ts";
import { shared, sharedOptions } from "./fleet/shared.ts";
import {
  type Credentials,
  ensureMembership,
  type Home,
  takeCredentials,
  writeMembership,
} from "./home/home.ts";
import { VERSION } from "./home/version.ts";
import { installationAt } from "./host/installation.ts";
import { type Authority, certify, newAuthority, newKey, newRequest } from "./join/certificates.ts";
import { type Desk, openDesk, type RegionKeys } from "./join/desk.ts";
import { isFor, readIdentity, writeIdentity } from "./join/identity.ts";
import { keepMember } from "./join/member-keeper.ts";
import {
  clientUrl,
  hasData,
  isRunning,
  type OwnEtcd,
  removeData,
  requireEtcd,
  startMember,
  stopMember,
} from "./join/own-etcd.ts";
import { CommandError } from "./lib/command-error.ts";
import { Fault } from "./model/fault.ts";
import type { MachineSettings, RegionOptions } from "./start/settings.ts";
import { EtcdClient, EtcdError } from "./store/etcd-client.ts";
import { patiently } from "./store/etcd-retry.ts";
import { systemClock } from "./store/system-clock.ts";

type Log = (message: string, cause?: unknown) => void;
type Starting = { readonly home: Home; readonly machine: MachineSettings; readonly log: Log };

/** How long a start waits for etcd: that of a busy machine takes long, and others may still be away. */
const ETCD_MILLISECONDS = 20_000;
const LOOK_MILLISECONDS = 50;

/**
 * The region's own etcd, of which this machine may have a member: started when it has one, and begun when the
 * home is in no region yet.
 * @throws CommandError
 */
export async function openOwnEtcd(starting: Starting): Promise<EtcdClient> {
  const { home, machine, log } = starting;
  const own = { installation: installationAt(home.folder), address: machine.address };
  const { region } = ensureMembership(home);
  if (!region) return await beginRegion(starting, own);
  if (region.machine.address !== machine.address)
    throw new CommandError(
      `This machine has the address ${region.machine.address} in its region: give it back to it, or leave the region (genkan leave) and join anew.`,
    );
  const identity = readIdentity(home.folder);
  if (!identity)
    throw new CommandError(
      `${home.folder}/tls, this machine's certificate, is gone: choose another GENKAN_HOME and join again`,
    );
  if (hasData(own) && !isRunning(own)) await startMember(own, []);
  const etcd = new EtcdClient({ endpoints: region.endpoints, tls: identity });
  if (!(await answers(etcd, ETCD_MILLISECONDS, () => false))) log("most of etcd's members do not answer yet");
  remember(starting, etcd.endpoints);
  return etcd;
}

/** This machine is the first of its region. */
async function beginRegion(starting: Starting, own: OwnEtcd): Promise<EtcdClient> {
  const { home, machine, log } = starting;
  if (!machine.roles.includes("control"))
    throw new CommandError(
      "The first machine of a region decides: add control to --machine-roles. To join a region that is there: genkan join",
    );
  // What an attempt left that did not come so far.
  await stopMember(own);
  removeData(own);
  await requireEtcd(own);
  const authority = await newAuthority(new Date());
  const identity = await identityFrom(authority, machine.address);
  writeIdentity(home.folder, identity);
  await startMember(own, []);
  const etcd = new EtcdClient({ endpoints: [clientUrl(machine.address)], tls: identity });
  if (!(await answers(etcd, ETCD_MILLISECONDS, () => !isRunning(own)))) {
    etcd.close();
    throw new CommandError(`etcd does not start; see ${own.installation.logs}/etcd.log`);
  }
  await shared(etcd, AUTHORITY, () => JSON.stringify(authority));
  remember(starting, etcd.endpoints);
  log(`a region begins on this machine, ${machine.address}`);
  return etcd;
}

/** Whether etcd answers before the time is over, or `over` says that it will not. */
async function answers(etcd: EtcdClient, milliseconds: number, over: () => boolean): Promise<boolean> {
  const end = performance.now() + milliseconds;
  for (;;) {
    try {
      await etcd.range({ key: AUTHORITY });
      return true;
    } catch (cause) {
      if (!(cause instanceof EtcdError)) throw cause;
      if (performance.now() > end || over()) return false;
      await delay(LOOK_MILLISECONDS);
    }
  }
}

function remember({ home, machine }: Pick<Starting, "home" | "machine">, endpoints: readonly string[]): void {
  const { region, ...membership } = ensureMembership(home);
  writeMembership(home, { ...membership, region: { ...region, endpoints, machine } });
}

/** What all machines of the region share in etcd. */
export const PREFIX = "genkan/";
const AUTHORITY = `${PREFIX}authority`;
const SECRET = `${PREFIX}secret`;

async function readKeys(etcd: EtcdClient): Promise<RegionKeys> {
  const authority = await shared(etcd, AUTHORITY, async () => JSON.stringify(await newAuthority(new Date())));
  const secret = await shared(etcd, SECRET, () => randomBytes(32).toString("hex"));
  return { authority: JSON.parse(authority) as Authority, secret };
}

async function identityFrom(authority: Authority, address: string): Promise<Identity> {
  const key = newKey();
  const cert = await certify(authority, await newRequest(key), { addresses: [address], now: new Date() });
  return { ca: authority.certificate, cert, key };
}

export type Enlisted = {
  readonly me: Machine;
  readonly identity: Identity;
  /** Those of the region. */
  readonly credentials: Credentials;
  /** What the region has been told at the starts of its machines. */
  readonly options: RegionOptions;
};

type Enlisting = Starting & {
  readonly etcd: EtcdClient;
  readonly port: number;
  readonly credentials: Credentials;
  /** Whether etcd is the region's own. */
  readonly own: boolean;
  /** What this start tells the region. */
  readonly given: RegionOptions;
};

/** Takes part in the region; without etcd as it did before. @throws StoreError, CommandError */
export async function enlisted(enlisting: Enlisting): Promise<Enlisted> {
  const { home, machine, etcd, port, credentials, log } = enlisting;
  const known = ensureMembership(home);
  const { name, address, zones, roles } = machine;
  const url = `https://${address}:${port}`;
  const wanted = { name, address, zones, roles, url, version: VERSION, home: known.home };
  try {
    return await patiently(systemClock, async () => {
      if (enlisting.own && known.machine) await requireRecord(etcd, known.home);
      const identity = await identityIn(enlisting);
      const all = JSON.parse(
        await shared(etcd, `${PREFIX}credentials`, () => JSON.stringify(credentials)),
      ) as Credentials;
      const me = await enlist({ etcd, prefix: PREFIX, me: wanted });
      const options = await sharedOptions<RegionOptions>(etcd, `${PREFIX}options`, enlisting.given);
      writeMembership(home, { ...known, machine: me, options });
      return { me, identity, credentials: takeCredentials(home, all), options };
    });
  } catch (cause) {
    if (!(cause instanceof EtcdError)) throw cause;
    const identity = readIdentity(home.folder);
    if (cause.kind !== "unavailable" || !known.machine || !identity) throw unanswered({ etcd });
    log("etcd is out of reach: this machine is what it was in the region before", cause);
    const options = { ...known.options, ...enlisting.given };
    return { me: { ...(known.machine as Machine), ...wanted }, identity, credentials, options };
  }
}

/** @throws CommandError when the machine was taken out of the region while it was away */
async function requireRecord(etcd: EtcdClient, home: string): Promise<void> {
  const { found } = await etcd.range(recordsOf(PREFIX));
  if (found.some(({ value }) => (JSON.parse(value) as Machine).home === home)) return;
  throw new CommandError(
    "This machine was taken out of its region (genkan leave). To join again: ./genkan down, then ./genkan join with another GENKAN_HOME",
  );
}

/** The certificate in the home, or where whoever reads etcd may have one, a new one. */
async function identityIn({ home, machine: { address }, etcd }: Enlisting): Promise<Identity> {
  const { authority } = await readKeys(etcd);
  const there = readIdentity(home.folder);
  if (there && isFor(there, authority.certificate, address)) return there;
  const identity = await identityFrom(authority, address);
  writeIdentity(home.folder, identity);
  return identity;
}

export type Belonging = Starting & {
  readonly etcd: EtcdClient;
  readonly own: boolean;
  readonly fleet: Pick<Fleet, "machines">;
};

/** Where this machine lets others join. */
export function deskOf({ etcd, own, fleet }: Belonging): Desk {
  return openDesk({
    keys: () =>
      readKeys(etcd).catch((cause: unknown) => {
        if (!(cause instanceof EtcdError)) throw cause;
        throw new Fault("Unavailable", unanswered({ etcd }).message);
      }),
    version: VERSION,
    now: Date.now,
    machines: fleet.machines,
    endpoints: own ? () => etcd.endpoints : undefined,
  });
}

/** Looks after this machine's part of the region's own etcd, until the signal. */
export async function keepOwnEtcd(belonging: Belonging, signal: AbortSignal): Promise<void> {
  const { home, machine, etcd, own, fleet, log } = belonging;
  if (!own) return;
  await keepMember({
    own: { installation: installationAt(home.folder), address: machine.address },
    etcd,
    machines: fleet.machines,
    moved: (endpoints) => remember({ home, machine }, endpoints),
    clock: systemClock,
    signal,
    log,
  });
}
