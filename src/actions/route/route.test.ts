import assert from "node:assert/strict";
import { test } from "node:test";
import { internetGatewayAttachmentActions } from "../gateway/internet-gateway-attachment.ts";
import { internetGatewayActions } from "../gateway/internet-gateway.ts";
import { natGatewayActions } from "../gateway/nat-gateway.ts";
import {
  instanceRecord,
  interfaceRecord,
  must,
  newRegion,
  refuses,
  type TestRegion,
} from "../test-region.ts";
import { subnetCreateActions } from "../vpc/subnet-create.ts";
import { vpcCreateActions } from "../vpc/vpc-create.ts";
import { routeTableActions } from "./route-table.ts";
import { routeActions } from "./route.ts";

const { CreateRoute, ReplaceRoute, DeleteRoute } = routeActions;
const { AttachInternetGateway, DetachInternetGateway } = internetGatewayAttachmentActions;

/** A VPC with an attached gateway and a table of its own. */
function network(region: TestRegion): {
  VpcId: string;
  RouteTableId: string;
  GatewayId: string;
  SubnetId: string;
} {
  const VpcId = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
  const GatewayId = must(
    region.call(internetGatewayActions.CreateInternetGateway, {}).InternetGateway?.InternetGatewayId,
  );
  region.call(AttachInternetGateway, { InternetGatewayId: GatewayId, VpcId });
  const RouteTableId = must(
    region.call(routeTableActions.CreateRouteTable, { VpcId }).RouteTable?.RouteTableId,
  );
  const SubnetId = must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId, CidrBlock: "10.0.1.0/24" }).Subnet?.SubnetId,
  );
  return { VpcId, RouteTableId, GatewayId, SubnetId };
}

/** The records of an instance and its interfaces, as launched in the subnet. */
function instanceIn(
  region: TestRegion,
  subnetId: string,
  interfaces = 1,
): { instanceId: string; eniIds: string[] } {
  const instance = instanceRecord(region, subnetId);
  const eniIds = Array.from({ length: interfaces }, (_, deviceIndex) => {
    const attachment = {
      attachmentId: `eni-attach-${deviceIndex}${instance.id}`,
      instanceId: instance.id,
      deviceIndex,
      networkCardIndex: 0,
      deleteOnTermination: true,
      attachTime: instance.launchTime,
    };
    return interfaceRecord(region, subnetId, [`10.0.1.${10 + deviceIndex}`], { attachment }).id;
  });
  return { instanceId: instance.id, eniIds };
}

function routesOf(region: TestRegion, RouteTableId: string) {
  return (
    must(
      region.call(routeTableActions.DescribeRouteTables, { RouteTableIds: [RouteTableId] }).RouteTables?.[0],
    ).Routes ?? []
  );
}

const ANYWHERE = "0.0.0.0/0";

test("a route to the attached gateway is active, a blackhole while it is detached, and active again when it comes back", () => {
  const region = newRegion();
  const { VpcId, RouteTableId, GatewayId } = network(region);
  assert.deepEqual(region.call(CreateRoute, { RouteTableId, DestinationCidrBlock: ANYWHERE, GatewayId }), {
    Return: true,
  });
  const state = () => routesOf(region, RouteTableId)[1];
  assert.deepEqual(state(), {
    DestinationCidrBlock: ANYWHERE,
    GatewayId,
    Origin: "CreateRoute",
    State: "active",
  });
  region.call(DetachInternetGateway, { InternetGatewayId: GatewayId, VpcId });
  assert.equal(state()?.State, "blackhole");
  region.call(AttachInternetGateway, { InternetGatewayId: GatewayId, VpcId });
  assert.equal(state()?.State, "active");
  region.call(DetachInternetGateway, { InternetGatewayId: GatewayId, VpcId });
  const other = network(region);
  region.call(DetachInternetGateway, { InternetGatewayId: other.GatewayId, VpcId: other.VpcId });
  region.call(AttachInternetGateway, { InternetGatewayId: GatewayId, VpcId: other.VpcId });
  assert.equal(state()?.State, "blackhole", "attached to another VPC");
});

