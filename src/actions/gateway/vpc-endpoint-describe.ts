import type {
  DescribeVpcEndpointServicesRequest,
  DescribeVpcEndpointServicesResult,
  DescribeVpcEndpointsRequest,
  DescribeVpcEndpointsResult,
  ServiceDetail,
  VpcEndpoint as EndpointAnswer,
} from "@aws-sdk/client-ec2";
import { present } from "../../lib/assert.ts";
import { type AwsPrefixList, awsPrefixLists } from "../../model/aws-prefix-list.ts";
import type { Tags } from "../../model/common.ts";
import {
  endpointDnsNames,
  type EndpointService,
  endpointService,
  endpointServices,
} from "../../model/endpoint-service.ts";
import type { Reader } from "../../model/state.ts";
import type { EndpointInterfaces, VpcEndpoint } from "../../model/vpc-endpoint.ts";
import { zonesOf } from "../../model/zone.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { tagList } from "../kit/tags.ts";

const DescribeVpcEndpoints: Action<DescribeVpcEndpointsRequest, DescribeVpcEndpointsResult> = (
  tx,
  input,
  context,
) => {
  const endpoints = chosen(
    input.VpcEndpointIds,
    (id) => find(tx, "vpc-endpoint", id),
    () => candidates(tx, "vpc-endpoint", input.Filters, { "vpc-id": "vpcId" }),
  );
  const { items, nextToken } = searched(endpoints, input, fields(context), { min: 1, max: 1000 });
  return {
    VpcEndpoints: items.map((endpoint) => describedVpcEndpoint(tx, endpoint, context)),
    NextToken: nextToken,
  };
};

function fields(context: Context): FilterFields<VpcEndpoint> {
  return {
    "ip-address-type": () => "ipv4",
    "service-name": (endpoint) => endpoint.serviceName,
    "service-region": () => context.region,
    "vpc-endpoint-id": (endpoint) => endpoint.id,
    "vpc-endpoint-state": () => "available",
    "vpc-endpoint-type": (endpoint) => (endpoint.interfaces ? "Interface" : "Gateway"),
    "vpc-id": (endpoint) => endpoint.vpcId,
  };
}

/** Whether it is of type Interface. */
export function hasInterfaces(
  endpoint: VpcEndpoint,
): endpoint is VpcEndpoint & { readonly interfaces: EndpointInterfaces } {
  return endpoint.interfaces !== undefined;
}

/**
 * An endpoint as the API describes it; the route tables of a gateway endpoint are those with a route to it.
 */
export function describedVpcEndpoint(tx: Reader, endpoint: VpcEndpoint, context: Context): EndpointAnswer {
  return {
    VpcEndpointId: endpoint.id,
    VpcEndpointType: hasInterfaces(endpoint) ? "Interface" : "Gateway",
    VpcId: endpoint.vpcId,
    ServiceName: endpoint.serviceName,
    // The type spells it with a capital; AWS answers so.
    State: "available" as "Available",
    PolicyDocument: endpoint.policyDocument,
    RouteTableIds: tx.by("route", "target", endpoint.id).map(({ routeTableId }) => routeTableId),
    ...(hasInterfaces(endpoint)
      ? describedInterfaces(tx, endpoint, endpoint.interfaces, context)
      : NO_INTERFACES),
    RequesterManaged: false,
    ServiceRegion: context.region,
    CreationTimestamp: new Date(endpoint.createTime),
    Tags: tagList(endpoint.tags),
    OwnerId: context.account,
  };
}

const NO_INTERFACES = {
  SubnetIds: [],
  Groups: [],
  PrivateDnsEnabled: false,
  IpAddressType: "ipv4",
  DnsOptions: { DnsRecordIpType: "service-defined" },
  NetworkInterfaceIds: [],
  DnsEntries: [],
} as const satisfies Partial<EndpointAnswer>;

