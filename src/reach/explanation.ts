import type { TableReader } from "../plan/tables.ts";
import type { Command } from "./mend.ts";
import type { Names } from "./names.ts";
import type { Ends } from "./passage.ts";

/** What is asked: can the instance reach this host, and be reached from it? */
export type Question = {
  /** An address of the internet. Of IPv6: the way over IPv6 is asked about. */
  readonly to: string;
  /** Absent: TCP. */
  readonly protocol?: "tcp" | "udp" | "icmp";
  /** Absent: 80. */
  readonly port?: number;
};

export type StepName =
  | "instance"
  | "internet_gateway"
  | "block_public_access"
  | "gateway_route"
  | "route"
  | "nat_gateway"
  | "nat_gateway_route"
  | "nat_acl_in"
  | "nat_acl_out"
  | "nat_acl_reply_in"
  | "nat_acl_reply_out"
  | "nat_answers"
  | "appliance"
  | "appliance_back"
  | "gateway_appliance"
  | "peering"
  | "inside_route"
  | "inside_target"
  | "inside_target_up"
  | "inside_route_back"
  | "public_ip"
  | "ipv6_block"
  | "ipv6_address"
  | "egress_only"
  | "destination"
  | "security_group_out"
  | "network_acl_out"
  | "network_acl_reply_in"
  | "network_acl_in"
  | "security_group_in"
  | "network_acl_reply_out";

/** One thing that must be so. Words are the reader's: `what` and `params` name them. */
export type ExplainedStep = {
  readonly what: StepName;
  /** Of which exchanges it is a condition: those that the instance begins, those that the internet begins, or both. */
  readonly direction: "out" | "in" | "both";
  readonly ok: boolean;
  /** The resource where it is decided. */
  readonly id: string;
  /** AWS Reachability Analyzer's explanation code; only for what is not so. */
  readonly code?: string;
  readonly params: Readonly<Record<string, string>>;
  /** AWS CLI commands, to be run in order; none when nothing is wrong, or nothing can be done. */
  readonly mend: readonly Command[];
  /** A resource of the account that the commands take because nothing uses it. */
  readonly takes?: string;
};

export type Explanation = {
  readonly steps: readonly ExplainedStep[];
  /** The instance can begin an exchange with the host, and the host one with the instance. */
  readonly out: boolean;
  readonly in: boolean;
  /** The network interface whose software decides, where packets go through one first: then `out` and `in` say only that nothing before it is wrong. */
  readonly depends?: string;
  /** The host is in the VPC, or in one that is peered with it. */
  readonly inside?: true;
};

/** What the steps look at. */
export type Scene = {
  readonly tables: TableReader;
  readonly names: Names;
  readonly eni: Ends;
  readonly to: string;
  /** The groups of the other end, by slot, where rules that name groups count. */
  readonly peerGroups?: readonly number[];
  /** Whom the commands let through; absent: everybody. */
  readonly block?: string;
  /** The numbers that entries of this explanation's commands have taken already, by list. */
  readonly entryNumbers: Map<string, Set<number>>;
};

/** Whether it is IPv6 that is asked about. */
export function isIpv6Scene({ to }: Scene): boolean {
  return to.includes(":");
}

/** The interface's own address in the family that is asked about. */
export function ownAddress({ eni, to }: Scene): string {
  return to.includes(":") ? eni.row.ipv6 : eni.row.private_ip;
}

type Finding = {
  readonly ok: boolean;
  readonly id: string;
  readonly code: string | undefined;
  readonly mend: readonly Command[];
  readonly takes?: string | undefined;
};

/** A step; code and commands are for what is not so. */
export function step(
  what: StepName,
  finding: Finding,
  params: ExplainedStep["params"] = {},
  direction: ExplainedStep["direction"] = "both",
): ExplainedStep {
  const { ok, id, code, mend, takes } = finding;
  if (ok) return { what, direction, ok, id, params, mend: [] };
  return { what, direction, ok, id, params, ...(code === undefined ? {} : { code }), mend, ...(takes === undefined ? {} : { takes }) };
}

/** A resource of another VPC, which the names don't know, is told by its number. */
export function idOf(names: Names, kind: Parameters<Names["of"]>[0], slot: number): string {
  return names.of(kind, slot) ?? `${kind} ${slot}`;
}
