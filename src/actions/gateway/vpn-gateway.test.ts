import assert from "node:assert/strict";
import { test } from "node:test";
import { routeTableActions } from "../route/route-table.ts";
import { routeActions } from "../route/route.ts";
import { newNetwork } from "../test-network.ts";
import { must, newRegion, refuses } from "../test-region.ts";
import { vpcCreateActions } from "../vpc/vpc-create.ts";
import { carrierGatewayActions } from "./carrier-gateway.ts";
import { customerGatewayActions } from "./customer-gateway.ts";
import { transitGatewayActions } from "./transit-gateway.ts";
import { vpnConnectionActions } from "./vpn-connection.ts";
import { vpnGatewayActions } from "./vpn-gateway.ts";

const { CreateVpnGateway, DeleteVpnGateway, AttachVpnGateway, DetachVpnGateway, DescribeVpnGateways } =
  vpnGatewayActions;
const { EnableVgwRoutePropagation, DisableVgwRoutePropagation } = vpnGatewayActions;
const { CreateCustomerGateway, DeleteCustomerGateway, DescribeCustomerGateways } = customerGatewayActions;
const { CreateCarrierGateway, DeleteCarrierGateway, DescribeCarrierGateways } = carrierGatewayActions;

function scene() {
  const network = newNetwork();
  const { region, vpcId: VpcId } = network;
  const table = must(region.call(routeTableActions.CreateRouteTable, { VpcId }).RouteTable?.RouteTableId);
  const vpn = (more: object = {}) =>
    must(region.call(CreateVpnGateway, { Type: "ipsec.1", ...more }).VpnGateway?.VpnGatewayId);
  const told = () =>
    must(region.call(routeTableActions.DescribeRouteTables, { RouteTableIds: [table] }).RouteTables?.[0]);
  return { ...network, table, vpn, told };
}

test("a virtual private gateway is attached to one VPC, which has one, and found by every filter", () => {
  const { region, vpcId, vpn } = scene();
  const [id, other] = [vpn({ AmazonSideAsn: 64_600, AvailabilityZone: "us-east-1a" }), vpn()];
  const bare = {
    VpnGatewayId: id,
    State: "available",
    Type: "ipsec.1",
    AvailabilityZone: "us-east-1a",
    AmazonSideAsn: 64_600,
    Tags: [],
  };
  const now = () => region.call(DescribeVpnGateways, { VpnGatewayIds: [id] }).VpnGateways?.[0];
  assert.deepEqual(now(), { ...bare, VpcAttachments: [] });
  const attached = region.call(AttachVpnGateway, { VpcId: vpcId, VpnGatewayId: id });
  assert.deepEqual(attached, { VpcAttachment: { VpcId: vpcId, State: "attaching" } });
  assert.deepEqual(now(), { ...bare, VpcAttachments: [{ VpcId: vpcId, State: "attached" }] });
  const filters = {
    "amazon-side-asn": "64600",
    "attachment.state": "attached",
    "attachment.vpc-id": vpcId,
    "availability-zone": "us-east-1a",
    "vpn-gateway-id": id,
  };
  for (const [Name, value] of Object.entries(filters)) {
    const found = region.call(DescribeVpnGateways, { Filters: [{ Name, Values: [value] }] }).VpnGateways;
    assert.deepEqual(
      found?.map(({ VpnGatewayId }) => VpnGatewayId),
      [id],
      Name,
    );
  }
  const VpcId = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.9.0.0/16" }).Vpc?.VpcId);
  refuses("VpnGatewayAttachmentLimitExceeded", () =>
    region.call(AttachVpnGateway, { VpcId, VpnGatewayId: id }),
  );
  refuses("VpnGatewayAttachmentLimitExceeded", () =>
    region.call(AttachVpnGateway, { VpcId: vpcId, VpnGatewayId: other }),
  );
  refuses("DependencyViolation", () => region.perform("DeleteVpc", { VpcId: vpcId }));
  refuses("IncorrectState", () => region.call(DeleteVpnGateway, { VpnGatewayId: id }));
  refuses("InvalidVpnGatewayAttachment.NotFound", () =>
    region.call(DetachVpnGateway, { VpcId, VpnGatewayId: id }),
  );
  region.call(DetachVpnGateway, { VpcId: vpcId, VpnGatewayId: id });
  region.call(DeleteVpnGateway, { VpnGatewayId: id });
  refuses("InvalidVpnGatewayID.NotFound", now, `The vpnGateway ID '${id}' does not exist`);
});

