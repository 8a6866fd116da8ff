import type { Route } from "./route-table.ts";
import type { Reader } from "./state.ts";

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
