import type { DescribeVpnConnectionsRequest, DescribeVpnConnectionsResult } from "@aws-sdk/client-ec2";
import { describesNone } from "../kit/empty-kind.ts";

/** EC2 API reference, DescribeVpnConnections; those of tags are every resource's. */
const FILTERS = [
  "customer-gateway-configuration",
  "customer-gateway-id",
  "state",
  "option.static-routes-only",
  "route.destination-cidr-block",
  "bgp-asn",
  "type",
  "vpn-connection-id",
  "vpn-gateway-id",
  "transit-gateway-id",
];

const DescribeVpnConnections = describesNone<DescribeVpnConnectionsRequest, DescribeVpnConnectionsResult>(
  "vpn-connection",
  (input) => input.VpnConnectionIds,
  () => ({ VpnConnections: [] }),
  FILTERS,
);

export const vpnConnectionActions = { DescribeVpnConnections };
