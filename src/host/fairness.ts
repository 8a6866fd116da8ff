import type { Server, Socket } from "node:net";

/**
 * Lets each address have so many connections at once, and closes what is beyond at once: one asker must not take
 * what a service has for all.
 */
export function limitConnections(server: Server, most: number): void {
  const counts = new Map<string, number>();
  server.prependListener("connection", (socket: Socket) => {
    const address = socket.remoteAddress ?? "";
    const count = (counts.get(address) ?? 0) + 1;
    counts.set(address, count);
    socket.once("close", () => {
      const left = (counts.get(address) ?? 1) - 1;
      if (left > 0) counts.set(address, left);
      else counts.delete(address);
    });
    if (count > most) socket.destroy();
  });
}

/** Whether an address may ask once more in this second: `most` times. `now` in milliseconds. */
export function rateLimit(most: number): (address: string, now: number) => boolean {
  const asked = new Map<string, number>();
  let second = 0;
  return (address, now) => {
    const current = Math.floor(now / 1000);
    if (current !== second) {
      asked.clear();
      second = current;
    }
    const count = (asked.get(address) ?? 0) + 1;
    asked.set(address, count);
    return count <= most;
  };
}
