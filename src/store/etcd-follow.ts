/** Follows the region's state in etcd: what a machine that does not write it knows. */

import type { Clock } from "../lib/clock.ts";
import { same } from "../model/immutable.ts";
import { realmKey, realmOf } from "../model/realm.ts";
import { KINDS } from "../model/resource.ts";
import type { Missed, World } from "../model/world.ts";
import { type Etcd, EtcdError, type Watched } from "./etcd-client.ts";
import { eachPage } from "./etcd-pages.ts";
import {
  type Header,
  HEADER_KEY,
  type Placed,
  partsOfKey,
  rangeOf,
  resourceKey,
  RESOURCES,
} from "./layout.ts";

/** One step of the state, over one revision or several. */
export type Step = {
  /** The state's revision after it. */
  readonly revision: number;
  /** etcd's own revision after it: where to go on from. */
  readonly at: string;
  /** What is different now; a resource that is as it was may be among them. */
  readonly missed: readonly Missed[];
};

export type FollowOptions = {
  readonly etcd: Etcd;
  readonly prefix: string;
  /** The follower's own state, as `take` has left it. */
  readonly world: World;
  /** The `at` of the last step that the world has; undefined when the world may be anything. */
  readonly since: string | undefined;
  /** Takes a step; the next one comes when it has settled. What it throws ends the following. */
  readonly take: (step: Step) => Promise<void> | void;
  /** Called when etcd can't be reached, and with undefined when it can again. */
  readonly lost: (cause: unknown) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

type Compared = Pick<FollowOptions, "etcd" | "prefix" | "world">;

const RETRY_MILLISECONDS = 100;
/** After so much silence it is asked whether something was missed. */
const SILENCE_MILLISECONDS = 2_000;

/** Takes every step in order until `signal` ends it. A step that etcd has forgotten comes as a part of a larger one. */
export async function followEtcd(options: FollowOptions): Promise<void> {
  const { lost, signal, take, clock } = options;
  let { since } = options;
  let isLost = false;
  const found = (): void => {
    if (isLost) lost(undefined);
    isLost = false;
  };
  while (!signal.aborted) {
    try {
      if (since === undefined) {
        const step = await wholeStep(options);
        found();
        await take(step);
        since = step.at;
      }
      for await (const step of steps(options, since)) {
        found();
        if (step.missed.length > 0) await take(step);
        since = step.at;
      }
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      if (error.kind === "compacted") since = undefined;
      else if (!isLost) {
        isLost = true;
        lost(error);
      }
      await clock.delay(RETRY_MILLISECONDS, signal);
    }
  }
}

/** What makes a world, whatever it is, the state as it is in etcd now. @throws EtcdError */
async function wholeStep({ etcd, prefix, world }: Compared): Promise<Step> {
  const missed: Missed[] = [];
  const there = new Set<string>();
  let revision = 0;
  const at = await eachPage(etcd, prefix, "", ({ key, value }) => {
    if (key === HEADER_KEY) ({ revision } = JSON.parse(value) as Header);
    if (!key.startsWith(RESOURCES)) return;
    there.add(key);
    missed.push(missedOf(key, value));
  });
  for (const [name, reader] of world.regions) {
    const { account, region } = realmOf(name);
    for (const kind of KINDS)
      for (const { id } of reader.list(kind))
        if (!there.has(resourceKey(account, region, kind, id))) missed.push({ account, region, kind, id });
  }
  return { revision, at, missed };
}

/** The steps since then, as long as the connection lives. */
async function* steps({ etcd, prefix, clock, signal }: FollowOptions, since: string): AsyncGenerator<Step> {
  const ended = new AbortController();
  const from = String(BigInt(since) + 1n);
  const watch = etcd.watch({
    key: prefix,
    end: rangeOf(prefix).end,
    from,
    signal: AbortSignal.any([signal, ended.signal]),
  });
  let at = since;
  try {
    let next = watch.next();
    for (;;) {
      const silence = new AbortController();
      const quiet = clock.delay(SILENCE_MILLISECONDS, silence.signal);
      const got = await Promise.race([next, quiet]);
      silence.abort();
      if (got?.done) return;
      if (got) {
        next = watch.next();
        const step = stepOf(prefix, got.value);
        if (!step) continue;
        at = step.at;
        yield step;
      } else if (await isBehind(etcd, prefix, at)) return;
    }
  } finally {
    ended.abort();
  }
}

/** Whether the header was written after that revision: then the watch's connection is a dead one. */
async function isBehind(etcd: Etcd, prefix: string, at: string): Promise<boolean> {
  const [header] = (await etcd.range({ key: prefix + HEADER_KEY })).found;
  return header !== undefined && BigInt(header.modified) > BigInt(at);
}

/** Undefined when nothing of the state is in it. */
function stepOf(prefix: string, { revision: at, events }: Watched): Step | undefined {
  let revision: number | undefined;
  const missed = new Map<string, Missed>();
  for (const { key: full, value } of events) {
    const key = full.slice(prefix.length);
    if (key === HEADER_KEY && value !== undefined) ({ revision } = JSON.parse(value) as Header);
    // For each resource the last one counts, and comes last.
    if (key.startsWith(RESOURCES)) {
      missed.delete(key);
      missed.set(key, missedOf(key, value));
    }
  }
  return revision === undefined ? undefined : { revision, at, missed: [...missed.values()] };
}

/**
 * What differs in etcd from a world that counts its order of creation for itself: ranks are left out, and the
 * new resources come in their order.
 * @throws EtcdError
 */
export async function difference(compared: Compared): Promise<Step> {
  const step = await wholeStep(compared);
  const differs = step.missed.filter(({ account, region, kind, id, now }) => {
    const found = compared.world.regions.get(realmKey({ account, region }))?.get(kind, id);
    return !same(found, now?.resource);
  });
  return { ...step, missed: unranked(differs) };
}

/** For a world that counts its order of creation for itself: new resources come in their order, without ranks. */
export function unranked(missed: readonly Missed[]): readonly Missed[] {
  const ordered = missed.toSorted((a, b) => (a.now?.order ?? 0) - (b.now?.order ?? 0));
  return ordered.map(({ now, ...place }) => (now ? { ...place, now: { resource: now.resource } } : place));
}

function missedOf(key: string, value: string | undefined): Missed {
  const place = partsOfKey(key);
  if (value === undefined) return place;
  const [order, resource] = JSON.parse(value) as Placed;
  return { ...place, now: { resource, order } };
}