function describedInterfaces(
  tx: Reader,
  endpoint: VpcEndpoint,
  interfaces: EndpointInterfaces,
  { region }: Context,
): Partial<EndpointAnswer> {
  const enis = tx.by("network-interface", "vpcEndpointId", endpoint.id);
  const service = present(endpointService(endpoint.serviceName, region), endpoint.serviceName);
  const own = endpointDnsNames(
    { id: endpoint.id, ...interfaces },
    service,
    enis.map(({ availabilityZone }) => availabilityZone).toSorted(),
  );
  const hidden = interfaces.privateDnsEnabled ? service.privateDnsNames : [];
  return {
    SubnetIds: enis.map(({ subnetId }) => subnetId),
    Groups: interfaces.groupIds.map((GroupId) => ({
      GroupId,
      GroupName: tx.get("security-group", GroupId)?.name,
    })),
    IpAddressType: "ipv4",
    DnsOptions: {
      DnsRecordIpType: "ipv4",
      ...(endpoint.serviceName.endsWith(".s3")
        ? { PrivateDnsOnlyForInboundResolverEndpoint: interfaces.privateDnsOnlyForInboundResolverEndpoint }
        : {}),
    },
    PrivateDnsEnabled: interfaces.privateDnsEnabled,
    NetworkInterfaceIds: enis.map(({ id }) => id),
    DnsEntries: [
      ...own.map((DnsName) => ({ DnsName, HostedZoneId: ENDPOINTS_ZONE })),
      ...hidden.map((DnsName) => ({ DnsName, HostedZoneId: zoneOf(endpoint) })),
    ],
  };
}

/** The hosted zone of us-east-1; each region has its own. */
const ENDPOINTS_ZONE = "Z7HUB22UULQXV";

/** The private zone, whose id nothing else tells: it follows from the endpoint's. */
function zoneOf({ id }: VpcEndpoint): string {
  return `Z0${id.slice("vpce-".length).toUpperCase()}`;
}

type Service =
  | { readonly type: "Gateway"; readonly list: AwsPrefixList; readonly name: string }
  | ({ readonly type: "Interface" } & EndpointService);

/** The services that have gateway endpoints, and those that have interface endpoints; some have both. */
const DescribeVpcEndpointServices: Action<
  DescribeVpcEndpointServicesRequest,
  DescribeVpcEndpointServicesResult
> = (_tx, input, context) => {
  const asked = servicesOf(input.ServiceNames, context);
  const regions = input.ServiceRegions ?? [];
  const here = regions.length === 0 || regions.includes(context.region) ? asked : [];
  const { items, nextToken } = searched(here, input, SERVICE_FIELDS(context), { min: 1, max: 1000 });
  return {
    ServiceNames: [...new Set(items.map(({ name }) => name))],
    ServiceDetails: items.map((service) => ({
      ...describedService(service, context),
      ...inEvery(service, context),
    })),
    NextToken: nextToken,
  };
};

/** @throws InvalidServiceName for a name that no service has. */
function servicesOf(names: readonly string[] | undefined, { region }: Context): readonly Service[] {
  const all: readonly Service[] = [
    ...awsPrefixLists(region).map((list) => ({ type: "Gateway", list, name: list.name }) as const),
    ...endpointServices(region).map((service) => ({ type: "Interface", ...service }) as const),
  ].toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  if (!names || names.length === 0) return all;
  const unknown = names.find((name) => !all.some((service) => service.name === name));
  if (unknown !== undefined) throw notFound("endpoint-service", unknown);
  return all.filter(({ name }) => names.includes(name));
}

const SERVICE_FIELDS = (context: Context): FilterFields<Service & { readonly tags?: Tags }> => ({
  owner: () => "amazon",
  "service-name": (service) => service.name,
  "service-region": () => context.region,
  "service-type": (service) => service.type,
  "supported-ip-address-types": () => "ipv4",
});

/** The id of one with a gateway follows from the service's prefix list. */
function describedService(service: Service, { region }: Context): ServiceDetail {
  if (service.type === "Gateway") {
    return {
      ServiceId: service.list.id.replace(/^pl-/, "vpce-svc-"),
      BaseEndpointDnsNames: [`${service.list.service}.${region}.amazonaws.com`],
    };
  }
  return {
    ServiceId: service.id,
    BaseEndpointDnsNames: [service.baseDnsName],
    PrivateDnsName: service.privateDnsNames[0],
    PrivateDnsNames: service.privateDnsNames.map((PrivateDnsName) => ({ PrivateDnsName })),
    PrivateDnsNameVerificationState: "verified",
  };
}

function inEvery({ name, type }: Service, { region }: Context): ServiceDetail {
  return {
    ServiceName: name,
    ServiceType: [{ ServiceType: type }],
    ServiceRegion: region,
    AvailabilityZones: zonesOf(region).map((zone) => zone.name),
    Owner: "amazon",
    VpcEndpointPolicySupported: true,
    AcceptanceRequired: false,
    ManagesVpcEndpoints: false,
    Tags: [],
    SupportedIpAddressTypes: ["ipv4"],
  };
}

export const vpcEndpointDescribeActions = { DescribeVpcEndpoints, DescribeVpcEndpointServices };
