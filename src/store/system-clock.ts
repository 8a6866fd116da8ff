import { setTimeout } from "node:timers/promises";
import type { Clock } from "../lib/clock.ts";

export const systemClock: Clock = {
  now: () => performance.now(),
  delay: async (milliseconds, signal) => {
    await setTimeout(Math.max(0, milliseconds), undefined, signal ? { signal } : {}).catch(
      (error: unknown) => {
        if (!signal?.aborted) throw error;
      },
    );
  },
};
