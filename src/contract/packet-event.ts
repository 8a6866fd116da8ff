import type { DropReason } from "./stages.ts";

/**
 * What became of a packet; the kernel program's number is the index here. `deliver`: to an interface;
 * `internet`: out of the uplink; `service`: to the metadata, DNS or time service; `arp`: an answer of ARP or
 * neighbour discovery, back to the requester;
 * `absorb`: ARP or neighbour discovery that needs no answer, not counted; `error`: dropped, and an ICMP
 * error, or a TCP reset, went back to the sender; `machine`: to another machine of the region, which says what
 * became of it, so that no event tells of this.
 */
export const VERDICTS = [
  "none",
  "drop",
  "deliver",
  "internet",
  "service",
  "arp",
  "absorb",
  "error",
  "machine",
] as const;
export type Verdict = (typeof VERDICTS)[number];

/** The most bytes of a frame in an event. */
export const MAX_SNAP = 256;

/** What became of one packet. */
export type PacketEvent = {
  /** Nanoseconds of the monotonic clock. */
  readonly time: bigint;
  readonly verdict: Verdict;
  /** The reason for a drop; `none` otherwise. */
  readonly reason: DropReason;
  /** The index of the link that it came in on: the sender's slot, the uplink's or the services' link's. */
  readonly ingress: number;
  /** The receiving interface's slot; 0 when there is none or none was known yet. */
  readonly target: number;
  /** The interface that a drop is counted for; 0 for the internet. */
  readonly charge: number;
  /** The frame's length as it came. */
  readonly length: number;
  /**
   * The flow as it came, and as the last stage saw it; absent when the packet was dropped before its
   * addresses were read.
   */
  readonly flow?: EventFlow;
  /** The frame's length at the end. */
  readonly frameLength: number;
  /** The frame's first bytes at the end: translated when it goes on, unchanged when it was dropped. */
  readonly frame: Uint8Array;
};

export type EventFlow = {
  readonly source: string;
  readonly destination: string;
  readonly sourceAfter: string;
  readonly destinationAfter: string;
  /** IANA's number. */
  readonly protocol: number;
  /**
   * Ports of TCP and UDP; an ICMP query's identifier is `sourcePort`. Absent for a fragment whose first
   * fragment was not seen.
   */
  readonly ports?: {
    readonly source: number;
    readonly destination: number;
    readonly type: number;
    readonly code: number;
  };
};
