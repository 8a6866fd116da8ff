/**
 * The state of a machine whose region's state is in etcd: what was acknowledged is in etcd, and a copy of it
 * is in the machine's own embedded store, from which the metadata service and the resolver read, and from
 * which a start begins. One machine leads, and writes; the others follow what it writes.
 */

import { EventEmitter, once } from "node:events";
import type { Clock } from "../lib/clock.ts";
import type { Part } from "../model/state.ts";
import { catchUp, type Missed, type World } from "../model/world.ts";
import type { EmbeddedStore } from "../store/embedded.ts";
import { type Etcd, EtcdError } from "../store/etcd-client.ts";
import { difference, followEtcd, type Step, unranked } from "../store/etcd-follow.ts";
import { patiently } from "../store/etcd-retry.ts";
import { type EtcdStore, mostOperations, openEtcd } from "../store/etcd.ts";
import { type Header, HEADER_KEY } from "../store/layout.ts";
import { type Commit, StoreError } from "../store/store.ts";
import { campaign, type Leader, type Term } from "./leadership.ts";

type Log = (message: string, cause?: unknown) => void;

export type RegionOptions = {
  readonly etcd: Etcd;
  /** What the region's keys begin with. */
  readonly prefix: string;
  readonly me: Omit<Leader, "nonce">;
  /** A text that nobody else has, each time another one. */
  readonly nonce: () => string;
  readonly copy: EmbeddedStore;
  readonly clock: Clock;
  readonly log: Log;
};

type Alone = RegionOptions & {
  /** Called when another machine leads: this one writes nothing any more. */
  readonly replaced: (by: Leader) => void;
};

type Among = RegionOptions & {
  /** Whether this machine may lead. */
  readonly mayLead: boolean;
};

/** The state in memory, and who brings it to what it has become elsewhere, while no request is under way. */
type Memory = {
  readonly world: World;
  readonly adopt: (what: Adopted) => Promise<readonly Part[]>;
};
type Adopted = { readonly missed: readonly Missed[]; readonly revision: number };

export type RegionStore = EmbeddedStore & {
  /** Whether this machine leads now. Otherwise nothing may be answered that rests on the state. */
  readonly leads: () => boolean;
  /** Whether etcd answers, as far as is known. */
  readonly reached: () => boolean;
  /** Whether what this machine began with is what etcd had then, and not only what it knew of an earlier life. */
  readonly isFresh: () => boolean;
  /** Settles when the state in memory has what etcd has had since this start, or this machine ends. */
  readonly untilFresh: () => Promise<void>;
  /** From now on the state in memory follows what others write; called once, with what `load` gave. */
  readonly begin: (memory: Memory) => void;
  /** Lets another machine lead, once what is under way is written; this one leads no more. */
  readonly resign: () => Promise<void>;
  /** Tells of the leader's key as it is now, by the revision at which it was made. */
  readonly saw: (created: string | undefined) => void;
};

/** A loaded machine, or etcd's members while they elect a leader, may stand still for some seconds. */
export const LEASE_SECONDS = 5;
/** How long a start waits for etcd, or for the lease of this machine's last life to end. */
const START_MILLISECONDS = 15_000;
const RETRY_MILLISECONDS = 500;
/** To mend the copy, all of it is read. */
const MEND_MILLISECONDS = 5_000;
/** In the copy: etcd's revision of what it is a copy of. */
const AT = "etcd";

/**
 * Opens the state of a region that this machine has for itself.
 * @throws StoreError `unavailable` when etcd does not answer; `locked` when another machine leads
 */
export async function openRegion(options: Alone): Promise<RegionStore> {
  const { replaced, ...rest } = options;
  requireCopy(options);
  const term = await firstTerm(options);
  const store = await openEtcd({ ...options, fence: term.fence });
  const region = new Region({ ...rest, mayLead: true, replaced }, { term, store });
  await region.refresh();
  region.isFresh = true;
  options.log(`leading ${options.prefix} in etcd, at revision ${store.revision()}`);
  return region.store();
}

/**
 * Opens the state of a region of several machines. Where etcd is out of reach, it is what this machine knew
 * last.
 * @throws StoreError `unavailable` when etcd does not answer and this machine knows nothing
 */
export async function joinRegion(options: Among): Promise<RegionStore> {
  requireCopy(options);
  const region = new Region(options, undefined);
  try {
    await patiently(options.clock, () => region.refresh());
    region.isFresh = true;
  } catch (cause) {
    if (!(cause instanceof EtcdError)) throw cause;
    if (!noteOf(options.copy)) throw unanswered(options);
    options.log("etcd is out of reach: this machine begins with what it knew last", cause);
  }
  return region.store();
}

