import type { Context } from "../actions/action.ts";
import { seedRegion } from "../actions/default-vpc.ts";
import { purgeTerminated } from "../actions/instance-lifecycle.ts";
import { purgeExclusions } from "../actions/block-public-access.ts";
import { purgeNatGateways } from "../actions/nat-gateway.ts";
import { purgeVpcPeeringConnections } from "../actions/vpc-peering-connection.ts";
import { perform } from "../actions/perform.ts";
import type { Random } from "../lib/random.ts";
import type { Instance } from "../model/instance.ts";
import type { Principal } from "../model/principal.ts";
import { KINDS } from "../model/resource.ts";
import type { Change, Reader, Tx } from "../model/state.ts";
import { beginTx, type Transaction, type World } from "../model/world.ts";
import { instancePlan } from "../plan/instance.ts";
import { poolsOf } from "../plan/pool.ts";
import type { Delta } from "../plan/tables.ts";
import type { Store } from "../store/store.ts";
import { Committer, type Realm } from "./committer.ts";
import { Lifecycle, type Machine } from "./lifecycle.ts";
import type { Settings } from "./settings.ts";

type Options = {
  readonly world: World;
  readonly store: Store;
  readonly settings: Settings;
  readonly now: () => Date;
  readonly random: Random;
  readonly generateKeyPair: NonNullable<Context["generateKeyPair"]>;
  /** What instances run on; they are records alone without it. */
  readonly machine:
    | (Machine & { readonly instances: () => readonly string[]; readonly console: (id: string) => string | undefined })
    | undefined;
  readonly applyDelta: (delta: Delta) => void;
  /** Told of every change once it is durable and packets obey it. */
  readonly onChanged?: (realm: Realm, changes: readonly Change[]) => void;
  readonly log: (message: string, cause?: unknown) => void;
};

export type OperationRequest = Realm & { readonly operation: string; readonly input: object; readonly caller?: Principal };

/** The state, its one writer, and the machine that follows it. */
export class ControlPlane {
  readonly lifecycle: Lifecycle;
  readonly #options: Options;
  readonly #committer: Committer;
  #time = { time: Number.NaN, text: "" };