test("a virtual private gateway's type, number and count", () => {
  const { region, vpn } = scene();
  refuses("MissingParameter", () => vpn({ Type: undefined }));
  refuses("InvalidParameterValue", () => vpn({ Type: "ipsec.2" }));
  refuses("InvalidParameterValue", () => vpn({ AmazonSideAsn: 100 }));
  refuses("InvalidParameterValue", () => vpn({ AvailabilityZone: "us-east-1z" }));
  vpn({ AmazonSideAsn: 4_200_000_000, AvailabilityZone: "" });
  for (let count = 0; count < 4; count += 1) vpn();
  refuses("VpnGatewayLimitExceeded", () => vpn());
  assert.equal(region.call(DescribeVpnGateways, {}).VpnGateways?.at(-1)?.AmazonSideAsn, 64_512);
});

test("routes lead to an attached virtual private gateway, and are blackholes when it goes; tables say what they would take", () => {
  const { region, vpcId: VpcId, table: RouteTableId, vpn, told } = scene();
  const GatewayId = vpn();
  const route = { RouteTableId, DestinationCidrBlock: "192.168.0.0/16", GatewayId };
  const belongs = `route table ${RouteTableId} and network gateway ${GatewayId} belong to different networks`;
  refuses("InvalidParameterValue", () => region.call(routeActions.CreateRoute, route), belongs);
  const propagation = { GatewayId, RouteTableId };
  const words = `resource ${GatewayId} is not attached to network ${VpcId}`;
  refuses("Gateway.NotAttached", () => region.call(EnableVgwRoutePropagation, propagation), words);
  region.call(AttachVpnGateway, { VpcId, VpnGatewayId: GatewayId });
  region.call(routeActions.CreateRoute, route);
  const described = { DestinationCidrBlock: "192.168.0.0/16", GatewayId, Origin: "CreateRoute" };
  assert.deepEqual(told().Routes?.[1], { ...described, State: "active" });
  for (let times = 0; times < 2; times += 1) region.call(EnableVgwRoutePropagation, propagation);
  assert.deepEqual(told().PropagatingVgws, [{ GatewayId }]);
  region.call(DisableVgwRoutePropagation, propagation);
  assert.deepEqual(told().PropagatingVgws, []);
  region.call(EnableVgwRoutePropagation, propagation);
  region.call(DetachVpnGateway, { VpcId, VpnGatewayId: GatewayId });
  assert.deepEqual([told().PropagatingVgws, told().Routes?.[1]?.State], [[], "blackhole"]);
  refuses("InvalidGatewayID.NotFound", () =>
    region.call(EnableVgwRoutePropagation, { ...propagation, GatewayId: "vgw-0" }),
  );
  const edge = { RouteTableId, GatewayId };
  refuses(
    "UnsupportedOperation",
    () => region.perform("AssociateRouteTable", edge),
    /route tables of virtual private gateways/,
  );
});

test("a customer gateway is described as it was created, and the same request again answers with it", () => {
  const region = newRegion();
  const create = (more: object = {}) =>
    must(
      region.call(CreateCustomerGateway, { Type: "ipsec.1", IpAddress: "198.51.100.7", ...more })
        .CustomerGateway,
    );
  const first = create({
    BgpAsn: 65_001,
    TagSpecifications: [{ ResourceType: "customer-gateway", Tags: [{ Key: "A", Value: "b" }] }],
  });
  assert.deepEqual(first, {
    CustomerGatewayId: first.CustomerGatewayId,
    State: "available",
    Type: "ipsec.1",
    IpAddress: "198.51.100.7",
    CertificateArn: undefined,
    DeviceName: undefined,
    BgpAsn: "65001",
    Tags: [{ Key: "A", Value: "b" }],
  });
  assert.equal(create({ BgpAsn: 65_001 }).CustomerGatewayId, first.CustomerGatewayId);
  assert.notEqual(create({ BgpAsn: 65_001, DeviceName: "two" }).CustomerGatewayId, first.CustomerGatewayId);
  assert.equal(create({ BgpAsnExtended: 4_000_000_000 }).BgpAsnExtended, "4000000000");
  assert.equal(create({ IpAddress: undefined, PublicIp: "2001:db8::1" }).BgpAsn, "65000");
  assert.equal(
    create({ IpAddress: undefined, CertificateArn: "arn:aws:acm:us-east-1:123456789012:certificate/a" })
      .IpAddress,
    undefined,
  );
  refuses("MissingParameter", () => create({ IpAddress: undefined }));
  refuses("InvalidParameterValue", () => create({ IpAddress: "office" }));
  refuses("InvalidParameterValue", () => create({ BgpAsn: 0 }));
  refuses("InvalidParameterValue", () => create({ BgpAsnExtended: 65_000 }));
  refuses("InvalidParameterCombination", () => create({ BgpAsn: 1, BgpAsnExtended: 4_000_000_000 }));
  refuses("InvalidParameterCombination", () => create({ PublicIp: "198.51.100.9" }));
  const found = region.call(DescribeCustomerGateways, {
    Filters: [{ Name: "bgp-asn", Values: ["65001"] }],
  }).CustomerGateways;
  assert.equal(found?.length, 2);
  region.call(DeleteCustomerGateway, { CustomerGatewayId: first.CustomerGatewayId });
  refuses("InvalidCustomerGatewayID.NotFound", () =>
    region.call(DescribeCustomerGateways, { CustomerGatewayIds: [must(first.CustomerGatewayId)] }),
  );
  for (let count = 4; count < 50; count += 1) create({ DeviceName: `device ${count}` });
  refuses("CustomerGatewayLimitExceeded", () => create({ DeviceName: "one more" }));
});

