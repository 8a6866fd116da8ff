import type { IncomingMessage } from "node:http";

/** How much of a body that is too large is still taken, so that the client gets to read why it was refused. */
const MAX_DRAIN_BYTES = 16 << 20;
const DRAIN_MS = 5_000;

/** Takes and throws away what the client still sends, within reason. */
export function drain(request: IncomingMessage, done: () => void): void {
  let size = 0;
  const timer = setTimeout(() => request.destroy(), DRAIN_MS);
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_DRAIN_BYTES) request.destroy();
  });
  request.once("end", done);
  request.once("close", () => clearTimeout(timer));
  request.on("error", () => request.destroy());
  request.resume();
}
