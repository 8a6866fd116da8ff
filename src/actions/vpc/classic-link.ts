import type {
  DescribeVpcClassicLinkDnsSupportRequest,
  DescribeVpcClassicLinkDnsSupportResult,
  DescribeVpcClassicLinkRequest,
  DescribeVpcClassicLinkResult,
} from "@aws-sdk/client-ec2";
import type { Vpc } from "../../model/vpc.ts";
import type { Action } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, paged, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";

/** ClassicLink is gone from AWS; old clients still ask whether a VPC has it. */
const DescribeVpcClassicLink: Action<DescribeVpcClassicLinkRequest, DescribeVpcClassicLinkResult> = (
  tx,
  input,
) => {
  const vpcs = chosen(
    input.VpcIds,
    (id) => find(tx, "vpc", id),
    () => candidates(tx, "vpc", undefined, {}),
  );
  const isEnabled = (): string => "false";
  const fields: FilterFields<Vpc> = { "is-classic-link-enabled": isEnabled, "vpc-id": (vpc) => vpc.id };
  const { items } = searched(vpcs, { Filters: input.Filters }, fields);
  return { Vpcs: items.map((vpc) => ({ VpcId: vpc.id, ClassicLinkEnabled: false })) };
};

const DescribeVpcClassicLinkDnsSupport: Action<
  DescribeVpcClassicLinkDnsSupportRequest,
  DescribeVpcClassicLinkDnsSupportResult
> = (tx, input) => {
  const vpcs = chosen(
    input.VpcIds,
    (id) => find(tx, "vpc", id),
    () => candidates(tx, "vpc", undefined, {}),
  );
  const { items, nextToken } = paged(vpcs, input);
  return {
    Vpcs: items.map((vpc) => ({ VpcId: vpc.id, ClassicLinkDnsSupported: false })),
    NextToken: nextToken,
  };
};

export const classicLinkActions = { DescribeVpcClassicLink, DescribeVpcClassicLinkDnsSupport };
