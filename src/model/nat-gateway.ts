import type { Base } from "./common.ts";

/** An address of a NAT gateway: a private one on an interface that the gateway owns and, on a public gateway, an Elastic IP mapped to it. */
type NatGatewayAddress = {
  readonly networkInterfaceId: string;
  readonly privateIp: string;
  readonly isPrimary: boolean;
  /** Of a public gateway. The mapping itself is the address's association. */
  readonly allocationId?: string;
  /** Of a deleted gateway, as it was last. */
  readonly publicIp?: string;
  /** Of a regional gateway. */
  readonly availabilityZone?: string;
  readonly availabilityZoneId?: string;
};

/**
 * A NAT gateway. It is there for packets while `state` is available; a deleted or failed one stays to be described for an hour.
 * Source: VPC user guide, "NAT gateways".
 */
export type NatGateway = Base<"nat-gateway"> & {
  readonly vpcId: string;
  /** Of a zonal gateway. */
  readonly subnetId?: string;
  readonly connectivityType: "public" | "private";
  readonly availabilityMode: "zonal" | "regional";
  readonly state: "available" | "failed" | "deleted";
  /** ISO 8601. */
  readonly createTime: string;
  readonly deleteTime?: string;
  readonly failure?: { readonly code: string; readonly message: string };
  readonly addresses: readonly NatGatewayAddress[];
  /** Of a regional gateway: the table that routes what it sends. */
  readonly routeTableId?: string;
  /** Of a regional gateway: it takes addresses by itself in the zones where its VPC has subnets. */
  readonly autoProvisionZones?: boolean;
};
