import type { Base, Slotted } from "./common.ts";
import type { Reader } from "./state.ts";

/** The local routes are not stored: they follow from the VPC's blocks. */
export type RouteTable = Base<"route-table"> & Slotted & { readonly vpcId: string };

/** Where a route sends packets. An `instance` route is stored as its primary interface plus the instance id. */
export type RouteTarget =
  | { readonly kind: "internet-gateway"; readonly id: string }
  | { readonly kind: "network-interface"; readonly id: string; readonly instanceId?: string };

/** One route that a user made. Its id is `routeTableId|destination`. Whether it is active or a blackhole follows from its target. */
export type Route = Base<"route"> & {
  readonly routeTableId: string;
  readonly vpcId: string;
  /** A canonical CIDR block. */
  readonly destination: string;
  readonly target: RouteTarget;
};

export function routeId(routeTableId: string, destination: string): string {
  return `${routeTableId}|${destination}`;
}

/**
 * Whether the route's target can take packets now; otherwise the route is a blackhole. A gateway must be attached to the
 * table's VPC, an interface to an instance that runs. Source: EC2 API reference, Route.State.
 */
export function isActive(reader: Reader, route: Route): boolean {
  const { target } = route;
  if (target.kind === "internet-gateway") return reader.get("internet-gateway", target.id)?.vpcId === route.vpcId;
  const instanceId = reader.get("network-interface", target.id)?.attachment?.instanceId;
  const state = instanceId === undefined ? undefined : reader.get("instance", instanceId)?.state;
  return state === "running" || state === "pending";
}
