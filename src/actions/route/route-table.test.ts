import assert from "node:assert/strict";
import { test } from "node:test";
import { find } from "../kit/find.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { subnetCreateActions } from "../vpc/subnet-create.ts";
import { vpcCreateActions } from "../vpc/vpc-create.ts";
import { routeTableAssociationActions } from "./route-table-association.ts";
import { routeTableActions, routeTableOf } from "./route-table.ts";

const { CreateRouteTable, DeleteRouteTable, DescribeRouteTables } = routeTableActions;
const { AssociateRouteTable, DisassociateRouteTable, ReplaceRouteTableAssociation } =
  routeTableAssociationActions;

function network(region: TestRegion): {
  VpcId: string;
  SubnetId: string;
  RouteTableId: string;
  main: string;
} {
  const VpcId = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
  const SubnetId = must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId, CidrBlock: "10.0.1.0/24" }).Subnet?.SubnetId,
  );
  const RouteTableId = must(region.call(CreateRouteTable, { VpcId }).RouteTable?.RouteTableId);
  return {
    VpcId,
    SubnetId,
    RouteTableId,
    main: must(region.reader().get("vpc", VpcId)).mainRouteTable.routeTableId,
  };
}

function tableOf(region: TestRegion, subnetId: string): string {
  return routeTableOf(region.reader(), find(region.reader(), "subnet", subnetId)).id;
}

test("a new table has the local route and nothing else", () => {
  const region = newRegion();
  const { VpcId, RouteTableId } = network(region);
  assert.deepEqual(region.call(DescribeRouteTables, { RouteTableIds: [RouteTableId] }).RouteTables, [
    {
      RouteTableId,
      VpcId,
      OwnerId: "123456789012",
      Routes: [
        {
          DestinationCidrBlock: "10.0.0.0/16",
          GatewayId: "local",
          Origin: "CreateRouteTable",
          State: "active",
        },
      ],
      Associations: [],
      PropagatingVgws: [],
      Tags: [],
    },
  ]);
});

test("a subnet follows the main table until it is associated, and again after disassociation", () => {
  const region = newRegion();
  const { SubnetId, RouteTableId, main, VpcId } = network(region);
  assert.equal(tableOf(region, SubnetId), main);
  const { AssociationId } = region.call(AssociateRouteTable, { SubnetId, RouteTableId });
  assert.equal(tableOf(region, SubnetId), RouteTableId);
  assert.equal(
    region.call(AssociateRouteTable, { SubnetId, RouteTableId }).AssociationId,
    AssociationId,
    "asked again",
  );
  assert.deepEqual(
    region.call(DescribeRouteTables, { RouteTableIds: [RouteTableId] }).RouteTables?.[0]?.Associations,
    [
      {
        RouteTableAssociationId: AssociationId,
        RouteTableId,
        SubnetId,
        Main: false,
        AssociationState: { State: "associated" },
      },
    ],
  );
  const third = must(region.call(CreateRouteTable, { VpcId }).RouteTable?.RouteTableId);
  refuses(
    "Resource.AlreadyAssociated",
    () => region.call(AssociateRouteTable, { SubnetId, RouteTableId: third }),
    `the specified association for route table ${third} conflicts with an existing association`,
  );
  refuses(
    "DependencyViolation",
    () => region.call(DeleteRouteTable, { RouteTableId }),
    `The routeTable '${RouteTableId}' has dependencies and cannot be deleted.`,
  );
  region.call(DisassociateRouteTable, { AssociationId });
  assert.equal(tableOf(region, SubnetId), main);
  refuses("InvalidAssociationID.NotFound", () => region.call(DisassociateRouteTable, { AssociationId }));
  region.call(DeleteRouteTable, { RouteTableId });
  const unknown = `The routeTable ID '${RouteTableId}' does not exist`;
  refuses("InvalidRouteTableID.NotFound", () => region.call(DeleteRouteTable, { RouteTableId }), unknown);
  refuses(
    "InvalidRouteTableID.NotFound",
    () => region.call(DescribeRouteTables, { RouteTableIds: [RouteTableId] }),
    unknown,
  );
});

test("the main association can be moved but not taken away", () => {
  const region = newRegion();
  const { SubnetId, RouteTableId, main } = network(region);
  const found =
    region.call(DescribeRouteTables, { Filters: [{ Name: "association.main", Values: ["true"] }] })
      .RouteTables ?? [];
  assert.equal(found.length, 1);
  const AssociationId = must(found[0]?.Associations?.[0]?.RouteTableAssociationId);
  refuses(
    "InvalidParameterValue",
    () => region.call(DisassociateRouteTable, { AssociationId }),
    `cannot disassociate the main route table association ${AssociationId}`,
  );
  refuses("DependencyViolation", () => region.call(DeleteRouteTable, { RouteTableId: main }));
  const { NewAssociationId } = region.call(ReplaceRouteTableAssociation, { AssociationId, RouteTableId });
  assert.notEqual(NewAssociationId, AssociationId);
  assert.equal(tableOf(region, SubnetId), RouteTableId);
  region.call(DeleteRouteTable, { RouteTableId: main });
  refuses("InvalidAssociationID.NotFound", () =>
    region.call(ReplaceRouteTableAssociation, { AssociationId, RouteTableId }),
  );
});

