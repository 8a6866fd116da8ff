import type {
  AttachVpnGatewayRequest,
  AttachVpnGatewayResult,
  CreateVpnGatewayRequest,
  CreateVpnGatewayResult,
  DeleteVpnGatewayRequest,
  DescribeVpnGatewaysRequest,
  DescribeVpnGatewaysResult,
  DetachVpnGatewayRequest,
  DisableVgwRoutePropagationRequest,
  EnableVgwRoutePropagationRequest,
  VpcAttachment,
  VpnGateway as GatewayAnswer,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import { lingering, withEnded } from "../../model/lingering.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { VpnGateway } from "../../model/vpn-gateway.ts";
import { zonesOf } from "../../model/zone.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched } from "../kit/describe.ts";
import { find, found } from "../kit/find.ts";
import { type Done, DONE, given, required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagList, tagsFor } from "../kit/tags.ts";

const CreateVpnGateway: Action<CreateVpnGatewayRequest, CreateVpnGatewayResult> = (tx, input, context) => {
  requireIpsec(input.Type);
  const zone = given(input.AvailabilityZone);
  if (zone !== undefined && !zonesOf(context.region).some(({ name }) => name === zone)) {
    throw new Fault("InvalidParameterValue", `Value (${zone}) for parameter availabilityZone is invalid.`);
  }
  const tags = tagsFor("vpn-gateway", input.TagSpecifications, context.quotas);
  const words = "The maximum number of virtual private gateways has been reached.";
  requireQuota(context, "vpn-gateways", tx.count("vpn-gateway") + 1, "VpnGatewayLimitExceeded", words);
  const gateway: VpnGateway = {
    kind: "vpn-gateway",
    id: newId("vpn-gateway", context.random),
    tags,
    amazonSideAsn: privateAsn(input.AmazonSideAsn ?? 64_512),
    ...(zone === undefined ? {} : { availabilityZone: zone }),
  };
  tx.put(gateway);
  // Only later descriptions show its zone and tags.
  const { AvailabilityZone: _1, Tags: _2, ...answer } = described(gateway, context);
  return { VpnGateway: answer };
};

/** @throws MissingParameter; InvalidParameterValue for what is not the one type that there is. */
export function requireIpsec(type: string | undefined): void {
  if (required(type, "type") === "ipsec.1") return;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${type}) for parameter type is invalid. Valid values: ipsec.1.`,
  );
}

/** RFC 6996 has private numbers of 16 and of 32 bits; AWS takes any private number of 32 bits. */
function privateAsn(asn: number): number {
  if ((asn >= 64_512 && asn <= 65_534) || (asn >= 4_200_000_000 && asn <= 4_294_967_294)) return asn;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${asn}) for parameter amazonSideAsn is invalid. It is no private ASN.`,
  );
}

/** Routes to it stay, as blackholes. */
const DeleteVpnGateway: Action<DeleteVpnGatewayRequest, Done> = (tx, input) => {
  const gateway = find(tx, "vpn-gateway", input.VpnGatewayId);
  if (gateway.vpcId !== undefined)
    throw new Fault("IncorrectState", `The vpnGateway '${gateway.id}' is attached to ${gateway.vpcId}.`);
  tx.delete("vpn-gateway", gateway.id);
  return DONE;
};

/**
 * A gateway is attached to one VPC, and a VPC has one gateway (VPN user guide, "Site-to-Site VPN quotas").
 */
const AttachVpnGateway: Action<AttachVpnGatewayRequest, AttachVpnGatewayResult> = (tx, input) => {
  const gateway = find(tx, "vpn-gateway", input.VpnGatewayId);
  const vpc = find(tx, "vpc", input.VpcId);
  const other = tx.by("vpn-gateway", "vpcId", vpc.id)[0];
  if (gateway.vpcId !== undefined || other) {
    const words = `${(other ?? gateway).id} is already attached to network ${other ? vpc.id : gateway.vpcId}`;
    throw new Fault("VpnGatewayAttachmentLimitExceeded", words);
  }
  tx.put({ ...gateway, vpcId: vpc.id });
  return { VpcAttachment: { VpcId: vpc.id, State: "attaching" } };
};