test("a VPC has one carrier gateway; routes to it are blackholes when it is deleted", () => {
  const { region, vpcId: VpcId, table: RouteTableId, told } = scene();
  const made = must(region.call(CreateCarrierGateway, { VpcId }).CarrierGateway);
  const CarrierGatewayId = must(made.CarrierGatewayId);
  assert.deepEqual(made, { CarrierGatewayId, VpcId, State: "pending", OwnerId: "123456789012", Tags: [] });
  assert.equal(region.call(DescribeCarrierGateways, {}).CarrierGateways?.[0]?.State, "available");
  refuses("CarrierGatewayLimitExceeded", () => region.call(CreateCarrierGateway, { VpcId }));
  const route = { RouteTableId, DestinationCidrBlock: "0.0.0.0/0", CarrierGatewayId };
  region.call(routeActions.CreateRoute, route);
  const described = { DestinationCidrBlock: "0.0.0.0/0", CarrierGatewayId, Origin: "CreateRoute" };
  assert.deepEqual(told().Routes?.[1], { ...described, State: "active" });
  const other = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.9.0.0/16" }).Vpc?.VpcId);
  const elsewhere = must(
    region.call(routeTableActions.CreateRouteTable, { VpcId: other }).RouteTable?.RouteTableId,
  );
  refuses("InvalidParameterValue", () =>
    region.call(routeActions.CreateRoute, { ...route, RouteTableId: elsewhere }),
  );
  assert.equal(region.call(DeleteCarrierGateway, { CarrierGatewayId }).CarrierGateway?.State, "deleting");
  assert.equal(told().Routes?.[1]?.State, "blackhole");
  refuses("InvalidCarrierGatewayID.NotFound", () =>
    region.call(DescribeCarrierGateways, { CarrierGatewayIds: [CarrierGatewayId] }),
  );
  const missing = { ...route, DestinationCidrBlock: "10.8.0.0/16" };
  refuses("InvalidCarrierGatewayID.NotFound", () => region.call(routeActions.CreateRoute, missing));
});

test("there are no VPN connections", () => {
  const region = newRegion();
  assert.deepEqual(region.call(vpnConnectionActions.DescribeVpnConnections, {}), { VpnConnections: [] });
  const VpnConnectionIds = ["vpn-00000000000000000"];
  refuses("InvalidVpnConnectionID.NotFound", () =>
    region.call(vpnConnectionActions.DescribeVpnConnections, { VpnConnectionIds }),
  );
});

test("lists that are always empty refuse unknown filters and unknown page tokens", () => {
  const region = newRegion();
  const unknown = { Filters: [{ Name: "colour", Values: ["blue"] }] };
  const isRefused = {
    name: "Fault",
    code: "InvalidParameterValue",
    message: "The filter 'colour' is invalid",
  };
  assert.throws(() => region.call(vpnConnectionActions.DescribeVpnConnections, unknown), isRefused);
  assert.throws(() => region.call(transitGatewayActions.DescribeTransitGateways, unknown), isRefused);

  const known = ["state", "transit-gateway-id", "tag:Name", "tag-key"].map((Name) => ({
    Name,
    Values: ["x"],
  }));
  assert.deepEqual(region.call(vpnConnectionActions.DescribeVpnConnections, { Filters: known }), {
    VpnConnections: [],
  });
  assert.deepEqual(region.call(transitGatewayActions.DescribeTransitGateways, { Filters: known }), {
    TransitGateways: [],
  });
  const page = (asked: object): unknown => region.call(transitGatewayActions.DescribeTransitGateways, asked);
  refuses("InvalidParameterValue", () => page({ MaxResults: 4 }));
  refuses("InvalidParameterValue", () => page({ MaxResults: 1001 }));
  refuses("InvalidNextToken", () => page({ NextToken: "bogus" }));
});