test("a route to a gateway that is not attached to this VPC is refused", () => {
  const region = newRegion();
  const { VpcId, RouteTableId, GatewayId } = network(region);
  const other = network(region);
  const create = (id: string) => () =>
    region.call(CreateRoute, { RouteTableId, DestinationCidrBlock: ANYWHERE, GatewayId: id });
  const words = (id: string) =>
    `route table ${RouteTableId} and network gateway ${id} belong to different networks`;
  refuses("InvalidParameterValue", create(other.GatewayId), words(other.GatewayId));
  region.call(DetachInternetGateway, { InternetGatewayId: GatewayId, VpcId });
  refuses("InvalidParameterValue", create(GatewayId), words(GatewayId));
  for (const id of ["igw-00000000000000000", "nat-0b08ff466280436f1", "local"]) {
    refuses("InvalidGatewayID.NotFound", create(id), `The gateway ID '${id}' does not exist`);
  }
  assert.equal(routesOf(region, RouteTableId).length, 1);
});

test("within the VPC, only routes for a whole subnet, to a NAT gateway or an interface, are taken", () => {
  const region = newRegion();
  const { VpcId, RouteTableId, GatewayId, SubnetId } = network(region);
  const DestinationCidrBlock = "10.0.2.0/24";
  region.call(subnetCreateActions.CreateSubnet, { VpcId, CidrBlock: DestinationCidrBlock });
  const made = region.call(natGatewayActions.CreateNatGateway, { SubnetId, ConnectivityType: "private" });
  const NatGatewayId = must(made.NatGateway?.NatGatewayId);
  const to = (block: string) => ({ RouteTableId, DestinationCidrBlock: block, NatGatewayId });
  assert.deepEqual(region.call(CreateRoute, to(DestinationCidrBlock)), { Return: true });
  const route = { DestinationCidrBlock, NatGatewayId, Origin: "CreateRoute", State: "active" };
  assert.deepEqual(
    routesOf(region, RouteTableId).find((one) => one.DestinationCidrBlock === DestinationCidrBlock),
    route,
  );
  refuses(
    "InvalidParameterValue",
    () => region.call(CreateRoute, to("10.0.2.0/25")),
    "Route destination doesn't match any subnet CIDR blocks.",
  );
  const words = /is equal to or more specific than one of this VPC's CIDR blocks/;
  refuses("InvalidParameterValue", () => region.call(CreateRoute, to("10.0.0.0/16")), words);
  refuses("InvalidParameterValue", () => region.call(ReplaceRoute, to("10.0.0.0/16")), words);
  refuses(
    "InvalidParameterValue",
    () => region.call(ReplaceRoute, { RouteTableId, DestinationCidrBlock, GatewayId }),
    words,
  );
});

test("destinations: existing, inside the VPC, malformed, of other kinds", () => {
  const region = newRegion();
  const { RouteTableId, GatewayId, SubnetId } = network(region);
  const { eniIds } = instanceIn(region, SubnetId);
  const toGateway = (DestinationCidrBlock: string) => () =>
    region.call(CreateRoute, { RouteTableId, DestinationCidrBlock, GatewayId });
  const toInterface = (DestinationCidrBlock: string) => () =>
    region.call(CreateRoute, { RouteTableId, DestinationCidrBlock, NetworkInterfaceId: must(eniIds[0]) });
  toGateway(ANYWHERE)();
  refuses("RouteAlreadyExists", toGateway(ANYWHERE), "The route identified by 0.0.0.0/0 already exists.");
  refuses("RouteAlreadyExists", toGateway("7.7.7.7/0"), "The route identified by 0.0.0.0/0 already exists.");
  refuses("RouteAlreadyExists", toInterface("10.0.0.0/16"));
  refuses(
    "InvalidParameterValue",
    toGateway("10.0.5.0/24"),
    "The destination CIDR block 10.0.5.0/24 is equal to or more specific than one of this VPC's CIDR blocks. This route can target only an interface or an instance.",
  );
  refuses(
    "InvalidParameterValue",
    toInterface("10.0.5.0/24"),
    "Route destination doesn't match any subnet CIDR blocks.",
  );
  toInterface("10.0.1.0/24")();
  refuses("InvalidParameterValue", toGateway("nowhere"), /This is not a valid CIDR block\.$/);
  refuses("InvalidParameterValue", toGateway("169.254.169.254/32"));
  refuses("MissingParameter", () => region.call(CreateRoute, { RouteTableId, GatewayId }));
  refuses("InvalidPrefixListID.NotFound", () =>
    region.call(CreateRoute, { RouteTableId, DestinationPrefixListId: "pl-1", GatewayId }),
  );
});

