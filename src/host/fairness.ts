import type { Server, Socket } from "node:net";

/** Who asks from an address. An asker may have several addresses, and all askers share a service. */
export type AskerOf = (address: string) => string;

export type ConnectionLimits = {
  /** Maximum connections of all askers together. */
  readonly most: number;
  /** Maximum connections of one asker, while so many are free. */
  readonly ofOne: (free: number) => number;
  readonly askerOf?: AskerOf;
};

/**
 * Limits each asker's connections, over all servers that the limit is given to. A connection over the limit
 * is closed at once, so that no asker takes what a service has for all.
 */
export function connectionLimit({
  most,
  ofOne,
  askerOf = (address) => address,
}: ConnectionLimits): (server: Server) => void {
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

/**
 * Whether an asker may have so much more in this second (by default one request), within the maximum for a
 * second. `now` is in milliseconds.
 */
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

/** Milliseconds until an asker that has used up this second may ask again. */
export function untilNextSecond(now: number): number {
  return 1_000 - (now % 1_000);
}

/** Does a piece of work for an asker, when it is his turn. */
export type TakeTurn = (address: string, work: () => void) => void;

/**
 * Takes one piece of work of each asker, lets the sockets be read, then takes the next piece of each. So an
 * asker with much work delays itself; the others wait for only one piece of it.
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
