import { closeSync, openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { lockFile } from "../store/lock.ts";

const PAUSE_MILLISECONDS = 50;

/**
 * Waits for this process's turn to make or remove what a home has on the machine; only one process does so at
 * a time. The turn ends with the process at the latest, however that ends. Returns the function that ends the
 * turn; undefined when it did not come within the time.
 */
export async function takeTurn(home: string, milliseconds: number): Promise<(() => void) | undefined> {
  const fd = openSync(home, "r");
  const end = performance.now() + milliseconds;
  while (!lockFile(fd, home)) {
    if (performance.now() > end) {
      closeSync(fd);
      return undefined;
    }
    await delay(PAUSE_MILLISECONDS);
  }
  return () => closeSync(fd);
}
