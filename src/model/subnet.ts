import type { Base, Slotted } from "./common.ts";
import type { Ended } from "./lingering.ts";

type SubnetIpv6CidrAssociation = { readonly associationId: string; readonly ipv6CidrBlock: string };

export type Subnet = Base<"subnet"> &
  Slotted & {
    readonly vpcId: string;
    /** Absent of a subnet for IPv6 alone. */
    readonly cidrBlock?: string;
    /** /44 to /64 in steps of 4, of one of the VPC's blocks. */
    readonly ipv6CidrBlock?: SubnetIpv6CidrAssociation;
    /** Those that it had. */
    readonly endedIpv6CidrBlocks?: readonly Ended<SubnetIpv6CidrAssociation>[];
    /** For IPv6 alone. Fixed at creation. */
    readonly ipv6Native?: boolean;
    readonly assignIpv6AddressOnCreation?: boolean;
    readonly enableDns64?: boolean;
    readonly availabilityZone: string;
    readonly availabilityZoneId: string;
    readonly defaultForAz: boolean;
    readonly mapPublicIpOnLaunch: boolean;
    /** Absent: the subnet follows the VPC's main route table. */
    readonly routeTableAssociation?: { readonly associationId: string; readonly routeTableId: string };
    /** Absent of what a regional NAT gateway has: no list guards it. */
    readonly networkAcl?: { readonly associationId: string; readonly networkAclId: string };
    /** The place of a regional NAT gateway in one zone, with a link-local block. No call shows it, nor counts it. */
    readonly natGatewayId?: string;
    readonly privateDnsHostnameType: "ip-name" | "resource-name";
    readonly enableResourceNameDnsARecord: boolean;
    readonly enableResourceNameDnsAAAARecord: boolean;
  };
