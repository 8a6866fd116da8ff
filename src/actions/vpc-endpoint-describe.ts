import type {
  DescribeVpcEndpointServicesRequest,
  DescribeVpcEndpointServicesResult,
  DescribeVpcEndpointsRequest,
  DescribeVpcEndpointsResult,
  ServiceDetail,
  VpcEndpoint as EndpointAnswer,
} from "@aws-sdk/client-ec2";
import { type AwsPrefixList, awsPrefixLists } from "../model/aws-prefix-list.ts";
import { Fault } from "../model/fault.ts";
import type { Reader } from "../model/state.ts";
import type { VpcEndpoint } from "../model/vpc-endpoint.ts";
import type { Action, Context } from "./action.ts";
import { candidates, chosen, type FilterFields, searched } from "./describe.ts";
import { required } from "./parameter.ts";
import { tagList } from "./tags.ts";
import { zonesOf } from "./zone.ts";

/** @throws MissingParameter; InvalidVpcEndpointId.NotFound. */
export function findVpcEndpoint(tx: Reader, id: string | undefined): VpcEndpoint {
  const endpoint = tx.get("vpc-endpoint", required(id, "vpcEndpointId"));
  if (!endpoint) throw new Fault("InvalidVpcEndpointId.NotFound", `The Vpc Endpoint Id '${id}' does not exist`);
  return endpoint;
}

const DescribeVpcEndpoints: Action<DescribeVpcEndpointsRequest, DescribeVpcEndpointsResult> = (tx, input, context) => {
  const endpoints = chosen(
    input.VpcEndpointIds,
    (id) => findVpcEndpoint(tx, id),
    () => candidates(tx, "vpc-endpoint", input.Filters, { "vpc-id": "vpcId" }),
  );
  const { items, nextToken } = searched(endpoints, input, fields(context), { min: 1, max: 1000 });
  return { VpcEndpoints: items.map((endpoint) => describedVpcEndpoint(tx, endpoint, context)), NextToken: nextToken };
};

function fields(context: Context): FilterFields<VpcEndpoint> {
  return {
    "ip-address-type": () => "ipv4",
    "service-name": (endpoint) => endpoint.serviceName,
    "service-region": () => context.region,
    "vpc-endpoint-id": (endpoint) => endpoint.id,
    "vpc-endpoint-state": () => "available",
    "vpc-endpoint-type": () => "Gateway",
    "vpc-id": (endpoint) => endpoint.vpcId,
  };
}

/** An endpoint as the API describes it; its route tables are those with a route to it. */
export function describedVpcEndpoint(tx: Reader, endpoint: VpcEndpoint, context: Context): EndpointAnswer {
  return {
    VpcEndpointId: endpoint.id,
    VpcEndpointType: "Gateway",
    VpcId: endpoint.vpcId,
    ServiceName: endpoint.serviceName,
    // The type spells it with a capital; AWS answers so.
    State: "available" as "Available",
    PolicyDocument: endpoint.policyDocument,
    RouteTableIds: tx.by("route", "target", endpoint.id).map(({ routeTableId }) => routeTableId),
    SubnetIds: [],
    Groups: [],
    PrivateDnsEnabled: false,
    RequesterManaged: false,
    IpAddressType: "ipv4",
    DnsOptions: { DnsRecordIpType: "service-defined" },
    ServiceRegion: context.region,
    NetworkInterfaceIds: [],
    DnsEntries: [],
    CreationTimestamp: new Date(endpoint.createTime),
    Tags: tagList(endpoint.tags),
    OwnerId: context.account,
  };
}

/** The services that have gateway endpoints. */
const DescribeVpcEndpointServices: Action<DescribeVpcEndpointServicesRequest, DescribeVpcEndpointServicesResult> = (
  _tx,
  input,
  context,
) => {
  const services = awsPrefixLists(context.region);
  const asked = chosen(
    input.ServiceNames,
    (name) => {
      const service = services.find((list) => list.name === name);
      if (!service) throw new Fault("InvalidServiceName", `The Vpc Endpoint Service '${name}' does not exist`);
      return service;
    },
    () => services,
  );
  const regions = input.ServiceRegions ?? [];
  const here = regions.length === 0 || regions.includes(context.region) ? asked : [];
  const { items, nextToken } = searched(here, input, SERVICE_FIELDS(context), { min: 1, max: 1000 });
  return {
    ServiceNames: items.map(({ name }) => name),
    ServiceDetails: items.map((list) => describedService(list, context)),
    NextToken: nextToken,
  };
};

const SERVICE_FIELDS = (context: Context): FilterFields<AwsPrefixList> => ({
  owner: () => "amazon",
  "service-name": (list) => list.name,
  "service-region": () => context.region,
  "service-type": () => "Gateway",
  "supported-ip-address-types": () => "ipv4",
});

/** Its id follows from the service's prefix list. */
function describedService({ id, name, service }: AwsPrefixList, { region }: Context): ServiceDetail {
  return {
    ServiceName: name,
    ServiceId: id.replace(/^pl-/, "vpce-svc-"),
    ServiceType: [{ ServiceType: "Gateway" }],
    ServiceRegion: region,
    AvailabilityZones: zonesOf(region).map((zone) => zone.name),
    Owner: "amazon",
    BaseEndpointDnsNames: [`${service}.${region}.amazonaws.com`],
    VpcEndpointPolicySupported: true,
    AcceptanceRequired: false,
    ManagesVpcEndpoints: false,
    Tags: [],
    SupportedIpAddressTypes: ["ipv4"],
  };
}

export const vpcEndpointDescribeActions = { DescribeVpcEndpoints, DescribeVpcEndpointServices };
