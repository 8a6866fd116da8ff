import type {
  CreateVpcEndpointRequest,
  DnsOptionsSpecification,
  ModifyVpcEndpointRequest,
  SubnetConfiguration,
} from "@aws-sdk/client-ec2";
import { present } from "../../lib/assert.ts";
import { type EndpointService, endpointService } from "../../model/endpoint-service.ts";
import { Fault } from "../../model/fault.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import type { EndpointInterfaces, VpcEndpoint } from "../../model/vpc-endpoint.ts";
import type { Vpc } from "../../model/vpc.ts";
import {
  createNetworkInterface,
  deleteNetworkInterface,
  requireGroups,
} from "../interface/network-interface.ts";
import type { Context } from "../kit/action.ts";
import { find, found } from "../kit/find.ts";
import { refuseUnoffered, required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";

type InterfaceEndpoint = VpcEndpoint & { readonly interfaces: EndpointInterfaces };

/**
 * What an interface endpoint has besides what every endpoint has; its interfaces are not made yet. @throws as
 * {@link addSubnets}, and for names that conflict.
 */
export function newInterfaces(
  tx: Reader,
  vpc: Vpc,
  input: CreateVpcEndpointRequest,
  context: Context,
): EndpointInterfaces {
  const service = findInterfaceService(required(input.ServiceName, "serviceName"), context);
  if (input.RouteTableIds && input.RouteTableIds.length > 0) throw notForInterface("RouteTableIds");
  const own = tx
    .by("vpc-endpoint", "vpcId", vpc.id)
    .filter(({ interfaces }) => interfaces !== undefined).length;
  const words = "The maximum number of interface VPC endpoints for this VPC has been reached.";
  requireQuota(context, "interface-vpc-endpoints-per-vpc", own + 1, "VpcEndpointLimitExceeded", words);
  const groupIds = [...new Set(input.SecurityGroupIds)];
  const interfaces = {
    groupIds: groupIds.length > 0 ? groupIds : [vpc.defaultSecurityGroupId],
    privateDnsEnabled: input.PrivateDnsEnabled ?? true,
    privateDnsOnlyForInboundResolverEndpoint: onlyForInbound(input.DnsOptions, isS3(service)),
    dnsSuffix: context.random.hex(8),
  };
  requirePrivateDns(tx, vpc, { service, interfaces, id: undefined });
  return interfaces;
}

/**
 * The default is true for S3, and other services can't have it (EC2 API reference, DnsOptionsSpecification).
 */
function onlyForInbound(options: DnsOptionsSpecification | undefined, s3: boolean): boolean {
  if (options === undefined) return s3;
  refuseUnoffered(options, ["PrivateDnsPreference", "PrivateDnsSpecifiedDomains"]);
  const { DnsRecordIpType: type, PrivateDnsOnlyForInboundResolverEndpoint: only } = options;
  if (type !== undefined && type !== "ipv4" && type !== "service-defined") {
    throw new Fault(
      "InvalidParameter",
      `The DnsRecordIpType ${type} does not match the IpAddressType ipv4 of the endpoint.`,
    );
  }
  if (only === true && !s3)
    throw new Fault(
      "InvalidParameter",
      "PrivateDnsOnlyForInboundResolverEndpoint is not supported for this service.",
    );
  return only ?? s3;
}

function isS3({ name }: EndpointService): boolean {
  return name.endsWith(".s3");
}

/** @throws InvalidServiceName for what has no interface endpoints. */
function findInterfaceService(name: string, { region }: Context): EndpointService {
  const service = endpointService(name, region);
  return found(service, "endpoint-service", name);
}

type Wish = {
  readonly service: EndpointService;
  readonly interfaces: EndpointInterfaces;
  readonly id: string | undefined;
};

/**
 * @throws InvalidParameter where the VPC gives no names, where another endpoint has them, and where S3's need
 * a gateway endpoint.
 */
function requirePrivateDns(tx: Reader, vpc: Vpc, { service, interfaces, id }: Wish): void {
  if (!interfaces.privateDnsEnabled) return;
  if (!vpc.enableDnsSupport || !vpc.enableDnsHostnames) {
    const words = `Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for ${vpc.id}`;
    throw new Fault("InvalidParameter", words);
  }
  const others = tx
    .by("vpc-endpoint", "vpcId", vpc.id)
    .filter((other) => other.id !== id && other.serviceName === service.name);
  if (others.some((other) => other.interfaces?.privateDnsEnabled === true)) {
    const name = service.privateDnsNames[0]?.replace(/^\*\./, "");
    const words = `private-dns-enabled cannot be set because there is already a conflicting DNS domain for ${name} in the VPC ${vpc.id}`;
    throw new Fault("InvalidParameter", words);
  }
  if (
    interfaces.privateDnsOnlyForInboundResolverEndpoint &&
    !others.some((other) => other.interfaces === undefined)
  ) {
    const words = `To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC ${vpc.id} must have a Gateway endpoint for the service.`;
    throw new Fault("InvalidParameter", words);
  }
}

function notForInterface(parameter: string): Fault {
  return new Fault(
    "InvalidParameter",
    `The parameter ${parameter} is not supported for Interface type endpoints.`,
  );
}

/**
 * An interface of the endpoint in each of the subnets, with the address that is wished for it.
 * @throws the faults of {@link find} and of its address; InvalidParameter for a subnet of another VPC;
 * DuplicateSubnetsInSameZone.
 */
export function addSubnets(
  tx: Tx,
  endpoint: InterfaceEndpoint,
  ids: readonly string[] | undefined,
  wishes: readonly SubnetConfiguration[] | undefined,
  context: Context,
): void {
  const subnetIds = new Set([
    ...(ids ?? []),
    ...(wishes ?? []).map(({ SubnetId }) => required(SubnetId, "subnetConfigurations.SubnetId")),
  ]);
  for (const id of subnetIds) {
    const subnet = find(tx, "subnet", id);
    const wish = wishes?.find(({ SubnetId }) => SubnetId === id);
    if (wish) refuseUnoffered(wish, ["Ipv6"]);
    if (subnet.vpcId !== endpoint.vpcId) {
      throw new Fault(
        "InvalidParameter",
        `Subnet ${subnet.id} and VPC endpoint ${endpoint.id} belong to different networks`,
      );
    }
    const before = interfacesOf(tx, endpoint.id).find(
      ({ availabilityZone }) => availabilityZone === subnet.availabilityZone,
    );
    if (before?.subnetId === subnet.id) {
      // An address can only be changed with the interface (EC2 API reference, ModifyVpcEndpoint).
      if (wish?.Ipv4 === undefined || before.privateIpAddresses[0] === wish.Ipv4) continue;
      deleteNetworkInterface(tx, before);
    } else if (before) throw sameZone(subnet);
    addInterface(tx, endpoint, subnet, wish?.Ipv4, context);
  }
}

function addInterface(
  tx: Tx,
  { id, interfaces }: InterfaceEndpoint,
  subnet: Subnet,
  privateIp: string | undefined,
  context: Context,
): void {
  if (subnet.cidrBlock === undefined) {
    throw new Fault(
      "InvalidParameter",
      `Subnet ${subnet.id} is IPv6-only: an endpoint of the IpAddressType ipv4 cannot be in it.`,
    );
  }
  const eni = {
    description: `VPC Endpoint Interface ${id}`,
    assignPublicIp: false,
    requesterManaged: true,
    tags: {},
    vpcEndpointId: id,
  };
  createNetworkInterface(
    tx,
    { ...eni, subnet, groupIds: interfaces.groupIds, privateIp, ipv6Count: 0 },
    context,
  );
}

function sameZone({ id }: Subnet): Fault {
  const words = `Found another VPC endpoint subnet in the availability zone of ${id}. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service.`;
  return new Fault("DuplicateSubnetsInSameZone", words);
}

function interfacesOf(tx: Reader, endpointId: string): ReturnType<typeof tx.by<"network-interface">> {
  return tx.by("network-interface", "vpcEndpointId", endpointId);
}

/**
 * What a request changes of an interface endpoint. The policy is not of it. Returns the endpoint as it then
 * is, put.
 */
export function modifyInterfaces(
  tx: Tx,
  endpoint: InterfaceEndpoint,
  input: ModifyVpcEndpointRequest,
  context: Context,
): void {
  for (const name of ["AddRouteTableIds", "RemoveRouteTableIds"] as const) {
    if (input[name] && input[name].length > 0) throw notForInterface(name);
  }
  const service = findInterfaceService(endpoint.serviceName, context);
  const vpc = present(tx.get("vpc", endpoint.vpcId), endpoint.vpcId);
  const { interfaces: before } = endpoint;
  const interfaces = {
    ...before,
    groupIds: changedGroups(tx, endpoint, input),
    privateDnsEnabled: input.PrivateDnsEnabled ?? before.privateDnsEnabled,
    privateDnsOnlyForInboundResolverEndpoint: input.DnsOptions
      ? onlyForInbound(
          {
            PrivateDnsOnlyForInboundResolverEndpoint: before.privateDnsOnlyForInboundResolverEndpoint,
            ...input.DnsOptions,
          },
          isS3(service),
        )
      : before.privateDnsOnlyForInboundResolverEndpoint,
  };
  if (input.PrivateDnsEnabled !== undefined || input.DnsOptions)
    requirePrivateDns(tx, vpc, { service, interfaces, id: endpoint.id });
  const now = { ...endpoint, interfaces };
  requireGroups(tx, now, interfaces.groupIds, context);
  tx.put(now);
  for (const id of new Set(input.RemoveSubnetIds)) removeSubnet(tx, endpoint, id);
  for (const eni of interfacesOf(tx, endpoint.id)) {
    tx.put({ ...eni, groupIds: interfaces.groupIds });
  }
  addSubnets(tx, now, input.AddSubnetIds, input.SubnetConfigurations, context);
}

/**
 * Groups are added before they are removed, and one stays. @throws InvalidGroup.NotFound; InvalidParameter.
 */
function changedGroups(
  tx: Reader,
  { id, interfaces }: InterfaceEndpoint,
  input: ModifyVpcEndpointRequest,
): readonly string[] {
  const { AddSecurityGroupIds: added = [], RemoveSecurityGroupIds: removed = [] } = input;
  for (const group of [...added, ...removed]) find(tx, "security-group", group);
  const stranger = removed.find((group) => !interfaces.groupIds.includes(group) && !added.includes(group));
  if (stranger !== undefined) {
    throw new Fault(
      "InvalidParameter",
      `Security group ${stranger} is not associated with VPC endpoint ${id}`,
    );
  }
  const left = [...new Set([...interfaces.groupIds, ...added])].filter((group) => !removed.includes(group));
  if (left.length === 0)
    throw new Fault("InvalidParameter", `VPC endpoint ${id} must have at least one security group.`);
  return left;
}

function removeSubnet(tx: Tx, endpoint: VpcEndpoint, subnetId: string): void {
  const eni = interfacesOf(tx, endpoint.id).find((one) => one.subnetId === find(tx, "subnet", subnetId).id);
  if (!eni)
    throw new Fault(
      "InvalidParameter",
      `Subnet ${subnetId} is not associated with VPC endpoint ${endpoint.id}`,
    );
  deleteNetworkInterface(tx, eni);
}

export function deleteInterfaces(tx: Tx, endpointId: string): void {
  for (const eni of interfacesOf(tx, endpointId)) deleteNetworkInterface(tx, eni);
}
