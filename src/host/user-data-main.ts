/** Reads user data in a thread of its own, see user-data-aside.ts. */

import { parentPort, workerData } from "node:worker_threads";
import { readUserData } from "./user-data.ts";

parentPort?.postMessage(readUserData(workerData as Uint8Array), []);
