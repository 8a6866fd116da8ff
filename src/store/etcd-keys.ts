/** Follows a few keys of etcd that are no part of the state, such as those of the machines. */

import type { Clock } from "../lib/clock.ts";
import { type Etcd, EtcdError, type KeyValue } from "./etcd-client.ts";

type Options = {
  readonly etcd: Pick<Etcd, "range" | "watch">;
  /** From this key up to, but without, `end`. */
  readonly start: string;
  readonly end: string;
  /** Called with all of them, at first and whenever they are different. */
  readonly take: (keys: ReadonlyMap<string, KeyValue>) => void;
  /** Called when etcd can't be reached, and with undefined when it can again. */
  readonly lost: (cause: unknown) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
};

const RETRY_MILLISECONDS = 100;
/** After so much silence the keys are read anew: the watch's connection may be a dead one. */
const SILENCE_MILLISECONDS = 1_000;

/** Ends when `signal` says so. */
export async function followKeys(options: Options): Promise<void> {
  const { etcd, start, end, take, lost, clock, signal } = options;
  let isLost = false;
  let taken = "";
  while (!signal.aborted) {
    try {
      const { found, revision } = await etcd.range({ key: start, end });
      if (isLost) lost(undefined);
      isLost = false;
      const keys = new Map(found.map((one) => [one.key, one]));
      const offer = (): void => {
        const now = [...keys.values()].map(({ key, modified }) => `${key} ${modified}`).join("\n");
        if (now !== taken) take(keys);
        taken = now;
      };
      offer();
      await changesOf(
        options,
        revision,
        ({ key, now }) => {
          if (now) keys.set(key, now);
          else keys.delete(key);
        },
        offer,
      );
    } catch (error) {
      if (!(error instanceof EtcdError)) throw error;
      if (!isLost && error.kind !== "compacted") {
        isLost = true;
        lost(error);
      }
      await clock.delay(RETRY_MILLISECONDS, signal);
    }
  }
}

type Change = { readonly key: string; readonly now?: KeyValue };

/** Takes what happens since then, until nothing has happened for a while. */
async function changesOf(
  { etcd, start, end, clock, signal }: Options,
  since: string,
  change: (one: Change) => void,
  offer: () => void,
): Promise<void> {
  const ended = new AbortController();
  const from = String(BigInt(since) + 1n);
  const watch = etcd.watch({ key: start, end, from, signal: AbortSignal.any([signal, ended.signal]) });
  try {
    for (;;) {
      const silence = new AbortController();
      const quiet = clock.delay(SILENCE_MILLISECONDS, silence.signal);
      const got = await Promise.race([watch.next(), quiet]);
      silence.abort();
      if (!got || got.done) return;
      for (const event of got.value.events) change(event);
      offer();
    }
  } finally {
    ended.abort();
  }
}
