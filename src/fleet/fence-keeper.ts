/** Fences, as one machine has to do with them: see fence.ts. */

import type { Clock } from "../lib/clock.ts";
import { type Etcd, EtcdError } from "../store/etcd-client.ts";
import { liftFence, NotRecoverable, noteMoved, setFence } from "./fence.ts";
import type { MachineReport, Member } from "./member.ts";

type Options = {
  readonly etcd: Pick<Etcd, "range" | "transact">;
  readonly prefix: string;
  /** This machine's number. */
  readonly me: number;
  readonly machines: () => readonly Member[];
  readonly leads: () => boolean;
  /** The state's newest revision, on the machine that leads. */
  readonly revision: () => number;
  /** What a machine has said of itself last. */
  readonly report: (machine: number) => MachineReport | undefined;
  readonly clock: Clock;
  /** Settles when the machines have changed, or after so many milliseconds. */
  readonly next: (milliseconds: number) => Promise<void>;
  readonly log: (message: string, cause?: unknown) => void;
};

/** What a machine that comes back is asked before it takes part again. */
type Own = {
  /** What its packets obey. */
  readonly obeyed: () => number;
  /** Whether it runs only what is its own. */
  readonly runsOnlyOwn: () => Promise<boolean>;
};

const LOOK_MILLISECONDS = 1_000;
/** How long the leader waits for all others to keep a machine out. */
const OBEYS_MILLISECONDS = 10_000;
const OBEYS_LOOK_MILLISECONDS = 50;

export class Fences {
  readonly #options: Options;
  /** The machines whose instances are about to be moved by this one. */
  readonly #moving = new Set<number>();

  constructor(options: Options) {
    this.#options = options;
  }

  /**
   * Moves what a machine ran, while all others keep it out. `id`: nobody else's.
   * @throws NotRecoverable; what `move` throws
   */
  async fenced<T>({ number, name }: Member, id: string, move: () => Promise<T>): Promise<T> {
    if (this.#moving.has(number)) throw new NotRecoverable(`${name} is being recovered already.`);
    this.#moving.add(number);
    try {
      if (!(await setFence(this.#options, number, id))) throw new NotRecoverable(`${name} is there again.`);
      const deaf = await this.#untilObeyed(number, id);
      if (deaf.length > 0)
        throw new NotRecoverable(
          `${deaf.join(", ")} did not say in time that no packet of ${name} counts there: nothing was moved. Try again, or see genkan status.`,
        );
      return await move();
    } finally {
      this.#moving.delete(number);
      await this.#noteAll().catch(unlessEtcd);
    }
  }

  /** Settles when every other machine that is there obeys the fence. @returns the names of those that do not */
  async #untilObeyed(number: number, id: string): Promise<readonly string[]> {
    const { machines, report, clock, next } = this.#options;
    const end = clock.now() + OBEYS_MILLISECONDS;
    for (;;) {
      const deaf = machines().filter(
        (one) => one.live && one.number !== number && !report(one.number)?.fences?.includes(id),
      );
      if (deaf.length === 0 || clock.now() > end) return deaf.map(({ name }) => name);
      await next(OBEYS_LOOK_MILLISECONDS);
    }
  }

  /**
   * The leader says of each fence at which revision all is moved, also where an earlier leader ended before it
   * could: nothing is moved any more then, since only a leader writes. A machine that comes back takes its own
   * fence away.
   */
  async keep(own: Own, signal: AbortSignal): Promise<void> {
    const { next, log } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#noteAll();
        await this.#liftOwn(own);
      } catch (error) {
        if (!(error instanceof EtcdError)) log("fences could not be looked after", error);
      }
      await next(LOOK_MILLISECONDS);
    }
  }

  async #noteAll(): Promise<void> {
    const { machines, leads, revision } = this.#options;
    for (const { number, fence } of machines())
      if (leads() && fence && fence.revision === undefined && !this.#moving.has(number))
        await noteMoved(this.#options, number, { id: fence.id, revision: revision() });
  }

  async #liftOwn({ obeyed, runsOnlyOwn }: Own): Promise<void> {
    const { machines, me, log } = this.#options;
    const { fence } = machines().find(({ number }) => number === me) ?? {};
    if (fence?.revision === undefined || obeyed() < fence.revision || !(await runsOnlyOwn())) return;
    if (await liftFence(this.#options, me, fence.id))
      log("others run what this machine ran before it was away: it has ended that, and takes part again");
  }
}

function unlessEtcd(error: unknown): void {
  if (!(error instanceof EtcdError)) throw error;
}
