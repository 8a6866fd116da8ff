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
import { candidates, chosen, type FilterFields, paged, searched } from "./describe.ts";
import { findVpc } from "./vpc.ts";

/**
 * Kinds of resources that can't be created here: there are none, and clients that look around them are told so.
 * An id asked for by name is not found.
 */
function none<Input, Output extends object>(
  ids: (input: Input) => readonly string[] | undefined,
  answer: Output,
  [code, words]: readonly [FaultCode, string],
): Action<Input, Output> {
  return (_tx, input) => {
    const [id] = ids(input) ?? [];
    if (id !== undefined)
      throw new Fault(
        code,
        words.replace("%s", () => id),
      );
    return answer;
  };
}

const DescribeVpnConnections = none<DescribeVpnConnectionsRequest, DescribeVpnConnectionsResult>(
  (input) => input.VpnConnectionIds,
  { VpnConnections: [] },
  ["InvalidVpnConnectionID.NotFound", "The vpnConnection ID '%s' does not exist"],
);

const DescribeTransitGateways = none<DescribeTransitGatewaysRequest, DescribeTransitGatewaysResult>(
  (input) => input.TransitGatewayIds,
  { TransitGateways: [] },
  ["InvalidTransitGatewayID.NotFound", "Transit Gateway %s was deleted or does not exist."],
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
