import { roomForConnections } from "./descriptors.ts";
import { connectionLimit } from "./fairness.ts";

const MAX_CONNECTIONS = 8_000;
const LEAST_OF_ONE = 64;
/** The share of the process's file descriptors that each of its two services may use. */
const SHARE = 0.375;

/**
 * The connection limit of one service of the simulated internet. One client gets at most a quarter of the
 * connections that are left, so others always find room.
 */
export function internetLimit(): ReturnType<typeof connectionLimit> {
  return connectionLimit({
    most: roomForConnections(MAX_CONNECTIONS, SHARE),
    ofOne: (free) => Math.max(LEAST_OF_ONE, free / 4),
  });
}
