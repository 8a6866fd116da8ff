import type { DropReason } from "./stages.ts";

/** In the kernel program's order (`enum verdict`, bpf/packet.h). */
export const VERDICTS = ["none", "drop", "deliver", "internet", "service", "arp", "absorb", "error"] as const;
export type Verdict = (typeof VERDICTS)[number];

/** Most bytes of a frame that are told. */
export const MAX_SNAP = 256;

/** What became of one packet. */
export type PacketEvent = {
  /** Nanoseconds of the monotonic clock. */
  readonly time: bigint;
  /** `error`: dropped, and an ICMP error went back to the sender. */
  readonly verdict: Verdict;
  /** Of a drop; `none` otherwise. */
  readonly reason: DropReason;
  /** Index of the link that it came in on: the sender's slot, the uplink's or the services' link's. */
  readonly ingress: number;
  /** The receiving interface's slot, 0 when there is none or none was known yet. */
  readonly target: number;
  /** The interface that a drop is counted for; 0 for the internet's side. */
  readonly charge: number;
  /** Bytes of the frame as it came. */
  readonly length: number;
  /** As it came, and as the last stage saw it; absent when it was dropped before they were read. */
  readonly flow?: EventFlow;
  /** Bytes of the frame as it stood at the end. */
  readonly frameLength: number;
  /** The frame's first bytes as it stood at the end: translated when it goes on, as it came when it was dropped. */
  readonly frame: Uint8Array;
};

export type EventFlow = {
  readonly source: string;
  readonly destination: string;
  readonly sourceAfter: string;
  readonly destinationAfter: string;
  /** IANA's number. */
  readonly protocol: number;
  /** TCP, UDP; an ICMP query's identifier is `sourcePort`. Absent of a fragment whose first one was not seen. */
  readonly ports?: { readonly source: number; readonly destination: number; readonly type: number; readonly code: number };
};
