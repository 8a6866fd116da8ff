import type {
  DescribeTransitGatewaysRequest,
  DescribeTransitGatewaysResult,
  DescribeVpcClassicLinkDnsSupportRequest,
  DescribeVpcClassicLinkDnsSupportResult,
  DescribeVpcClassicLinkRequest,
  DescribeVpcClassicLinkResult,
  DescribeVpnConnectionsRequest,
  DescribeVpnConnectionsResult,
} from "@aws-sdk/client-ec2";
import { Fault, type FaultCode } from "../model/fault.ts";
import type { Vpc } from "../model/vpc.ts";
import type { Action } from "./action.ts";
import { checkFilters } from "./account-setting.ts";
import { candidates, chosen, type Filter, type FilterFields, paged, searched } from "./describe.ts";
import { findVpc } from "./vpc.ts";

type Asked = {
  readonly Filters?: readonly Filter[] | undefined;
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
};

/**
 * Kinds of resources that can't be created here: there are none, and clients that look around them are told so.
 * An id asked for by name is not found, and a filter that AWS does not know or a page that there is not is refused.
 */
function none<Input extends Asked, Output extends object>(
  ids: (input: Input) => readonly string[] | undefined,
  answer: Output,
  [code, words]: readonly [FaultCode, string],
  filterNames: readonly string[],
): Action<Input, Output> {
  return (_tx, input) => {
    const [id] = ids(input) ?? [];
    if (id !== undefined)
      throw new Fault(
        code,
        words.replace("%s", () => id),
      );
    checkFilters(input.Filters, filterNames);
    paged([], input);
    return answer;
  };
}

/** EC2 API reference, DescribeVpnConnections; those of tags are every resource's. */
const VPN_CONNECTION_FILTERS =
  "customer-gateway-configuration customer-gateway-id state option.static-routes-only route.destination-cidr-block bgp-asn type vpn-connection-id vpn-gateway-id transit-gateway-id".split(
    " ",
  );

/** EC2 API reference, DescribeTransitGateways. */
const TRANSIT_GATEWAY_FILTERS =
  "options.propagation-default-route-table-id options.amazon-side-asn options.association-default-route-table-id options.auto-accept-shared-attachments options.default-route-table-association options.default-route-table-propagation options.dns-support options.vpn-ecmp-support owner-id state transit-gateway-id".split(
    " ",
  );

const DescribeVpnConnections = none<DescribeVpnConnectionsRequest, DescribeVpnConnectionsResult>(
  (input) => input.VpnConnectionIds,
  { VpnConnections: [] },
  ["InvalidVpnConnectionID.NotFound", "The vpnConnection ID '%s' does not exist"],
  VPN_CONNECTION_FILTERS,
);

const DescribeTransitGateways = none<DescribeTransitGatewaysRequest, DescribeTransitGatewaysResult>(
  (input) => input.TransitGatewayIds,
  { TransitGateways: [] },
  ["InvalidTransitGatewayID.NotFound", "Transit Gateway %s was deleted or does not exist."],
  TRANSIT_GATEWAY_FILTERS,
);

/** ClassicLink is gone from AWS; old clients still ask whether a VPC has it. */
const DescribeVpcClassicLink: Action<DescribeVpcClassicLinkRequest, DescribeVpcClassicLinkResult> = (tx, input) => {
  const vpcs = chosen(
    input.VpcIds,
    (id) => findVpc(tx, id),
    () => candidates(tx, "vpc", undefined, {}),
  );
  const isEnabled = (): string => "false";
  const fields: FilterFields<Vpc> = { "is-classic-link-enabled": isEnabled, "vpc-id": (vpc) => vpc.id };
  const { items } = searched(vpcs, { Filters: input.Filters }, fields);
  return { Vpcs: items.map((vpc) => ({ VpcId: vpc.id, ClassicLinkEnabled: false })) };
};

const DescribeVpcClassicLinkDnsSupport: Action<DescribeVpcClassicLinkDnsSupportRequest, DescribeVpcClassicLinkDnsSupportResult> = (
  tx,
  input,
) => {
  const vpcs = chosen(
    input.VpcIds,
    (id) => findVpc(tx, id),
    () => candidates(tx, "vpc", undefined, {}),
  );
  const { items, nextToken } = paged(vpcs, input);
  return { Vpcs: items.map((vpc) => ({ VpcId: vpc.id, ClassicLinkDnsSupported: false })), NextToken: nextToken };
};

export const notYetActions = {
  DescribeVpnConnections,
  DescribeTransitGateways,
  DescribeVpcClassicLink,
  DescribeVpcClassicLinkDnsSupport,
};
