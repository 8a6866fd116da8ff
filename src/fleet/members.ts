/** Which machines the region has, which of them are there, and which one leads: as etcd says it. */

import type { Clock } from "../lib/clock.ts";
import { type Etcd, EtcdError, type KeyValue } from "../store/etcd-client.ts";
import { followKeys } from "../store/etcd-keys.ts";
import type { Leader } from "./leadership.ts";
import { liveKey, type Machine, type Member, type Members, numberOfKey } from "./member.ts";

/** The leader, by its key. */
export type Seen = Leader & {
  /** etcd's revision at which the key was made. */
  readonly created: string;
  /** With which the key goes. */
  readonly lease: string | undefined;
};

type Options = {
  readonly etcd: Pick<Etcd, "range" | "watch" | "revoke">;
  readonly prefix: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

type View = { readonly machines: readonly Member[]; readonly leader: Seen | undefined };

export class Membership implements Members {
  readonly #options: Options;
  readonly #changed = new Set<() => void>();
  #view: View = { machines: [], leader: undefined };
  #lives: ReadonlyMap<number, KeyValue> = new Map();

  constructor(options: Options) {
    this.#options = options;
  }

  machines = (): readonly Member[] => this.#view.machines;

  /** Who leads; undefined: nobody, as far as is known. */
  get leader(): Seen | undefined {
    return this.#view.leader;
  }

  onMachines = (changed: () => void): (() => void) => {
    this.#changed.add(changed);
    return () => this.#changed.delete(changed);
  };

  /** Follows the keys until the signal ends it. `lost`: called when etcd can't be reached, and when it can again. */
  async follow(lost: (cause: unknown) => void): Promise<void> {
    const { etcd, prefix, clock, signal } = this.#options;
    // The leader's key, those of the live ones, and the machines' records stand beside each other.
    await followKeys({
      etcd,
      start: `${prefix}leader`,
      end: `${prefix}machines0`,
      take: (keys) => this.#take(keys),
      lost,
      clock,
      signal,
    });
  }

  /** Ends the leases of a leader that has ended without ending them itself. */
  async bury(leader: Seen): Promise<void> {
    const { etcd } = this.#options;
    const live = leader.number === undefined ? undefined : this.#lives.get(leader.number)?.lease;
    for (const lease of [leader.lease, live])
      if (lease !== undefined)
        await etcd.revoke(lease).catch((cause: unknown) => {
          if (!(cause instanceof EtcdError)) throw cause;
        });
  }

  #take(keys: ReadonlyMap<string, KeyValue>): void {
    const { prefix } = this.#options;
    const found = keys.get(`${prefix}leader`);
    const below = (folder: string): readonly KeyValue[] =>
      [...keys.values()].filter(({ key }) => key.startsWith(`${prefix}${folder}/`));
    this.#lives = new Map(below("live").map((one) => [numberOfKey(one.key), one]));
    const machines = below("machines").map(({ value }): Member => {
      const machine = JSON.parse(value) as Machine;
      return { ...machine, live: keys.has(liveKey(prefix, machine.number)) };
    });
    const leader = found && {
      ...(JSON.parse(found.value) as Leader),
      created: found.created,
      lease: found.lease,
    };
    this.#view = { machines: machines.toSorted((a, b) => a.number - b.number), leader };
    for (const changed of this.#changed) changed();
  }
}
