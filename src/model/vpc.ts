import type { Base, Slotted } from "./common.ts";

type CidrAssociation = { readonly associationId: string; readonly cidrBlock: string };

export type Vpc = Base<"vpc"> &
  Slotted & {
    /** The first is the primary block. */
    readonly cidrBlocks: readonly CidrAssociation[];
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
