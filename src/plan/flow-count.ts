/** AWS's numbers for the way that egress takes (VPC user guide, field `traffic-path`); 0: none of them. */
export const TRAFFIC_PATH = { none: 0, inside: 1, peering: 4, remotePeering: 5, gateway: 8 } as const;

/** One flow at one interface in one window, as the kernel program adds it up (bpf/flow_log.h). */
export type FlowCount = LoggedFlow & {
  readonly packets: bigint;
  /** Of IP packets. */
  readonly bytes: bigint;
  /** Of the first and the last packet: nanoseconds of the monotonic clock. */
  readonly first: bigint;
  readonly last: bigint;
  /** FIN, SYN, RST, and ACK beside SYN, of all packets together. */
  readonly tcpFlags: number;
};

/** A flow with the slot of its next hop: of egress the interface that its last packet goes to, of ingress the one that it comes from; 0: none. */
export type LoggedFlow = FlowKey & { readonly nextHop: number };

export type FlowKey = {
  /** The interface's slot. */
  readonly interface: number;
  readonly direction: "ingress" | "egress";
  readonly action: "ACCEPT" | "REJECT";
  /** Why it was refused, where AWS has a word for it. */
  readonly rejectReason?: "BPA";
  /** As the interface sees the packet: private where it has a public address. */
  readonly source: string;
  readonly destination: string;
  /** 0 but of TCP and UDP. */
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: number;
  /** Of {@link TRAFFIC_PATH}; 0 of ingress. */
  readonly path: number;
};
