import assert from "node:assert/strict";
import { test } from "node:test";
import { addressAssociationActions } from "../interface/address-association.ts";
import { addressDescribeActions } from "../interface/address-describe.ts";
import { addressActions } from "../interface/address.ts";
import { networkInterfaceListActions } from "../interface/network-interface-list.ts";
import { routeTableAssociationActions } from "../route/route-table-association.ts";
import { routeTableActions } from "../route/route-table.ts";
import { routeActions } from "../route/route.ts";
import { newNetwork, type TestNetwork } from "../test-network.ts";
import { must, refuses } from "../test-region.ts";
import { subnetCreateActions } from "../vpc/subnet-create.ts";
import { subnetDeleteActions } from "../vpc/subnet-delete.ts";
import { subnetActions } from "../vpc/subnet.ts";
import { vpcDeleteActions } from "../vpc/vpc-delete.ts";
import { internetGatewayAttachmentActions } from "./internet-gateway-attachment.ts";
import { natGatewayAddressActions } from "./nat-gateway-address.ts";
import { natGatewayDescribeActions } from "./nat-gateway-describe.ts";
import { natGatewayActions } from "./nat-gateway.ts";

const { CreateNatGateway, DeleteNatGateway } = natGatewayActions;
const { AssociateNatGatewayAddress, DisassociateNatGatewayAddress } = natGatewayAddressActions;

const regional = { AvailabilityMode: "regional" } as const;

function created(network: TestNetwork, input: object = {}): string {
  const { region, vpcId: VpcId } = network;
  return must(region.call(CreateNatGateway, { ...regional, VpcId, ...input }).NatGateway?.NatGatewayId);
}

const now = ({ region }: TestNetwork, id: string) =>
  must(region.call(natGatewayDescribeActions.DescribeNatGateways, { NatGatewayIds: [id] }).NatGateways?.[0]);
const zones = (network: TestNetwork, id: string) =>
  now(network, id).NatGatewayAddresses?.map(({ AvailabilityZone }) => AvailabilityZone);
const subnetIn = (
  { region, vpcId: VpcId }: TestNetwork,
  CidrBlock: string,
  AvailabilityZone: string,
): string =>
  must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId, CidrBlock, AvailabilityZone }).Subnet?.SubnetId,
  );
const allocated = ({ region }: TestNetwork): string =>
  must(region.call(addressActions.AllocateAddress, {}).AllocationId);
const addresses = ({ region }: TestNetwork) =>
  region.call(addressDescribeActions.DescribeAddresses, {}).Addresses ?? [];

test("a regional gateway takes an address in each zone with a subnet, and follows the subnets", () => {
  const network = newNetwork();
  const { region, vpcId } = network;
  const id = created(network);
  const { NatGatewayAddresses = [], ...gateway } = now(network, id);
  assert.deepEqual(
    [
      gateway.State,
      gateway.VpcId,
      gateway.SubnetId,
      gateway.AvailabilityMode,
      gateway.AutoProvisionZones,
      gateway.ConnectivityType,
    ],
    ["available", vpcId, undefined, "regional", "enabled", "public"],
  );
  const [first] = NatGatewayAddresses;
  assert.deepEqual(Object.keys(must(first)).toSorted(), [
    "AllocationId",
    "AssociationId",
    "AvailabilityZone",
    "AvailabilityZoneId",
    "PublicIp",
    "Status",
  ]);
  assert.deepEqual([first?.AvailabilityZone, first?.AvailabilityZoneId], ["us-east-1a", "use1-az1"]);
  const second = subnetIn(network, "10.0.2.0/24", "us-east-1c");
  subnetIn(network, "10.0.3.0/24", "us-east-1a");
  assert.deepEqual(zones(network, id), ["us-east-1a", "us-east-1c"]);
  region.call(subnetDeleteActions.DeleteSubnet, { SubnetId: second });
  assert.deepEqual(zones(network, id), ["us-east-1a"]);
  assert.deepEqual(
    addresses(network).map(({ AllocationId, ServiceManaged, NetworkInterfaceId }) => [
      AllocationId,
      ServiceManaged,
      NetworkInterfaceId,
    ]),
    [[first?.AllocationId, "rnat", undefined]],
  );
});

