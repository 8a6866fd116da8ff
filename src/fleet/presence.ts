/** Says that a machine is there, by a key that goes soon after it no longer says so. */

import type { Clock } from "../lib/clock.ts";
import { type Etcd, EtcdError } from "../store/etcd-client.ts";

type Options = {
  readonly etcd: Pick<Etcd, "grant" | "keepAlive" | "range" | "revoke" | "transact">;
  readonly key: string;
  /** How long the key stays after the machine was heard of last; whole seconds. */
  readonly seconds: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

/** How often the machine says so in that time. */
const BEATS = 4;
const RETRY_MILLISECONDS = 200;

/** Keeps the key there until `signal` ends it, and takes it away then. */
export async function keepPresent(options: Options): Promise<void> {
  const { etcd, key, seconds, clock, signal } = options;
  let lease: string | undefined;
  while (!signal.aborted) {
    try {
      if (lease === undefined || !(await etcd.keepAlive(lease))) lease = await etcd.grant(seconds);
      // An earlier write that comes late has put an earlier lease there, and takes the key away with it.
      const [found] = (await etcd.range({ key })).found;
      if (found?.value !== lease) await etcd.transact([], [{ key, value: lease, lease }]);
      await clock.delay((seconds * 1_000) / BEATS, signal);
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      await clock.delay(RETRY_MILLISECONDS, signal);
    }
  }
  if (lease !== undefined) await etcd.revoke(lease).catch(unlessGone);
}

function unlessGone(error: unknown): void {
  if (!(error instanceof EtcdError)) throw error;
}
