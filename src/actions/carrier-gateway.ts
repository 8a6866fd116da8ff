import type {
  CarrierGateway as GatewayAnswer,
  CreateCarrierGatewayRequest,
  CreateCarrierGatewayResult,
  DeleteCarrierGatewayRequest,
  DeleteCarrierGatewayResult,
  DescribeCarrierGatewaysRequest,
  DescribeCarrierGatewaysResult,
} from "@aws-sdk/client-ec2";
import type { CarrierGateway } from "../model/carrier-gateway.ts";
import { Fault } from "../model/fault.ts";
import { newId } from "../model/id.ts";
import type { Reader } from "../model/state.ts";
import type { Action, Context } from "./action.ts";
import { candidates, chosen, type FilterFields, searched } from "./describe.ts";
import { required } from "./parameter.ts";
import { requireQuota } from "./quota.ts";
import { tagList, tagsFor } from "./tags.ts";
import { findVpc } from "./vpc.ts";

/** @throws MissingParameter; InvalidCarrierGatewayID.NotFound. */
function findCarrierGateway(tx: Reader, id: string | undefined): CarrierGateway {
  const gateway = tx.get("carrier-gateway", required(id, "carrierGatewayId"));
  if (!gateway) throw new Fault("InvalidCarrierGatewayID.NotFound", `The carrierGateway ID '${id}' does not exist`);
  return gateway;
}

/** A VPC has one (VPC user guide, "Amazon VPC quotas"). */
const CreateCarrierGateway: Action<CreateCarrierGatewayRequest, CreateCarrierGatewayResult> = (tx, input, context) => {
  const vpc = findVpc(tx, input.VpcId);
  const tags = tagsFor("carrier-gateway", input.TagSpecifications, context.quotas);
  const words = "The maximum number of carrier gateways for the VPC has been reached.";
  const used = tx.countBy("carrier-gateway", "vpcId", vpc.id) + 1;
  requireQuota(context, "carrier-gateways-per-vpc", used, "CarrierGatewayLimitExceeded", words);
  const gateway: CarrierGateway = { kind: "carrier-gateway", id: newId("carrier-gateway", context.random), tags, vpcId: vpc.id };
  tx.put(gateway);
  return { CarrierGateway: { ...described(gateway, context), State: "pending" } };
};

/** Routes to it stay, as blackholes. */
const DeleteCarrierGateway: Action<DeleteCarrierGatewayRequest, DeleteCarrierGatewayResult> = (tx, input, context) => {
  const gateway = findCarrierGateway(tx, input.CarrierGatewayId);
  tx.delete("carrier-gateway", gateway.id);
  return { CarrierGateway: { ...described(gateway, context), State: "deleting" } };
};

const DescribeCarrierGateways: Action<DescribeCarrierGatewaysRequest, DescribeCarrierGatewaysResult> = (tx, input, context) => {
  const gateways = chosen(
    input.CarrierGatewayIds,
    (id) => findCarrierGateway(tx, id),
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
  return { CarrierGatewayId: gateway.id, VpcId: gateway.vpcId, State: "available", OwnerId: account, Tags: tagList(gateway.tags) };
}

export const carrierGatewayActions = { CreateCarrierGateway, DeleteCarrierGateway, DescribeCarrierGateways };
