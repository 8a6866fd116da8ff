import { seedRegion } from "../actions/default-vpc.ts";
import { purgeNatGateways } from "../actions/gateway/nat-gateway.ts";
import { adjustPorts, sharePorts, takeBackPorts } from "../actions/gateway/nat-port-block.ts";
import { purgeVpcPeeringConnections } from "../actions/gateway/vpc-peering-connection.ts";
import { purgeTerminated } from "../actions/instance/instance-lifecycle.ts";
import type { Context } from "../actions/kit/action.ts";
import { perform } from "../actions/perform.ts";
import { purgeExclusions } from "../actions/vpc/block-public-access.ts";
import type { Random } from "../lib/random.ts";
import type { Follow } from "../model/committed.ts";
import { Fault } from "../model/fault.ts";
import type { InstanceReport } from "../model/instance-report.ts";
import type { Instance } from "../model/instance.ts";
import type { HostMachine } from "../model/machine.ts";
import type { PortReport } from "../model/network-interface.ts";
import type { Principal } from "../model/principal.ts";
import type { Quotas } from "../model/quota.ts";
import { type Realm, realmKey, realmOf } from "../model/realm.ts";
import { KINDS } from "../model/resource.ts";
import type { Part, Reader, Tx } from "../model/state.ts";
import { beginTx, type Transaction, type World } from "../model/world.ts";
import type { Store } from "../store/store.ts";
import { type Adopted, Committer } from "./committer.ts";
import { takeReport } from "./report.ts";

/** What a region's requests depend on besides its state. */
type RegionSettings = {
  /** Amazon's public addresses, then the ranges of `byoip`; canonical CIDR blocks. */
  readonly pools: readonly string[];
  /** The ranges that users may bring (BYOIP). */
  readonly byoip: readonly string[];
  readonly quotas: Quotas;
  /** Names of regions that work here though AWS does not have them. */
  readonly ownRegions: readonly string[];
};

type Options = {
  readonly world: World;
  readonly store: Store;
  readonly settings: RegionSettings;
  readonly now: () => Date;
  readonly random: Random;
  readonly generateKeyPair: NonNullable<Context["generateKeyPair"]>;
  /** What a running instance has written to its console. */
  readonly console: (instanceId: string) => string | undefined;
  /** What must obey a change before its answer leaves. */
  readonly follow: Follow;
  /** The machines that take instances; absent where Genkan is one machine. */
  readonly hosts?: (realm: Realm) => readonly HostMachine[];
  /** See {@link Committer}. */
  readonly everywhere?: (revision: number) => Promise<void>;
  /** Whether the state may be read and changed now; absent: always. */
  readonly available?: () => boolean;
  readonly log: (message: string, cause?: unknown) => void;
};

export type OperationRequest = Realm & {
  readonly operation: string;
  readonly input: object;
  readonly caller?: Principal;
};

/** The state and its only writer: requests are decided here, and the agent makes the machine follow. */
export class ControlPlane {
  readonly #options: Options;
  readonly #committer: Committer;
  #time = { time: Number.NaN, text: "" };

  constructor(options: Options) {
    this.#options = options;
    const { world, store, follow, everywhere, log } = options;
    this.#committer = new Committer({ world, store, follow, log, ...(everywhere ? { everywhere } : {}) });
  }

  /** The newest change; it may not be durable yet. */
  get revision(): number {
    return this.#committer.revision;
  }

  /** Performs one EC2 operation. A region begins with its first request. @throws Fault */
  perform({ account, region, operation, input, caller }: OperationRequest): Promise<unknown> {
    return this.run({ account, region }, (tx, context) => {
      seedRegion(tx, context);
      return perform(tx, operation, input, caller ? { ...context, caller } : context);
    });
  }

