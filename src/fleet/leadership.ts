/**
 * Who leads the region: the machine whose key is in etcd, under a lease that it keeps alive. All that the
 * leader writes compares the revision at which its key was made, so nothing is written by two.
 */

import type { Clock } from "../lib/clock.ts";
import { type Etcd, EtcdError } from "../store/etcd-client.ts";
import type { Fence } from "../store/etcd.ts";

/** What the leader's key says. */
export type Leader = {
  /** The number of the machine; absent where the region has one alone. */
  readonly number?: number;
  /** The machine's name. */
  readonly machine: string;
  /** Where it takes requests that other machines hand on. */
  readonly url: string;
  /** Different for each campaign. */
  readonly nonce: string;
};

export type Term = {
  readonly fence: Fence;
  /** Aborted when the lease may have ended: from then on nothing may be answered by this leader. */
  readonly ended: AbortSignal;
  /** Ends the term at once, for the next leader to follow. */
  readonly resign: () => Promise<void>;
};

type Options = {
  readonly etcd: Etcd;
  readonly key: string;
  readonly me: Leader;
  /** How long the lease lives without being kept alive; etcd has whole seconds. */
  readonly seconds: number;
  readonly clock: Clock;
  /** Who leads while this machine waits; undefined: nobody. */
  readonly seen: (leader: Leader | undefined) => void;
  readonly signal: AbortSignal;
};

/** How often the lease is kept alive in its time. */
const BEATS = 4;
const RETRY_MILLISECONDS = 100;
/** A watch may have missed the key's end by a dead connection. */
const LOOK_MILLISECONDS = 500;

/** Waits until this machine leads. @returns undefined when `signal` ended the waiting */
export async function campaign(options: Options): Promise<Term | undefined> {
  const { clock, seen, signal } = options;
  while (!signal.aborted) {
    try {
      const term = await stand(options);
      if (term) return term;
      await untilVacant(options);
      if (!signal.aborted) seen(undefined);
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      await clock.delay(RETRY_MILLISECONDS, signal);
    }
  }
  return undefined;
}

/** Tries to make the key. @returns undefined when it is somebody else's */
async function stand({ etcd, key, me, seconds, clock, seen }: Options): Promise<Term | undefined> {
  const granted = clock.now();
  const lease = await etcd.grant(seconds);
  const value = JSON.stringify(me);
  // Its answer may be lost: then the key itself says whose it is.
  await etcd.transact([{ key, created: "0" }], [{ key, value, lease }]).catch(unlessPassing);
  const [found] = (await etcd.range({ key })).found;
  if (found?.value === value)
    return new Held({ etcd, lease, seconds, clock, since: granted }).term({ key, created: found.created });
  await etcd.revoke(lease).catch(unlessPassing);
  seen(found && (JSON.parse(found.value) as Leader));
  return undefined;
}

async function untilVacant({ etcd, key, clock, signal }: Options): Promise<void> {
  while (!signal.aborted) {
    const { found, revision } = await etcd.range({ key });
    if (found.length === 0) return;
    const ended = new AbortController();
    const watch = etcd.watch({
      key,
      end: `${key}\u0000`,
      from: String(BigInt(revision) + 1n),
      signal: AbortSignal.any([signal, ended.signal]),
    });
    const looking = clock.delay(LOOK_MILLISECONDS, ended.signal);
    await Promise.race([watch.next(), looking]).finally(() => ended.abort());
  }
}

type Holding = Pick<Options, "etcd" | "seconds" | "clock"> & {
  readonly lease: string;
  /** When the lease was last known to live its whole time. */
  readonly since: number;
};

/** A lease that is kept alive until it can't be. */
class Held {
  readonly #holding: Holding;
  readonly #ended = new AbortController();
  #since: number;

  constructor(holding: Holding) {
    this.#holding = holding;
    this.#since = holding.since;
  }

  term(fence: Fence): Term {
    const { etcd, lease } = this.#holding;
    void this.#keep();
    return {
      fence,
      ended: this.#ended.signal,
      resign: async () => {
        this.#ended.abort();
        await etcd.revoke(lease).catch(unlessPassing);
      },
    };
  }

  async #keep(): Promise<void> {
    const { clock, seconds } = this.#holding;
    const time = seconds * 1_000;
    while (!this.#ended.signal.aborted) {
      await clock.delay(Math.min(time / BEATS, this.#since + time - clock.now()), this.#ended.signal);
      if (clock.now() >= this.#since + time) this.#ended.abort();
      else await this.#beat();
    }
  }

  /** The lease's time begins when etcd gets the request, which is not before it is sent. */
  async #beat(): Promise<void> {
    const { etcd, lease, clock, seconds } = this.#holding;
    const sent = clock.now();
    const left = new AbortController();
    try {
      const alive = await Promise.race([
        etcd.keepAlive(lease),
        clock.delay(this.#since + seconds * 1_000 - sent, left.signal),
      ]);
      if (alive === false) this.#ended.abort();
      if (alive) this.#since = sent;
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
    } finally {
      left.abort();
    }
  }
}

function unlessPassing(error: unknown): void {
  if (!(error instanceof EtcdError)) throw error;
}
