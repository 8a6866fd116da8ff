import type { CreateRouteRequest } from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { RouteTable, RouteTarget } from "../../model/route-table.ts";
import type { Reader } from "../../model/state.ts";
import { find, found } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";

/**
 * The one target that a request for a route names.
 * @throws MissingParameter for none, InvalidParameterCombination for several, the NotFound code of the
 * target's kind for an unknown id, InvalidParameterValue for a target that is not of the table's VPC.
 */
export function targetOf(tx: Reader, table: RouteTable, input: CreateRouteRequest): RouteTarget {
  const [parameter, second] = TARGET_PARAMETERS.filter((name) => input[name] !== undefined);
  const choice = TARGET_PARAMETERS.map((name) => `${name.charAt(0).toLowerCase()}${name.slice(1)}`).join(
    ", ",
  );
  if (parameter === undefined)
    throw new Fault("MissingParameter", `The request must contain exactly one of ${choice}`);
  if (second !== undefined)
    throw new Fault("InvalidParameterCombination", `The request must contain exactly one of ${choice}`);
  return RESOLVE[parameter](tx, table, input[parameter] ?? "");
}

const TARGET_PARAMETERS = [
  "GatewayId",
  "InstanceId",
  "NetworkInterfaceId",
  "NatGatewayId",
  "VpcPeeringConnectionId",
  "EgressOnlyInternetGatewayId",
  "TransitGatewayId",
  "LocalGatewayId",
  "CarrierGatewayId",
  "VpcEndpointId",
  "CoreNetworkArn",
  "OdbNetworkArn",
] as const;
type TargetParameter = (typeof TARGET_PARAMETERS)[number];

type Resolve = (tx: Reader, table: RouteTable, id: string) => RouteTarget;

const RESOLVE: Readonly<Record<TargetParameter, Resolve>> = {
  GatewayId: gatewayTarget,
  InstanceId: instanceTarget,
  NetworkInterfaceId: interfaceTarget,
  NatGatewayId: natGatewayTarget,
  EgressOnlyInternetGatewayId: egressOnlyTarget,
  VpcPeeringConnectionId: peeringTarget,
  TransitGatewayId: unknown("target-transit-gateway"),
  LocalGatewayId: unknown("target-local-gateway"),
  CarrierGatewayId: carrierTarget,
  VpcEndpointId: endpointTarget,
  CoreNetworkArn: () => {
    throw new Fault("UnsupportedOperation", "Genkan does not offer routes to a core network.");
  },
  OdbNetworkArn: () => {
    throw new Fault("UnsupportedOperation", "Genkan does not offer routes to an ODB network.");
  },
};

/** There are none of these here. */
function unknown(noun: "target-transit-gateway" | "target-local-gateway"): Resolve {
  return (_tx, _table, id) => {
    throw notFound(noun, id);
  };
}

/**
 * AWS takes a NAT gateway and an egress-only internet gateway under this name too, and describes the route
 * with theirs (Terraform's documentation of its resource aws_route).
 */
function gatewayTarget(tx: Reader, table: RouteTable, id: string): RouteTarget {
  if (tx.get("nat-gateway", id)) return natGatewayTarget(tx, table, id);
  if (tx.get("egress-only-internet-gateway", id)) return egressOnlyTarget(tx, table, id);
  const gateway = found(tx.get("internet-gateway", id) ?? tx.get("vpn-gateway", id), "gateway", id);
  if (gateway.vpcId !== table.vpcId) {
    throw new Fault(
      "InvalidParameterValue",
      `route table ${table.id} and network gateway ${id} belong to different networks`,
    );
  }
  return { kind: gateway.kind, id };
}

function carrierTarget(tx: Reader, table: RouteTable, id: string): RouteTarget {
  const gateway = found(tx.get("carrier-gateway", id), "carrier-gateway", id);
  if (gateway.vpcId !== table.vpcId) {
    throw new Fault(
      "InvalidParameterValue",
      `route table ${table.id} and carrier gateway ${id} belong to different networks`,
    );
  }
  return { kind: "carrier-gateway", id };
}

function natGatewayTarget(tx: Reader, table: RouteTable, id: string): RouteTarget {
  const gateway = tx.get("nat-gateway", id);
  if (gateway?.state !== "available") throw notFound("target-nat-gateway", id);
  if (gateway.vpcId !== table.vpcId) {
    throw new Fault(
      "InvalidParameterValue",
      `route table ${table.id} and NAT gateway ${id} belong to different networks`,
    );
  }
  return { kind: "nat-gateway", id };
}

function egressOnlyTarget(tx: Reader, table: RouteTable, id: string): RouteTarget {
  const gateway = found(tx.get("egress-only-internet-gateway", id), "gateway", id);
  if (gateway.vpcId !== table.vpcId) {
    throw new Fault(
      "InvalidParameterValue",
      `route table ${table.id} and network gateway ${id} belong to different networks`,
    );
  }
  return { kind: "egress-only-internet-gateway", id };
}

/**
 * A request that is not accepted yet can be named; the route is a blackhole until then (VPC peering guide,
 * "Update your route tables").
 */
function peeringTarget(tx: Reader, table: RouteTable, id: string): RouteTarget {
  const connection = tx.get("vpc-peering-connection", id);
  if (!connection || (connection.status !== "active" && connection.status !== "pending-acceptance")) {
    throw notFound("vpc-peering-connection", id);
  }
  if (connection.requester.vpcId !== table.vpcId && connection.accepter.vpcId !== table.vpcId) {
    throw new Fault(
      "InvalidParameterValue",
      `route table ${table.id} and peering connection ${id} belong to different networks`,
    );
  }
  return { kind: "vpc-peering-connection", id };
}

/**
 * Only endpoints of a Gateway Load Balancer can be named in a route, and there are none (EC2 API reference,
 * CreateRoute).
 */
function endpointTarget(tx: Reader, _table: RouteTable, id: string): RouteTarget {
  const { serviceName } = find(tx, "vpc-endpoint", id);
  const words = `The VPC endpoint ${id} for ${serviceName} is no Gateway Load Balancer endpoint. Name the route table in the endpoint instead.`;
  throw new Fault("InvalidParameterValue", words);
}

function interfaceTarget(tx: Reader, table: RouteTable, id: string): RouteTarget {
  const eni = find(tx, "network-interface", id);
  if (eni.vpcId !== table.vpcId) {
    const name = eni.id.replace(/^eni-/, "interface-");
    throw new Fault(
      "InvalidParameterValue",
      `route table ${table.id} and interface ${name} belong to different networks`,
    );
  }
  return { kind: "network-interface", id };
}

/** An instance as a target means its only interface. */
function instanceTarget(tx: Reader, table: RouteTable, id: string): RouteTarget {
  const instance = find(tx, "instance", id);
  const [only, ...more] = tx.by("network-interface", "instanceId", instance.id);
  if (!only)
    throw new Fault(
      "IncorrectInstanceState",
      `The instance '${id}' is not in a valid state for this operation.`,
    );
  if (more.length > 0) {
    throw new Fault(
      "InvalidInstanceID",
      `There are multiple interfaces attached to instance '${id}'. Please specify an interface ID for the operation instead.`,
    );
  }
  return { ...interfaceTarget(tx, table, only.id), kind: "network-interface", instanceId: instance.id };
}
