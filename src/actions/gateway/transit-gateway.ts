import type { DescribeTransitGatewaysRequest, DescribeTransitGatewaysResult } from "@aws-sdk/client-ec2";
import { describesNone } from "../kit/empty-kind.ts";

/** EC2 API reference, DescribeTransitGateways. */
const FILTERS = [
  "options.propagation-default-route-table-id",
  "options.amazon-side-asn",
  "options.association-default-route-table-id",
  "options.auto-accept-shared-attachments",
  "options.default-route-table-association",
  "options.default-route-table-propagation",
  "options.dns-support",
  "options.vpn-ecmp-support",
  "owner-id",
  "state",
  "transit-gateway-id",
];

const DescribeTransitGateways = describesNone<DescribeTransitGatewaysRequest, DescribeTransitGatewaysResult>(
  "transit-gateway",
  (input) => input.TransitGatewayIds,
  () => ({ TransitGateways: [] }),
  FILTERS,
);

export const transitGatewayActions = { DescribeTransitGateways };
