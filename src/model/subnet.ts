import type { Base, Slotted } from "./common.ts";
import type { Ended } from "./lingering.ts";

type SubnetIpv6CidrAssociation = { readonly associationId: string; readonly ipv6CidrBlock: string };

export type Subnet = Base<"subnet"> &
  Slotted & {
    readonly vpcId: string;
    /** Absent for an IPv6-only subnet. */
    readonly cidrBlock?: string;
    /** /44 to /64 in steps of 4, within one of the VPC's blocks. */
    readonly ipv6CidrBlock?: SubnetIpv6CidrAssociation;
    /** IPv6 blocks that it had before. */
    readonly endedIpv6CidrBlocks?: readonly Ended<SubnetIpv6CidrAssociation>[];
    /** An IPv6-only subnet. Fixed at creation. */
    readonly ipv6Native?: boolean;
    readonly assignIpv6AddressOnCreation?: boolean;
    readonly enableDns64?: boolean;
    readonly availabilityZone: string;
    readonly availabilityZoneId: string;
    readonly defaultForAz: boolean;
    readonly mapPublicIpOnLaunch: boolean;
    /** Absent: the subnet follows the VPC's main route table. */
    readonly routeTableAssociation?: { readonly associationId: string; readonly routeTableId: string };
    /** Absent for a regional NAT gateway's zone subnet, which no network ACL guards. */
    readonly networkAcl?: { readonly associationId: string; readonly networkAclId: string };
    /**
     * The regional NAT gateway whose zone subnet this is. It has a link-local block; no call shows or counts
     * it.
     */
    readonly natGatewayId?: string;
    readonly privateDnsHostnameType: "ip-name" | "resource-name";
    readonly enableResourceNameDnsARecord: boolean;
    readonly enableResourceNameDnsAAAARecord: boolean;
  };
