import { readFileSync } from "node:fs";

/** The usual default, where the system does not say. */
const USUAL = 1_024;

/**
 * How many connections a server may have: `most`, but at most this share of the file descriptors that its
 * process may open.
 */
export function roomForConnections(most: number, share: number, limits = "/proc/self/limits"): number {
  return Math.min(most, Math.floor(openFiles(limits) * share));
}

/** The soft limit of open files (proc(5), limits). */
function openFiles(limits: string): number {
  try {
    return Number(
      /^Max open files\s+(\d+)/m.exec(readFileSync(limits, "latin1"))?.[1] ?? Number.POSITIVE_INFINITY,
    );
  } catch {
    return USUAL;
  }
}
