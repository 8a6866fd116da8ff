import { setTimeout as delay } from "node:timers/promises";
import { Fault } from "../model/fault.ts";

const AGAIN_MILLISECONDS = 500;

/** Does `body` again for as long as the state can't be written: what became of an instance must not be lost. */
export async function untilTaken(signal: AbortSignal, body: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await body();
      return;
    } catch (error) {
      if (!(error instanceof Fault) || error.code !== "Unavailable" || signal.aborted) throw error;
      await delay(AGAIN_MILLISECONDS, undefined, { signal }).catch(() => undefined);
    }
  }
}
