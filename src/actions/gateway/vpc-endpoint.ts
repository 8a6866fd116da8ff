import type {
  CreateVpcEndpointRequest,
  CreateVpcEndpointResult,
  DeleteVpcEndpointsRequest,
  DeleteVpcEndpointsResult,
  ModifyVpcEndpointRequest,
  ModifyVpcEndpointResult,
  UnsuccessfulItem,
} from "@aws-sdk/client-ec2";
import { present } from "../../lib/assert.ts";
import { type AwsPrefixList, awsPrefixLists } from "../../model/aws-prefix-list.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import { routeId } from "../../model/route-table.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { VpcEndpoint } from "../../model/vpc-endpoint.ts";
import type { Vpc } from "../../model/vpc.ts";
import { requireGroups } from "../interface/network-interface.ts";
import type { Action, Context } from "../kit/action.ts";
import { find, found } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { refuseUnoffered, required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagsFor } from "../kit/tags.ts";
import { isEdgeTable, requireEdgeRoute } from "../route/route-edge.ts";
import { putRoute, requireNatTarget } from "../route/route.ts";
import { describedVpcEndpoint, hasInterfaces } from "./vpc-endpoint-describe.ts";
import { addSubnets, deleteInterfaces, modifyInterfaces, newInterfaces } from "./vpc-endpoint-interface.ts";

/**
 * A gateway endpoint: each route table named gets a route for the addresses of its service. Or an interface
 * endpoint: each subnet named gets an interface (AWS PrivateLink guide, "Gateway endpoints", "Create an
 * interface endpoint").
 */
