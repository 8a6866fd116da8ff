import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { routeTableActions } from "../route/route-table.ts";
import { newNetwork } from "../test-network.ts";
import { must, newRegion, refuses } from "../test-region.ts";
import { vpcCreateActions } from "../vpc/vpc-create.ts";
import { vpcEndpointDescribeActions } from "./vpc-endpoint-describe.ts";
import { vpcEndpointActions } from "./vpc-endpoint.ts";

const { CreateVpcEndpoint, ModifyVpcEndpoint, DeleteVpcEndpoints } = vpcEndpointActions;
const { DescribeVpcEndpoints, DescribeVpcEndpointServices } = vpcEndpointDescribeActions;
const S3 = "com.amazonaws.us-east-1.s3";
const S3_LIST = "pl-63a5400a";

function scene(settings: Parameters<typeof newNetwork>[0] = {}) {
  const network = newNetwork(settings);
  const { region, vpcId: VpcId } = network;
  const table = (of = VpcId) =>
    must(region.call(routeTableActions.CreateRouteTable, { VpcId: of }).RouteTable?.RouteTableId);
  const create = (more: object = {}) =>
    must(region.call(CreateVpcEndpoint, { VpcId, ServiceName: S3, ...more }).VpcEndpoint);
  const routes = (id: string) =>
    (
      region.call(routeTableActions.DescribeRouteTables, { RouteTableIds: [id] }).RouteTables?.[0]?.Routes ??
      []
    ).slice(1);
  return { ...network, table, create, routes };
}

test("a gateway endpoint puts a route into each of its tables, and takes it along", () => {
  const { region, vpcId, table, create, routes } = scene();
  const [a, b] = [table(), table()];
  const made = create({ RouteTableIds: [a] });
  const VpcEndpointId = must(made.VpcEndpointId);
  assert.match(VpcEndpointId, /^vpce-[0-9a-f]{17}$/);
  assert.deepEqual(made, {
    VpcEndpointId,
    VpcEndpointType: "Gateway",
    VpcId: vpcId,
    ServiceName: S3,
    State: "available",
    PolicyDocument:
      '{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}',
    RouteTableIds: [a],
    SubnetIds: [],
    Groups: [],
    PrivateDnsEnabled: false,
    RequesterManaged: false,
    IpAddressType: "ipv4",
    DnsOptions: { DnsRecordIpType: "service-defined" },
    ServiceRegion: "us-east-1",
    NetworkInterfaceIds: [],
    DnsEntries: [],
    CreationTimestamp: new Date("2026-01-01T00:00:00.000Z"),
    Tags: [],
    OwnerId: "123456789012",
  });
  const route = {
    DestinationPrefixListId: S3_LIST,
    GatewayId: VpcEndpointId,
    Origin: "CreateRoute",
    State: "active",
  };
  assert.deepEqual([routes(a), routes(b)], [[route], []]);
  region.call(ModifyVpcEndpoint, { VpcEndpointId, AddRouteTableIds: [a, b], RemoveRouteTableIds: [] });
  region.call(ModifyVpcEndpoint, {
    VpcEndpointId,
    RemoveRouteTableIds: [a],
    PolicyDocument: '{"Statement":[]}',
  });
  assert.deepEqual([routes(a), routes(b)], [[], [route]]);
  const now = () =>
    must(region.call(DescribeVpcEndpoints, { VpcEndpointIds: [VpcEndpointId] }).VpcEndpoints?.[0]);
  assert.deepEqual([now().RouteTableIds, now().PolicyDocument], [[b], '{"Statement":[]}']);
  region.call(ModifyVpcEndpoint, { VpcEndpointId, ResetPolicy: true });
  assert.equal(now().PolicyDocument, made.PolicyDocument);
  region.call(routeTableActions.DeleteRouteTable, { RouteTableId: b });
  assert.deepEqual(now().RouteTableIds, []);
  region.call(ModifyVpcEndpoint, { VpcEndpointId, AddRouteTableIds: [a] });
  assert.deepEqual(
    region.call(DeleteVpcEndpoints, { VpcEndpointIds: [VpcEndpointId, "vpce-0"] }).Unsuccessful,
    [
      {
        ResourceId: "vpce-0",
        Error: {
          Code: "InvalidVpcEndpoint.NotFound",
          Message: "The Vpc Endpoint Id 'vpce-0' does not exist",
        },
      },
    ],
  );
  assert.deepEqual(routes(a), []);
  refuses("InvalidVpcEndpointId.NotFound", now, `The Vpc Endpoint Id '${VpcEndpointId}' does not exist`);
});

