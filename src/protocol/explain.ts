import type { DropReason, PassReason, Stage } from "../contract/stages.ts";
import type { CloserReason } from "./trace.ts";

export type Protocol = "tcp" | "udp" | "icmp";
export type Family = "ipv4" | "ipv6";

/** Why two ends can, or can't, exchange packets. */
export type Explanation = {
  /** An id, or an address on the internet. */
  readonly subject: string;
  readonly to: string;
  /** The address is the instance's own, or a loopback one: packets to it meet nothing of a VPC. */
  readonly local?: true;
  readonly exchanges: readonly ExchangeText[];
  /** Every exchange that was asked about passes, or goes well as far as an appliance. */
  readonly ok: boolean;
};

/** One exchange in ids, addresses and reasons; the sentences are in `words/`. */
export type ExchangeText = {
  /** As seen from whom was asked about. */
  readonly direction: "out" | "in";
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port?: number;
  /** Ids of instances, interfaces or NAT gateways; addresses of others. */
  readonly client: string;
  readonly server: string;
  readonly source?: string;
  readonly destination?: string;
  /**
   * `blocked`: something stands in the way; `forwarded`: nothing does as far as an appliance, whose software
   * decides.
   */
  readonly verdict: "passes" | "blocked" | "forwarded";
  /** The interface whose software decides, once all before it is mended. */
  readonly depends?: string;
  /** What follows shows only when these commands have run. */
  readonly again?: true;
  readonly hops: readonly ExplainedHop[];
};

/**
 * What an interface must have before there is any packet. In IPv6 an address needs the subnet's block, and
 * that the VPC's.
 */
export type AbsentReason =
  | "no_ipv4_address"
  | "no_ipv6_address"
  | "no_subnet_ipv6_block"
  | "no_vpc_ipv6_block"
  | "no_public_address";

/**
 * What stands in an exchange's way besides drops: no packet can be sent, it leads to nobody, or the answer
 * comes from elsewhere.
 */
export type ObstacleReason = AbsentReason | "misdirected" | "no_such_host";

/** A stage's say, or what keeps there from being a packet. */
export type ExplainedHop = Said & {
  readonly leg: "request" | "answer";
  readonly params: Readonly<Record<string, string>>;
  /** AWS Reachability Analyzer's code of what is in the way, where it has one. */
  readonly code?: string;
  /** The resource that decides. */
  readonly id?: string;
  /** AWS CLI commands, to be run in order; absent: nothing to mend, or nothing that would. */
  readonly commands?: readonly string[];
  /** Commands that were said before mend this too. */
  readonly repeated?: true;
  /** A resource of the account that the commands take because nothing uses it. */
  readonly takes?: string;
  /** It is asked about because nothing else was said. */
  readonly asked?: "default";
};

type Said =
  | { readonly ok: true; readonly what: PassReason; readonly stage: Stage }
  | { readonly ok: false; readonly what: DropReason | CloserReason | ObstacleReason; readonly stage?: Stage };
