import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { purgeNatGateways } from "./nat-gateway.ts";

type Gateway = {
  readonly NatGatewayId: string;
  readonly State: string;
  readonly FailureCode?: string;
  readonly FailureMessage?: string;
  readonly NatGatewayAddresses: readonly {
    readonly PrivateIp: string;
    readonly PublicIp?: string;
    readonly AllocationId?: string;
    readonly IsPrimary: boolean;
    readonly AssociationId?: string;
  }[];
};

function made(): {
  readonly region: TestRegion;
  readonly vpc: string;
  readonly subnet: string;
  readonly gateway: string;
  readonly address: () => string;
} {
  const region = newRegion();
  const get = (operation: string, input: object, pattern: RegExp): string =>
    must(pattern.exec(JSON.stringify(region.perform(operation, input)))?.[0]);
  const vpc = get("CreateVpc", { CidrBlock: "10.0.0.0/16" }, /vpc-[0-9a-f]{17}/);
  const subnet = get(
    "CreateSubnet",
    { VpcId: vpc, CidrBlock: "10.0.1.0/24", AvailabilityZone: "us-east-1a" },
    /subnet-[0-9a-f]{17}/,
  );
  const gateway = get("CreateInternetGateway", {}, /igw-[0-9a-f]{17}/);
  region.perform("AttachInternetGateway", { VpcId: vpc, InternetGatewayId: gateway });
  return { region, vpc, subnet, gateway, address: () => get("AllocateAddress", {}, /eipalloc-[0-9a-f]{17}/) };
}

const create = (region: TestRegion, input: object): Gateway =>
  (region.perform("CreateNatGateway", input) as { NatGateway: Gateway }).NatGateway;
const describeAll = (region: TestRegion, input: object = {}): readonly Gateway[] =>
  (region.perform("DescribeNatGateways", input) as { NatGateways: readonly Gateway[] }).NatGateways;
const only = (region: TestRegion, id: string): Gateway =>
  must(describeAll(region, { NatGatewayIds: [id] })[0]);