test("an endpoint's routes are its own: no request for routes makes, replaces or removes one", () => {
  const { region, gatewayId, table, create, routes } = scene();
  const RouteTableId = table();
  const VpcEndpointId = must(create({ RouteTableIds: [RouteTableId] }).VpcEndpointId);
  const there = { RouteTableId, DestinationPrefixListId: S3_LIST };
  const words = `cannot remove VPC endpoint route ${S3_LIST} in route table ${RouteTableId}`;
  refuses("InvalidParameterValue", () => region.perform("DeleteRoute", there), words);
  refuses(
    "InvalidParameterValue",
    () => region.perform("ReplaceRoute", { ...there, GatewayId: gatewayId }),
    /cannot replace/,
  );
  refuses("RouteAlreadyExists", () => region.perform("CreateRoute", { ...there, GatewayId: gatewayId }));
  const elsewhere = { RouteTableId, DestinationCidrBlock: "192.0.2.0/24" };
  refuses(
    "InvalidParameterValue",
    () => region.perform("CreateRoute", { ...elsewhere, VpcEndpointId }),
    /no Gateway Load Balancer/,
  );
  refuses("InvalidVpcEndpointId.NotFound", () =>
    region.perform("CreateRoute", { ...elsewhere, VpcEndpointId: "vpce-0" }),
  );
  refuses("InvalidGatewayID.NotFound", () =>
    region.perform("CreateRoute", { ...elsewhere, GatewayId: VpcEndpointId }),
  );
  assert.equal(routes(RouteTableId).length, 1);
  refuses(
    "RouteAlreadyExists",
    () => create({ RouteTableIds: [RouteTableId] }),
    `route table ${RouteTableId} already has a route with destination-prefix-list-id ${S3_LIST}`,
  );
});

test("what an endpoint cannot be is refused", () => {
  const { region, vpcId, table, create } = scene();
  const refused = (code: Parameters<typeof refuses>[0], more: object, words?: string | RegExp) =>
    refuses(code, () => create(more), words);
  refused(
    "UnsupportedOperation",
    { VpcEndpointType: "GatewayLoadBalancer" },
    /VPC endpoints of the type GatewayLoadBalancer/,
  );
  refused("InvalidParameterValue", { VpcEndpointType: "gateway" });
  refused(
    "InvalidServiceName",
    { ServiceName: "com.amazonaws.us-east-1.nope" },
    "The Vpc Endpoint Service 'com.amazonaws.us-east-1.nope' does not exist",
  );
  refused("InvalidServiceName", { ServiceName: "com.amazonaws.eu-west-1.s3" });
  refused("MissingParameter", { ServiceName: undefined });
  refused("InvalidVpcID.NotFound", { VpcId: "vpc-00000000000000000" });
  refused("InvalidParameter", { SubnetIds: ["subnet-1"] });
  refused("InvalidParameter", { SecurityGroupIds: ["sg-1"] });
  refused("InvalidParameter", { PrivateDnsEnabled: true });
  refused("UnsupportedOperation", { IpAddressType: "dualstack" });
  refused("UnsupportedOperation", { DnsOptions: { DnsRecordIpType: "ipv4" } });
  refused("InvalidParameterValue", { ServiceRegion: "eu-west-1" });
  refused("InvalidPolicyDocument", { PolicyDocument: "all of it" });
  refused("InvalidPolicyDocument", { PolicyDocument: "[]" });
  refused("InvalidRouteTableID.NotFound", { RouteTableIds: ["rtb-00000000000000000"] });
  const other = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.7.0.0/16" }).Vpc?.VpcId);
  refused("InvalidParameter", { RouteTableIds: [table(other)] }, /belong to different networks/);
  const VpcEndpointId = must(
    create({ PrivateDnsEnabled: false, IpAddressType: "ipv4", ServiceRegion: "us-east-1" }).VpcEndpointId,
  );
  refuses(
    "InvalidParameter",
    () => region.call(ModifyVpcEndpoint, { VpcEndpointId, RemoveRouteTableIds: [table()] }),
    /is not associated/,
  );
  refuses("InvalidParameter", () =>
    region.call(ModifyVpcEndpoint, { VpcEndpointId, AddSubnetIds: ["subnet-1"] }),
  );
  const both = { VpcEndpointId, ResetPolicy: true, PolicyDocument: "{}" };
  refuses("InvalidParameterCombination", () => region.call(ModifyVpcEndpoint, both));
  refuses("DependencyViolation", () =>
    region.perform("DeleteVpc", { VpcId: other === vpcId ? other : vpcId }),
  );
});

