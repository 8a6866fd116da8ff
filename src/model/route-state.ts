import type { Route } from "./route-table.ts";
import type { Reader } from "./state.ts";

/**
 * Whether the route's target can take packets now; otherwise the route is a blackhole. A gateway must be
 * attached to the table's VPC, and an interface to a running instance. Source: EC2 API reference,
 * Route.State.
 */
export function isActive(reader: Reader, route: Route): boolean {
  const { target } = route;
  switch (target.kind) {
    case "internet-gateway":
      return reader.get("internet-gateway", target.id)?.vpcId === route.vpcId;
    case "nat-gateway":
      return reader.get("nat-gateway", target.id)?.state === "available";
    case "egress-only-internet-gateway":
      return reader.get("egress-only-internet-gateway", target.id) !== undefined;
    case "vpc-peering-connection":
      return reader.get("vpc-peering-connection", target.id)?.status === "active";
    case "vpc-endpoint":
      return reader.get("vpc-endpoint", target.id) !== undefined;
    case "vpn-gateway":
      return reader.get("vpn-gateway", target.id)?.vpcId === route.vpcId;
    case "carrier-gateway":
      return reader.get("carrier-gateway", target.id) !== undefined;
    case "network-interface": {
      const instanceId = reader.get("network-interface", target.id)?.attachment?.instanceId;
      const state = instanceId === undefined ? undefined : reader.get("instance", instanceId)?.state;
      return state === "running" || state === "pending";
    }
  }
}