describe("a NAT gateway", () => {
  test("answers pending, is available at once, and holds an interface and its Elastic IP", () => {
    const { region, subnet, vpc, address } = made();
    const allocation = address();
    const fresh = create(region, {
      SubnetId: subnet,
      AllocationId: allocation,
      PrivateIpAddress: "10.0.1.9",
    });
    assert.equal(fresh.State, "pending");
    const gateway = only(region, fresh.NatGatewayId);
    assert.equal(gateway.State, "available");
    const [first] = gateway.NatGatewayAddresses;
    assert.deepEqual(
      [first?.PrivateIp, first?.AllocationId, first?.IsPrimary],
      ["10.0.1.9", allocation, true],
    );
    assert.match(first?.PublicIp ?? "", /^203\.0\.113\./);
    const [eni] = (
      region.perform("DescribeNetworkInterfaces", { Filters: [{ Name: "vpc-id", Values: [vpc] }] }) as {
        NetworkInterfaces: readonly Record<string, unknown>[];
      }
    ).NetworkInterfaces;
    assert.deepEqual(
      [
        eni?.["InterfaceType"],
        eni?.["RequesterManaged"],
        eni?.["Status"],
        eni?.["SourceDestCheck"],
        eni?.["Groups"],
        eni?.["Description"],
      ],
      ["nat_gateway", true, "in-use", false, [], `Interface for NAT Gateway ${gateway.NatGatewayId}`],
    );
    assert.deepEqual(describeAll(region, { Filter: [{ Name: "state", Values: ["deleted"] }] }), []);
    assert.equal(
      describeAll(region, {
        Filter: [
          { Name: "subnet-id", Values: [subnet] },
          { Name: "vpc-id", Values: [vpc] },
        ],
      }).length,
      1,
    );
  });

  test("fails without an internet gateway, with an address in use, in a full subnet: with AWS's code and words", () => {
    const { region, subnet, vpc, gateway, address } = made();
    const [one, two] = [address(), address()];
    create(region, { SubnetId: subnet, AllocationId: one });
    const used = only(region, create(region, { SubnetId: subnet, AllocationId: one }).NatGatewayId);
    assert.deepEqual(
      [used.State, used.FailureCode, used.FailureMessage],
      ["failed", "Resource.AlreadyAssociated", `Elastic IP address [${one}] is already associated`],
    );
    region.perform("DeleteNatGateway", {
      NatGatewayId: must(describeAll(region, { Filter: [{ Name: "state", Values: ["available"] }] })[0])
        .NatGatewayId,
    });
    region.perform("DetachInternetGateway", { VpcId: vpc, InternetGatewayId: gateway });
    const alone = only(region, create(region, { SubnetId: subnet, AllocationId: two }).NatGatewayId);
    assert.deepEqual(
      [alone.FailureCode, alone.FailureMessage],
      ["Gateway.NotAttached", `Network ${vpc} has no Internet gateway attached`],
    );
    assert.equal(region.reader().countBy("network-interface", "vpcId", vpc), 0);
  });

  test("goes with its interface; the address stays allocated, the route is a blackhole, and after an hour it is forgotten", () => {
    const { region, subnet, vpc, gateway, address } = made();
    const allocation = address();
    const { NatGatewayId } = create(region, { SubnetId: subnet, AllocationId: allocation });
    const table = must(region.reader().get("vpc", vpc)).mainRouteTable.routeTableId;
    region.perform("CreateRoute", { RouteTableId: table, DestinationCidrBlock: "0.0.0.0/0", NatGatewayId });
    const routes = (): string =>
      JSON.stringify(region.perform("DescribeRouteTables", { RouteTableIds: [table] }));
    assert.match(routes(), new RegExp(`"State":"active","NatGatewayId":"${NatGatewayId}"`));
    refuses("DependencyViolation", () => region.perform("DeleteSubnet", { SubnetId: subnet }));
    refuses(
      "DependencyViolation",
      () => region.perform("DetachInternetGateway", { VpcId: vpc, InternetGatewayId: gateway }),
      /some mapped public address/,
    );
    refuses("AuthFailure", () => region.perform("ReleaseAddress", { AllocationId: allocation }));
    assert.deepEqual(region.perform("DeleteNatGateway", { NatGatewayId }), { NatGatewayId });
    assert.equal(only(region, NatGatewayId).State, "deleted");
    assert.match(routes(), new RegExp(`"State":"blackhole","NatGatewayId":"${NatGatewayId}"`));
    refuses("InvalidNatGatewayID.NotFound", () =>
      region.perform("ReplaceRoute", {
        RouteTableId: table,
        DestinationCidrBlock: "0.0.0.0/0",
        NatGatewayId,
      }),
    );
    region.perform("ReleaseAddress", { AllocationId: allocation });
    region.perform("DeleteSubnet", { SubnetId: subnet });
    region.advance(59 * 60_000);
    region.change(purgeNatGateways);
    assert.equal(describeAll(region).length, 1);
    region.advance(60_000);
    region.change(purgeNatGateways);
    refuses(
      "NatGatewayNotFound",
      () => only(region, NatGatewayId),
      `The Nat Gateway ${NatGatewayId} was not found`,
    );
    refuses("NatGatewayMalformed", () => only(region, "nat-x"));
  });

  test("has more addresses as asked: a public one with Elastic IPs, a private one without", () => {
    const { region, subnet, address } = made();
    const [one, two, three] = [address(), address(), address()];
    const { NatGatewayId } = create(region, {
      SubnetId: subnet,
      AllocationId: one,
      SecondaryAllocationIds: [two],
    });
    region.perform("AssociateNatGatewayAddress", {
      NatGatewayId,
      AllocationIds: [three],
      PrivateIpAddresses: ["10.0.1.77"],
    });
    const addresses = only(region, NatGatewayId).NatGatewayAddresses;
    assert.deepEqual(
      addresses.map(({ AllocationId, IsPrimary }) => [AllocationId, IsPrimary]),
      [
        [one, true],
        [two, false],
        [three, false],
      ],
    );
    assert.equal(addresses[2]?.PrivateIp, "10.0.1.77");
    refuses("InvalidParameter", () =>
      region.perform("DisassociateNatGatewayAddress", {
        NatGatewayId,
        AssociationIds: [addresses[0]?.AssociationId],
      }),
    );
    region.perform("DisassociateNatGatewayAddress", {
      NatGatewayId,
      AssociationIds: [addresses[1]?.AssociationId],
    });
    assert.deepEqual(
      only(region, NatGatewayId).NatGatewayAddresses.map(({ AllocationId }) => AllocationId),
      [one, three],
    );
    assert.equal(must(region.reader().get("address", two)).association, undefined);
    const inside = create(region, {
      SubnetId: subnet,
      ConnectivityType: "private",
      SecondaryPrivateIpAddressCount: 2,
    }).NatGatewayId;
    region.perform("AssignPrivateNatGatewayAddress", { NatGatewayId: inside, PrivateIpAddressCount: 1 });
    const ips = only(region, inside).NatGatewayAddresses.map(({ PrivateIp }) => PrivateIp);
    assert.equal(ips.length, 4);
    region.perform("UnassignPrivateNatGatewayAddress", {
      NatGatewayId: inside,
      PrivateIpAddresses: ips.slice(1, 3),
    });
    assert.deepEqual(
      only(region, inside).NatGatewayAddresses.map(({ PrivateIp }) => PrivateIp),
      [ips[0], ips[3]],
    );
    refuses("InvalidParameter", () =>
      region.perform("AssociateNatGatewayAddress", { NatGatewayId: inside, AllocationIds: [two] }),
    );
    refuses("PrivateIpAddressLimitExceeded", () =>
      region.perform("AssignPrivateNatGatewayAddress", { NatGatewayId: inside, PrivateIpAddressCount: 7 }),
    );
  });

  test("is refused without what it needs, and over its quota; nobody can change its interface", () => {
    const { region, subnet, address } = made();
    refuses("MissingParameter", () => create(region, { SubnetId: subnet }), /AllocationId/);
    refuses("InvalidSubnetID.NotFound", () =>
      create(region, { SubnetId: "subnet-00000000000000000", AllocationId: address() }),
    );
    refuses("InvalidElasticIpID.NotFound", () =>
      create(region, { SubnetId: subnet, AllocationId: "eipalloc-00000000000000000" }),
    );
    refuses("InvalidParameter", () =>
      create(region, { SubnetId: subnet, AllocationId: address(), ConnectivityType: "private" }),
    );
    for (let count = 0; count < 5; count++) create(region, { SubnetId: subnet, ConnectivityType: "private" });
    refuses(
      "NatGatewayLimitExceeded",
      () => create(region, { SubnetId: subnet, ConnectivityType: "private" }),
      /maximum number of NAT gateways/,
    );
    const eni = must(region.reader().list("network-interface")[0]);
    refuses(
      "InvalidParameterValue",
      () => region.perform("DeleteNetworkInterface", { NetworkInterfaceId: eni.id }),
      /currently in use/,
    );
    refuses("AuthFailure", () =>
      region.perform("AssignPrivateIpAddresses", {
        NetworkInterfaceId: eni.id,
        SecondaryPrivateIpAddressCount: 1,
      }),
    );
    refuses("AuthFailure", () =>
      region.perform("ModifyNetworkInterfaceAttribute", {
        NetworkInterfaceId: eni.id,
        SourceDestCheck: { Value: true },
      }),
    );
    refuses("AuthFailure", () =>
      region.perform("AssociateAddress", { NetworkInterfaceId: eni.id, AllocationId: address() }),
    );
    refuses("OperationNotPermitted", () =>
      region.perform("DetachNetworkInterface", { AttachmentId: eni.id.replace("eni-", "ela-attach-") }),
    );
  });
});
