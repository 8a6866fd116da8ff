import type { Clock } from "../lib/clock.ts";
import { EtcdError } from "./etcd-client.ts";

/** Longer than etcd's members take to elect a leader among them. */
const PATIENCE_MILLISECONDS = 3_000;
const RETRY_MILLISECONDS = 50;

/** Does `body` again while etcd does not answer, for some seconds. `body` must be one that may be repeated. */
export async function patiently<T>(clock: Clock, body: () => Promise<T>): Promise<T> {
  const end = clock.now() + PATIENCE_MILLISECONDS;
  for (;;) {
    try {
      return await body();
    } catch (error) {
      if (!(error instanceof EtcdError) || error.kind !== "unavailable" || clock.now() > end) throw error;
      await clock.delay(RETRY_MILLISECONDS);
    }
  }
}