  /** @throws Fault Unavailable while the state is out of reach */
  async run<T>(realm: Realm, body: (tx: Tx, context: Context) => T): Promise<T> {
    if (this.#options.available?.() === false)
      throw new Fault(
        "Unavailable",
        "The state in etcd is out of reach: most of etcd's members must answer. Packets go on meanwhile.",
      );
    const { hosts } = this.#options;
    return this.#committer.run(realm, (tx) => {
      const value = body(tx, this.context(realm));
      if (hosts) for (const { region, changes } of tx.parts()) sharePorts(tx.elsewhere(region), changes);
      return value;
    });
  }

  /** See {@link Committer.adopt}. */
  adopt(what: Adopted): Promise<readonly Part[]> {
    return this.#committer.adopt(what);
  }

  /**
   * A scratch copy to try requests on: any number of transactions on the realm, none of which is committed.
   */
  draft(realm: Realm): { readonly begin: () => Transaction; readonly context: Context } {
    const { account, region } = realm;
    return { begin: () => beginTx(this.#options.world, account, region), context: this.context(realm) };
  }

  context(realm: Realm): Context {
    const { settings, now, random, console, world, hosts } = this.#options;
    return {
      ...realm,
      ...(hosts ? { hosts: () => hosts(realm) } : {}),
      now: this.#textOf(now().getTime()),
      random,
      quotas: settings.quotas,
      pools: settings.pools.filter((pool) => !settings.byoip.includes(pool)),
      byoip: settings.byoip,
      hasRegion: (name) =>
        settings.ownRegions.includes(name) ||
        world.regions.has(realmKey({ account: realm.account, region: name })),
      consoleOutput: console,
      generateKeyPair: this.#options.generateKeyPair,
    };
  }

  /** The time as ISO 8601. Kept for a millisecond, since many requests share one. */
  #textOf(time: number): string {
    if (time !== this.#time.time) this.#time = { time, text: new Date(time).toISOString() };
    return this.#time.text;
  }

  realms(): readonly Realm[] {
    return [...this.#options.world.regions.keys()].map(realmOf);
  }

  reader(realm: Realm): Reader {
    const found = this.#options.world.regions.get(realmKey(realm));
    if (!found) throw new Error(`assertion failed: ${realm.region} exists`);
    return found;
  }

  /** The instance and the realm that it is in. */
  findInstance(id: string): { readonly realm: Realm; readonly instance: Instance } | undefined {
    for (const realm of this.realms()) {
      const instance = this.reader(realm).get("instance", id);
      if (instance) return { realm, instance };
    }
    return undefined;
  }

  /** Records a machine's report on an instance; settles when that is durable. */
  report(realm: Realm, report: InstanceReport): Promise<void> {
    return this.run(realm, (tx, context) => takeReport(tx, report, context));
  }

  /** Records what a machine needs of the ports of NAT gateways' addresses, and what it gives back. */
  ports(realm: Realm, machine: number, reports: readonly PortReport[]): Promise<void> {
    return this.run(realm, (tx) => adjustPorts(tx, machine, reports));
  }

  /** Takes back the ports of a machine that is out of the region. */
  async takeBackPorts(machine: number): Promise<void> {
    for (const realm of this.realms())
      if (this.reader(realm).count("nat-gateway") > 0)
        await this.run(realm, (tx) => takeBackPorts(tx, machine));
  }

  /** Deletes terminated instances: they are described only for about an hour. */
  async purge(): Promise<void> {
    for (const realm of this.realms()) {
      if (this.reader(realm).countBy("instance", "state", "terminated") > 0)
        await this.run(realm, purgeTerminated);
      if (this.reader(realm).count("block-public-access-exclusion") > 0)
        await this.run(realm, purgeExclusions);
      if (this.reader(realm).count("nat-gateway") > 0) await this.run(realm, purgeNatGateways);
      if (this.reader(realm).count("vpc-peering-connection") > 0)
        await this.run(realm, purgeVpcPeeringConnections);
    }
  }

  /**
   * Empties all regions: deletes everything at once, without AWS's rules. Each region begins anew with its
   * next request.
   */
  async reset(): Promise<void> {
    for (const [account, regions] of byAccount(this.realms())) {
      const [first = ""] = regions;
      // All in one change, so that no region's records name what was deleted in another.
      const counts = await this.run({ account, region: first }, (tx) =>
        regions.map((region) => deleteEverything(tx.elsewhere(region))),
      );
      for (const [index, count] of counts.entries())
        this.#options.log(`${regions[index]}: ${count} resources deleted`);
    }
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