function requireCopy({ copy }: RegionOptions): void {
  if (noteOf(copy) || copy.revision() === 0) return;
  throw new StoreError(
    "locked",
    "this home has a state of its own, which --etcd would not show: start with another GENKAN_HOME, or without --etcd",
  );
}

/** @throws StoreError when the store is a copy of a state in etcd: changes of it would be lost there */
export function requireOwnState(store: EmbeddedStore): void {
  if (noteOf(store))
    throw new StoreError(
      "locked",
      "the state of this home is a copy of one in etcd: start with --etcd, or with another GENKAN_HOME",
    );
}

/** What a machine has: the state's revision, and etcd's own at which it was written. */
type Known = { readonly revision: number; readonly at: string };
/** What the copy has. */
type Note = Known & { readonly prefix: string };

function noteOf(copy: EmbeddedStore): Note | undefined {
  const text = copy.meta(AT);
  return text === undefined ? undefined : (JSON.parse(text) as Note);
}

async function firstTerm(options: RegionOptions): Promise<Term> {
  const { clock, me } = options;
  const ended = new AbortController();
  let leader: Leader | undefined;
  const campaigning = campaign({
    ...campaignOf(options),
    seen: (seen) => {
      leader = seen;
      if (seen && seen.machine !== me.machine) ended.abort();
    },
    signal: ended.signal,
  });
  const late = clock.delay(START_MILLISECONDS, ended.signal).then(() => ended.abort());
  const term = await campaigning;
  ended.abort();
  await late;
  if (term) return term;
  throw leader
    ? new StoreError(
        "locked",
        `${leader.machine} leads ${options.prefix} in etcd (${leader.url}): end that Genkan first, or start both as machines of one region with --machine-address`,
      )
    : unanswered(options);
}

export function unanswered({ etcd }: Pick<RegionOptions, "etcd">): StoreError {
  return new StoreError(
    "unavailable",
    `most of etcd's members do not answer: ${etcd.endpoints.join(" ")}. Start them, or mend --etcd`,
  );
}

function campaignOf({ etcd, prefix, me, nonce, clock }: RegionOptions) {
  return {
    etcd,
    key: `${prefix}leader`,
    me: { ...me, nonce: nonce() },
    seconds: LEASE_SECONDS,
    clock,
  };
}

type Leading = { readonly term: Term; readonly store: EtcdStore };
type Options = Among & Partial<Pick<Alone, "replaced">>;