/** Route tables forget that its routes were to be propagated to them. */
const DetachVpnGateway: Action<DetachVpnGatewayRequest, Done> = (tx, input, { now }) => {
  const gateway = find(tx, "vpn-gateway", input.VpnGatewayId);
  const vpcId = required(input.VpcId, "vpcId");
  if (gateway.vpcId !== vpcId) {
    const words = `The attachment with vpn gateway ID '${gateway.id}' and vpc ID '${vpcId}' does not exist`;
    throw new Fault("InvalidVpnGatewayAttachment.NotFound", words);
  }
  for (const table of tx.by("route-table", "vpcId", vpcId)) propagate(tx, table.id, gateway.id, false);
  const { vpcId: _, ...detached } = gateway;
  tx.put({ ...detached, endedAttachments: withEnded(gateway.endedAttachments, { vpcId }, now) });
  return DONE;
};

const DescribeVpnGateways: Action<DescribeVpnGatewaysRequest, DescribeVpnGatewaysResult> = (
  tx,
  input,
  context,
) => {
  const gateways = chosen(
    input.VpnGatewayIds,
    (id) => find(tx, "vpn-gateway", id),
    () => candidates(tx, "vpn-gateway", input.Filters, {}),
  );
  const { items } = searched(gateways, { Filters: input.Filters }, fields(context));
  return { VpnGateways: items.map((gateway) => described(gateway, context)) };
};

function fields(context: Context): FilterFields<VpnGateway> {
  return {
    "amazon-side-asn": (gateway) => String(gateway.amazonSideAsn),
    "attachment.state": (gateway) => attachmentsOf(gateway, context).map(({ State }) => State),
    "attachment.vpc-id": (gateway) => attachmentsOf(gateway, context).map(({ VpcId }) => VpcId),
    "availability-zone": (gateway) => gateway.availabilityZone,
    state: () => "available",
    type: () => "ipsec.1",
    "vpn-gateway-id": (gateway) => gateway.id,
  };
}

/** The VPC that it is attached to, and those that it was attached to until a while ago. */
function attachmentsOf({ vpcId, endedAttachments }: VpnGateway, { now }: Context): VpcAttachment[] {
  const ended = lingering(endedAttachments, now).filter((one) => one.vpcId !== vpcId);
  const gone = new Set(ended.map((one) => one.vpcId));
  const attached: VpcAttachment[] = vpcId === undefined ? [] : [{ VpcId: vpcId, State: "attached" }];
  return [...attached, ...[...gone].map((VpcId): VpcAttachment => ({ VpcId, State: "detached" }))];
}

function described(gateway: VpnGateway, context: Context): GatewayAnswer {
  return {
    VpnGatewayId: gateway.id,
    State: "available",
    Type: "ipsec.1",
    AvailabilityZone: gateway.availabilityZone,
    VpcAttachments: attachmentsOf(gateway, context),
    AmazonSideAsn: gateway.amazonSideAsn,
    Tags: tagList(gateway.tags),
  };
}

/**
 * Nothing is connected to a virtual private gateway here, so no route ever comes: the table only says that it
 * would take them.
 */
const EnableVgwRoutePropagation: Action<EnableVgwRoutePropagationRequest, Done> = (tx, input) => {
  const { tableId, gatewayId } = propagation(tx, input);
  propagate(tx, tableId, gatewayId, true);
  return DONE;
};

const DisableVgwRoutePropagation: Action<DisableVgwRoutePropagationRequest, Done> = (tx, input) => {
  const { tableId, gatewayId } = propagation(tx, input);
  propagate(tx, tableId, gatewayId, false);
  return DONE;
};

/** @throws the faults of {@link find}; InvalidGatewayID.NotFound; Gateway.NotAttached. */
function propagation(
  tx: Reader,
  input: EnableVgwRoutePropagationRequest,
): { readonly tableId: string; readonly gatewayId: string } {
  const table = find(tx, "route-table", input.RouteTableId);
  const gatewayId = required(input.GatewayId, "gatewayId");
  const gateway = found(tx.get("vpn-gateway", gatewayId), "gateway", gatewayId);
  if (gateway.vpcId !== table.vpcId) {
    throw new Fault("Gateway.NotAttached", `resource ${gatewayId} is not attached to network ${table.vpcId}`);
  }
  return { tableId: table.id, gatewayId };
}

function propagate(tx: Tx, tableId: string, gatewayId: string, wanted: boolean): void {
  const { propagatingGateways: old = [], ...table } = find(tx, "route-table", tableId);
  const others = old.filter((id) => id !== gatewayId);
  const propagatingGateways = wanted ? [...others, gatewayId] : others;
  tx.put(propagatingGateways.length === 0 ? table : { ...table, propagatingGateways });
}

export const vpnGatewayActions = {
  CreateVpnGateway,
  DeleteVpnGateway,
  AttachVpnGateway,
  DetachVpnGateway,
  DescribeVpnGateways,
  EnableVgwRoutePropagation,
  DisableVgwRoutePropagation,
};
