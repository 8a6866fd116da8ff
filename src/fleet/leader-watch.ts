/**
 * Notices that the leader's process has ended: its machine closes the connection that this one keeps to it,
 * and refuses another one. A leader that stands still, or is cut off, is no such one: its lease ends by itself.
 */

import { once } from "node:events";
import { connect } from "node:net";
import type { Clock } from "../lib/clock.ts";

/** What came of a connection: it was refused, or it was there and has ended, or the machine does not answer. */
export type Touch = (url: string, signal: AbortSignal) => Promise<"refused" | "ended" | "silent">;

const AGAIN_MILLISECONDS = 200;
/** After a connection that had been there has ended, the next one is tried at once; a second time after this. */
const SOON_MILLISECONDS = 20;

/** Settles with true when the machine at this address refuses connections; with false when `signal` ends it. */
export async function untilRefused(
  url: string,
  { touch, clock, signal }: { readonly touch: Touch; readonly clock: Clock; readonly signal: AbortSignal },
): Promise<boolean> {
  while (!signal.aborted) {
    const came = await touch(url, signal);
    if (signal.aborted) return false;
    if (came === "refused") return true;
    await clock.delay(came === "ended" ? SOON_MILLISECONDS : AGAIN_MILLISECONDS, signal);
  }
  return false;
}

/** By a connection of TCP on which nothing is said. */
export const touchByTcp: Touch = async (url, signal) => {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), signal });
  socket.on("error", () => undefined);
  try {
    await once(socket, "connect");
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "ECONNREFUSED" ? "refused" : "silent";
  }
  socket.setKeepAlive(true, 5_000);
  socket.resume();
  if (!socket.destroyed) await once(socket, "close").catch(() => undefined);
  return "ended";
};