  constructor(options: Options) {
    this.#options = options;
    const machine = options.machine ?? recordsOnly();
    this.#committer = new Committer({
      world: options.world,
      store: options.store,
      pools: poolsOf(options.settings.pools),
      applyDelta: options.applyDelta,
      onCommitted: (realm, changes) => {
        this.lifecycle.changed(realm, changes);
        options.onChanged?.(realm, changes);
      },
      log: options.log,
    });
    this.lifecycle = new Lifecycle({
      machine,
      find: (realm, id) => this.reader(realm).get("instance", id),
      plan: (realm, instance) => instancePlan(this.reader(realm), instance, realm.region),
      run: (realm, body) => this.run(realm, body),
      log: options.log,
    });
  }

  /** One EC2 operation. A region begins with its first request. @throws Fault */
  perform({ account, region, operation, input, caller }: OperationRequest): Promise<unknown> {
    return this.run({ account, region }, (tx, context) => {
      seedRegion(tx, context);
      return perform(tx, operation, input, caller ? { ...context, caller } : context);
    });
  }

  run<T>(realm: Realm, body: (tx: Tx, context: Context) => T): Promise<T> {
    return this.#committer.run(realm, (tx) => body(tx, this.context(realm)));
  }

  /** To try requests out: as many transactions on the realm as are wanted, none of which is committed. */
  draft(realm: Realm): { readonly begin: () => Transaction; readonly context: Context } {
    const { account, region } = realm;
    return { begin: () => beginTx(this.#options.world, account, region), context: this.context(realm) };
  }

  context(realm: Realm): Context {
    const { settings, now, random, machine, world } = this.#options;
    return {
      ...realm,
      now: this.#textOf(now().getTime()),
      random,
      quotas: settings.quotas,
      pools: settings.pools.filter((pool) => !settings.byoip.includes(pool)),
      byoip: settings.byoip,
      hasRegion: (name) => settings.ownRegions.includes(name) || world.regions.has(`${realm.account}/${name}`),
      consoleOutput: (id) => machine?.console(id),
      generateKeyPair: this.#options.generateKeyPair,
    };
  }

  /** The time as ISO 8601. Many requests share a millisecond. */
  #textOf(time: number): string {
    if (time !== this.#time.time) this.#time = { time, text: new Date(time).toISOString() };
    return this.#time.text;
  }

  realms(): readonly Realm[] {
    return [...this.#options.world.regions.keys()].map((key) => {
      const [account = "", region = ""] = key.split("/");
      return { account, region };
    });
  }

  reader(realm: Realm): Reader {
    const found = this.#options.world.regions.get(`${realm.account}/${realm.region}`);
    if (!found) throw new Error(`assertion failed: ${realm.region} exists`);
    return found;
  }

  /** The instance, in whichever region it lives. */
  findInstance(id: string): { readonly realm: Realm; readonly instance: Instance } | undefined {
    for (const realm of this.realms()) {
      const instance = this.reader(realm).get("instance", id);
      if (instance) return { realm, instance };
    }
    return undefined;
  }

  /** After a start: adopts the instances that are up, ends those that should not be, and boots those that should. */
  async resume(): Promise<void> {
    const machine = this.#options.machine;
    const up = new Set(machine?.instances());
    for (const realm of this.realms()) {
      for (const instance of this.reader(realm).list("instance")) {
        if (up.delete(instance.id) && instance.state === "running") this.lifecycle.adopted(instance);
        if (instance.state !== "terminated" && instance.state !== "stopped") this.lifecycle.follow(realm, instance.id);
      }
    }
    const ends = [...up].map((id) => machine?.destroy(id).catch((cause: unknown) => this.#options.log(`${id} can't be ended`, cause)));
    await Promise.all(ends);
  }

  /** Terminated instances are described for about an hour. */
  async purge(): Promise<void> {
    for (const realm of this.realms()) {
      if (this.reader(realm).countBy("instance", "state", "terminated") > 0) await this.run(realm, purgeTerminated);
      if (this.reader(realm).count("block-public-access-exclusion") > 0) await this.run(realm, purgeExclusions);
      if (this.reader(realm).count("nat-gateway") > 0) await this.run(realm, purgeNatGateways);
      if (this.reader(realm).count("vpc-peering-connection") > 0) await this.run(realm, purgeVpcPeeringConnections);
    }
  }

  /** Empty regions again: everything is deleted, at once and without asking AWS's rules; each begins anew with the next request. */
  async reset(): Promise<void> {
    for (const [account, regions] of byAccount(this.realms())) {
      const [first = ""] = regions;
      // All at once: no region's records name what another has no more.
      const counts = await this.run({ account, region: first }, (tx) => regions.map((region) => deleteEverything(tx.elsewhere(region))));
      for (const [place, count] of counts.entries()) this.#options.log(`${regions[place]}: ${count} resources deleted`);
    }
    await this.lifecycle.settled();
  }
}

function byAccount(realms: readonly Realm[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { account, region } of realms) found.set(account, [...(found.get(account) ?? []), region]);
  return found;
}

function deleteEverything(tx: Tx): number {
  let count = 0;
  for (const kind of KINDS) {
    for (const { id } of tx.list(kind)) {
      tx.delete(kind, id);
      count += 1;
    }
  }
  return count;
}

/** Where no packets move, an instance is up as soon as the state says so. */
function recordsOnly(): Machine {
  const up = new Set<string>();
  return {
    boot: async ({ id }) => void up.add(id),
    halt: async (id) => void up.delete(id),
    destroy: async (id) => void up.delete(id),
    isUp: (id) => up.has(id),
    setInterfaces: () => Promise.resolve(),
  };
}
