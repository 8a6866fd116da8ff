import type {
  CreateEgressOnlyInternetGatewayRequest,
  CreateEgressOnlyInternetGatewayResult,
  DeleteEgressOnlyInternetGatewayRequest,
  DeleteEgressOnlyInternetGatewayResult,
  DescribeEgressOnlyInternetGatewaysRequest,
  DescribeEgressOnlyInternetGatewaysResult,
  EgressOnlyInternetGateway as GatewayAnswer,
} from "@aws-sdk/client-ec2";
import type { EgressOnlyInternetGateway } from "../../model/egress-only-internet-gateway.ts";
import { Fault } from "../../model/fault.ts";
import { isWellFormedId, newId } from "../../model/id.ts";
import type { Action } from "../kit/action.ts";
import { candidates, type FilterFields, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { noSuch } from "../kit/not-found.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagList, tagsFor } from "../kit/tags.ts";

/** It is attached to its VPC for life, and the only one there (VPC user guide, "Amazon VPC quotas"). */
const CreateEgressOnlyInternetGateway: Action<
  CreateEgressOnlyInternetGatewayRequest,
  CreateEgressOnlyInternetGatewayResult
> = (tx, input, context) => {
  const vpc = find(tx, "vpc", input.VpcId);
  const tags = tagsFor("egress-only-internet-gateway", input.TagSpecifications, context.quotas);
  if (tx.countBy("egress-only-internet-gateway", "vpcId", vpc.id) > 0) {
    throw new Fault(
      "EgressOnlyInternetGatewayLimitExceeded",
      `The vpc '${vpc.id}' already has an egress only internet gateway attached.`,
    );
  }
  const used = tx.count("egress-only-internet-gateway") + 1;
  const words = "The maximum number of egress only internet gateways has been reached.";
  requireQuota(
    context,
    "egress-only-internet-gateways",
    used,
    "EgressOnlyInternetGatewayLimitExceeded",
    words,
  );
  const id = newId("egress-only-internet-gateway", context.random);
  const slot = tx.slot("egress-only-internet-gateway");
  const gateway: EgressOnlyInternetGateway = {
    kind: "egress-only-internet-gateway",
    id,
    slot,
    tags,
    vpcId: vpc.id,
  };
  tx.put(gateway);
  return { ClientToken: input.ClientToken, EgressOnlyInternetGateway: described(gateway) };
};

/** Routes to it stay, as blackholes. */
const DeleteEgressOnlyInternetGateway: Action<
  DeleteEgressOnlyInternetGatewayRequest,
  DeleteEgressOnlyInternetGatewayResult
> = (tx, input) => {
  const gateway = find(tx, "egress-only-internet-gateway", input.EgressOnlyInternetGatewayId);
  tx.delete("egress-only-internet-gateway", gateway.id);
  return { ReturnCode: true };
};

const DescribeEgressOnlyInternetGateways: Action<
  DescribeEgressOnlyInternetGatewaysRequest,
  DescribeEgressOnlyInternetGatewaysResult
> = (tx, input) => {
  // Ids that don't exist are ignored; AWS does so here, though not for other gateways.
  const ids = [...new Set(input.EgressOnlyInternetGatewayIds ?? [])];
  const malformed = ids.find((id) => !isWellFormedId("egress-only-internet-gateway", id));
  if (malformed !== undefined) throw noSuch("egress-only-internet-gateway", malformed);
  const gateways =
    ids.length > 0
      ? ids.flatMap((id) => tx.get("egress-only-internet-gateway", id) ?? [])
      : candidates(tx, "egress-only-internet-gateway", input.Filters, {});
  const { items, nextToken } = searched(gateways, input, FIELDS, { min: 5, max: 255 });
  return { EgressOnlyInternetGateways: items.map(described), NextToken: nextToken };
};

/** Filters only by tag (EC2 API reference, DescribeEgressOnlyInternetGateways). */
const FIELDS: FilterFields<EgressOnlyInternetGateway> = {};

function described(gateway: EgressOnlyInternetGateway): GatewayAnswer {
  return {
    EgressOnlyInternetGatewayId: gateway.id,
    Attachments: [{ State: "attached", VpcId: gateway.vpcId }],
    Tags: tagList(gateway.tags),
  };
}

export const egressOnlyInternetGatewayActions = {
  CreateEgressOnlyInternetGateway,
  DeleteEgressOnlyInternetGateway,
  DescribeEgressOnlyInternetGateways,
};
