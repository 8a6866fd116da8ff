import type {
  CreateInternetGatewayRequest,
  CreateInternetGatewayResult,
  DeleteInternetGatewayRequest,
  DescribeInternetGatewaysRequest,
  DescribeInternetGatewaysResult,
  InternetGateway as InternetGatewayAnswer,
} from "@aws-sdk/client-ec2";
import type { Tags } from "../model/common.ts";
import { Fault } from "../model/fault.ts";
import { isWellFormedId, newId } from "../model/id.ts";
import type { InternetGateway } from "../model/internet-gateway.ts";
import type { Reader, Tx } from "../model/state.ts";
import type { Action, Context } from "./action.ts";
import { candidates, chosen, type FilterFields, searched } from "./describe.ts";
import { type Done, DONE, required } from "./parameter.ts";
import { requireQuota } from "./quota.ts";
import { tagList, tagsFor } from "./tags.ts";

/** @throws MissingParameter, InvalidInternetGatewayId.Malformed, InvalidInternetGatewayID.NotFound. */
export function findInternetGateway(tx: Reader, id: string | undefined): InternetGateway {
  const gateway = tx.get("internet-gateway", required(id, "internetGatewayId"));
  if (gateway) return gateway;
  if (!isWellFormedId("internet-gateway", id ?? "")) {
    throw new Fault("InvalidInternetGatewayId.Malformed", `Invalid id: "${id}" (expecting "igw-...")`);
  }
  throw new Fault("InvalidInternetGatewayID.NotFound", `The internetGateway ID '${id}' does not exist`);
}

/** The gateway attached to the VPC: at most one. */
export function internetGatewayOf(tx: Reader, vpcId: string): InternetGateway | undefined {
  return tx.by("internet-gateway", "vpcId", vpcId)[0];
}

/** A gateway, not attached. @throws InternetGatewayLimitExceeded (detached gateways count too). */
export function createInternetGateway(tx: Tx, tags: Tags, context: Context): InternetGateway {
  const words = "The maximum number of internet gateways has been reached.";
  requireQuota(context, "internet-gateways", tx.count("internet-gateway") + 1, "InternetGatewayLimitExceeded", words);
  const gateway: InternetGateway = {
    kind: "internet-gateway",
    id: newId("internet-gateway", context.random),
    slot: tx.slot("internet-gateway"),
    tags,
  };
  tx.put(gateway);
  return gateway;
}

const CreateInternetGateway: Action<CreateInternetGatewayRequest, CreateInternetGatewayResult> = (tx, input, context) => {
  const tags = tagsFor("internet-gateway", input.TagSpecifications, context.quotas);
  return { InternetGateway: described(createInternetGateway(tx, tags, context), context) };
};

const DeleteInternetGateway: Action<DeleteInternetGatewayRequest, Done> = (tx, input) => {
  const gateway = findInternetGateway(tx, input.InternetGatewayId);
  if (gateway.vpcId !== undefined) {
    throw new Fault("DependencyViolation", `The internetGateway '${gateway.id}' has dependencies and cannot be deleted.`);
  }
  tx.delete("internet-gateway", gateway.id);
  return DONE;
};

const DescribeInternetGateways: Action<DescribeInternetGatewaysRequest, DescribeInternetGatewaysResult> = (tx, input, context) => {
  const gateways = chosen(
    input.InternetGatewayIds,
    (id) => findInternetGateway(tx, id),
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

export const internetGatewayActions = { CreateInternetGateway, DeleteInternetGateway, DescribeInternetGateways };
