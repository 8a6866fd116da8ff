import type { IncomingMessage } from "node:http";

/** How much of a too large body is still read, so that the client can read why it was refused. */
const MAX_DRAIN_BYTES = 16 << 20;
const DRAIN_MILLISECONDS = 5_000;

/** Reads and discards what the client still sends, up to a limit. */
export function drain(request: IncomingMessage, done: () => void): void {
  let size = 0;
  const timer = setTimeout(() => request.destroy(), DRAIN_MILLISECONDS);
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_DRAIN_BYTES) request.destroy();
  });
  request.once("end", done);
  request.once("close", () => clearTimeout(timer));
  request.on("error", () => request.destroy());
  request.resume();
}
