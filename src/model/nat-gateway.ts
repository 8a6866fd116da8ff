import type { Base } from "./common.ts";

/**
 * An address of a NAT gateway: a private one on an interface that the gateway owns and, on a public gateway,
 * the Elastic IP mapped to it.
 */
type NatGatewayAddress = {
  readonly networkInterfaceId: string;
  readonly privateIp: string;
  readonly isPrimary: boolean;
  /** Only on a public gateway. The address's association is the mapping. */
  readonly allocationId?: string;
  /** Only on a deleted gateway: the last public address. */
  readonly publicIp?: string;
  /** Only on a regional gateway. */
  readonly availabilityZone?: string;
  readonly availabilityZoneId?: string;
};

/**
 * A NAT gateway. It takes packets while `state` is available; a deleted or failed one is still described for
 * an hour. Source: VPC user guide, "NAT gateways".
 */
export type NatGateway = Base<"nat-gateway"> & {
  readonly vpcId: string;
  /** Only on a zonal gateway. */
  readonly subnetId?: string;
  readonly connectivityType: "public" | "private";
  readonly availabilityMode: "zonal" | "regional";
  readonly state: "available" | "failed" | "deleted";
  /** ISO 8601. */
  readonly createTime: string;
  readonly deleteTime?: string;
  readonly failure?: { readonly code: string; readonly message: string };
  readonly addresses: readonly NatGatewayAddress[];
  /** Only on a regional gateway: the table that routes what the gateway sends. */
  readonly routeTableId?: string;
  /** Only on a regional gateway: it allocates addresses by itself in the zones where its VPC has subnets. */
  readonly autoProvisionZones?: boolean;
};