const CreateVpcEndpoint: Action<CreateVpcEndpointRequest, CreateVpcEndpointResult> = (tx, input, context) => {
  const type: string = input.VpcEndpointType ?? "Gateway";
  if (OTHER_TYPES.includes(type))
    throw new Fault("UnsupportedOperation", `Genkan does not offer VPC endpoints of the type ${type}.`);
  if (type !== "Gateway" && type !== "Interface") {
    const words = `Value (${type}) for parameter vpcEndpointType is invalid. Valid values: Gateway, Interface, ${OTHER_TYPES.join(", ")}.`;
    throw new Fault("InvalidParameterValue", words);
  }
  refuseUnoffered(input, ["ServiceNetworkArn", "ResourceConfigurationArn"]);
  requireIpv4(input.IpAddressType, type);
  if (input.ServiceRegion !== undefined && input.ServiceRegion !== context.region) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${input.ServiceRegion}) for parameter serviceRegion is invalid. ${type} endpoints are for their own region.`,
    );
  }
  return type === "Gateway" ? createGateway(tx, input, context) : createInterface(tx, input, context);
};

function createGateway(tx: Tx, input: CreateVpcEndpointRequest, context: Context): CreateVpcEndpointResult {
  refuseUnoffered(input, ["DnsOptions"]);
  refuseForGateway(input, ["SubnetIds", "SecurityGroupIds", "SubnetConfigurations", "PrivateDnsEnabled"]);
  const vpc = find(tx, "vpc", input.VpcId);
  const service = findService(required(input.ServiceName, "serviceName"), context);
  const words = "The maximum number of gateway VPC endpoints has been reached.";
  const gateways = tx.list("vpc-endpoint").filter(({ interfaces }) => interfaces === undefined).length;
  requireQuota(context, "gateway-vpc-endpoints", gateways + 1, "VpcEndpointLimitExceeded", words);
  const endpoint = newEndpoint(vpc, service.name, input, context);
  tx.put(endpoint);
  for (const id of new Set(input.RouteTableIds)) addRoute(tx, endpoint, id, context);
  return { VpcEndpoint: describedVpcEndpoint(tx, endpoint, context), ClientToken: input.ClientToken };
}

function createInterface(tx: Tx, input: CreateVpcEndpointRequest, context: Context): CreateVpcEndpointResult {
  const vpc = find(tx, "vpc", input.VpcId);
  const interfaces = newInterfaces(tx, vpc, input, context);
  const endpoint = { ...newEndpoint(vpc, input.ServiceName ?? "", input, context), interfaces };
  requireGroups(tx, endpoint, interfaces.groupIds, context);
  tx.put(endpoint);
  addSubnets(tx, endpoint, input.SubnetIds, input.SubnetConfigurations, context);
  // What it will be shows from the next describe call on.
  const State = "pending" as "Pending";
  return {
    VpcEndpoint: { ...describedVpcEndpoint(tx, endpoint, context), State },
    ClientToken: input.ClientToken,
  };
}

function newEndpoint(
  vpc: Vpc,
  serviceName: string,
  input: CreateVpcEndpointRequest,
  context: Context,
): VpcEndpoint {
  return {
    kind: "vpc-endpoint",
    id: newId("vpc-endpoint", context.random),
    tags: tagsFor("vpc-endpoint", input.TagSpecifications, context.quotas),
    vpcId: vpc.id,
    serviceName,
    policyDocument: checkedPolicy(input.PolicyDocument),
    createTime: context.now,
  };
}

const OTHER_TYPES: readonly string[] = ["GatewayLoadBalancer", "Resource", "ServiceNetwork", "Tunnel"];

/** @throws InvalidServiceName for what has no gateway endpoints here. */
function findService(name: string, context: Context): AwsPrefixList {
  const service = awsPrefixLists(context.region).find((list) => list.name === name);
  return found(service, "endpoint-service", name);
}

/** @throws InvalidParameter for parameters that only endpoints of other types have. */
function refuseForGateway<T extends object>(input: T, names: readonly (keyof T & string)[]): void {
  for (const name of names) {
    const value: unknown = input[name];
    if (value === undefined || value === false || (Array.isArray(value) && value.length === 0)) continue;
    throw new Fault("InvalidParameter", `The parameter ${name} is not supported for Gateway type endpoints.`);
  }
}

function requireIpv4(ipType: string | undefined, type: "Gateway" | "Interface"): void {
  if (ipType === undefined || ipType === "ipv4") return;
  throw new Fault(
    "UnsupportedOperation",
    `Genkan does not offer ${type.toLowerCase()} endpoints with the IpAddressType ${ipType}.`,
  );
}

const FULL_ACCESS =
  '{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}';

/**
 * The policy as it was given; without one, everything is allowed. @throws InvalidPolicyDocument for what is
 * no JSON object.
 */
function checkedPolicy(text: string | undefined): string {
  if (text === undefined || text === "") return FULL_ACCESS;
  let policy: unknown;
  try {
    policy = JSON.parse(text);
  } catch {
    // No JSON: falls through to the fault below.
  }
  if (typeof policy === "object" && policy !== null && !Array.isArray(policy)) return text;
  throw new Fault(
    "InvalidPolicyDocument",
    "The specified policy document is not a valid JSON policy document.",
  );
}

/** @throws the faults of {@link find}; InvalidParameter for another VPC's table; RouteAlreadyExists. */
function addRoute(tx: Tx, endpoint: VpcEndpoint, routeTableId: string, context: Context): void {
  const table = find(tx, "route-table", routeTableId);
  if (table.vpcId !== endpoint.vpcId) {
    throw new Fault(
      "InvalidParameter",
      `Route table ${table.id} and VPC endpoint ${endpoint.id} belong to different networks`,
    );
  }
  const destination = prefixListOf(endpoint, context);
  if (tx.get("route", routeId(table.id, destination))) {
    throw new Fault(
      "RouteAlreadyExists",
      `route table ${table.id} already has a route with destination-prefix-list-id ${destination}`,
    );
  }
  const target = { kind: "vpc-endpoint", id: endpoint.id } as const;
  requireNatTarget(table, target);
  if (isEdgeTable(tx, table))
    requireEdgeRoute(present(tx.get("vpc", table.vpcId), table.vpcId), table, { destination, target });
  putRoute(tx, table, destination, target);
}

function prefixListOf({ serviceName }: VpcEndpoint, { region }: Context): string {
  return present(
    awsPrefixLists(region).find(({ name }) => name === serviceName),
    serviceName,
  ).id;
}

/** @throws InvalidParameter for a table that has no route to the endpoint. */
function removeRoute(tx: Tx, endpoint: VpcEndpoint, routeTableId: string, context: Context): void {
  const table = find(tx, "route-table", routeTableId);
  const route = tx.get("route", routeId(table.id, prefixListOf(endpoint, context)));
  if (route?.target.id !== endpoint.id) {
    throw new Fault(
      "InvalidParameter",
      `Route table ${table.id} is not associated with VPC endpoint ${endpoint.id}`,
    );
  }
  tx.delete("route", route.id);
}

const ModifyVpcEndpoint: Action<ModifyVpcEndpointRequest, ModifyVpcEndpointResult> = (tx, input, context) => {
  const endpoint = find(tx, "vpc-endpoint", input.VpcEndpointId);
  requireIpv4(input.IpAddressType, endpoint.interfaces ? "Interface" : "Gateway");
  if (input.ResetPolicy === true && input.PolicyDocument !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter resetPolicy cannot be used with the parameter policyDocument",
    );
  }
  const given = input.ResetPolicy === true ? FULL_ACCESS : input.PolicyDocument;
  const now = {
    ...endpoint,
    policyDocument: given === undefined ? endpoint.policyDocument : checkedPolicy(given),
  };
  tx.put(now);
  if (hasInterfaces(now)) modifyInterfaces(tx, now, input, context);
  else modifyGateway(tx, now, input, context);
  return { Return: true };
};

function modifyGateway(
  tx: Tx,
  endpoint: VpcEndpoint,
  input: ModifyVpcEndpointRequest,
  context: Context,
): void {
  refuseUnoffered(input, ["DnsOptions"]);
  refuseForGateway(input, [
    "AddSubnetIds",
    "RemoveSubnetIds",
    "AddSecurityGroupIds",
    "RemoveSecurityGroupIds",
    "SubnetConfigurations",
    "PrivateDnsEnabled",
  ]);
  for (const id of new Set(input.RemoveRouteTableIds)) removeRoute(tx, endpoint, id, context);
  for (const id of new Set(input.AddRouteTableIds))
    if (!isAssociated(tx, endpoint, id, context)) addRoute(tx, endpoint, id, context);
}

function isAssociated(tx: Reader, endpoint: VpcEndpoint, routeTableId: string, context: Context): boolean {
  return tx.get("route", routeId(routeTableId, prefixListOf(endpoint, context)))?.target.id === endpoint.id;
}

/** Deletes endpoints with their routes and interfaces. The answer lists those that can't be deleted. */
const DeleteVpcEndpoints: Action<DeleteVpcEndpointsRequest, DeleteVpcEndpointsResult> = (tx, input) => {
  const Unsuccessful: UnsuccessfulItem[] = [];
  for (const id of new Set(required(input.VpcEndpointIds, "vpcEndpointIds"))) {
    if (tx.get("vpc-endpoint", id)) deleteVpcEndpoint(tx, id);
    else
      Unsuccessful.push({
        ResourceId: id,
        Error: { Code: "InvalidVpcEndpoint.NotFound", Message: notFound("vpc-endpoint", id).message },
      });
  }
  return { Unsuccessful };
};

function deleteVpcEndpoint(tx: Tx, id: string): void {
  for (const route of tx.by("route", "target", id)) tx.delete("route", route.id);
  deleteInterfaces(tx, id);
  tx.delete("vpc-endpoint", id);
}

export const vpcEndpointActions = { CreateVpcEndpoint, ModifyVpcEndpoint, DeleteVpcEndpoints };
