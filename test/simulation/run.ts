/** One run: a region, what befalls it, what its clients ask, and what must hold. A function of its seed. */

import { Fault } from "../../src/model/fault.ts";
import type { Resource } from "../../src/model/resource.ts";
import type { Etcd, Put } from "../../src/store/etcd-client.ts";
import { HEADER_KEY, type Placed, rangeOf, RESOURCES } from "../../src/store/layout.ts";
import { EtcdModel } from "./etcd-model.ts";
import { type Planted, PREFIX, SimulatedMachine } from "./machine.ts";
import { chanceOf, Scheduler } from "./scheduler.ts";

export type Found = { readonly seed: number; readonly broken: string; readonly steps: readonly string[] };
export type Ran = { readonly acknowledged: number; readonly terms: number; readonly found?: Found };

const MACHINES = 5;
const TROUBLE_MILLISECONDS = 20_000;
const HEALING_MILLISECONDS = 20_000;
/** After healing a leader is there by then; before the end, what was asked has reached everybody. */
const ELECTED_MILLISECONDS = 10_000;
const QUIET_MILLISECONDS = 6_000;
const SHOWN_STEPS = 40;

/** A broken invariant. */
class Broken extends Error {}

/** What became of a key: what clients were told, and what else may be so. */
type Told = { readonly text: string; state: "acknowledged" | "refused" | "unknown"; deleted: boolean };

class Run {
  readonly #scheduler = new Scheduler();
  readonly #chance;
  readonly #model;
  readonly #machines: SimulatedMachine[] = [];
  readonly #told = new Map<string, Told>();
  readonly #asking: Promise<void>[] = [];
  readonly #steps: string[] = [];
  #broken: string | undefined;
  #revision = 0;
  #terms = new Set<string>();

