import type { Base, Slotted } from "./common.ts";

/** Local routes are not stored: they follow from the VPC's blocks. */
export type RouteTable = Base<"route-table"> &
  Slotted & {
    readonly vpcId: string;
    /** The virtual private gateways whose routes the table would take over. */
    readonly propagatingGateways?: readonly string[];
    /**
     * The regional NAT gateway that the table was made for. It routes what that gateway sends, and is created
     * and deleted with it.
     */
    readonly natGateway?: { readonly id: string; readonly associationId: string };
  };

/**
 * Where a route sends packets. An `instance` route is stored as its primary interface plus the instance id.
 */
export type RouteTarget =
  | { readonly kind: "internet-gateway"; readonly id: string }
  | { readonly kind: "network-interface"; readonly id: string; readonly instanceId?: string }
  | { readonly kind: "nat-gateway"; readonly id: string }
  | { readonly kind: "egress-only-internet-gateway"; readonly id: string }
  | { readonly kind: "vpc-peering-connection"; readonly id: string }
  /** A gateway endpoint; the destination is its service's prefix list. */
  | { readonly kind: "vpc-endpoint"; readonly id: string }
  | { readonly kind: "vpn-gateway"; readonly id: string }
  | { readonly kind: "carrier-gateway"; readonly id: string };

/**
 * One route that a user made. Its id is `routeTableId|destination`. Whether it is active or a blackhole
 * follows from its target.
 */
export type Route = Base<"route"> & {
  readonly routeTableId: string;
  readonly vpcId: string;
  /** A canonical CIDR block of IPv4 or IPv6, or the id of a prefix list. */
  readonly destination: string;
  readonly target: RouteTarget;
};

export function routeId(routeTableId: string, destination: string): string {
  return `${routeTableId}|${destination}`;
}
