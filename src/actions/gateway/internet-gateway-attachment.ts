import type { AttachInternetGatewayRequest, DetachInternetGatewayRequest } from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { InternetGateway } from "../../model/internet-gateway.ts";
import type { Tx } from "../../model/state.ts";
import type { Vpc } from "../../model/vpc.ts";
import { hasMappedPublicAddress } from "../interface/address.ts";
import type { Action } from "../kit/action.ts";
import { find, internetGatewayOf } from "../kit/find.ts";
import { type Done, DONE, required } from "../kit/parameter.ts";

/**
 * One gateway per VPC, one VPC per gateway.
 * @throws Resource.AlreadyAssociated when the gateway is attached, to whichever VPC; InvalidParameterValue
 * when the VPC has another.
 */
export function attachInternetGateway(tx: Tx, gateway: InternetGateway, vpc: Vpc): void {
  if (gateway.vpcId !== undefined) {
    throw new Fault(
      "Resource.AlreadyAssociated",
      `resource ${gateway.id} is already attached to network ${gateway.vpcId}`,
    );
  }
  if (internetGatewayOf(tx, vpc.id)) {
    throw new Fault("InvalidParameterValue", `Network ${vpc.id} already has an internet gateway attached`);
  }
  tx.put({ ...gateway, vpcId: vpc.id });
}

const AttachInternetGateway: Action<AttachInternetGatewayRequest, Done> = (tx, input) => {
  const gateway = find(tx, "internet-gateway", input.InternetGatewayId);
  attachInternetGateway(tx, gateway, find(tx, "vpc", input.VpcId));
  return DONE;
};

/** Routes to the gateway stay, as blackholes. */
const DetachInternetGateway: Action<DetachInternetGatewayRequest, Done> = (tx, input) => {
  // Its edge association, if it has one, is one of the VPC's tables.
  const {
    vpcId,
    routeTableAssociation: _,
    ...gateway
  } = find(tx, "internet-gateway", input.InternetGatewayId);
  const asked = required(input.VpcId, "vpcId");
  if (vpcId !== asked) {
    throw new Fault("Gateway.NotAttached", `resource ${gateway.id} is not attached to network ${asked}`);
  }
  if (hasMappedPublicAddress(tx, asked)) {
    throw new Fault(
      "DependencyViolation",
      `Network ${asked} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.`,
    );
  }
  tx.put(gateway);
  return DONE;
};

export const internetGatewayAttachmentActions = { AttachInternetGateway, DetachInternetGateway };