test("exactly one target, and each kind has its own NotFound", () => {
  const region = newRegion();
  const { RouteTableId, GatewayId } = network(region);
  const create = (target: object) => () =>
    region.call(CreateRoute, { RouteTableId, DestinationCidrBlock: "8.0.0.0/8", ...target });
  refuses("MissingParameter", create({}));
  refuses("InvalidParameterCombination", create({ GatewayId, NatGatewayId: "nat-1" }));
  refuses(
    "InvalidNatGatewayID.NotFound",
    create({ NatGatewayId: "nat-1" }),
    "The natGateway ID 'nat-1' does not exist",
  );
  refuses("InvalidVpcPeeringConnectionID.NotFound", create({ VpcPeeringConnectionId: "pcx-1" }));
  refuses("InvalidTransitGatewayID.NotFound", create({ TransitGatewayId: "tgw-1" }));
  refuses("InvalidVpcEndpointId.NotFound", create({ VpcEndpointId: "vpce-1" }));
  refuses("InvalidNetworkInterfaceID.NotFound", create({ NetworkInterfaceId: "eni-00000000000000000" }));
  refuses("InvalidInstanceID.NotFound", create({ InstanceId: "i-00000000000000000" }));
  refuses("InvalidRouteTableID.NotFound", () =>
    region.call(CreateRoute, { RouteTableId: "rtb-00000000", DestinationCidrBlock: ANYWHERE, GatewayId }),
  );
});

test("an instance stands for its only interface; the route is a blackhole while it does not run", () => {
  const region = newRegion();
  const { RouteTableId, SubnetId } = network(region);
  const { instanceId, eniIds } = instanceIn(region, SubnetId);
  region.call(CreateRoute, { RouteTableId, DestinationCidrBlock: "8.0.0.0/8", InstanceId: instanceId });
  const route = () => routesOf(region, RouteTableId)[1];
  assert.deepEqual(route(), {
    DestinationCidrBlock: "8.0.0.0/8",
    InstanceId: instanceId,
    InstanceOwnerId: "123456789012",
    NetworkInterfaceId: eniIds[0],
    Origin: "CreateRoute",
    State: "active",
  });
  region.change((tx) => tx.put({ ...must(tx.get("instance", instanceId)), state: "stopped" }));
  assert.equal(route()?.State, "blackhole");
  region.change((tx) => tx.delete("network-interface", must(eniIds[0])));
  assert.deepEqual(route(), {
    DestinationCidrBlock: "8.0.0.0/8",
    NetworkInterfaceId: eniIds[0],
    Origin: "CreateRoute",
    State: "blackhole",
  });
  const several = instanceIn(region, SubnetId, 2);
  refuses(
    "InvalidInstanceID",
    () =>
      region.call(CreateRoute, {
        RouteTableId,
        DestinationCidrBlock: "9.0.0.0/8",
        InstanceId: several.instanceId,
      }),
    `There are multiple interfaces attached to instance '${several.instanceId}'. Please specify an interface ID for the operation instead.`,
  );
  const other = network(region);
  refuses(
    "InvalidParameterValue",
    () =>
      region.call(CreateRoute, {
        RouteTableId: other.RouteTableId,
        DestinationCidrBlock: "9.0.0.0/8",
        NetworkInterfaceId: several.eniIds[0],
      }),
    `route table ${other.RouteTableId} and interface ${must(several.eniIds[0]).replace("eni-", "interface-")} belong to different networks`,
  );
});

