/** A machine of the simulated region: the real store and fleet over a simulated network, disk and time. */

import { Committer } from "../../src/control/committer.ts";
import { enlist } from "../../src/fleet/enlist.ts";
import { Fleet, type ObeyedQuestion } from "../../src/fleet/fleet.ts";
import type { Touch } from "../../src/fleet/leader-watch.ts";
import type { Machine } from "../../src/fleet/member.ts";
import { PeerError, type Peers } from "../../src/fleet/peer-link.ts";
import { joinRegion, type RegionStore } from "../../src/fleet/region-store.ts";
import { Fault } from "../../src/model/fault.ts";
import type { Part } from "../../src/model/state.ts";
import type { World } from "../../src/model/world.ts";
import type { EmbeddedStore } from "../../src/store/embedded.ts";
import type { Etcd } from "../../src/store/etcd-client.ts";
import type { Store } from "../../src/store/store.ts";
import { emptyDisk, type MemoryDisk, openMemory } from "../../src/store/test-memory.ts";
import { ACCOUNT, keyPair, REGION } from "../../src/store/test-store.ts";
import type { EtcdModel } from "./etcd-model.ts";
import { etcdOver, type Way } from "./network.ts";
import type { Chance, Scheduler } from "./scheduler.ts";

/** What of a machine is broken on purpose. */
export type Planted = {
  readonly etcd?: (etcd: Etcd) => Etcd;
  readonly store?: (store: RegionStore) => Pick<Store, "commit" | "revision">;
};

export type Around = {
  readonly model: EtcdModel;
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly fault: Planted;
  readonly machines: readonly SimulatedMachine[];
  readonly log: (line: string) => void;
};

/** A change that a client asks for: the key is made with this text, or deleted. */
export type Asked = { readonly id: string; readonly text: string | undefined };

/** What the leader answers a change that was handed on. */
type Answered = { readonly refused?: string };

/** One life of its process. */
type Life = {
  readonly region: RegionStore;
  readonly committer: Committer;
  readonly fleet: Fleet;
  readonly world: World;
  /** What its packets obey: the keys' texts by their ids. */
  readonly table: Map<string, string>;
};

export const PREFIX = "genkan/";
const RESTART_MILLISECONDS = 1_000;
const SLOWEST_DISK = 300;
const DISK_FAILURES = 0.002;

export class SimulatedMachine {
  readonly number: number;
  readonly way: Way = { there: false, back: false, breaks: 0, isSound: false };
  readonly disk: MemoryDisk = emptyDisk();
  life: Life | undefined;
  /** Counts the lives; what belongs to an earlier one does nothing any more. */
  #lives = 0;
  #isUp = false;
  slow = false;
  readonly #around: Around;

