import type { Server, Socket } from "node:net";

/** Who asks from an address: askers share a service, whatever addresses each of them has. */
export type AskerOf = (address: string) => string;

export type ConnectionLimits = {
  /** Of all askers together. */
  readonly most: number;
  /** Of one of them, while so many are free. */
  readonly ofOne: (free: number) => number;
  readonly askerOf?: AskerOf;
};

/**
 * Lets each asker have so many connections at once, over all servers that it is given, and closes what is beyond at once:
 * one asker must not take what a service has for all.
 */
export function connectionLimit({ most, ofOne, askerOf = (address) => address }: ConnectionLimits): (server: Server) => void {
  const counts = new Map<string, number>();
  let all = 0;
  const add = (asker: string, more: number): number => {
    const count = (counts.get(asker) ?? 0) + more;
    all += more;
    if (count > 0) counts.set(asker, count);
    else counts.delete(asker);
    return count;
  };
  return (server) =>
    server.prependListener("connection", (socket: Socket) => {
      const asker = askerOf(socket.remoteAddress ?? "");
      const free = most - all;
      const count = add(asker, 1);
      socket.once("close", () => add(asker, -1));
      if (free <= 0 || count > ofOne(free)) socket.destroy();
    });
}

/** Whether an asker may ask once more in this second, or have so much more: `most` in all. `now` in milliseconds. */
export type RateLimit = (address: string, now: number, amount?: number) => boolean;

export function rateLimit(most: number, askerOf: AskerOf = (address) => address): RateLimit {
  const asked = new Map<string, number>();
  let second = 0;
  return (address, now, amount = 1) => {
    const asker = askerOf(address);
    const current = Math.floor(now / 1000);
    if (current !== second) {
      asked.clear();
      second = current;
    }
    const count = (asked.get(asker) ?? 0) + amount;
    asked.set(asker, count);
    return count <= most;
  };
}

/** Does a piece of work for an asker, when it is his turn. */
export type TakeTurn = (address: string, work: () => void) => void;

/**
 * One piece of work for each asker, then what the sockets say, then the next: who has much to do waits for himself, and the others for
 * one piece of his.
 */
export function askersInTurn(askerOf: AskerOf = (address) => address): TakeTurn {
  const waiting = new Map<string, (() => void)[]>();
  let begun = false;
  const round = (): void => {
    for (const [asker, works] of Array.from(waiting)) {
      const work = works.shift();
      if (works.length === 0) waiting.delete(asker);
      work?.();
    }
    begun = waiting.size > 0;
    if (begun) setImmediate(round);
  };
  return (address, work) => {
    const asker = askerOf(address);
    const works = waiting.get(asker);
    if (works) works.push(work);
    else waiting.set(asker, [work]);
    if (!begun) setImmediate(round);
    begun = true;
  };
}
