/** After an end that was not orderly the state is looked through as a whole. */

import { join } from "node:path";
import { ending, start } from "../host/command.ts";
import { atPriority, LAST } from "../host/priority.ts";
import type { Store } from "../store/store.ts";

/** The revision at the last orderly end. */
const ENDED = "ended";

type Log = (message: string, cause?: unknown) => void;

/**
 * Notes an orderly end. A disk without room must not keep a process from ending: then the next start looks
 * once too often.
 */
export async function noteEnd(store: Pick<Store, "revision" | "setMeta">, log: Log): Promise<void> {
  await store
    .setMeta(ENDED, String(store.revision()))
    .catch((cause: unknown) => log("the orderly end could not be noted", cause));
}

/**
 * Unless the last end was an orderly one, says what is not in order in the state, in a process of its own
 * that nobody waits for. What the state said goes on meanwhile.
 */
export async function sayDisorder(
  store: Pick<Store, "revision" | "meta">,
  folder: string,
  log: Log,
): Promise<void> {
  if (store.revision() === 0 || store.meta(ENDED) === String(store.revision())) return;
  const argv = [
    ...atPriority(LAST),
    process.execPath,
    "--no-warnings",
    join(import.meta.dirname, "state-order-main.js"),
    folder,
  ];
  const { status, said } = await ending(await start(argv, { stdio: ["ignore", "ignore", "pipe"] }));
  if (status !== 0) log(`the state could not be looked through: ${said}`);
  else if (said !== "") for (const words of said.split("\n")) log(`the state is not in order: ${words}`);
}