test("replace keeps the destination and changes the target; missing and local routes are refused", () => {
  const region = newRegion();
  const { RouteTableId, GatewayId, SubnetId } = network(region);
  const { eniIds } = instanceIn(region, SubnetId);
  const missing = `no route with destination-cidr-block 0.0.0.0/0 in route table ${RouteTableId}`;
  refuses(
    "InvalidParameterValue",
    () => region.call(ReplaceRoute, { RouteTableId, DestinationCidrBlock: ANYWHERE, GatewayId }),
    "There is no route defined for '0.0.0.0/0' in the route table. Use CreateRoute instead.",
  );
  refuses(
    "InvalidRoute.NotFound",
    () => region.call(DeleteRoute, { RouteTableId, DestinationCidrBlock: ANYWHERE }),
    missing,
  );
  region.call(CreateRoute, { RouteTableId, DestinationCidrBlock: ANYWHERE, GatewayId });
  region.call(ReplaceRoute, {
    RouteTableId,
    DestinationCidrBlock: ANYWHERE,
    NetworkInterfaceId: must(eniIds[0]),
  });
  assert.equal(routesOf(region, RouteTableId)[1]?.NetworkInterfaceId, eniIds[0]);
  assert.equal(routesOf(region, RouteTableId)[1]?.GatewayId, undefined);
  const toLocal = { RouteTableId, DestinationCidrBlock: "10.0.0.0/16" };
  refuses(
    "InvalidParameterValue",
    () => region.call(DeleteRoute, toLocal),
    `cannot remove local route 10.0.0.0/16 in route table ${RouteTableId}`,
  );
  refuses(
    "InvalidParameterValue",
    () => region.call(ReplaceRoute, { ...toLocal, GatewayId }),
    /can target only an interface/,
  );
  region.call(ReplaceRoute, { ...toLocal, LocalTarget: true });
  region.call(DeleteRoute, { RouteTableId, DestinationCidrBlock: ANYWHERE });
  assert.equal(routesOf(region, RouteTableId).length, 1);
});

test("the fifty-first route is refused", () => {
  const region = newRegion();
  const { RouteTableId, GatewayId } = network(region);
  const create = (n: number) =>
    region.call(CreateRoute, { RouteTableId, DestinationCidrBlock: `8.0.${n}.0/24`, GatewayId });
  for (let n = 0; n < 50; n += 1) create(n);
  refuses("RouteLimitExceeded", () => create(50), /--quota routes-per-table=51/);
});

test("the local route can lead to an interface, and back to local; it is never removed", () => {
  const region = newRegion();
  const { RouteTableId, SubnetId, GatewayId } = network(region);
  const { eniIds } = instanceIn(region, SubnetId);
  const local = { RouteTableId, DestinationCidrBlock: "10.0.0.0/16" };
  const before = routesOf(region, RouteTableId);
  region.call(ReplaceRoute, { ...local, NetworkInterfaceId: must(eniIds[0]) });
  const [replaced, ...more] = routesOf(region, RouteTableId);
  assert.deepEqual(more, []);
  assert.equal(replaced?.NetworkInterfaceId, eniIds[0]);
  assert.equal(replaced?.GatewayId, undefined);
  assert.equal(replaced?.Origin, "CreateRouteTable");
  refuses("InvalidParameterValue", () => region.call(DeleteRoute, local), /^cannot remove local route/);
  refuses(
    "InvalidParameterValue",
    () => region.call(ReplaceRoute, { ...local, GatewayId }),
    /can target only an interface or an instance/,
  );
  region.call(ReplaceRoute, { ...local, LocalTarget: true });
  assert.deepEqual(routesOf(region, RouteTableId), before);
});
