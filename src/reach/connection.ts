import { type Flow, icmpRequestType, isIcmp, isIcmpAnswer, type Packet, TCP, UDP } from "./packet.ts";

/** An exchange that a security group remembers, as seen at one interface. */
export type Connection = {
  /** Nanoseconds. Idle time counts in whole seconds, from the start of the second of the last packet. */
  readonly expires: bigint;
  readonly localSeen: boolean;
  readonly remoteSeen: boolean;
  readonly localFin: boolean;
  readonly remoteFin: boolean;
  readonly reset: boolean;
};

export type Connections = {
  readonly get: (key: string) => Connection | undefined;
  /** How many connections an interface holds. */
  readonly count: (slot: number) => number;
  /** How many all interfaces hold together. */
  readonly total: () => number;
};

export type Direction = "out" | "in";

const SECOND = 1_000_000_000n;
/** Idle timeouts: EC2 user guide, "Connection tracking timeouts"; the rest has no documented value. */
const TIMEOUT = {
  tcpOpening: 60n * SECOND,
  tcpEstablished: 432_000n * SECOND,
  tcpClosing: 120n * SECOND,
  tcpClosed: 10n * SECOND,
  udpSingle: 30n * SECOND,
  udpStream: 180n * SECOND,
  other: 30n * SECOND,
} as const;

/** Tells the exchange from every other at any interface; the same for both of its directions. */
export function connectionKey(slot: number, flow: Flow, direction: Direction): string {
  const [local, remote] = direction === "out" ? [flow.source, flow.destination] : [flow.destination, flow.source];
  if (isIcmp(flow)) {
    const askedHere = (direction === "out") !== isIcmpAnswer(flow);
    const type = icmpRequestType(flow);
    return [slot, flow.protocol, local, remote, flow.sourcePort ?? 0, type, askedHere ? "asked" : "answered"].join(" ");
  }
  const ports = direction === "out" ? [flow.sourcePort, flow.destinationPort] : [flow.destinationPort, flow.sourcePort];
  return [slot, flow.protocol, local, remote, ports[0] ?? 0, ports[1] ?? 0].join(" ");
}

/** The connection with one more packet noted, or a new one with its first. */
export function noted(connection: Connection | undefined, packet: Packet, direction: Direction, now: bigint): Connection {
  const out = direction === "out";
  const fin = packet.tcp?.fin ?? false;
  const next = {
    localSeen: (connection?.localSeen ?? false) || out,
    remoteSeen: (connection?.remoteSeen ?? false) || !out,
    localFin: (connection?.localFin ?? false) || (fin && out),
    remoteFin: (connection?.remoteFin ?? false) || (fin && !out),
    reset: (connection?.reset ?? false) || (packet.tcp?.reset ?? false),
  };
  return { ...next, expires: now - (now % SECOND) + timeout(next, packet.protocol) };
}

function timeout(connection: Omit<Connection, "expires">, protocol: number): bigint {
  const { localSeen, remoteSeen, localFin, remoteFin, reset } = connection;
  const bothWays = localSeen && remoteSeen;
  if (protocol === UDP) return bothWays ? TIMEOUT.udpStream : TIMEOUT.udpSingle;
  if (protocol !== TCP) return TIMEOUT.other;
  if (reset || (localFin && remoteFin)) return TIMEOUT.tcpClosed;
  if (localFin || remoteFin) return TIMEOUT.tcpClosing;
  return bothWays ? TIMEOUT.tcpEstablished : TIMEOUT.tcpOpening;
}

/** A connection that is over may be opened anew, and then the rules decide anew. */
export function isReopened(connection: Connection, packet: Packet): boolean {
  const opens = packet.protocol === TCP && packet.tcp?.syn === true && packet.tcp.ack !== true;
  return opens && (connection.reset || connection.localFin || connection.remoteFin);
}

export type ConnectionMemory = Connections & {
  readonly remember: (connections: ReadonlyMap<string, Connection>) => void;
  /** The interface is gone: nothing that it remembered holds for the next one at its slot. */
  readonly forget: (slot: number) => void;
  /** Drops what had expired before `now`. Until then it counts as one of the interface's connections, though none hold. */
  readonly sweep: (now: bigint) => void;
  readonly entries: () => Iterable<readonly [key: string, connection: Connection]>;
};

const NEVER = -1n;

/** A memory that holds from packet to packet. */
export function connectionMemory(): ConnectionMemory {
  const known = new Map<string, Connection>();
  const counts = new Map<number, number>();
  const add = (key: string, by: 1 | -1): void => {
    const slot = slotOf(key);
    counts.set(slot, (counts.get(slot) ?? 0) + by);
  };
  return {
    get: (key) => known.get(key),
    count: (slot) => counts.get(slot) ?? 0,
    total: () => known.size,
    remember: (connections) => {
      for (const [key, connection] of connections) {
        if (!known.has(key)) add(key, 1);
        known.set(key, connection);
      }
    },
    forget: (slot) => {
      for (const [key, connection] of known) if (slotOf(key) === slot) known.set(key, { ...connection, expires: NEVER });
    },
    sweep: (now) => {
      for (const [key, { expires }] of known) {
        if (expires >= now) continue;
        known.delete(key);
        add(key, -1);
      }
    },
    entries: () => known.entries(),
  };
}

/** The interface whose memory a connection is in. */
function slotOf(key: string): number {
  return Number.parseInt(key, 10);
}