  constructor(seed: number, fault: Planted) {
    this.#chance = chanceOf(seed);
    this.#model = new EtcdModel(
      () => this.#scheduler.now,
      (puts) => this.#written(puts),
    );
    const around = {
      model: this.#model,
      scheduler: this.#scheduler,
      chance: this.#chance,
      fault,
      machines: this.#machines,
      log: (line: string) => this.#log(line),
    };
    for (let number = 1; number <= MACHINES; number++)
      this.#machines.push(new SimulatedMachine(number, around));
  }

  async play(seed: number): Promise<Ran> {
    try {
      for (const machine of this.#machines) machine.start();
      this.#again(100, () => this.#model.expire());
      this.#again(150, () => this.#ask());
      this.#again(700, () => this.#trouble());
      await this.#until(TROUBLE_MILLISECONDS);
      this.#heal();
      await this.#until(TROUBLE_MILLISECONDS + HEALING_MILLISECONDS);
      this.#compare();
    } catch (error) {
      if (!(error instanceof Broken)) throw error;
      return { ...this.#sums(), found: { seed, broken: error.message, steps: this.#steps } };
    } finally {
      for (const machine of this.#machines) machine.crash();
    }
    return this.#sums();
  }

  #sums() {
    const acknowledged = [...this.#told.values()].filter(({ state }) => state === "acknowledged").length;
    return { acknowledged, terms: this.#terms.size };
  }

  #log(line: string): void {
    this.#steps.push(`${String(Math.round(this.#scheduler.now)).padStart(6)} ms  ${line}`);
    if (this.#steps.length > SHOWN_STEPS) this.#steps.shift();
  }

  async #until(time: number): Promise<void> {
    await this.#scheduler.until(time, () => {
      if (this.#broken !== undefined) throw new Broken(this.#broken);
    });
  }

  /** Until healing, about so often. */
  #again(milliseconds: number, body: () => void): void {
    const once = (): void => {
      body();
      this.#scheduler.after(milliseconds / 2 + this.#chance.below(milliseconds), once);
    };
    this.#scheduler.after(this.#chance.below(milliseconds), once);
  }

  #any(): SimulatedMachine {
    const machine = this.#machines[this.#chance.below(MACHINES)];
    if (!machine) throw new Error("no machine");
    return machine;
  }

  #trouble(): void {
    if (this.#scheduler.now >= TROUBLE_MILLISECONDS) return;
    const leader = this.#machines.find(({ life }) => life?.region.leads());
    const one = leader && this.#chance.happens(0.4) ? leader : this.#any();
    const kinds = ["crash", "cut there", "cut back", "break", "slow disk", "compact"] as const;
    const kind = kinds[this.#chance.below(kinds.length)] ?? "break";
    const later = (body: () => void): void => {
      const time = this.#chance.below(8_000);
      this.#scheduler.after(Math.min(time, TROUBLE_MILLISECONDS - this.#scheduler.now), body);
    };
    this.#log(`${kind}: machine ${one.number}`);
    if (kind === "crash") {
      one.crash();
      later(() => one.start());
    } else if (kind === "cut there") {
      one.way.there = true;
      later(() => (one.way.there = false));
    } else if (kind === "cut back") {
      one.way.back = true;
      later(() => (one.way.back = false));
    } else if (kind === "break") one.way.breaks += 1;
    else if (kind === "slow disk") {
      one.slow = true;
      later(() => (one.slow = false));
    } else this.#model.compact(this.#model.revision - this.#chance.below(3));
  }

  #heal(): void {
    this.#log("healing");
    for (const machine of this.#machines) {
      machine.start();
      machine.slow = machine.way.there = machine.way.back = false;
      machine.way.isSound = true;
    }
  }

  #ask(): void {
    const now = this.#scheduler.now;
    const healed = now - TROUBLE_MILLISECONDS;
    if (healed > 0 && (healed < ELECTED_MILLISECONDS || healed > HEALING_MILLISECONDS - QUIET_MILLISECONDS))
      return;
    const old = [...this.#told].filter(([, { state, deleted }]) => state === "acknowledged" && !deleted);
    const [id, told] = old[this.#chance.below(old.length)] ?? [];
    if (id !== undefined && told && this.#chance.happens(0.25)) {
      told.deleted = true;
      this.#asking.push(this.#delete(id));
    } else this.#asking.push(this.#put(`key-${this.#told.size}`, now));
  }

  async #put(id: string, asked: number): Promise<void> {
    const told: Told = { text: `made at ${asked}`, state: "unknown", deleted: false };
    this.#told.set(id, told);
    try {
      await this.#any().change({ id, text: told.text });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      if (error.message.includes("Nothing was changed") || error.message.includes("Nothing was"))
        told.state = "refused";
      return;
    }
    told.state = "acknowledged";
    if (!this.#kept().has(id)) this.#broken ??= `${id} was acknowledged, and is not in etcd`;
  }

  async #delete(id: string): Promise<void> {
    try {
      await this.#any().change({ id, text: undefined });
    } catch (error) {
      if (error instanceof Fault) return;
      throw error;
    }
    if (this.#kept().has(id)) this.#broken ??= `the end of ${id} was acknowledged, and it is in etcd`;
  }

  /** The keys' texts in etcd, by id. */
  #kept(): ReadonlyMap<string, string> {
    const { start, end } = rangeOf(PREFIX + RESOURCES);
    const { found } = this.#model.range({ key: start, end });
    return new Map(
      found.map(({ value }) => {
        const [, resource] = JSON.parse(value) as Placed;
        return [resource.id, textOf(resource)];
      }),
    );
  }

  /** Each change in etcd: the state's is written by the one that leads, and is the next one. */
  #written(puts: readonly Put[]): void {
    const leader = this.#model.get(`${PREFIX}leader`)?.created;
    if (leader !== undefined) this.#terms.add(leader);
    const header = puts.find(({ key }) => key === PREFIX + HEADER_KEY)?.value;
    if (header === undefined) return;
    const { writer, revision } = JSON.parse(header) as { writer: string; revision: number };
    if (writer.split(".")[0] !== leader)
      this.#broken ??= `a deposed leader (${writer}) wrote revision ${revision}; ${leader ?? "nobody"} leads`;
    if (revision < this.#revision) this.#broken ??= `revision ${revision} came after ${this.#revision}`;
    this.#revision = revision;
  }

  /** After healing. */
  #compare(): void {
    const kept = this.#kept();
    for (const [id, { text, state, deleted }] of this.#told) {
      if (state === "acknowledged" && !deleted && kept.get(id) !== text)
        throw new Broken(`${id} was acknowledged, and is lost`);
      if (state === "refused" && kept.has(id))
        throw new Broken(`of ${id} a client was told that nothing was changed, and it is in etcd`);
    }
    if (![...this.#told.values()].slice(-20).some(({ state }) => state === "acknowledged"))
      throw new Broken("after healing nothing is acknowledged");
    for (const { number, life, disk } of this.#machines) {
      if (!life) throw new Broken(`machine ${number} is not up after healing`);
      const copied = new Map(
        [...disk.state.kept.values()].map(({ json }) => {
          const resource = JSON.parse(json) as Resource;
          return [resource.id, textOf(resource)];
        }),
      );
      const has = { table: life.table, copy: copied };
      for (const [what, content] of Object.entries(has)) {
        const wrong = difference(kept, content);
        if (wrong !== undefined)
          throw new Broken(`machine ${number}'s ${what} is not etcd's after healing: ${wrong}`);
      }
      const away = life.fleet.machines().filter(({ live }) => !live);
      if (away.length > 0 || life.fleet.machines().length !== MACHINES)
        throw new Broken(`machine ${number} takes for away: ${away.map((one) => one.name).join(" ")}`);
    }
  }
}

