import type {
  CarrierGateway as GatewayAnswer,
  CreateCarrierGatewayRequest,
  CreateCarrierGatewayResult,
  DeleteCarrierGatewayRequest,
  DeleteCarrierGatewayResult,
  DescribeCarrierGatewaysRequest,
  DescribeCarrierGatewaysResult,
} from "@aws-sdk/client-ec2";
import type { CarrierGateway } from "../../model/carrier-gateway.ts";
import { newId } from "../../model/id.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagList, tagsFor } from "../kit/tags.ts";

/** A VPC has one (VPC user guide, "Amazon VPC quotas"). */
const CreateCarrierGateway: Action<CreateCarrierGatewayRequest, CreateCarrierGatewayResult> = (
  tx,
  input,
  context,
) => {
  const vpc = find(tx, "vpc", input.VpcId);
  const tags = tagsFor("carrier-gateway", input.TagSpecifications, context.quotas);
  const words = "The maximum number of carrier gateways for the VPC has been reached.";
  const used = tx.countBy("carrier-gateway", "vpcId", vpc.id) + 1;
  requireQuota(context, "carrier-gateways-per-vpc", used, "CarrierGatewayLimitExceeded", words);
  const gateway: CarrierGateway = {
    kind: "carrier-gateway",
    id: newId("carrier-gateway", context.random),
    tags,
    vpcId: vpc.id,
  };
  tx.put(gateway);
  return { CarrierGateway: { ...described(gateway, context), State: "pending" } };
};

/** Routes to it stay, as blackholes. */
const DeleteCarrierGateway: Action<DeleteCarrierGatewayRequest, DeleteCarrierGatewayResult> = (
  tx,
  input,
  context,
) => {
  const gateway = find(tx, "carrier-gateway", input.CarrierGatewayId);
  tx.delete("carrier-gateway", gateway.id);
  return { CarrierGateway: { ...described(gateway, context), State: "deleting" } };
};

const DescribeCarrierGateways: Action<DescribeCarrierGatewaysRequest, DescribeCarrierGatewaysResult> = (
  tx,
  input,
  context,
) => {
  const gateways = chosen(
    input.CarrierGatewayIds,
    (id) => find(tx, "carrier-gateway", id),
    () => candidates(tx, "carrier-gateway", input.Filters, { "vpc-id": "vpcId" }),
  );
  const fields: FilterFields<CarrierGateway> = {
    "carrier-gateway-id": (gateway) => gateway.id,
    "owner-id": () => context.account,
    state: () => "available",
    "vpc-id": (gateway) => gateway.vpcId,
  };
  const { items, nextToken } = searched(gateways, input, fields);
  return { CarrierGateways: items.map((gateway) => described(gateway, context)), NextToken: nextToken };
};

function described(gateway: CarrierGateway, { account }: Context): GatewayAnswer {
  return {
    CarrierGatewayId: gateway.id,
    VpcId: gateway.vpcId,
    State: "available",
    OwnerId: account,
    Tags: tagList(gateway.tags),
  };
}

export const carrierGatewayActions = { CreateCarrierGateway, DeleteCarrierGateway, DescribeCarrierGateways };