test("a subnet's association moves to another table of its VPC", () => {
  const region = newRegion();
  const { VpcId, SubnetId, RouteTableId } = network(region);
  const second = must(region.call(CreateRouteTable, { VpcId }).RouteTable?.RouteTableId);
  const AssociationId = must(region.call(AssociateRouteTable, { SubnetId, RouteTableId }).AssociationId);
  region.call(ReplaceRouteTableAssociation, { AssociationId, RouteTableId: second });
  assert.equal(tableOf(region, SubnetId), second);
  const other = network(region);
  refuses(
    "InvalidParameterValue",
    () => region.call(AssociateRouteTable, { SubnetId: other.SubnetId, RouteTableId }),
    `Route table ${RouteTableId} and subnet ${other.SubnetId} belong to different networks`,
  );
  refuses("InvalidGatewayID.NotFound", () =>
    region.call(AssociateRouteTable, { GatewayId: "igw-1", RouteTableId }),
  );
});

test("filters look into associations and routes", () => {
  const region = newRegion();
  const { SubnetId, RouteTableId, main } = network(region);
  region.call(AssociateRouteTable, { SubnetId, RouteTableId });
  const ids = (Name: string, ...Values: string[]) =>
    region
      .call(DescribeRouteTables, { Filters: [{ Name, Values }] })
      .RouteTables?.map((table) => table.RouteTableId);
  assert.deepEqual(ids("association.subnet-id", SubnetId), [RouteTableId]);
  assert.deepEqual(ids("association.main", "true"), [main]);
  assert.deepEqual(ids("route.gateway-id", "local"), [main, RouteTableId]);
  assert.deepEqual(ids("route.destination-cidr-block", "0.0.0.0/0"), []);
});

test("a gateway route table is associated, described, replaced and disassociated; it leads only to interfaces within the VPC", () => {
  const region = newRegion();
  const { VpcId: vpc, main } = network(region);
  const ask = (operation: string, input: object, pattern: RegExp): string =>
    must(pattern.exec(JSON.stringify(region.perform(operation, input)))?.[0]);
  const gateway = ask("CreateInternetGateway", {}, /igw-[0-9a-f]{17}/);
  const [edge, other] = [0, 1].map(() => ask("CreateRouteTable", { VpcId: vpc }, /rtb-[0-9a-f]{17}/));
  const associate = (RouteTableId?: string): unknown =>
    region.perform("AssociateRouteTable", { RouteTableId, GatewayId: gateway });
  refuses("InvalidParameterValue", () => associate(edge), /belong to different networks/);
  region.perform("AttachInternetGateway", { VpcId: vpc, InternetGatewayId: gateway });
  refuses("InvalidParameterValue", () => associate(main), /main route table/);
  refuses("InvalidGatewayID.NotFound", () =>
    region.perform("AssociateRouteTable", { RouteTableId: edge, GatewayId: "vgw-00000000000000000" }),
  );
  region.perform("CreateRoute", {
    RouteTableId: other,
    DestinationCidrBlock: "0.0.0.0/0",
    GatewayId: gateway,
  });
  refuses("InvalidParameterValue", () => associate(other), /network interfaces/);
  const AssociationId = must(/rtbassoc-[0-9a-f]{17}/.exec(JSON.stringify(associate(edge)))?.[0]);
  const tables = JSON.stringify(
    region.perform("DescribeRouteTables", {
      Filters: [{ Name: "association.gateway-id", Values: [gateway] }],
    }),
  );
  assert.match(
    tables,
    new RegExp(
      `"RouteTableAssociationId":"${AssociationId}","RouteTableId":"${edge}","GatewayId":"${gateway}","Main":false`,
    ),
  );
  refuses("InvalidParameterValue", () =>
    region.perform("CreateRoute", {
      RouteTableId: edge,
      DestinationCidrBlock: "0.0.0.0/0",
      GatewayId: gateway,
    }),
  );
  refuses("DependencyViolation", () => region.perform("DeleteRouteTable", { RouteTableId: edge }));
  refuses("Resource.AlreadyAssociated", () =>
    associate(ask("CreateRouteTable", { VpcId: vpc }, /rtb-[0-9a-f]{17}/)),
  );
  const third = ask("CreateRouteTable", { VpcId: vpc }, /rtb-[0-9a-f]{17}/);
  const replaced = ask(
    "ReplaceRouteTableAssociation",
    { AssociationId, RouteTableId: third },
    /rtbassoc-[0-9a-f]{17}/,
  );
  region.perform("DeleteRouteTable", { RouteTableId: edge });
  region.perform("DisassociateRouteTable", { AssociationId: replaced });
  region.perform("DeleteRouteTable", { RouteTableId: third });
  refuses("InvalidAssociationID.NotFound", () =>
    region.perform("DisassociateRouteTable", { AssociationId: replaced }),
  );
});

test("malformed ids, and targets that cannot exist here, are refused", () => {
  const region = newRegion();
  const vpc = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.0.0.0/16" }).Vpc?.VpcId);
  const table = must(
    region.call(routeTableActions.CreateRouteTable, { VpcId: vpc }).RouteTable?.RouteTableId,
  );
  refuses(
    "InvalidRouteTableId.Malformed",
    () => region.perform("DeleteRouteTable", { RouteTableId: "table" }),
    'Invalid id: "table" (expecting "rtb-...")',
  );
  const to = (target: object) => () =>
    region.perform("CreateRoute", { RouteTableId: table, DestinationCidrBlock: "0.0.0.0/0", ...target });
  refuses("InvalidTransitGatewayID.NotFound", to({ TransitGatewayId: "tgw-0123456789abcdef0" }));
  refuses("InvalidLocalGatewayID.NotFound", to({ LocalGatewayId: "lgw-0123456789abcdef0" }));
});
