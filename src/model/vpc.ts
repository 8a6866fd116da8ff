import type { Base, Slotted } from "./common.ts";
import type { Ended } from "./lingering.ts";

type CidrAssociation = { readonly associationId: string; readonly cidrBlock: string };

type Ipv6CidrAssociation = {
  readonly associationId: string;
  /** A canonical block: a /56 from Amazon, or /44 to /60 from a user's own pool. */
  readonly ipv6CidrBlock: string;
  /** "Amazon", or the user's own pool. */
  readonly ipv6Pool: string;
};

export type Vpc = Base<"vpc"> &
  Slotted & {
    /** The first is the primary block. */
    readonly cidrBlocks: readonly CidrAssociation[];
    readonly ipv6CidrBlocks?: readonly Ipv6CidrAssociation[];
    /** Blocks that it had before. */
    readonly endedCidrBlocks?: readonly Ended<CidrAssociation>[];
    readonly endedIpv6CidrBlocks?: readonly Ended<Ipv6CidrAssociation>[];
    readonly isDefault: boolean;
    readonly instanceTenancy: "default" | "dedicated";
    readonly dhcpOptionsId: string;
    readonly enableDnsSupport: boolean;
    readonly enableDnsHostnames: boolean;
    readonly enableNetworkAddressUsageMetrics: boolean;
    readonly mainRouteTable: { readonly associationId: string; readonly routeTableId: string };
    readonly defaultNetworkAclId: string;
    readonly defaultSecurityGroupId: string;
  };