test("a regional gateway's own subnets and interfaces show in no list, and are deleted with it", () => {
  const network = newNetwork();
  const { region, vpcId: VpcId, gatewayId, subnetId } = network;
  const before = [
    region.reader().count("subnet"),
    region.reader().count("network-interface"),
    region.reader().count("route-table"),
  ];
  const id = created(network);
  const inVpc = { Filters: [{ Name: "vpc-id", Values: [VpcId] }] };
  for (const input of [{}, inVpc]) {
    assert.deepEqual(
      region.call(subnetActions.DescribeSubnets, input).Subnets?.map(({ SubnetId }) => SubnetId),
      [subnetId],
    );
    assert.deepEqual(
      region.call(networkInterfaceListActions.DescribeNetworkInterfaces, input).NetworkInterfaces,
      [],
    );
  }
  const hidden = must(region.reader().by("subnet", "natGatewayId", id)[0]);
  const eni = must(region.reader().by("network-interface", "natGatewayId", id)[0]);
  refuses("InvalidSubnetID.NotFound", () =>
    region.call(subnetActions.DescribeSubnets, { SubnetIds: [hidden.id] }),
  );
  const NetworkInterfaceIds = [eni.id];
  refuses("InvalidNetworkInterfaceID.NotFound", () =>
    region.call(networkInterfaceListActions.DescribeNetworkInterfaces, { NetworkInterfaceIds }),
  );
  const [address] = now(network, id).NatGatewayAddresses ?? [];
  refuses("AuthFailure", () =>
    region.call(addressAssociationActions.DisassociateAddress, { AssociationId: address?.AssociationId }),
  );
  refuses("AuthFailure", () =>
    region.call(addressAssociationActions.ReleaseAddress, { AllocationId: address?.AllocationId }),
  );
  const offer = { AllocationId: address?.AllocationId, TransferAccountId: "210987654321" };
  refuses("AuthFailure", () => region.perform("EnableAddressTransfer", offer));
  refuses("DependencyViolation", () =>
    region.call(internetGatewayAttachmentActions.DetachInternetGateway, {
      VpcId,
      InternetGatewayId: gatewayId,
    }),
  );
  region.call(subnetDeleteActions.DeleteSubnet, { SubnetId: subnetId });
  assert.deepEqual(zones(network, id), [], "its last subnet is gone, and its places with it");
  region.call(internetGatewayAttachmentActions.DetachInternetGateway, {
    VpcId,
    InternetGatewayId: gatewayId,
  });
  refuses("DependencyViolation", () => region.call(vpcDeleteActions.DeleteVpc, { VpcId }));
  region.call(DeleteNatGateway, { NatGatewayId: id });
  assert.equal(now(network, id).State, "deleted");
  assert.deepEqual(addresses(network), []);
  assert.deepEqual(
    [
      region.reader().count("subnet"),
      region.reader().count("network-interface"),
      region.reader().count("route-table"),
    ],
    [0, before[1], before[2]],
  );
  region.call(vpcDeleteActions.DeleteVpc, { VpcId });
});

