import type { Base, Slotted } from "./common.ts";

export type NetworkAclEntry = {
  /** 1 to 32766; the lowest number that matches decides. The last rule (32767, deny all) is not stored. */
  readonly ruleNumber: number;
  readonly egress: boolean;
  readonly action: "allow" | "deny";
  /** -1 for all, else the IANA number. */
  readonly protocol: number;
  /** IPv4 block; or IPv6 block in `ipv6CidrBlock`. */
  readonly cidrBlock?: string;
  readonly ipv6CidrBlock?: string;
  /** Ports of TCP and UDP; absent for all. */
  readonly portRange?: { readonly from: number; readonly to: number };
  /** ICMP type and code, -1 for any. */
  readonly icmp?: { readonly type: number; readonly code: number };
};

/** Which subnets use it follows from the subnets. */
export type NetworkAcl = Base<"network-acl"> &
  Slotted & { readonly vpcId: string; readonly isDefault: boolean; readonly entries: readonly NetworkAclEntry[] };