  constructor(number: number, around: Around) {
    this.number = number;
    this.#around = around;
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  crash(): void {
    this.#lives += 1;
    this.#isUp = false;
    this.life = undefined;
  }

  start(): void {
    if (this.#isUp) return;
    this.#isUp = true;
    const life = (this.#lives += 1);
    void this.#boot(() => this.#lives === life).catch((cause: unknown) => {
      if (this.#lives !== life) return;
      this.#around.log(`machine ${this.number} does not start: ${String(cause)}`);
      this.crash();
      this.#around.scheduler.after(RESTART_MILLISECONDS, () => this.start());
    });
  }

  async #boot(isAlive: () => boolean): Promise<void> {
    const { model, scheduler, chance, fault } = this.#around;
    const { number, way } = this;
    const clock = scheduler.clock(isAlive);
    const link = etcdOver({ model, scheduler, chance, way, isAlive });
    const etcd = fault.etcd?.(link) ?? link;
    const log = (message: string, cause?: unknown): void => {
      if (isAlive()) this.#around.log(`machine ${number}: ${message}${cause ? ` (${String(cause)})` : ""}`);
    };
    const copy = this.#copy(async () => {
      await clock.delay(1 + chance.below(this.slow ? SLOWEST_DISK : 5));
      if (!way.isSound && chance.happens(DISK_FAILURES)) throw new Error("the disk");
    });
    const me = await enlist({ etcd, prefix: PREFIX, me: described(number) });
    const common = { etcd, prefix: PREFIX, clock, log };
    const region = await joinRegion({
      ...common,
      me: { number: me.number, machine: me.name, url: me.url },
      mayLead: number <= 3,
      nonce: () => `${number}.${this.#lives}.${chance.next()}`,
      copy,
    });
    const world = await region.load();
    if (!isAlive()) return;
    const peers = { ask: this.#ask };
    const fleet = new Fleet({ ...common, me, region, peers, touch: this.#touch(isAlive) });
    const table = new Map<string, string>();
    for (const reader of world.regions.values())
      for (const key of reader.list("key-pair")) table.set(key.id, key.publicKey);
    const committer = new Committer({
      world,
      store: fault.store?.(region) ?? region,
      follow: () => (commit) => {
        obey(table, commit.parts);
        fleet.obeys(commit.revision);
      },
      everywhere: fleet.everywhere,
      log,
    });
    this.life = { region, committer, fleet, world, table };
    region.begin({ world, adopt: (what) => committer.adopt(what) });
    fleet.begin(region.revision(), { report: () => ({}), runsOnlyOwn: () => Promise.resolve(true) });
  }

  /** Makes the change, wherever the leader is. @throws Fault */
  async change(asked: Asked): Promise<void> {
    const { life } = this;
    if (!life) throw new Fault("Unavailable", "Nothing was changed: the machine is not up.");
    const answer = await life.fleet.toLeader<Answered>("change", asked, false);
    if (answer?.refused !== undefined) throw new Fault("Unavailable", answer.refused);
    if (!answer) await this.#perform(asked);
  }

  async #perform({ id, text }: Asked): Promise<void> {
    const { life } = this;
    if (!life?.region.leads()) throw new Fault("Unavailable", "No machine leads. Nothing was changed.");
    await life.committer.run({ account: ACCOUNT, region: REGION }, (tx) => {
      if (text !== undefined) tx.put(keyPair(id, text));
      else if (tx.get("key-pair", id)) tx.delete("key-pair", id);
    });
  }

  async #heard(name: string, question: object): Promise<object> {
    if (!this.life) throw new Fault("Unavailable", "Nothing was changed: the machine starts.");
    if (name === "change") {
      this.life.fleet.requireLead();
      return await this.#perform(question as Asked).then(
        () => ({}),
        (error: unknown) => refusal(error),
      );
    }
    return this.life.fleet.told(question as ObeyedQuestion);
  }

  #copy(flush: () => Promise<void>): EmbeddedStore {
    return {
      ...openMemory(this.disk, flush),
      loadedImage: () => undefined,
      imageDue: () => false,
      imageMade: () => undefined,
    };
  }

  #ask: Peers["ask"] = <Answer>(url: string, name: string, question: object, how = {}) => {
    const { machines, scheduler, chance } = this.#around;
    const { signal, patience = 15_000 }: { signal?: AbortSignal; patience?: number } = how;
    const own = this.#lives;
    const other = machines[Number(new URL(url).port) - 1];
    return new Promise<Answer>((resolve, reject) => {
      const settle = (body: () => void): void =>
        scheduler.after(1 + chance.below(10), () => {
          if (this.#lives === own && !this.way.there) body();
        });
      const fail = (reached: boolean): void => {
        if (this.#lives === own) reject(new PeerError("no answer", { reached }));
      };
      scheduler.after(patience, () => fail(true));
      signal?.addEventListener("abort", () => fail(true), { once: true });
      scheduler.after(1 + chance.below(10), () => {
        if (!other?.isUp) return settle(() => fail(false));
        if (other.way.there || this.way.back) return;
        const there = other.#lives;
        const answered = (body: () => void): void => {
          if (other.#lives === there) settle(body);
        };
        void other.#heard(name, question).then(
          (answer) => answered(() => resolve(answer as Answer)),
          (error: unknown) => answered(() => reject(error as Error)),
        );
      });
    });
  };

  #touch(isAlive: () => boolean): Touch {
    const { machines, scheduler } = this.#around;
    const clock = scheduler.clock(isAlive);
    return async (url, signal) => {
      const other = machines[Number(new URL(url).port) - 1];
      await clock.delay(5, signal);
      if (!other || other.way.there || this.way.there) {
        await clock.delay(1_000, signal);
        return "silent";
      }
      if (!other.isUp) return "refused";
      const life = other.#lives;
      while (other.#lives === life && !signal.aborted) await clock.delay(50, signal);
      return "ended";
    };
  }
}

function refusal(error: unknown): Answered {
  if (error instanceof Fault) return { refused: error.message };
  throw error;
}

function described(number: number): Omit<Machine, "number"> {
  const address = `10.0.0.${number}`;
  return {
    name: `machine-${number}`,
    address,
    url: `http://machine:${number}`,
    zones: [],
    roles: number <= 3 ? ["control", "host"] : ["host"],
    version: "simulated",
    home: `home-${number}`,
  };
}

function obey(table: Map<string, string>, parts: readonly Part[]): void {
  for (const { changes } of parts)
    for (const { kind, id, after } of changes)
      if (kind === "key-pair" && after?.kind === "key-pair") table.set(id, after.publicKey);
      else table.delete(id);
}
