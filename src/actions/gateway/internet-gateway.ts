import type {
  CreateInternetGatewayRequest,
  CreateInternetGatewayResult,
  DeleteInternetGatewayRequest,
  DescribeInternetGatewaysRequest,
  DescribeInternetGatewaysResult,
  InternetGateway as InternetGatewayAnswer,
} from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { InternetGateway } from "../../model/internet-gateway.ts";
import type { Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagList, tagsFor } from "../kit/tags.ts";

/** A gateway, not attached. @throws InternetGatewayLimitExceeded (detached gateways count too). */
export function createInternetGateway(tx: Tx, tags: Tags, context: Context): InternetGateway {
  const words = "The maximum number of internet gateways has been reached.";
  requireQuota(
    context,
    "internet-gateways",
    tx.count("internet-gateway") + 1,
    "InternetGatewayLimitExceeded",
    words,
  );
  const gateway: InternetGateway = {
    kind: "internet-gateway",
    id: newId("internet-gateway", context.random),
    slot: tx.slot("internet-gateway"),
    tags,
  };
  tx.put(gateway);
  return gateway;
}

const CreateInternetGateway: Action<CreateInternetGatewayRequest, CreateInternetGatewayResult> = (
  tx,
  input,
  context,
) => {
  const tags = tagsFor("internet-gateway", input.TagSpecifications, context.quotas);
  return { InternetGateway: described(createInternetGateway(tx, tags, context), context) };
};

const DeleteInternetGateway: Action<DeleteInternetGatewayRequest, Done> = (tx, input) => {
  const gateway = find(tx, "internet-gateway", input.InternetGatewayId);
  if (gateway.vpcId !== undefined) {
    throw new Fault(
      "DependencyViolation",
      `The internetGateway '${gateway.id}' has dependencies and cannot be deleted.`,
    );
  }
  tx.delete("internet-gateway", gateway.id);
  return DONE;
};

const DescribeInternetGateways: Action<DescribeInternetGatewaysRequest, DescribeInternetGatewaysResult> = (
  tx,
  input,
  context,
) => {
  const gateways = chosen(
    input.InternetGatewayIds,
    (id) => find(tx, "internet-gateway", id),
    () => candidates(tx, "internet-gateway", input.Filters, { "attachment.vpc-id": "vpcId" }),
  );
  const { items, nextToken } = searched(gateways, input, fields(context));
  return { InternetGateways: items.map((gateway) => described(gateway, context)), NextToken: nextToken };
};

function fields(context: Context): FilterFields<InternetGateway> {
  return {
    "attachment.state": (gateway) => (gateway.vpcId === undefined ? undefined : ATTACHED),
    "attachment.vpc-id": (gateway) => gateway.vpcId,
    "internet-gateway-id": (gateway) => gateway.id,
    "owner-id": () => context.account,
  };
}

/** What AWS answers for an attached gateway; the documented `attached` is never seen. */
const ATTACHED = "available";

function described(gateway: InternetGateway, context: Context): InternetGatewayAnswer {
  return {
    InternetGatewayId: gateway.id,
    // The type knows only the documented states.
    Attachments: gateway.vpcId === undefined ? [] : [{ State: ATTACHED as "attached", VpcId: gateway.vpcId }],
    OwnerId: context.account,
    Tags: tagList(gateway.tags),
  };
}

export const internetGatewayActions = {
  CreateInternetGateway,
  DeleteInternetGateway,
  DescribeInternetGateways,
};
