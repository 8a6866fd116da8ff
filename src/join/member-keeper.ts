/**
 * Keeps this machine's member of the region's etcd: started when it has ended, added when this machine is
 * chosen to have one, and known to this machine where others are. Each machine looks after its own.
 */

import type { Member } from "../fleet/member.ts";
import type { Clock } from "../lib/clock.ts";
import { type EtcdClient, EtcdError, type EtcdMember } from "../store/etcd-client.ts";
import { candidatesOf, chooseMembers } from "./member-choice.ts";
import {
  addressOf,
  hasData,
  isRunning,
  type OwnEtcd,
  peerUrl,
  removeData,
  startMember,
  stopMember,
} from "./own-etcd.ts";

type Options = {
  readonly own: OwnEtcd;
  readonly etcd: Pick<
    EtcdClient,
    "members" | "addLearner" | "promote" | "removeMember" | "setEndpoints" | "endpoints"
  >;
  readonly machines: () => readonly Member[];
  /** Told where etcd's members are, each time that changes. */
  readonly moved: (endpoints: readonly string[]) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly log: (message: string, cause?: unknown) => void;
};

const LOOK_MILLISECONDS = 1_000;

/** Settles when `signal` ends it; the member goes on. */
export async function keepMember(options: Options): Promise<void> {
  const { clock, signal, log } = options;
  let said = "";
  while (!signal.aborted) {
    try {
      await look(options);
      said = "";
    } catch (cause) {
      const now = String(cause);
      // Without a majority nothing can be known of the members: that is told elsewhere.
      if (!(cause instanceof EtcdError) && now !== said)
        log("this machine's etcd can't be looked after", cause);
      said = now;
    }
    await clock.delay(LOOK_MILLISECONDS, signal);
  }
}

/** Brings the member one step closer to what it should be. */
async function look(options: Options): Promise<void> {
  const { own, etcd, machines, moved, log } = options;
  // One that has data starts without being asked for: the others may need it to have a majority.
  if (hasData(own) && !isRunning(own)) {
    log("this machine's etcd is started again");
    await startMember(own, []);
  }
  const members = await etcd.members();
  const endpoints = members.flatMap(({ client, learner }) => (client !== "" && !learner ? [client] : []));
  if (endpoints.length > 0 && endpoints.toSorted().join() !== etcd.endpoints.toSorted().join()) {
    etcd.setEndpoints(endpoints);
    moved(endpoints);
  }
  const mine = members.find(({ peer }) => peer === peerUrl(own.address));
  const isChosen = isChosenBy(machines(), members, own.address);
  if (mine) await haveMember(options, mine, members);
  else if (hasData(own)) await forget(own);
  else if (isChosen) await addMember(options, members);
}

function isChosenBy(machines: readonly Member[], members: readonly EtcdMember[], address: string): boolean {
  const there = members.map(({ peer }) => addressOf(peer));
  return chooseMembers(candidatesOf(machines), there).includes(address);
}

/** The cluster has removed it. */
async function forget(own: OwnEtcd): Promise<void> {
  await stopMember(own);
  removeData(own);
}

async function addMember({ own, etcd, log }: Options, members: readonly EtcdMember[]): Promise<void> {
  // etcd takes one learner at a time.
  if (members.some(({ learner }) => learner)) return;
  log("this machine becomes a member of the region's etcd");
  await etcd.addLearner(peerUrl(own.address));
  await startMember(
    own,
    members.map(({ peer }) => peer),
  );
}

/** @param mine - this machine's, as the cluster has it */
async function haveMember(
  { own, etcd, log }: Options,
  mine: EtcdMember,
  members: readonly EtcdMember[],
): Promise<void> {
  if (!hasData(own) && !isRunning(own)) {
    // Its data is lost, or it was added and never started: a member can't begin anew under its old number.
    await etcd.removeMember(mine.id);
    return;
  }
  if (!mine.learner || members.length < 2) return;
  try {
    await etcd.promote(mine.id);
    log("this machine's etcd has caught up, and has a vote now");
  } catch (cause) {
    // It catches up still.
    if (!(cause instanceof EtcdError)) throw cause;
  }
}
