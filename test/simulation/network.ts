/** The way from a machine to etcd: slow, cut in one direction or both, and not always of one mind. */

import { type Etcd, EtcdError, type Watched } from "../../src/store/etcd-client.ts";
import type { EtcdModel } from "./etcd-model.ts";
import type { Chance, Scheduler } from "./scheduler.ts";

/** What does not work now on a machine's way to etcd. */
export type Way = {
  /** Nothing gets there. */
  there: boolean;
  /** No answer comes back. */
  back: boolean;
  /** Raised: the connections of now break. */
  breaks: number;
  /** Nothing is lost or late any more. */
  isSound: boolean;
};

type Options = {
  readonly model: EtcdModel;
  readonly scheduler: Scheduler;
  readonly chance: Chance;
  readonly way: Way;
  readonly isAlive: () => boolean;
};

/** A request that comes late does so within this time. */
const LATE_MILLISECONDS = 9_000;
const PATIENCE_MILLISECONDS = 800;
const LATE_SHARE = 0.03;
const TWICE_SHARE = 0.02;
const LOST_SHARE = 0.01;

export function etcdOver(options: Options): Etcd {
  const { model } = options;
  return {
    endpoints: ["http://model"],
    range: (asked) => call(options, () => model.range(asked)),
    transact: (compares, puts) => call(options, () => model.transact(compares, puts)),
    grant: (seconds) => call(options, () => model.grant(seconds)),
    keepAlive: (lease) => call(options, () => model.keepAlive(lease)),
    revoke: (lease) => call(options, () => model.revoke(lease)),
    watch: (asked) => watch(options, asked),
  };
}

/** Settles with what etcd answers; a machine that has ended hears nothing, but its request may arrive. */
function call<T>({ scheduler, chance, way, isAlive }: Options, body: () => T): Promise<T> {
  return new Promise((resolve, reject) => {
    const silent = (): void =>
      scheduler.after(PATIENCE_MILLISECONDS, () => {
        if (isAlive()) reject(new EtcdError("unavailable", "etcd does not answer"));
      });
    const arrive = (answer: (settle: () => void) => void): void => {
      if (way.there) return answer(silent);
      try {
        const value = body();
        answer(() => resolve(value));
      } catch (error) {
        answer(() => reject(error as Error));
      }
    };
    const slow = 1 + chance.below(20);
    if (!way.isSound && chance.happens(LATE_SHARE)) {
      scheduler.after(chance.below(LATE_MILLISECONDS), () => arrive(() => undefined));
      return silent();
    }
    // Sent again to another member, since the first one did not answer.
    if (!way.isSound && chance.happens(TWICE_SHARE))
      scheduler.after(chance.below(slow), () => arrive(() => undefined));
    scheduler.after(slow, () =>
      arrive((settle) => {
        if (way.back || settle === silent || (!way.isSound && chance.happens(LOST_SHARE))) return silent();
        scheduler.after(1 + chance.below(20), () => {
          if (isAlive()) settle();
        });
      }),
    );
  });
}

async function* watch(
  { model, scheduler, chance, way, isAlive }: Options,
  { key, end, from, signal }: Parameters<Etcd["watch"]>[0],
): AsyncGenerator<Watched> {
  const { breaks } = way;
  const clock = scheduler.clock(isAlive);
  let next = Number(from);
  await clock.delay(1 + chance.below(20), signal);
  while (!signal.aborted) {
    if (way.there || way.back || way.breaks !== breaks) {
      await clock.delay(PATIENCE_MILLISECONDS, signal);
      if (signal.aborted) return;
      throw new EtcdError("unavailable", "the watch ended");
    }
    const made = model.since({ key, end }, next).slice(0, 1 + chance.below(3));
    const last = made.at(-1);
    if (!last) {
      await new Promise<void>((resolve) => {
        const look = (): void => {
          stop();
          signal.removeEventListener("abort", look);
          resolve();
        };
        const stop = model.onChange(look);
        signal.addEventListener("abort", look, { once: true });
        // A broken connection is noticed by itself.
        scheduler.after(PATIENCE_MILLISECONDS, look);
      });
      continue;
    }
    await clock.delay(1 + chance.below(20), signal);
    if (way.back || way.breaks !== breaks) continue;
    next = last.revision + 1;
    yield { revision: String(last.revision), events: made.flatMap(({ events }) => events) };
  }
}
