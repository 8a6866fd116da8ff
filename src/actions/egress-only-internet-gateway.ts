import type {
  CreateEgressOnlyInternetGatewayRequest,
  CreateEgressOnlyInternetGatewayResult,
  DeleteEgressOnlyInternetGatewayRequest,
  DeleteEgressOnlyInternetGatewayResult,
  DescribeEgressOnlyInternetGatewaysRequest,
  DescribeEgressOnlyInternetGatewaysResult,
  EgressOnlyInternetGateway as GatewayAnswer,
} from "@aws-sdk/client-ec2";
import type { EgressOnlyInternetGateway } from "../model/egress-only-internet-gateway.ts";
import { Fault } from "../model/fault.ts";
import { isWellFormedId, newId } from "../model/id.ts";
import type { Reader } from "../model/state.ts";
import type { Action } from "./action.ts";
import { candidates, type FilterFields, searched } from "./describe.ts";
import { required } from "./parameter.ts";
import { requireQuota } from "./quota.ts";
import { tagList, tagsFor } from "./tags.ts";
import { findVpc } from "./vpc.ts";

/** @throws MissingParameter; InvalidEgressOnlyInternetGatewayId.Malformed; InvalidEgressOnlyInternetGatewayId.NotFound. */
function findEgressOnlyInternetGateway(tx: Reader, id: string | undefined): EgressOnlyInternetGateway {
  const gateway = tx.get("egress-only-internet-gateway", required(id, "egressOnlyInternetGatewayId"));
  if (gateway) return gateway;
  requireWellFormed(id ?? "");
  throw new Fault("InvalidEgressOnlyInternetGatewayId.NotFound", `The egressOnlyInternetGateway ID '${id}' does not exist`);
}

function requireWellFormed(id: string): void {
  if (isWellFormedId("egress-only-internet-gateway", id)) return;
  throw new Fault("InvalidEgressOnlyInternetGatewayId.Malformed", `Invalid id: "${id}" (expecting "eigw-...")`);
}

/** It is attached to its VPC for life, and the only one there (VPC user guide, "Amazon VPC quotas"). */
const CreateEgressOnlyInternetGateway: Action<CreateEgressOnlyInternetGatewayRequest, CreateEgressOnlyInternetGatewayResult> = (
  tx,
  input,
  context,
) => {
  const vpc = findVpc(tx, input.VpcId);
  const tags = tagsFor("egress-only-internet-gateway", input.TagSpecifications, context.quotas);
  if (tx.countBy("egress-only-internet-gateway", "vpcId", vpc.id) > 0) {
    throw new Fault("EgressOnlyInternetGatewayLimitExceeded", `The vpc '${vpc.id}' already has an egress only internet gateway attached.`);
  }
  const used = tx.count("egress-only-internet-gateway") + 1;
  const words = "The maximum number of egress only internet gateways has been reached.";
  requireQuota(context, "egress-only-internet-gateways", used, "EgressOnlyInternetGatewayLimitExceeded", words);
  const id = newId("egress-only-internet-gateway", context.random);
  const slot = tx.slot("egress-only-internet-gateway");
  const gateway: EgressOnlyInternetGateway = { kind: "egress-only-internet-gateway", id, slot, tags, vpcId: vpc.id };
  tx.put(gateway);
  return { ClientToken: input.ClientToken, EgressOnlyInternetGateway: described(gateway) };
};

/** Routes to it stay, as blackholes. */
const DeleteEgressOnlyInternetGateway: Action<DeleteEgressOnlyInternetGatewayRequest, DeleteEgressOnlyInternetGatewayResult> = (
  tx,
  input,
) => {
  const gateway = findEgressOnlyInternetGateway(tx, input.EgressOnlyInternetGatewayId);
  tx.delete("egress-only-internet-gateway", gateway.id);
  return { ReturnCode: true };
};

const DescribeEgressOnlyInternetGateways: Action<DescribeEgressOnlyInternetGatewaysRequest, DescribeEgressOnlyInternetGatewaysResult> = (
  tx,
  input,
) => {
  // Of those that are not there nothing is said; AWS answers so here, and not of other gateways.
  const ids = [...new Set(input.EgressOnlyInternetGatewayIds ?? [])];
  for (const id of ids) requireWellFormed(id);
  const gateways =
    ids.length > 0
      ? ids.flatMap((id) => tx.get("egress-only-internet-gateway", id) ?? [])
      : candidates(tx, "egress-only-internet-gateway", input.Filters, {});
  const { items, nextToken } = searched(gateways, input, FIELDS, { min: 5, max: 255 });
  return { EgressOnlyInternetGateways: items.map(described), NextToken: nextToken };
};

/** Filters by tag alone (EC2 API reference, DescribeEgressOnlyInternetGateways). */
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
