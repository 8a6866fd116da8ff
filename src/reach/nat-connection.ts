import { IDLE_TIMEOUT } from "../lib/idle-timeout.ts";
import type { Direction } from "./connection.ts";
import {
  type Flow,
  ICMP,
  ICMP_QUERIES,
  ICMPV6_QUERIES,
  icmpRequestType,
  isIcmp,
  isIcmpAnswer,
  isIpv6Flow,
  type Packet,
  TCP,
  UDP,
} from "./packet.ts";

/**
 * A connection through a NAT gateway: the inside's address and port, their translation, and how long that
 * holds.
 */
export type NatConnection = {
  readonly address: string;
  readonly port: number;
  /** Nanoseconds. */
  readonly expires: bigint;
  readonly insideFin: boolean;
  readonly outsideFin: boolean;
  readonly reset: boolean;
};

/** Where the outside's address and port lead: to the inside's, if its entry agrees. */
type Inside = { readonly address: string; readonly port: number };

/** The connections of NAT gateways, as one packet may read and change them. Keys: {@link natKey}. */
export type NatChanges = {
  readonly inside: Map<string, NatConnection>;
  readonly outside: Map<string, Inside>;
  /** By destination: the port to try next, counted from the first. */
  readonly ports: Map<string, number>;
};

export type NatConnections = {
  readonly inside: (key: string) => NatConnection | undefined;
  readonly outside: (key: string) => Inside | undefined;
  readonly nextPort: (key: string) => number | undefined;
  /** How many one gateway has, by the slot of its interface. */
  readonly count: (slot: number) => number;
  /** How many all gateways have together. */
  readonly total: () => number;
};

export const NO_NAT: NatConnections = {
  inside: () => undefined,
  outside: () => undefined,
  nextPort: () => undefined,
  count: () => 0,
  total: () => 0,
};

export function newNatChanges(): NatChanges {
  return { inside: new Map(), outside: new Map(), ports: new Map() };
}

/** The two ends of a connection, by which a NAT gateway identifies it. */
export type NatEnds = {
  readonly slot: number;
  readonly protocol: number;
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
};

export function natKey({ slot, protocol, local, localPort, remote, remotePort }: NatEnds): string {
  return [slot, protocol, local, localPort, remote, remotePort].join(" ");
}

/** ICMP's type: ICMPv6 is remembered as NAT64 translates it, and has no other query. */
const ECHO = 8;

/** The protocol by which a NAT gateway remembers a flow. */
export function natProtocol(flow: Flow): number {
  return isIcmp(flow) ? ICMP : flow.protocol;
}

/**
 * A flow's ports or their substitutes, the sender's and the other end's. An ICMP query has its identifier at
 * the asking end, and the request's type at the other (RFC 5508, section 3). Undefined for a flow that no NAT
 * gateway carries.
 */
export function natPorts(flow: Flow): { readonly sender: number; readonly other: number } | undefined {
  const { protocol, sourcePort = 0, destinationPort = 0, icmp } = flow;
  if (protocol === TCP || protocol === UDP) return { sender: sourcePort, other: destinationPort };
  const ipv6 = isIpv6Flow(flow);
  if (!isIcmp(flow) || !icmp || !(ipv6 ? ICMPV6_QUERIES : ICMP_QUERIES).has(icmp.type)) return undefined;
  const type = ipv6 ? ECHO : icmpRequestType(flow);
  return isIcmpAnswer(flow) ? { sender: type, other: sourcePort } : { sender: sourcePort, other: type };
}

const SECOND = 1_000_000_000n;
const IDLE = BigInt(IDLE_TIMEOUT.nat) * SECOND;
const CLOSED = BigInt(IDLE_TIMEOUT.nat_closed) * SECOND;

/** The connection with one more packet counted. A new SYN from inside begins it anew. */
export function natNoted(
  connection: NatConnection,
  packet: Packet,
  direction: Direction,
  now: bigint,
): NatConnection {
  const { syn = false, ack = false, fin = false, reset = false } = packet.tcp ?? {};
  const anew = direction === "out" && syn && !ack;
  const next = {
    ...connection,
    insideFin: (connection.insideFin && !anew) || (fin && direction === "out"),
    outsideFin: (connection.outsideFin && !anew) || (fin && direction === "in"),
    reset: (connection.reset && !anew) || reset,
  };
  const over = next.reset || (next.insideFin && next.outsideFin);
  return { ...next, expires: now - (now % SECOND) + (over ? CLOSED : IDLE) };
}

export type NatMemory = NatConnections & {
  readonly remember: (changes: NatChanges) => void;
  /**
   * Call this when the gateway is deleted: none of its connections hold for the next interface in its slot.
   */
  readonly forget: (slot: number) => void;
  /** Removes connections that had expired before `now`. */
  readonly sweep: (now: bigint) => void;
  readonly entries: () => Iterable<readonly [key: string, connection: NatConnection]>;
};

const NEVER = -1n;

/** A memory that lasts from packet to packet. */
export function natMemory(): NatMemory {
  const { inside, outside, ports } = newNatChanges();
  return {
    inside: (key) => inside.get(key),
    outside: (key) => outside.get(key),
    nextPort: (key) => ports.get(key),
    total: () => inside.size,
    count: (slot) => [...inside.keys()].filter((key) => Number.parseInt(key, 10) === slot).length,
    remember: (changes) => {
      for (const [key, connection] of changes.inside) inside.set(key, connection);
      for (const [key, pointer] of changes.outside) outside.set(key, pointer);
      for (const [key, port] of changes.ports) ports.set(key, port);
    },
    forget: (slot) => {
      for (const [key, connection] of inside)
        if (Number.parseInt(key, 10) === slot) inside.set(key, { ...connection, expires: NEVER });
    },
    sweep: (now) => {
      for (const [key, { expires }] of inside) if (expires < now) inside.delete(key);
    },
    entries: () => inside.entries(),
  };
}
