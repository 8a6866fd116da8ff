import type {
  DescribeNatGatewaysRequest,
  DescribeNatGatewaysResult,
  NatGatewayAddress as AddressAnswer,
  NatGateway as NatGatewayAnswer,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { NatGateway } from "../../model/nat-gateway.ts";
import type { Reader } from "../../model/state.ts";
import { elasticIpOf } from "../interface/address.ts";
import type { Action } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { tagList } from "../kit/tags.ts";

/**
 * The same, of one that is there for packets. @throws InvalidParameter besides, for a gateway in another
 * state.
 */
export function findAvailableNatGateway(tx: Reader, id: string | undefined): NatGateway {
  const gateway = find(tx, "nat-gateway", id);
  if (gateway.state === "available") return gateway;
  throw new Fault(
    "InvalidParameter",
    `NatGateway ${gateway.id} is in the state '${gateway.state}', which does not allow this operation.`,
  );
}

const DescribeNatGateways: Action<DescribeNatGatewaysRequest, DescribeNatGatewaysResult> = (tx, input) => {
  const gateways = chosen(
    input.NatGatewayIds,
    (id) => find(tx, "nat-gateway", id),
    () => candidates(tx, "nat-gateway", input.Filter, { "vpc-id": "vpcId", "subnet-id": "subnetId" }),
  );
  const { items, nextToken } = searched(gateways, { ...input, Filters: input.Filter }, FIELDS);
  return { NatGateways: items.map((gateway) => describedNatGateway(tx, gateway)), NextToken: nextToken };
};

const FIELDS: FilterFields<NatGateway> = {
  "nat-gateway-id": (gateway) => gateway.id,
  state: (gateway) => gateway.state,
  "subnet-id": (gateway) => gateway.subnetId,
  "vpc-id": (gateway) => gateway.vpcId,
};

/** A gateway as the API describes it. */
export function describedNatGateway(tx: Reader, gateway: NatGateway): NatGatewayAnswer {
  const { failure } = gateway;
  return {
    NatGatewayId: gateway.id,
    VpcId: gateway.vpcId,
    SubnetId: gateway.subnetId,
    State: gateway.state,
    ConnectivityType: gateway.connectivityType,
    AvailabilityMode: gateway.availabilityMode,
    CreateTime: new Date(gateway.createTime),
    DeleteTime: gateway.deleteTime === undefined ? undefined : new Date(gateway.deleteTime),
    FailureCode: failure?.code,
    FailureMessage: failure?.message,
    AutoProvisionZones:
      gateway.autoProvisionZones === undefined
        ? undefined
        : gateway.autoProvisionZones
          ? "enabled"
          : "disabled",
    // A zone has one address of the gateway's own, however many connections leave from there.
    AutoScalingIps: gateway.availabilityMode === "regional" ? "disabled" : undefined,
    RouteTableId: gateway.routeTableId,
    NatGatewayAddresses: describedNatAddresses(tx, gateway),
    Tags: tagList(gateway.tags),
  };
}

/** The gateway's addresses; of a deleted one as they were last. */
export function describedNatAddresses(tx: Reader, gateway: NatGateway): AddressAnswer[] {
  return gateway.addresses.map((address) => {
    const eni = tx.get("network-interface", address.networkInterfaceId);
    const elastic = eni && elasticIpOf(tx, eni, address.privateIp);
    // Where a regional gateway's interfaces are, and what private addresses they have, is its own affair.
    const place =
      gateway.availabilityMode === "zonal"
        ? {
            NetworkInterfaceId: address.networkInterfaceId,
            PrivateIp: address.privateIp,
            IsPrimary: address.isPrimary,
          }
        : { AvailabilityZone: address.availabilityZone, AvailabilityZoneId: address.availabilityZoneId };
    return {
      ...place,
      PublicIp: elastic?.publicIp ?? address.publicIp,
      AllocationId: elastic?.id ?? address.allocationId,
      AssociationId: elastic?.association?.associationId,
      Status: "succeeded",
    };
  });
}

export const natGatewayDescribeActions = { DescribeNatGateways };
