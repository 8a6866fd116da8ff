import { roomForConnections } from "./descriptors.ts";
import { connectionLimit } from "./fairness.ts";

const MAX_CONNECTIONS = 8_000;
const LEAST_OF_ONE = 64;
/** Of the file descriptors that the process may open; two services share them. */
const SHARE = 0.375;

/** Of one service of the simulated internet: one client has a quarter of what is left at most, so others always find room. */
export function internetLimit(): ReturnType<typeof connectionLimit> {
  return connectionLimit({ most: roomForConnections(MAX_CONNECTIONS, SHARE), ofOne: (free) => Math.max(LEAST_OF_ONE, free / 4) });
}
