/** Looks after this machine's ports of NAT gateways' addresses: more as they fill, fewer as they lie idle. */

import { setTimeout as delay } from "node:timers/promises";
import type { Datapath } from "../datapath/loader.ts";
import { portUseSteps, type PortUse } from "../datapath/nat-port-use.ts";
import { inSlices } from "../datapath/slices.ts";
import { realmReaders, type World } from "../model/world.ts";
import type { NatBlock } from "../plan/nat-block.ts";
import { type IdleBlocks, portNeeds, type PortsSaid } from "./port-needs.ts";

type Options = {
  readonly datapath: Pick<Datapath, "setNatBlocks" | "maps">;
  /** This machine's number. */
  readonly me: number;
  readonly world: World;
  readonly log: (message: string, cause?: unknown) => void;
};

const LOOK_MILLISECONDS = 1_000;
/** Between two looks lies at least ten times what the last one took. */
const REST = 10;

export class NatPorts {
  readonly #options: Options;
  readonly #ended = new AbortController();
  #obeyed: ReadonlySet<string> = new Set();

  constructor(options: Options) {
    this.#options = options;
  }

  /** What packets obey from now on. */
  obey(blocks: readonly NatBlock[]): void {
    const { datapath, me } = this.#options;
    datapath.setNatBlocks(blocks);
    this.#obeyed = new Set(
      blocks
        .filter(({ machine }) => machine === me)
        .map(({ interface: slot, address, block }) => nameOf(slot, address, block)),
    );
  }

  /** `tell`: says it to the leader. Settles when this machine ends. */
  async keep(tell: (said: PortsSaid) => Promise<void>): Promise<void> {
    const { signal } = this.#ended;
    let idle: IdleBlocks = new Map();
    let rest = LOOK_MILLISECONDS;
    while (!signal.aborted) {
      await delay(rest, undefined, { signal, ref: false }).catch(() => undefined);
      const { world } = this.#options;
      if (!realmReaders(world).some(({ reader }) => reader.count("nat-gateway") > 0)) continue;
      try {
        const look = await this.#look(idle);
        idle = look.idle;
        rest = Math.max(LOOK_MILLISECONDS, REST * look.worked);
        for (const said of look.said) await tell(said);
      } catch (cause) {
        // It is said again soon.
        if (!signal.aborted) this.#options.log("ports of NAT gateways", cause);
      }
    }
  }

  close(): void {
    this.#ended.abort();
  }

  async #look(idle: IdleBlocks) {
    const { datapath, me, world } = this.#options;
    const obeyed = this.#obeyed;
    let use: readonly PortUse[] = [];
    const steps = portUseSteps(datapath.maps.nat_connections);
    const watched = {
      next: () => {
        const step = steps.next();
        if (step.done) use = step.value;
        return step;
      },
    };
    const worked = await inSlices(watched, {
      clock: () => performance.now(),
      rest: (milliseconds) => delay(milliseconds, undefined, { ref: false }),
      ended: () => this.#ended.signal.aborted,
    });
    const needs = portNeeds({
      me,
      realms: realmReaders(world),
      use,
      isClosing: (slot, address, block) => !obeyed.has(nameOf(slot, address, block)),
      idle,
      now: performance.now(),
    });
    return { ...needs, worked };
  }
}

const nameOf = (slot: number, address: string, block: number): string => `${slot} ${address} ${block}`;
