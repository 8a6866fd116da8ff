import type { Base, Slotted } from "./common.ts";

export type Subnet = Base<"subnet"> &
  Slotted & {
    readonly vpcId: string;
    readonly cidrBlock: string;
    readonly availabilityZone: string;
    readonly availabilityZoneId: string;
    readonly defaultForAz: boolean;
    readonly mapPublicIpOnLaunch: boolean;
    /** Absent: the subnet follows the VPC's main route table. */
    readonly routeTableAssociation?: { readonly associationId: string; readonly routeTableId: string };
    readonly networkAcl: { readonly associationId: string; readonly networkAclId: string };
    readonly privateDnsHostnameType: "ip-name" | "resource-name";
    readonly enableResourceNameDnsARecord: boolean;
    readonly enableResourceNameDnsAAAARecord: boolean;
  };
