/** Takes a machine's member out of the region's etcd, once the others do without it. */

import type { Member } from "../fleet/member.ts";
import type { Clock } from "../lib/clock.ts";
import { type EtcdClient, EtcdError } from "../store/etcd-client.ts";
import { candidatesOf, chooseMembers } from "./member-choice.ts";
import { addressOf, peerUrl } from "./own-etcd.ts";

type Options = {
  readonly etcd: Pick<EtcdClient, "members" | "removeMember">;
  /** The machine that leaves; it is noted as leaving. */
  readonly address: string;
  readonly machines: () => readonly Member[];
  readonly clock: Clock;
};

/** Less than another machine waits for the answer. */
const PATIENCE_MILLISECONDS = 12_000;
const LOOK_MILLISECONDS = 100;

/** @returns false when the others have not taken its place in time */
export async function removeMemberOf({ etcd, address, machines, clock }: Options): Promise<boolean> {
  const end = clock.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    const members = await etcd.members();
    const mine = members.find(({ peer }) => peer === peerUrl(address));
    if (!mine) return true;
    const voters = members.filter(({ learner }) => !learner).map(({ peer }) => addressOf(peer));
    const all = candidatesOf(machines()).map((one) =>
      one.address === address ? { ...one, leaving: true } : one,
    );
    const chosen = chooseMembers(all, voters);
    try {
      if (chosen.length > 0 && chosen.every((one) => voters.includes(one))) await etcd.removeMember(mine.id);
    } catch (cause) {
      // One that has just got its vote is not yet counted as one that is there.
      if (!(cause instanceof EtcdError)) throw cause;
    }
    if (clock.now() > end) return false;
    await clock.delay(LOOK_MILLISECONDS);
  }
}
