/**
 * How long an idle connection is remembered, in seconds. By security groups and egress-only internet gateways:
 * TCP that is established, UDP of one exchange, a UDP stream, and other protocols (EC2 user guide, "Security
 * group connection tracking"; the sixth Nitro generation, which keeps established TCP for 350 seconds, is not
 * here). By NAT gateways: 350 seconds (VPC user guide, "NAT gateways"). The rest is not documented.
 */
export const IDLE_TIMEOUT = {
  tcp_opening: 60,
  tcp_established: 432_000,
  /** After a FIN. */
  tcp_closing: 120,
  /** After FINs of both sides, or an RST. */
  tcp_closed: 10,
  udp_single: 30,
  udp_stream: 180,
  icmp: 30,
  other: 600,
  nat: 350,
  nat_closed: 10,
} as const;
