/** AWS's numbers for the path of egress traffic (VPC user guide, field `traffic-path`); 0: no path. */
export const TRAFFIC_PATH = { none: 0, inside: 1, peering: 4, remote_peering: 5, gateway: 8 } as const;

/** What became of a flow's packets; `reject_bpa`: rejected by Block Public Access. */
export const FLOW_ACTION = { accept: 0, reject: 1, reject_bpa: 2 } as const;

/** One flow at one interface in one window, as the kernel program counts it (bpf/flow_log.h). */
export type FlowCount = LoggedFlow & {
  readonly packets: bigint;
  /** The length of the IP packets. */
  readonly bytes: bigint;
  /** The times of the first and the last packet, in nanoseconds of the monotonic clock. */
  readonly first: bigint;
  readonly last: bigint;
  /** FIN, SYN, RST, and ACK of SYN packets, from all packets together. */
  readonly tcpFlags: number;
};

/**
 * A flow with the slot of its next hop: for egress the interface that its last packet goes to, for ingress
 * the one that it comes from; 0: none.
 */
export type LoggedFlow = FlowKey & { readonly nextHop: number };

export type FlowKey = {
  /** The interface's slot. */
  readonly interface: number;
  readonly direction: "ingress" | "egress";
  readonly action: "ACCEPT" | "REJECT";
  /** Why it was rejected, where AWS has a word for it. */
  readonly rejectReason?: "BPA";
  /** Addresses as the interface sees them: its private one, where it has a public one too. */
  readonly source: string;
  readonly destination: string;
  /** 0 except for TCP and UDP. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
  /** A {@link TRAFFIC_PATH}; 0 for ingress. */
  readonly path: number;
};