test("endpoints have a quota, tags and filters", () => {
  const { region, create } = scene({ quotas: { ...DEFAULT_QUOTAS, "gateway-vpc-endpoints": 1 } });
  const Tags = [{ Key: "Name", Value: "s3" }];
  const id = must(create({ TagSpecifications: [{ ResourceType: "vpc-endpoint", Tags }] }).VpcEndpointId);
  refuses("VpcEndpointLimitExceeded", () => create());
  const found = (Name: string, ...Values: string[]) =>
    region
      .call(DescribeVpcEndpoints, { Filters: [{ Name, Values }] })
      .VpcEndpoints?.map((endpoint) => endpoint.VpcEndpointId);
  assert.deepEqual(found("tag:Name", "s3"), [id]);
  assert.deepEqual(found("service-name", "*.s3"), [id]);
  assert.deepEqual(found("vpc-endpoint-type", "Interface"), []);
  refuses("InvalidParameterValue", () => found("colour", "red"));
  region.perform("CreateTags", { Resources: [id], Tags: [{ Key: "A", Value: "b" }] });
  assert.deepEqual(found("tag:A", "b"), [id]);
});

test("the services that have endpoints", () => {
  const region = newRegion();
  const ofType = (type: string) =>
    region.call(DescribeVpcEndpointServices, { Filters: [{ Name: "service-type", Values: [type] }] })
      .ServiceNames ?? [];
  assert.deepEqual(ofType("Gateway"), ["com.amazonaws.us-east-1.dynamodb", S3]);
  const interfaces = ofType("Interface");
  assert.deepEqual(interfaces, interfaces.toSorted());
  assert.deepEqual(
    new Set(region.call(DescribeVpcEndpointServices, {}).ServiceNames),
    new Set([...ofType("Gateway"), ...interfaces]),
  );
  const docker = must(
    region.call(DescribeVpcEndpointServices, { ServiceNames: ["com.amazonaws.us-east-1.ecr.dkr"] })
      .ServiceDetails?.[0],
  );
  assert.match(must(docker.ServiceId), /^vpce-svc-[0-9a-f]{17}$/);
  assert.deepEqual(
    [docker.ServiceType, docker.PrivateDnsName, docker.PrivateDnsNames, docker.BaseEndpointDnsNames],
    [
      [{ ServiceType: "Interface" }],
      "*.dkr.ecr.us-east-1.amazonaws.com",
      [{ PrivateDnsName: "*.dkr.ecr.us-east-1.amazonaws.com" }],
      ["dkr.ecr.us-east-1.vpce.amazonaws.com"],
    ],
  );
  assert.equal(region.call(DescribeVpcEndpointServices, { ServiceNames: [S3] }).ServiceDetails?.length, 2);
  const named = region.call(DescribeVpcEndpointServices, {
    ServiceNames: [S3],
    Filters: [{ Name: "service-type", Values: ["Gateway"] }],
  });
  assert.deepEqual(
    named.ServiceDetails?.map(({ ServiceType, Owner, BaseEndpointDnsNames }) => [
      ServiceType,
      Owner,
      BaseEndpointDnsNames,
    ]),
    [[[{ ServiceType: "Gateway" }], "amazon", ["s3.us-east-1.amazonaws.com"]]],
  );
  refuses("InvalidServiceName", () => region.call(DescribeVpcEndpointServices, { ServiceNames: ["s3"] }));
});
