/** This machine among the machines of its region: who leads, what is handed on, and whom answers wait for. */

import { EventEmitter, once } from "node:events";
import type { Clock } from "../lib/clock.ts";
import { Fault } from "../model/fault.ts";
import type { Etcd } from "../store/etcd-client.ts";
import { keepCapacity } from "./capacity-keeper.ts";
import { setDrained } from "./enlist.ts";
import { Fences } from "./fence-keeper.ts";
import { type Touch, untilRefused } from "./leader-watch.ts";
import { liveKey, type Machine, type MachineReport, type Member, type Members } from "./member.ts";
import { Membership, type Seen } from "./members.ts";
import { Obedience } from "./obedience.ts";
import { PeerError, type Peers } from "./peer-link.ts";
import { keepPresent } from "./presence.ts";
import { LEASE_SECONDS, type RegionStore } from "./region-store.ts";

type Options = {
  readonly etcd: Etcd;
  readonly prefix: string;
  readonly me: Machine;
  readonly region: Pick<RegionStore, "leads" | "saw" | "revision">;
  readonly peers: Pick<Peers, "ask">;
  readonly touch: Touch;
  readonly clock: Clock;
  readonly log: (message: string, cause?: unknown) => void;
};

/** A machine as `status` tells of it. */
export type MemberStatus = Member &
  MachineReport & {
    readonly leads: boolean;
    /** The newest revision that its packets obey, as far as it has said so. */
    readonly obeyed?: number;
    /** Answers do not wait for it, until it has caught up. */
    readonly behind: boolean;
  };

/** What a machine tells the leader of itself, and what the leader knows of all. */
export type ObeyedQuestion = {
  readonly machine: number;
  readonly revision: number;
  /** Absent from a machine of an earlier version. */
  readonly report?: MachineReport;
};
export type ObeyedAnswer = {
  readonly obeyed: readonly (readonly [machine: number, revision: number])[];
  readonly behind: readonly number[];
  /** Absent from a leader of an earlier version. */
  readonly reports?: readonly (readonly [machine: number, report: MachineReport])[];
};

/** How long a request waits for a leader: a handover takes less. */
const PATIENCE_MILLISECONDS = 2_500;
const LOOK_MILLISECONDS = 50;
/** A machine tells what its packets obey at least so often. */
const TELL_MILLISECONDS = 2_000;
/** A gateway, how full it is as well. */
const GATEWAY_TELLS_MILLISECONDS = 1_000;
const TOLD_PATIENCE = 2_000;

/** What a machine says of itself to the others. */
type Self = {
  readonly report: () => MachineReport;
  /** Whether it runs only what is its own. */
  readonly runsOnlyOwn: () => Promise<boolean>;
};

export class Fleet implements Members {
  readonly fences: Fences;
  readonly machines: Members["machines"];
  readonly onMachines: Members["onMachines"];
  readonly #options: Options;
  readonly #membership: Membership;
  readonly #obedience: Obedience;
  readonly #ended = new AbortController();
  readonly #events = new EventEmitter();
  /** What machines have said of themselves, and when. */
  readonly #reports = new Map<number, { readonly report: MachineReport; readonly at: number }>();
  #revision = 0;
  #report: () => MachineReport = () => ({});
  #heard: ObeyedAnswer = { obeyed: [], behind: [] };
  #running: Promise<unknown> = Promise.resolve();

