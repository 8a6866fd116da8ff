/** Makes this machine know the others of its region: the kernel's tables of them, and the routes to gateways. */

import type { Datapath } from "../datapath/loader.ts";
import type { Installation } from "../host/installation.ts";
import { birdConfig, type Upstream } from "../underlay/bird-config.ts";
import { bfdSessions, ensureBird } from "../underlay/bird.ts";
import { setGatewaysAddress, setLastRoute } from "../underlay/overlay.ts";

/** A machine of the region. */
export type Neighbour = {
  readonly number: number;
  /** On the network between the machines. */
  readonly address: string;
  readonly gateway: boolean;
  /** Whether packets from it count, and are sent to it. */
  readonly member: boolean;
  /** The id of the fence that keeps it out; absent: none does. */
  readonly fence?: string | undefined;
  /** Of a gateway: whether it takes packets. */
  readonly active: boolean;
};

type Options = {
  readonly installation: Installation;
  readonly datapath: Pick<Datapath, "setMachines">;
  /** This machine's number. */
  readonly me: number;
  /** Whom this machine tells of the pools while it is a gateway that takes packets. */
  readonly upstream?: Upstream;
  /** Called when packets obey machines that are others than before. */
  readonly obeys?: () => void;
  readonly log: (message: string, cause?: unknown) => void;
};

/** How many sessions BFD has, and how many of them are up. */
type BfdCount = { readonly up: number; readonly sessions: number };

const RETRY_MILLISECONDS = 1_000;
const LOOK_MILLISECONDS = 5_000;

/** Follows the machines, the newest ones at a time; what fails is tried again. */
export class Neighbours {
  readonly #options: Options;
  #wanted: readonly Neighbour[] | undefined;
  #following: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #newest: readonly Neighbour[] = [];
  #told = "";
  #fences: readonly string[] = [];
  #bfd: BfdCount | undefined;
  /** BIRD may have ended: then it is started again. */
  readonly #looking: NodeJS.Timeout;

  constructor(options: Options) {
    this.#options = options;
    this.#looking = setInterval(() => {
      if (this.#newest.length > 0) void this.follow(this.#newest);
    }, LOOK_MILLISECONDS);
  }

  /** Settles when this machine knows them, or could not be told. */
  follow(machines: readonly Neighbour[]): Promise<void> {
    this.#wanted = machines;
    this.#newest = machines;
    this.#following ??= this.#followAll().finally(() => (this.#following = undefined));
    return this.#following;
  }

  /** What BFD said last; undefined: nothing yet. */
  get bfd(): BfdCount | undefined {
    return this.#bfd;
  }

  /** The ids of the fences that packets obey. */
  get fences(): readonly string[] {
    return this.#fences;
  }

  close(): void {
    clearTimeout(this.#timer);
    clearInterval(this.#looking);
  }

  async #followAll(): Promise<void> {
    while (this.#wanted) {
      const machines = this.#wanted;
      this.#wanted = undefined;
      try {
        await this.#apply(machines);
      } catch (cause) {
        this.#options.log("the machines of the region could not be followed", cause);
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.follow(this.#wanted ?? machines), RETRY_MILLISECONDS);
        return;
      }
    }
  }

  async #apply(machines: readonly Neighbour[]): Promise<void> {
    const { installation, datapath, me, obeys } = this.#options;
    const fences = `${this.#fences}`;
    const members = machines.filter(({ member }) => member);
    const told = JSON.stringify(members);
    // Each time packets are decided anew.
    if (told !== this.#told) datapath.setMachines(members);
    this.#told = told;
    this.#fences = machines.flatMap(({ fence }) => (fence === undefined ? [] : [fence]));
    if (`${this.#fences}` !== fences) obeys?.();
    const own = machines.find(({ number }) => number === me);
    if (!own) return;
    const gateways = members.filter(({ gateway, active }) => gateway && active).map(({ address }) => address);
    const watchers = members.filter(({ gateway }) => !gateway).map(({ address }) => address);
    const others = own.gateway ? [] : gateways;
    await setLastRoute(others);
    const upstream = own.gateway && announced(this.#options.upstream, own.active);
    await ensureBird(
      installation,
      birdConfig({
        address: own.address,
        gateway: own.gateway,
        gateways,
        watchers,
        ...(upstream ? { upstream } : {}),
      }),
    );
    await setGatewaysAddress(own.gateway);
    const sessions = [...(await bfdSessions(installation)).values()];
    this.#bfd = { up: sessions.filter((state) => state === "up").length, sessions: sessions.length };
  }
}

function announced(upstream: Upstream | undefined, active: boolean): Upstream | undefined {
  return upstream && { ...upstream, pools: active ? upstream.pools : [] };
}