function textOf(resource: Resource): string {
  return resource.kind === "key-pair" ? resource.publicKey : "";
}

function difference(
  kept: ReadonlyMap<string, string>,
  content: ReadonlyMap<string, string>,
): string | undefined {
  for (const id of new Set([...kept.keys(), ...content.keys()]))
    if (kept.get(id) !== content.get(id)) return `${id} is ${content.get(id) ?? "away"}`;
  return undefined;
}

/** Plays the run of this seed. `fault`: what is broken on purpose. */
export async function play(seed: number, fault: Planted = {}): Promise<Ran> {
  return await new Run(seed, fault).play(seed);
}

export function told({ seed, broken, steps }: Found): string {
  return [
    `seed ${seed}: ${broken}`,
    ...steps.map((step) => `  ${step}`),
    `again: npm run simulate -- --runs 1 --seed ${seed}`,
  ].join("\n");
}

/** Faults that the simulation must find. */
export const FAULTS: Readonly<Record<string, Planted>> = {
  "a deposed leader writes": {
    etcd: (etcd) => ({
      ...etcd,
      transact: (compares, puts) =>
        etcd.transact(
          compares.filter(({ key }) => key !== `${PREFIX}leader` || puts.some((put) => put.key === key)),
          puts,
        ),
    }),
  },
  "an answer leaves before its change is in etcd": {
    store: (store) => ({
      revision: store.revision,
      commit: async (commit) => {
        void store.commit(commit).catch(() => undefined);
        return commit.expected + 1;
      },
    }),
  },
  "a follower skips a change when its watch begins anew": { etcd: skipping },
  "a follower does not read anew what etcd has forgotten": {
    etcd: (etcd) => ({ ...etcd, watch: (asked) => forgetful(etcd, asked) }),
  },
};

function skipping(etcd: Etcd): Etcd {
  let begun = 0;
  return {
    ...etcd,
    watch: (asked) => {
      const isState = asked.key === PREFIX;
      const from = isState && begun++ > 0 ? String(Number(asked.from) + 1) : asked.from;
      return etcd.watch({ ...asked, from });
    },
  };
}

async function* forgetful(etcd: Etcd, asked: Parameters<Etcd["watch"]>[0]): ReturnType<Etcd["watch"]> {
  try {
    yield* etcd.watch(asked);
  } catch (error) {
    if (asked.key !== PREFIX || (error as { kind?: string }).kind !== "compacted") throw error;
    const { revision } = await etcd.range({ key: PREFIX });
    yield* etcd.watch({ ...asked, from: String(Number(revision) + 1) });
  }
}
