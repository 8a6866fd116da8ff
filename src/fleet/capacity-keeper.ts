/** Keeps as many gateways active as the traffic needs, while this machine leads. */

import type { Clock } from "../lib/clock.ts";
import { type Etcd, EtcdError } from "../store/etcd-client.ts";
import { type CapacityMemory, nextCapacity, NOTHING_SEEN } from "./capacity.ts";
import { setActive } from "./enlist.ts";
import type { Member } from "./member.ts";

type Options = {
  readonly etcd: Pick<Etcd, "range" | "transact">;
  readonly prefix: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly machines: () => readonly Member[];
  /** etcd's revision at which this machine's key as the leader was made; undefined: it does not lead. */
  readonly term: () => string | undefined;
  /** How full the gateway is, if it has said so at this time or later. */
  readonly load: (number: number, since: number) => number | undefined;
  /** Settles when the machines have changed, or after so many milliseconds. */
  readonly next: (milliseconds: number) => Promise<void>;
  readonly log: (message: string, cause?: unknown) => void;
};

const LOOK_MILLISECONDS = 1_000;
/** The machines of a region that starts as a whole do not come at once. */
const BEGIN_MILLISECONDS = 5_000;
/** Until a change shows in what gateways say: hosts' routes follow, then a second is counted. */
const SHOWS_MILLISECONDS = 4_000;

export async function keepCapacity(options: Options): Promise<void> {
  const { clock, signal, term, next, log } = options;
  let memory = NOTHING_SEEN;
  let held: { readonly created: string; readonly begins: number } | undefined;
  let shows = 0;
  while (!signal.aborted) {
    await next(LOOK_MILLISECONDS);
    const created = term();
    const now = clock.now();
    if (created === undefined) held = undefined;
    else if (held?.created !== created) {
      held = { created, begins: now + BEGIN_MILLISECONDS };
      memory = NOTHING_SEEN;
    }
    if (!held || now < held.begins) continue;
    try {
      const done = await look(options, { memory, now, shows, created: held.created });
      ({ memory } = done);
      if (done.changed) shows = clock.now() + SHOWS_MILLISECONDS;
    } catch (error) {
      if (!(error instanceof EtcdError)) log("which gateways take packets could not be decided", error);
    }
  }
}

type Moment = {
  readonly memory: CapacityMemory;
  readonly now: number;
  /** From when on what gateways say counts. */
  readonly shows: number;
  readonly created: string;
};

async function look(
  { etcd, prefix, machines, load, log }: Options,
  { memory, now, shows, created }: Moment,
): Promise<{ readonly memory: CapacityMemory; readonly changed: boolean }> {
  const gateways = machines()
    .filter(({ roles }) => roles.includes("gateway"))
    .map(({ number, live, drained = false, standby = false, fence }) => ({
      number,
      live: live && !fence,
      drained,
      standby,
      load: load(number, shows),
    }));
  const { change, ...next } = nextCapacity(gateways, memory, now);
  if (!change) return { ...next, changed: false };
  const changed = await setActive({ etcd, prefix }, { key: `${prefix}leader`, created }, change);
  if (changed) log(said(change));
  return { ...next, changed };
}

function said({ active, standby }: { readonly active?: number; readonly standby?: number }): string {
  const stands = standby === undefined ? [] : [`machine ${standby} stands by`];
  return [...(active === undefined ? [] : [`machine ${active} takes packets`]), ...stands].join(", ");
}
