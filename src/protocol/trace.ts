import type { DropReason, PassReason, Stage } from "../contract/stages.ts";

/** Who sends or receives a packet: an interface, or what is outside of every VPC. */
export type PacketEnd =
  | { readonly kind: "interface"; readonly id: string; readonly instance?: string }
  | { readonly kind: "internet" }
  | { readonly kind: "services" };

/** One packet as it is told to whoever watches: a line of JSON. */
export type TraceLine = {
  readonly kind: "packet";
  /** ISO 8601 with microseconds, UTC. */
  readonly time: string;
  readonly from: PacketEnd;
  /** Absent when a packet was dropped before that was known. */
  readonly to?: PacketEnd;
  /** `tcp`, `udp`, `icmp`, `icmpv6`, else IANA's number; of what is no IP, the EtherType: `0x0806`. */
  readonly protocol: string;
  /** Addresses and ports as the packet came; absent of what was dropped before they were read. */
  readonly source?: string;
  readonly destination?: string;
  /** After translation; absent when it changes nothing. */
  readonly sourceAfter?: string;
  readonly destinationAfter?: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmp?: { readonly type: number; readonly code: number };
  /** TCP's, as tcpdump writes them: `S`, `S.`, `.`, `F.`, `R`. */
  readonly flags?: string;
  /** Bytes of the frame as it came, with the Ethernet header. */
  readonly length: number;
  readonly verdict: "passed" | "dropped";
  readonly reason?: DropReason;
  readonly stage?: Stage;
  /** An ICMP error (fragmentation needed) went back to the sender. */
  readonly answered?: true;
  /**
   * The frame's first bytes in base64 as it stood at the end, and how many it had: only when they are asked
   * for.
   */
  readonly frame?: string;
  readonly frameLength?: number;
};

/** What watchers are told, a line of JSON each. */
export type TraceMessage =
  | TraceLine
  /**
   * The watch stands; said at its beginning, and every now and then, so that both ends know of each other.
   */
  | { readonly kind: "watching" }
  /** How many packets could not be told so far, since they came faster than they were taken. */
  | { readonly kind: "lost"; readonly packets: number }
  | { readonly kind: "end"; readonly why: "count" | "stopped" };

/** One packet's way through the tables. */
export type PacketTrace = {
  readonly packet: {
    readonly from: PacketEnd;
    readonly protocol: "tcp" | "udp" | "icmp";
    readonly source: string;
    readonly destination: string;
    readonly sourcePort?: number;
    readonly destinationPort?: number;
  };
  readonly hops: readonly Hop[];
  readonly verdict: "passed" | "dropped";
  readonly reason?: DropReason;
  /** It passes, and the answer that the receiver would send is dropped: why. */
  readonly answerDropped?: DropReason;
  /** It passes, and the answer comes from this address, which was not asked. */
  readonly answerFrom?: string;
  /** It passes, and nobody on the internet has the address, which is one of NAT64. */
  readonly noSuchHost?: true;
  /** Where it ends when it passes. */
  readonly to?: PacketEnd;
  /** After translation. */
  readonly sourceAfter: string;
  readonly destinationAfter: string;
};

/**
 * Reasons of drops that are told more closely than the kernel program's, where the tables say more than it
 * does.
 */
export type CloserReason = "no_peer_address" | "nat_loop" | "nat_answers" | "no_gateway_route";

/** One stage's say. `what` is the reason; the sentences for it are in `words/`, and `params` fill them in. */
export type Hop = Said & {
  readonly stage: Stage;
  readonly at: PacketEnd;
  readonly params: Readonly<Record<string, string>>;
  /** AWS Reachability Analyzer's code of a drop, where it has one. */
  readonly code?: string;
  /** The rows that decided. */
  readonly entries: readonly EntryText[];
};

type Said =
  | { readonly verdict: "pass"; readonly what: PassReason }
  | { readonly verdict: "drop"; readonly what: DropReason | CloserReason };

/** A row of the tables for people: which table, which row, what stands in it. */
export type EntryText = { readonly table: string; readonly key: string; readonly value: string };
