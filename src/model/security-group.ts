import type { Base, Slotted } from "./common.ts";

export type SecurityGroup = Base<"security-group"> &
  Slotted & {
    readonly vpcId: string;
    readonly name: string;
    readonly description: string;
    /** Other VPCs whose interfaces may use the group. */
    readonly associatedVpcIds?: readonly string[];
  };

/** Who is on the other side: a block of addresses or the members of a group. */
export type RulePeer =
  | { readonly kind: "ipv4"; readonly cidr: string }
  | { readonly kind: "ipv6"; readonly cidr: string }
  | { readonly kind: "prefix-list"; readonly prefixListId: string }
  | {
      readonly kind: "group";
      readonly groupId: string;
      /** The peering connection to the group's VPC, when that is another one. */
      readonly peering?: { readonly connectionId: string; readonly vpcId: string };
    };

/**
 * One rule. `protocol` is -1 for all, else the IANA number. `fromPort`..`toPort` are ports for TCP (6) and
 * UDP (17); for ICMP (1) they are type and code, -1 meaning any; for other protocols both are -1.
 */
export type SecurityGroupRule = Base<"security-group-rule"> & {
  readonly groupId: string;
  readonly direction: "ingress" | "egress";
  readonly protocol: number;
  readonly fromPort: number;
  readonly toPort: number;
  readonly peer: RulePeer;
  readonly description?: string;
};
