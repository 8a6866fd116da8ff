import type { StructValue, TableReader } from "../contract/tables.ts";
import { IDLE_TIMEOUT } from "../lib/idle-timeout.ts";
import { type Flow, icmpRequestType, isIcmp, isIcmpAnswer, type Packet, TCP, UDP } from "./packet.ts";

/** An exchange that a security group remembers, as seen at one interface. */
export type Connection = {
  /**
   * Nanoseconds. Idle time counts in whole seconds, from the start of the second in which the last packet
   * came.
   */
  readonly expires: bigint;
  readonly localSeen: boolean;
  readonly remoteSeen: boolean;
  readonly localFin: boolean;
  readonly remoteFin: boolean;
  readonly reset: boolean;
  /**
   * Only for UDP: who sent first, and how often a side has spoken after the other. After question, answer,
   * question, answer it is a stream.
   */
  readonly began: Direction;
  readonly turns: number;
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
/** Timeouts of an interface without its own, in seconds. */
const DEFAULTS: IdleTimeouts = {
  tcp_established: IDLE_TIMEOUT.tcp_established,
  udp: IDLE_TIMEOUT.udp_single,
  udp_stream: IDLE_TIMEOUT.udp_stream,
};
const TURNS_OF_STREAM = 3;

type IdleTimeouts = StructValue<"idle_timeout">;

/** The times of an interface's connections. */
export function idleTimeouts(tables: TableReader, slot: number): IdleTimeouts {
  return tables.lookup("idle_timeouts", { interface: slot }) ?? DEFAULTS;
}

/** Identifies the exchange at one interface; the same for both of its directions. */
export function connectionKey(slot: number, flow: Flow, direction: Direction): string {
  const [local, remote] =
    direction === "out" ? [flow.source, flow.destination] : [flow.destination, flow.source];
  if (isIcmp(flow)) {
    const askedHere = (direction === "out") !== isIcmpAnswer(flow);
    const type = icmpRequestType(flow);
    return [
      slot,
      flow.protocol,
      local,
      remote,
      flow.sourcePort ?? 0,
      type,
      askedHere ? "asked" : "answered",
    ].join(" ");
  }
  const ports =
    direction === "out" ? [flow.sourcePort, flow.destinationPort] : [flow.destinationPort, flow.sourcePort];
  return [slot, flow.protocol, local, remote, ports[0] ?? 0, ports[1] ?? 0].join(" ");
}

type Noted = {
  readonly packet: Packet;
  readonly flow: Flow;
  readonly direction: Direction;
  readonly now: bigint;
  readonly times: IdleTimeouts;
};

/** The connection with one more packet counted, or a new one with its first packet. */
export function noted(
  connection: Connection | undefined,
  { packet, flow, direction, now, times }: Noted,
): Connection {
  const out = direction === "out";
  const fin = packet.tcp?.fin ?? false;
  const next = {
    localSeen: (connection?.localSeen ?? false) || out,
    remoteSeen: (connection?.remoteSeen ?? false) || !out,
    localFin: (connection?.localFin ?? false) || (fin && out),
    remoteFin: (connection?.remoteFin ?? false) || (fin && !out),
    reset: (connection?.reset ?? false) || (packet.tcp?.reset ?? false),
    began: connection?.began ?? direction,
    turns: turnsAfter(connection, direction),
  };
  return { ...next, expires: now - (now % SECOND) + BigInt(timeout(next, flow, times)) * SECOND };
}

/** The side that sent first speaks after an even number of turns, the other one after an odd number. */
function turnsAfter(connection: Connection | undefined, direction: Direction): number {
  if (!connection) return 0;
  const speaker = connection.turns % 2 === 0 ? connection.began : other(connection.began);
  return direction === speaker ? connection.turns : Math.min(connection.turns + 1, TURNS_OF_STREAM);
}

function other(direction: Direction): Direction {
  return direction === "out" ? "in" : "out";
}

function timeout(connection: Omit<Connection, "expires">, flow: Flow, times: IdleTimeouts): number {
  const { localSeen, remoteSeen, localFin, remoteFin, reset, turns } = connection;
  if (flow.protocol === UDP) return turns === TURNS_OF_STREAM ? times.udp_stream : times.udp;
  if (flow.protocol !== TCP) return isIcmp(flow) ? IDLE_TIMEOUT.icmp : IDLE_TIMEOUT.other;
  if (reset || (localFin && remoteFin)) return IDLE_TIMEOUT.tcp_closed;
  if (localFin || remoteFin) return IDLE_TIMEOUT.tcp_closing;
  return localSeen && remoteSeen ? times.tcp_established : IDLE_TIMEOUT.tcp_opening;
}

/** Whether it is TCP that is under way, or a piece of it: not what opens a connection. */
export function isMidstream(flow: Flow, packet: Packet): boolean {
  const { syn = false, ack = false, reset = false } = packet.tcp ?? {};
  return flow.protocol === TCP && !(syn && !ack && !reset);
}

/** Whether the packet opens a finished connection again; the rules then decide again. */
export function isReopened(connection: Connection, packet: Packet): boolean {
  const opens = packet.protocol === TCP && packet.tcp?.syn === true && packet.tcp.ack !== true;
  return opens && (connection.reset || connection.localFin || connection.remoteFin);
}

export type ConnectionMemory = Connections & {
  readonly remember: (connections: ReadonlyMap<string, Connection>) => void;
  /** Call this when the interface is deleted: none of its connections hold for the next one in its slot. */
  readonly forget: (slot: number) => void;
  /**
   * Removes connections that had expired before `now`. Until then they count for their interface, though they
   * no longer hold.
   */
  readonly sweep: (now: bigint) => void;
  readonly entries: () => Iterable<readonly [key: string, connection: Connection]>;
};

const NEVER = -1n;

/** A memory that lasts from packet to packet. */
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
      for (const [key, connection] of known)
        if (slotOf(key) === slot) known.set(key, { ...connection, expires: NEVER });
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

/** The slot of the interface that remembers the connection. */
function slotOf(key: string): number {
  return Number.parseInt(key, 10);
}