test("a regional gateway's route table leads to the internet gateway, serves only that gateway, and takes routes back to appliances", () => {
  const network = newNetwork();
  const { region, vpcId, subnetId: SubnetId, gatewayId: GatewayId } = network;
  const id = created(network);
  const RouteTableId = must(now(network, id).RouteTableId);
  const [table] =
    region.call(routeTableActions.DescribeRouteTables, { RouteTableIds: [RouteTableId] }).RouteTables ?? [];
  assert.deepEqual(
    table?.Routes?.map(({ DestinationCidrBlock, GatewayId: to }) => [DestinationCidrBlock, to]),
    [
      ["10.0.0.0/16", "local"],
      ["0.0.0.0/0", GatewayId],
    ],
  );
  assert.deepEqual(
    [table?.VpcId, table?.Associations?.map((one) => [one.GatewayId, one.SubnetId, one.Main])],
    [vpcId, [[id, undefined, false]]],
  );
  refuses("DependencyViolation", () => region.call(routeTableActions.DeleteRouteTable, { RouteTableId }));
  const { AssociateRouteTable, ReplaceRouteTableAssociation } = routeTableAssociationActions;
  refuses(
    "InvalidParameterValue",
    () => region.call(AssociateRouteTable, { RouteTableId, SubnetId }),
    /regional NAT gateway/,
  );
  refuses(
    "InvalidParameterValue",
    () => region.call(AssociateRouteTable, { RouteTableId, GatewayId }),
    /regional NAT gateway/,
  );
  const AssociationId = must(region.reader().get("vpc", vpcId)).mainRouteTable.associationId;
  refuses(
    "InvalidParameterValue",
    () => region.call(ReplaceRouteTableAssociation, { RouteTableId, AssociationId }),
    /regional NAT/,
  );
  const own = table?.Associations?.[0]?.RouteTableAssociationId;
  refuses("InvalidAssociationID.NotFound", () =>
    region.call(routeTableAssociationActions.DisassociateRouteTable, { AssociationId: own }),
  );
  const toItself = { RouteTableId, DestinationCidrBlock: "192.0.2.0/24", NatGatewayId: id };
  refuses(
    "InvalidParameterValue",
    () => region.call(routeActions.CreateRoute, toItself),
    /back to network interfaces/,
  );
  const wish = { VpcId: vpcId, ServiceName: "com.amazonaws.us-east-1.s3", RouteTableIds: [RouteTableId] };
  refuses(
    "InvalidParameterValue",
    () => region.perform("CreateVpcEndpoint", wish),
    /back to network interfaces/,
  );
});

test("a user who named zones and addresses in the request can change them", () => {
  const network = newNetwork();
  const { region } = network;
  const [one, two, three] = [allocated(network), allocated(network), allocated(network)];
  const NatGatewayId = created(network, {
    AvailabilityZoneAddresses: [
      { AvailabilityZone: "us-east-1b", AllocationIds: [one] },
      { AvailabilityZoneId: "use1-az3", AllocationIds: [two] },
    ],
  });
  assert.deepEqual(
    [now(network, NatGatewayId).AutoProvisionZones, zones(network, NatGatewayId)],
    ["disabled", ["us-east-1b", "us-east-1c"]],
  );
  subnetIn(network, "10.0.4.0/24", "us-east-1d");
  assert.deepEqual(zones(network, NatGatewayId), ["us-east-1b", "us-east-1c"], "it stays where it is");
  const more = { NatGatewayId, AllocationIds: [three] };
  refuses("MissingParameter", () => region.call(AssociateNatGatewayAddress, more));
  refuses("InvalidParameterValue", () =>
    region.call(AssociateNatGatewayAddress, { ...more, AvailabilityZone: "us-east-1z" }),
  );
  const answer = region.call(AssociateNatGatewayAddress, {
    ...more,
    AvailabilityZone: "us-east-1b",
  }).NatGatewayAddresses;
  assert.deepEqual(
    answer?.map(({ AllocationId, AvailabilityZone, Status }) => [AllocationId, AvailabilityZone, Status]),
    [[three, "us-east-1b", "associating"]],
  );
  assert.deepEqual(zones(network, NatGatewayId), ["us-east-1b", "us-east-1c", "us-east-1b"]);
  refuses(
    "Resource.AlreadyAssociated",
    () => region.call(AssociateNatGatewayAddress, { ...more, AvailabilityZone: "us-east-1b" }),
    /is already associated/,
  );
  const associations = (now(network, NatGatewayId).NatGatewayAddresses ?? []).map(({ AssociationId }) =>
    must(AssociationId),
  );
  refuses(
    "InvalidParameter",
    () => region.call(DisassociateNatGatewayAddress, { NatGatewayId, AssociationIds: associations }),
    /The last/,
  );
  region.call(DisassociateNatGatewayAddress, { NatGatewayId, AssociationIds: associations.slice(0, 1) });
  region.call(DisassociateNatGatewayAddress, { NatGatewayId, AssociationIds: associations.slice(1, 2) });
  assert.deepEqual(zones(network, NatGatewayId), ["us-east-1b"]);
  assert.equal(region.reader().by("network-interface", "natGatewayId", NatGatewayId).length, 1);
  region.call(DeleteNatGateway, { NatGatewayId });
  assert.equal(addresses(network).length, 3, "the user's addresses stay allocated");
});