class Region {
  readonly #options: Options;
  readonly #closed = new AbortController();
  readonly #events = new EventEmitter();
  isFresh = false;
  #leading: Leading | undefined;
  /** The leader's key as it was last told of. */
  #seen: string | undefined;
  /** No more terms. */
  readonly #resigned = new AbortController();
  /** What the state in memory has, while this machine follows. */
  #known: Known;
  #isLost = false;
  /** How many operations etcd takes at once. */
  #most: number | undefined;
  /** The copy's revision when all is written that it was given. */
  #given: number;
  /** Settles when all is written. */
  #copying: Promise<unknown> = Promise.resolve();
  /** What the copy has when all is written that it was given. */
  #copied: Known;
  /** The copy could not be written, and misses something. */
  #stale = false;
  #mendsLater = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: Options, leading: Leading | undefined) {
    this.#options = options;
    this.#leading = leading;
    this.#given = options.copy.revision();
    this.#known = noteOf(options.copy) ?? { revision: 0, at: "0" };
    this.#copied = this.#known;
  }

  store(): RegionStore {
    const { copy } = this.#options;
    return {
      meta: copy.meta,
      setMeta: copy.setMeta,
      loadedImage: copy.loadedImage,
      imageDue: copy.imageDue,
      imageMade: copy.imageMade,
      load: copy.load,
      revision: () => this.#revision(),
      commit: (commit) => this.#commit(commit),
      leads: () => this.#leads(),
      reached: () => (this.#options.replaced ? this.#leads() : !this.#isLost),
      isFresh: () => this.isFresh,
      untilFresh: () => this.#untilFresh(),
      begin: (memory) => (this.#running = this.#run(memory)),
      resign: () => this.#resign(),
      saw: (created) => {
        const { term } = this.#leading ?? {};
        // What is seen may be older than this term.
        if (term && this.#seen === term.fence.created && created !== this.#seen) void term.resign();
        this.#seen = created;
      },
      close: async () => {
        this.#closed.abort();
        await this.#resign();
        await this.#running;
        await this.#resign();
        await this.#copying;
        await copy.close();
      },
    };
  }

  async #untilFresh(): Promise<void> {
    const { etcd, prefix, clock } = this.#options;
    const { signal } = this.#closed;
    let newest: number | undefined;
    while (!this.isFresh && !signal.aborted) {
      try {
        newest ??= await newestIn(etcd, prefix);
      } catch (cause) {
        if (!(cause instanceof EtcdError)) throw cause;
      }
      this.isFresh = newest !== undefined && this.#revision() >= newest;
      if (!this.isFresh) await clock.delay(RETRY_MILLISECONDS, signal);
    }
  }

  #revision(): number {
    return (this.#leading?.store ?? copyOf(this.#known)).revision();
  }

  #leads(): boolean {
    return !this.#resigned.signal.aborted && this.#leading?.term.ended.aborted === false;
  }

  async #resign(): Promise<void> {
    this.#resigned.abort();
    const leading = this.#leading;
    if (!leading) return;
    await leading.store.close();
    await this.#copying;
    await leading.term.resign();
  }

  /** Leads and follows in turn. */
  async #run(memory: Memory): Promise<void> {
    const { log } = this.#options;
    while (!this.#closed.signal.aborted) {
      const leading = this.#leading ?? (await this.#followUntilLeading(memory));
      if (!leading) return;
      const { signal } = this.#resigned;
      if (signal.aborted) await leading.term.resign();
      if (!leading.term.ended.aborted) await once(leading.term.ended, "abort");
      await leading.store.close();
      if (!signal.aborted) log("etcd does not confirm that this machine leads: changes wait, packets go on");
      this.#known = { revision: leading.store.revision(), at: leading.store.at() };
      this.#leading = undefined;
    }
  }

  /** @returns undefined when the machine ends */
  async #followUntilLeading(memory: Memory): Promise<Leading | undefined> {
    const ended = new AbortController();
    const following = this.#follow(memory, AbortSignal.any([this.#closed.signal, ended.signal]));
    try {
      const leading = await this.#becomeLeader();
      if (!leading && !this.#closed.signal.aborted) await following;
      if (!leading) return undefined;
      ended.abort();
      await following;
      this.#leading = leading;
      this.#options.log(`leading ${this.#options.prefix} in etcd, at revision ${leading.store.revision()}`);
      return leading;
    } finally {
      ended.abort();
      await following;
    }
  }

  /** Returns when this machine has the leader's key and all that was written before; undefined: never. */
  async #becomeLeader(): Promise<Leading | undefined> {
    const { mayLead, clock, me, replaced, log } = this.#options;
    const signal = AbortSignal.any([this.#closed.signal, this.#resigned.signal]);
    if (!mayLead) return undefined;
    const operations = await this.#operations(signal);
    while (!signal.aborted) {
      const term = await campaign({
        ...campaignOf(this.#options),
        seen: (leader) => {
          if (!replaced || !leader || leader.machine === me.machine || signal.aborted) return;
          this.#closed.abort();
          replaced(leader);
        },
        signal,
      });
      if (!term) return undefined;
      try {
        const limit = operations === undefined ? {} : { operations };
        const store = await openEtcd({ ...this.#options, ...limit, fence: term.fence });
        await this.#followed(store.at(), AbortSignal.any([signal, term.ended]));
        return { term, store };
      } catch (cause) {
        if (!signal.aborted) log("this machine could not begin to lead", cause);
        await term.resign();
        await clock.delay(RETRY_MILLISECONDS, signal);
      }
    }
    return undefined;
  }

  /** What a leader must know, asked before it is one. */
  async #operations(signal: AbortSignal): Promise<number | undefined> {
    const { etcd, prefix, clock } = this.#options;
    while (this.#most === undefined && !signal.aborted) {
      try {
        this.#most = await mostOperations(etcd, prefix);
      } catch (cause) {
        if (!(cause instanceof EtcdError)) throw cause;
        await clock.delay(RETRY_MILLISECONDS, signal);
      }
    }
    return this.#most;
  }

  /** Settles when the state in memory has what etcd had then. */
  async #followed(at: string, signal: AbortSignal): Promise<void> {
    while (BigInt(this.#known.at) < BigInt(at)) await once(this.#events, "step", { signal });
  }

  async #follow({ world, adopt }: Memory, signal: AbortSignal): Promise<void> {
    const { etcd, prefix, clock, log } = this.#options;
    let since: string | undefined = this.#known.at;
    while (!signal.aborted) {
      try {
        await followEtcd({
          etcd,
          prefix,
          world,
          since,
          take: (step) => this.#take(step, adopt),
          lost: (cause) => {
            this.#isLost = cause !== undefined;
            if (cause === undefined) log("etcd answers again");
            else log("etcd is out of reach: packets go on by what is known", cause);
          },
          clock,
          signal,
        });
      } catch (cause) {
        // The whole state is compared then.
        log("the state could not be followed", cause);
        since = undefined;
        await clock.delay(RETRY_MILLISECONDS, signal);
      }
    }
  }

  async #take({ missed, revision, at }: Step, adopt: Memory["adopt"]): Promise<void> {
    const from = this.#known.revision;
    const parts = await adopt({ missed: unranked(missed), revision });
    this.#known = { revision, at };
    void this.#copy(
      parts.filter(({ changes }) => changes.length > 0),
      from,
      this.#known,
    );
    this.#events.emit("step");
  }

  async #commit(commit: Commit): Promise<number> {
    const leading = this.#leading;
    if (!leading || !this.#leads()) throw new StoreError("unavailable", "this machine does not lead");
    const { store, term } = leading;
    try {
      const revision = await store.commit(commit);
      // What etcd took together arrives here in one turn, and is written together.
      await this.#copy(commit.parts, revision - 1, { revision, at: store.at() });
      return revision;
    } catch (cause) {
      // What was on its way may have happened: it is followed then.
      if (cause instanceof StoreError && (cause.kind === "broken" || cause.kind === "deposed"))
        await term.resign();
      throw cause;
    }
  }

  /**
   * The change is in etcd already: whatever becomes of the copy, it was made.
   * @param from the revision on which the parts rest
   */
  async #copy(parts: readonly Part[], from: number, known: Known): Promise<void> {
    const { revision } = this.#copied;
    // A copy that was mended may have more than what is told of now.
    if (!this.#stale && (known.revision < revision || (known.revision === revision && parts.length > 0)))
      return;
    try {
      if (this.#stale || (from !== revision && known.revision !== revision)) await this.#mend();
      else await this.#write(parts, known);
    } catch (cause) {
      if (!this.#stale)
        this.#options.log("the copy of the state could not be written: metadata and DNS are behind", cause);
      this.#stale = true;
      void this.#mendLater();
    }
  }

  async #write(parts: readonly Part[], known: Known): Promise<void> {
    const { copy, prefix } = this.#options;
    const written = parts.length > 0 ? copy.commit({ expected: this.#given++, parts }) : undefined;
    const noted = copy.setMeta(AT, JSON.stringify({ prefix, ...known } satisfies Note));
    this.#copied = known;
    const both = Promise.all([written, noted]);
    this.#copying = both.catch(() => undefined);
    await both;
  }

  /** Makes the copy what etcd has, once what was given to it is written or refused. @throws EtcdError, StoreError */
  async #mend(): Promise<void> {
    this.#stale = true;
    const mended = this.#copying.then(async () => {
      if (this.#stale) await this.#compare();
      this.#stale = false;
    });
    this.#copying = mended.catch(() => undefined);
    await mended;
  }

  /** No further change may come by which the copy would be mended. */
  async #mendLater(): Promise<void> {
    if (this.#mendsLater) return;
    this.#mendsLater = true;
    const { clock } = this.#options;
    const { signal } = this.#closed;
    while (this.#stale && !signal.aborted) {
      await clock.delay(MEND_MILLISECONDS, signal);
      if (this.#stale && !signal.aborted) await this.#mend().catch(() => undefined);
    }
    this.#mendsLater = false;
  }

  /** Makes the copy, and what this machine knows, what etcd has. @throws EtcdError */
  async refresh(): Promise<void> {
    if (!(await isNewest(this.#options, noteOf(this.#options.copy)))) await this.#compare();
    this.#known = this.#copied;
  }

  async #compare(): Promise<void> {
    const { etcd, prefix, copy } = this.#options;
    const world = await copy.load();
    const { missed, at, revision } = await difference({ etcd, prefix, world });
    this.#given = copy.revision();
    await this.#write(
      catchUp(world, missed).filter(({ changes }) => changes.length > 0),
      { revision, at },
    );
  }
}

async function isNewest({ etcd, prefix }: RegionOptions, noted: Note | undefined): Promise<boolean> {
  const [found] = (await etcd.range({ key: prefix + HEADER_KEY })).found;
  if (!noted || !found) return false;
  const { revision } = JSON.parse(found.value) as Header;
  return noted.revision === revision && BigInt(noted.at) >= BigInt(found.modified);
}

/** The state's newest revision. @throws EtcdError */
async function newestIn(etcd: Etcd, prefix: string): Promise<number> {
  const [found] = (await etcd.range({ key: prefix + HEADER_KEY })).found;
  return found ? (JSON.parse(found.value) as Header).revision : 0;
}

function copyOf({ revision }: Known): { readonly revision: () => number } {
  return { revision: () => revision };
}
