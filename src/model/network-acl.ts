import type { Base, Slotted } from "./common.ts";

export type NetworkAclEntry = {
  /**
   * 1 to 32766; the matching rule with the lowest number decides. The last rule (32767, deny all) is not
   * stored.
   */
  readonly ruleNumber: number;
  readonly egress: boolean;
  readonly action: "allow" | "deny";
  /** -1 for all protocols, else the IANA number. */
  readonly protocol: number;
  /** An IPv4 block; an IPv6 block is in `ipv6CidrBlock`. */
  readonly cidrBlock?: string;
  readonly ipv6CidrBlock?: string;
  /** Ports of TCP and UDP; absent for all. */
  readonly portRange?: { readonly from: number; readonly to: number };
  /** ICMP type and code, -1 for any. */
  readonly icmp?: { readonly type: number; readonly code: number };
};

/** The subnets say which ACL they use. */
export type NetworkAcl = Base<"network-acl"> &
  Slotted & {
    readonly vpcId: string;
    readonly isDefault: boolean;
    readonly entries: readonly NetworkAclEntry[];
  };