  constructor(options: Options) {
    this.#options = options;
    const { etcd, prefix, clock, me, log } = options;
    this.#membership = new Membership({ etcd, prefix, clock, signal: this.#ended.signal });
    this.machines = this.#membership.machines;
    this.onMachines = this.#membership.onMachines;
    this.#obedience = new Obedience({
      others: () =>
        this.machines().flatMap(({ number, live }) => (live && number !== me.number ? [number] : [])),
      clock,
      left: (machine, revision) =>
        log(
          `machine ${machine} does not obey revision ${revision}: answers wait for it no more until it does`,
        ),
    });
    this.#events.setMaxListeners(0);
    this.fences = new Fences({
      etcd,
      prefix,
      me: me.number,
      machines: this.machines,
      leads: options.region.leads,
      revision: options.region.revision,
      report: (number) => (number === me.number ? this.#report() : this.#reports.get(number)?.report),
      clock,
      next: (milliseconds) => this.#event("changed", milliseconds),
      log,
    });
  }

  /**
   * This machine is ready: it is there for the others now. `revision`: what its packets obey; `report`: what
   * it says of itself each time it tells the leader.
   */
  begin(revision: number, { report, runsOnlyOwn }: Self): void {
    const { etcd, prefix, me, clock } = this.#options;
    const { signal } = this.#ended;
    this.#revision = revision;
    this.#report = report;
    let leader: string | undefined;
    this.onMachines(() => {
      const now = this.#membership.leader?.created;
      this.#options.region.saw(now);
      if (now !== leader) {
        this.#obedience.forget();
        this.#reports.clear();
        this.#events.emit("tell");
        if (me.roles.includes("control")) void this.#watchLeader(this.#membership.leader);
      }
      leader = now;
      this.#obedience.look();
      this.#events.emit("changed");
    });
    this.#running = Promise.all([
      this.#membership.follow(() => undefined),
      keepPresent({ etcd, key: liveKey(prefix, me.number), seconds: LEASE_SECONDS, clock, signal }),
      this.#tellAlways(),
      this.#keepCapacity(),
      this.fences.keep({ obeyed: () => this.#revision, runsOnlyOwn }, signal),
    ]);
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await this.#running;
  }

  /** Call this when this machine's packets obey a newer revision. */
  obeys = (revision: number): void => {
    this.#revision = revision;
    this.#events.emit("tell");
  };

  /** Call this when its packets obey the machines as they are now. */
  tell = (): void => void this.#events.emit("tell");

  /** Settles when the packets of every live machine obey the revision, or after a while. */
  everywhere = (revision: number): Promise<void> => this.#obedience.until(revision);

  /** What the leader answers a machine that tells what its packets obey. @throws Fault */
  told({ machine, revision, report }: ObeyedQuestion): ObeyedAnswer {
    this.requireLead();
    if (report) this.#reports.set(machine, { report, at: this.#options.clock.now() });
    this.#obedience.told(machine, revision);
    return this.#heardHere();
  }

  /** All machines, with what is known of them now. */
  async status(): Promise<readonly MemberStatus[]> {
    const { me } = this.#options;
    const heard = this.#options.region.leads() ? this.#heardHere() : await this.#tell();
    const obeyed = new Map(heard.obeyed).set(me.number, this.#revision);
    const reports = new Map(heard.reports).set(me.number, this.#report());
    const leader = this.#membership.leader?.number;
    return this.machines().map((machine) => {
      const revision = obeyed.get(machine.number);
      return {
        ...machine,
        ...(machine.live ? reports.get(machine.number) : {}),
        leads: machine.number === leader,
        behind: heard.behind.includes(machine.number),
        ...(revision === undefined ? {} : { obeyed: revision }),
      };
    });
  }

  /**
   * Asks the leader, once there is one.
   * @param repeatable whether the question may be asked again when nobody knows whether it was heard
   * @returns undefined when this machine itself leads
   * @throws Fault `Unavailable` when there is no leader, or it is not known what became of the question
   */
  async toLeader<Answer>(name: string, question: object, repeatable: boolean): Promise<Answer | undefined> {
    const { region, clock } = this.#options;
    const end = clock.now() + PATIENCE_MILLISECONDS;
    for (;;) {
      if (region.leads()) return undefined;
      const leader = this.#otherLeader();
      if (leader) {
        try {
          return await this.#ask<Answer>(leader, name, question, !repeatable);
        } catch (error) {
          if (error instanceof PeerError && error.reached && !repeatable) {
            this.#options.log("what became of a request that was handed on is not known", error);
            throw unknownOutcome();
          }
          if (!(error instanceof PeerError) && !isUnavailable(error)) throw error;
        }
      }
      if (clock.now() > end) throw noLeader();
      await this.#change(LOOK_MILLISECONDS);
    }
  }

  /** Asks a machine by its number. @throws Fault `Unavailable` when it is away; PeerError */
  async toMachine<Answer>(number: number, name: string, question: object): Promise<Answer> {
    const machine = this.machines().find((one) => one.number === number);
    if (!machine?.live)
      throw new Fault("Unavailable", `${machine?.name ?? `Machine ${number}`} is away (genkan status).`);
    return await this.#options.peers.ask<Answer>(machine.url, name, question);
  }

  /** Takes a machine out of use, or back into it. @throws NotDrainable; EtcdError */
  drain(name: string, drained: boolean): Promise<Machine> {
    return setDrained(this.#options, name, drained);
  }

  #otherLeader(): Seen | undefined {
    const { leader } = this.#membership;
    return leader?.number === this.#options.me.number ? undefined : leader;
  }

  /** Gives up when another one leads meanwhile: this one may stand still. */
  async #ask<Answer>(
    { url, created }: Seen,
    name: string,
    question: object,
    fresh: boolean,
  ): Promise<Answer> {
    const over = new AbortController();
    const end = this.onMachines(() => {
      if (this.#membership.leader?.created !== created) over.abort();
    });
    try {
      return await this.#options.peers.ask<Answer>(url, name, question, { signal: over.signal, fresh });
    } finally {
      end();
    }
  }

  /** Settles when something has changed, or after a while. */
  async #change(milliseconds: number): Promise<void> {
    const changed = new AbortController();
    await Promise.race([
      once(this.#events, "changed", { signal: changed.signal }).catch(() => undefined),
      this.#options.clock.delay(milliseconds, changed.signal),
    ]).finally(() => changed.abort());
  }

  /** @throws Fault `Unavailable` when this machine does not lead */
  requireLead(): void {
    if (!this.#options.region.leads()) throw noLeader();
  }

  /** Settles when somebody leads. @returns false when nobody does for so long */
  async led(milliseconds: number): Promise<boolean> {
    const { clock, region } = this.#options;
    const end = clock.now() + milliseconds;
    for (;;) {
      if (region.leads() || this.#otherLeader()) return true;
      if (clock.now() > end) return false;
      await this.#change(LOOK_MILLISECONDS);
    }
  }

  #heardHere(): ObeyedAnswer {
    const behind = this.machines().map(({ number }) => number);
    return {
      obeyed: [...this.#obedience.obeyed, [this.#options.me.number, this.#revision]],
      behind: behind.filter((number) => this.#obedience.isBehind(number)),
      reports: [
        ...[...this.#reports].map(([number, { report }]) => [number, report] as const),
        [this.#options.me.number, this.#report()],
      ],
    };
  }

  #keepCapacity(): Promise<void> {
    const { etcd, prefix, me, region, clock, log } = this.#options;
    return keepCapacity({
      etcd,
      prefix,
      clock,
      signal: this.#ended.signal,
      machines: this.machines,
      term: () => {
        const { leader } = this.#membership;
        return region.leads() && leader?.number === me.number ? leader.created : undefined;
      },
      load: (number, since) => {
        if (number === me.number) return clock.now() >= since ? this.#report().load : undefined;
        const told = this.#reports.get(number);
        return told && told.at >= since ? told.report.load : undefined;
      },
      next: (milliseconds) => this.#event("changed", milliseconds),
      log,
    });
  }

  /** Settles with the event, after so many milliseconds, or when this machine ends. */
  async #event(name: string, milliseconds: number): Promise<void> {
    const woken = new AbortController();
    const event = once(this.#events, name, { signal: woken.signal }).catch(() => undefined);
    const signal = AbortSignal.any([woken.signal, this.#ended.signal]);
    await Promise.race([event, this.#options.clock.delay(milliseconds, signal)]);
    woken.abort();
  }

  /** Tells the leader what this machine's packets obey, each time it is something new. */
  async #tellAlways(): Promise<void> {
    const { signal } = this.#ended;
    const { clock, me } = this.#options;
    const every = me.roles.includes("gateway") ? GATEWAY_TELLS_MILLISECONDS : TELL_MILLISECONDS;
    while (!signal.aborted) {
      const woken = new AbortController();
      // From before it is told: what changes meanwhile is told next.
      const changed = once(this.#events, "tell", { signal: woken.signal }).catch(() => undefined);
      await this.#tell();
      await Promise.race([changed, clock.delay(every, AbortSignal.any([woken.signal, signal]))]);
      woken.abort();
    }
  }

  async #tell(): Promise<ObeyedAnswer> {
    const leader = this.#otherLeader();
    if (!leader) return this.#heard;
    const { peers, me } = this.#options;
    const question: ObeyedQuestion = {
      machine: me.number,
      revision: this.#revision,
      report: this.#report(),
    };
    try {
      this.#heard = await peers.ask<ObeyedAnswer>(leader.url, "obeyed", question, {
        patience: TOLD_PATIENCE,
      });
    } catch {
      // It is told again soon, to whoever leads then.
    }
    return this.#heard;
  }

  /** Ends the leases of a leader whose process has ended, so that another one leads at once. */
  async #watchLeader(leader: Seen | undefined): Promise<void> {
    const { me, touch, clock, log } = this.#options;
    if (!leader || leader.number === me.number) return;
    const over = new AbortController();
    const end = this.onMachines(() => {
      if (this.#membership.leader?.created !== leader.created) over.abort();
    });
    const signal = AbortSignal.any([this.#ended.signal, over.signal]);
    if (await untilRefused(leader.url, { touch, clock, signal })) {
      log(`${leader.machine}, which leads, has ended: another machine may lead`);
      await this.#membership.bury(leader).catch((cause: unknown) => log("etcd", cause));
    }
    end();
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof Fault && error.code === "Unavailable";
}

function noLeader(): Fault {
  return new Fault(
    "Unavailable",
    "No machine leads the region at the moment: most of etcd's members must answer, and a machine with the role control must be up (genkan status). Nothing was changed; packets go on.",
  );
}

function unknownOutcome(): Fault {
  return new Fault(
    "Unavailable",
    "The machine that leads the region ended meanwhile. Whether the change was made is not known. Describe the resources before you repeat it.",
  );
}
