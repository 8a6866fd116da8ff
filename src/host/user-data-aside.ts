import { Worker } from "node:worker_threads";
import { reasons } from "../lib/reasons.ts";
import { readUserData, type UserData } from "./user-data.ts";

/**
 * How long reading may take, counted from when the thread runs: far more than real user data takes, even on a
 * crowded or emulated machine.
 */
const READ_MILLISECONDS = 30_000;
const MOST_MEGABYTES = 256;

/**
 * Reads user data as {@link readUserData} does, but in a thread of its own unless it is a plain script: data
 * that unpacks to much, or is nested deeply, takes long to read, and nobody else must wait for that. User
 * data that takes too long is not run, and a note says so.
 */
export async function readUserDataAside(
  userData: Uint8Array,
  milliseconds = READ_MILLISECONDS,
): Promise<UserData> {
  if (userData.length === 0 || Buffer.from(userData.subarray(0, 2)).toString("latin1") === "#!")
    return readUserData(userData);
  const worker = new Worker(new URL("./user-data-main.js", import.meta.url), {
    workerData: userData,
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEGABYTES },
  });
  let timer: NodeJS.Timeout | undefined;
  worker.once("online", () => (timer = setTimeout(() => void worker.terminate(), milliseconds)));
  try {
    return await new Promise<UserData>((resolve, reject) => {
      worker.once("message", resolve);
      worker.once("error", reject);
      worker.once("exit", () => reject(new Error(`it takes more than ${milliseconds / 1000} s to read`)));
    });
  } catch (cause) {
    return {
      programs: [],
      notes: [`nothing of it is run: ${reasons(cause)}`],
      hostname: undefined,
      domain: undefined,
    };
  } finally {
    clearTimeout(timer);
    void worker.terminate();
  }
}