test("a gateway that manages its addresses itself refuses changes of them", () => {
  const network = newNetwork();
  const { region } = network;
  const NatGatewayId = created(network);
  const AllocationIds = [allocated(network)];
  const add = { NatGatewayId, AllocationIds, AvailabilityZone: "us-east-1a" };
  refuses("InvalidParameter", () => region.call(AssociateNatGatewayAddress, add), /itself/);
  const AssociationIds = (now(network, NatGatewayId).NatGatewayAddresses ?? []).map(({ AssociationId }) =>
    must(AssociationId),
  );
  refuses(
    "InvalidParameter",
    () => region.call(DisassociateNatGatewayAddress, { NatGatewayId, AssociationIds }),
    /itself/,
  );
});

test("a regional gateway without an internet gateway, or with an address in use, is made and then fails", () => {
  const network = newNetwork();
  const { region, vpcId: VpcId, gatewayId: InternetGatewayId } = network;
  const address = allocated(network);
  created(network, {
    AvailabilityZoneAddresses: [{ AvailabilityZone: "us-east-1a", AllocationIds: [address] }],
  });
  const again = created(network, {
    AvailabilityZoneAddresses: [{ AvailabilityZone: "us-east-1b", AllocationIds: [address] }],
  });
  assert.deepEqual(
    [now(network, again).State, now(network, again).FailureCode],
    ["failed", "Resource.AlreadyAssociated"],
  );
  const other = newNetwork();
  other.region.call(internetGatewayAttachmentActions.DetachInternetGateway, {
    VpcId: other.vpcId,
    InternetGatewayId: other.gatewayId,
  });
  const lost = created(other);
  assert.deepEqual(
    [now(other, lost).State, now(other, lost).FailureCode, now(other, lost).FailureMessage],
    ["failed", "Gateway.NotAttached", `Network ${other.vpcId} has no Internet gateway attached`],
  );
  assert.equal(other.region.reader().count("address"), 0, "nothing is left of it");
  refuses("DependencyViolation", () =>
    region.call(internetGatewayAttachmentActions.DetachInternetGateway, { VpcId, InternetGatewayId }),
  );
});

test("parameters for zonal gateways are refused for regional ones, and the reverse", () => {
  const network = newNetwork();
  const { region, subnetId: SubnetId, vpcId: VpcId } = network;
  const AllocationId = allocated(network);
  const make = (input: object) => () => region.call(CreateNatGateway, input);
  refuses("InvalidParameterCombination", make({ ...regional, VpcId, SubnetId }), /subnetId is for zonal/);
  refuses(
    "InvalidParameterCombination",
    make({ ...regional, VpcId, AllocationId }),
    /allocationId is for zonal/,
  );
  refuses("InvalidParameter", make({ ...regional, VpcId, ConnectivityType: "private" }));
  refuses("MissingParameter", make(regional));
  refuses("InvalidVpcID.NotFound", make({ ...regional, VpcId: "vpc-00000000000000000" }));
  refuses("InvalidParameterCombination", make({ SubnetId, AllocationId, VpcId }), /vpcId is for regional/);
  const zone = { AvailabilityZone: "us-east-1a", AllocationIds: [AllocationId] };
  const zoned = (AvailabilityZoneAddresses: readonly object[]) =>
    make({ ...regional, VpcId, AvailabilityZoneAddresses });
  refuses(
    "InvalidParameterValue",
    zoned([zone, { ...zone, AllocationIds: [allocated(network)] }]),
    /more than once/,
  );
  refuses(
    "InvalidParameterValue",
    zoned([zone, { ...zone, AvailabilityZone: "us-east-1b" }]),
    /more than once/,
  );
  refuses("MissingParameter", zoned([{ AvailabilityZone: "us-east-1a" }]));
  refuses("MissingParameter", zoned([{ AllocationIds: [AllocationId] }]));
  refuses("InvalidParameterCombination", zoned([{ ...zone, AvailabilityZoneId: "use1-az1" }]));
  refuses("InvalidElasticIpID.NotFound", zoned([{ ...zone, AllocationIds: ["eipalloc-00000000000000000"] }]));
});
