import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { networkInterfaceActions } from "../interface/network-interface.ts";
import { prefixListActions } from "../route/prefix-list.ts";
import { routeTableActions } from "../route/route-table.ts";
import { routeActions } from "../route/route.ts";
import { tagActions } from "../tag/tag.ts";
import { newNetwork, type TestNetwork } from "../test-network.ts";
import { must, refuses } from "../test-region.ts";
import { subnetCreateActions } from "../vpc/subnet-create.ts";
import { vpcCidrBlockActions } from "../vpc/vpc-cidr-block.ts";
import { vpcCreateActions } from "../vpc/vpc-create.ts";
import { vpcDeleteActions } from "../vpc/vpc-delete.ts";
import { vpcActions } from "../vpc/vpc.ts";
import { egressOnlyInternetGatewayActions } from "./egress-only-internet-gateway.ts";
import { natGatewayActions } from "./nat-gateway.ts";

const {
  CreateEgressOnlyInternetGateway,
  DeleteEgressOnlyInternetGateway,
  DescribeEgressOnlyInternetGateways,
} = egressOnlyInternetGatewayActions;
const { CreateRoute, ReplaceRoute, DeleteRoute } = routeActions;

function created({ region, vpcId: VpcId }: TestNetwork): string {
  const { EgressOnlyInternetGateway } = region.call(CreateEgressOnlyInternetGateway, { VpcId });
  return must(EgressOnlyInternetGateway?.EgressOnlyInternetGatewayId);
}

function tableOf({ region, vpcId }: TestNetwork): string {
  return must(region.reader().get("vpc", vpcId)).mainRouteTable.routeTableId;
}

function routes(network: TestNetwork) {
  const { RouteTables } = network.region.call(routeTableActions.DescribeRouteTables, {
    RouteTableIds: [tableOf(network)],
  });
  return must(RouteTables?.[0]?.Routes);
}

/** Gives the VPC an IPv6 block. Returns it. */
function withIpv6({ region, vpcId: VpcId }: TestNetwork): string {
  region.call(vpcCidrBlockActions.AssociateVpcCidrBlock, { VpcId, AmazonProvidedIpv6CidrBlock: true });
  const [vpc] = must(region.call(vpcActions.DescribeVpcs, { VpcIds: [VpcId] }).Vpcs);
  return must(vpc?.Ipv6CidrBlockAssociationSet?.[0]?.Ipv6CidrBlock);
}

test("a gateway is attached to its VPC from the beginning, tagged, described and deleted", () => {
  const network = newNetwork({ quotas: { ...DEFAULT_QUOTAS, "egress-only-internet-gateways": 2 } });
  const { region, vpcId: VpcId } = network;
  const TagSpecifications = [
    { ResourceType: "egress-only-internet-gateway" as const, Tags: [{ Key: "Name", Value: "out" }] },
  ];
  const answer = region.call(CreateEgressOnlyInternetGateway, { VpcId, TagSpecifications, ClientToken: "t" });
  assert.equal(answer.ClientToken, "t");
  const id = must(answer.EgressOnlyInternetGateway?.EgressOnlyInternetGatewayId);
  assert.deepEqual(answer.EgressOnlyInternetGateway, {
    EgressOnlyInternetGatewayId: id,
    Attachments: [{ State: "attached", VpcId }],
    Tags: [{ Key: "Name", Value: "out" }],
  });
  region.call(tagActions.CreateTags, { Resources: [id], Tags: [{ Key: "k", Value: "v" }] });
  const found = (Filters?: { Name: string; Values: string[] }[]) =>
    region
      .call(DescribeEgressOnlyInternetGateways, { Filters })
      .EgressOnlyInternetGateways?.map((one) => one.EgressOnlyInternetGatewayId);
  const elsewhere = (n: number) =>
    must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: `10.${n}.0.0/16` }).Vpc?.VpcId);
  const second = created({ ...network, vpcId: elsewhere(1) });
  assert.deepEqual(found(), [id, second]);
  assert.deepEqual(found([{ Name: "tag:k", Values: ["v"] }]), [id]);
  refuses("InvalidParameterValue", () => found([{ Name: "attachment.vpc-id", Values: [VpcId] }]));
  assert.deepEqual(region.call(DeleteEgressOnlyInternetGateway, { EgressOnlyInternetGatewayId: id }), {
    ReturnCode: true,
  });
  const unknown = () => region.call(DeleteEgressOnlyInternetGateway, { EgressOnlyInternetGatewayId: id });
  refuses(
    "InvalidEgressOnlyInternetGatewayId.NotFound",
    unknown,
    `The egressOnlyInternetGateway ID '${id}' does not exist`,
  );
  const none = region.call(DescribeEgressOnlyInternetGateways, { EgressOnlyInternetGatewayIds: [id] });
  assert.deepEqual(none.EgressOnlyInternetGateways, [], "of one that is gone nothing is said");
  refuses("InvalidEgressOnlyInternetGatewayId.Malformed", () =>
    region.call(DescribeEgressOnlyInternetGateways, { EgressOnlyInternetGatewayIds: ["eigw-x"] }),
  );
  refuses("InvalidVpcID.NotFound", () => region.call(CreateEgressOnlyInternetGateway, { VpcId: "vpc-0" }));
  created(network);
  const third = elsewhere(2);
  refuses(
    "EgressOnlyInternetGatewayLimitExceeded",
    () => created({ ...network, vpcId: third }),
    /The maximum number/,
  );
});

test("a VPC cannot be deleted while it has an egress-only gateway", () => {
  const network = newNetwork();
  const { region } = network;
  const VpcId = must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.9.0.0/16" }).Vpc?.VpcId);
  const EgressOnlyInternetGatewayId = created({ ...network, vpcId: VpcId });
  refuses("DependencyViolation", () => region.call(vpcDeleteActions.DeleteVpc, { VpcId }));
  region.call(DeleteEgressOnlyInternetGateway, { EgressOnlyInternetGatewayId });
  region.call(vpcDeleteActions.DeleteVpc, { VpcId });
});

test("a VPC has one at a time", () => {
  const network = newNetwork();
  const { region, vpcId: VpcId } = network;
  const first = created(network);
  const again = () => region.call(CreateEgressOnlyInternetGateway, { VpcId });
  refuses(
    "EgressOnlyInternetGatewayLimitExceeded",
    again,
    `The vpc '${VpcId}' already has an egress only internet gateway attached.`,
  );
  region.call(DeleteEgressOnlyInternetGateway, { EgressOnlyInternetGatewayId: first });
  again();
});

test("the parameter for gateways takes a NAT gateway and an egress-only one too, and routes are described with theirs", () => {
  const network = newNetwork();
  const { region, subnetId: SubnetId } = network;
  const RouteTableId = tableOf(network);
  const eigw = created(network);
  const nat = must(
    region.call(natGatewayActions.CreateNatGateway, { SubnetId, ConnectivityType: "private" }).NatGateway
      ?.NatGatewayId,
  );
  region.call(CreateRoute, { RouteTableId, DestinationCidrBlock: "22.0.0.0/8", GatewayId: nat });
  region.call(CreateRoute, { RouteTableId, DestinationIpv6CidrBlock: "::/0", GatewayId: eigw });
  const [, first, second] = routes(network);
  assert.deepEqual([first?.NatGatewayId, first?.GatewayId], [nat, undefined]);
  assert.deepEqual([second?.EgressOnlyInternetGatewayId, second?.GatewayId], [eigw, undefined]);
  refuses("InvalidParameterValue", () =>
    region.call(CreateRoute, { RouteTableId, DestinationCidrBlock: "23.0.0.0/8", GatewayId: eigw }),
  );
});

test("a route to an egress-only gateway takes only a prefix list of IPv6", () => {
  const network = newNetwork();
  const { region } = network;
  const RouteTableId = tableOf(network);
  const EgressOnlyInternetGatewayId = created(network);
  const list = (AddressFamily: "IPv4" | "IPv6", Cidr: string) =>
    must(
      region.call(prefixListActions.CreateManagedPrefixList, {
        PrefixListName: AddressFamily,
        AddressFamily,
        MaxEntries: 1,
        Entries: [{ Cidr }],
      }).PrefixList?.PrefixListId,
    );
  const route = (DestinationPrefixListId: string) => () =>
    region.call(CreateRoute, { RouteTableId, DestinationPrefixListId, EgressOnlyInternetGatewayId });
  refuses(
    "InvalidParameterValue",
    route(list("IPv4", "192.0.2.0/24")),
    /can be the target of IPv6 routes only/,
  );
  route(list("IPv6", "2001:db8::/32"))();
});

test("routes for IPv6: to either gateway, canonical, a blackhole when the gateway is gone", () => {
  const network = newNetwork();
  const { region, gatewayId: GatewayId } = network;
  const block = withIpv6(network);
  const RouteTableId = tableOf(network);
  const EgressOnlyInternetGatewayId = created(network);
  region.call(CreateRoute, { RouteTableId, DestinationIpv6CidrBlock: "0::0/0", EgressOnlyInternetGatewayId });
  region.call(CreateRoute, { RouteTableId, DestinationIpv6CidrBlock: "2001:DB8:FFFF:0::1/64", GatewayId });
  assert.deepEqual(routes(network).slice(1), [
    { DestinationIpv6CidrBlock: block, GatewayId: "local", Origin: "CreateRouteTable", State: "active" },
    { DestinationIpv6CidrBlock: "::/0", EgressOnlyInternetGatewayId, Origin: "CreateRoute", State: "active" },
    { DestinationIpv6CidrBlock: "2001:db8:ffff::/64", GatewayId, Origin: "CreateRoute", State: "active" },
  ]);
  const again = () => region.call(CreateRoute, { RouteTableId, DestinationIpv6CidrBlock: "::/0", GatewayId });
  refuses("RouteAlreadyExists", again, "The route identified by ::/0 already exists.");
  region.call(DeleteEgressOnlyInternetGateway, { EgressOnlyInternetGatewayId });
  assert.equal(routes(network)[2]?.State, "blackhole");
  region.call(ReplaceRoute, { RouteTableId, DestinationIpv6CidrBlock: "::/0", GatewayId });
  assert.deepEqual([routes(network)[2]?.GatewayId, routes(network)[2]?.State], [GatewayId, "active"]);
  const remove = () => region.call(DeleteRoute, { RouteTableId, DestinationIpv6CidrBlock: "::/0" });
  remove();
  refuses(
    "InvalidRoute.NotFound",
    remove,
    `no route with destination-ipv6-cidr-block ::/0 in route table ${RouteTableId}`,
  );
  const local = () => region.call(DeleteRoute, { RouteTableId, DestinationIpv6CidrBlock: block });
  refuses(
    "InvalidParameterValue",
    local,
    `cannot remove local route ${block} in route table ${RouteTableId}`,
  );
});

test("each IPv6 destination takes only the targets that fit it", () => {
  const network = newNetwork();
  const { region, gatewayId: GatewayId, vpcId: VpcId } = network;
  const block = withIpv6(network);
  const RouteTableId = tableOf(network);
  const EgressOnlyInternetGatewayId = created(network);
  const Ipv6CidrBlock = block.replace("/56", "/64");
  const SubnetId = must(
    region.call(subnetCreateActions.CreateSubnet, { VpcId, CidrBlock: "10.0.7.0/24", Ipv6CidrBlock }).Subnet
      ?.SubnetId,
  );
  const NetworkInterfaceId = must(
    region.call(networkInterfaceActions.CreateNetworkInterface, { SubnetId }).NetworkInterface
      ?.NetworkInterfaceId,
  );
  const route = (input: Omit<Parameters<typeof CreateRoute>[1], "RouteTableId">) => () =>
    region.call(CreateRoute, { RouteTableId, ...input });
  refuses(
    "InvalidParameterValue",
    route({ DestinationCidrBlock: "0.0.0.0/0", EgressOnlyInternetGatewayId }),
    /IPv6 routes only/,
  );
  refuses(
    "InvalidParameterValue",
    route({ DestinationIpv6CidrBlock: Ipv6CidrBlock, GatewayId }),
    /can target only an interface/,
  );
  refuses(
    "InvalidParameterValue",
    route({ DestinationIpv6CidrBlock: Ipv6CidrBlock, EgressOnlyInternetGatewayId }),
  );
  const unfit = { DestinationIpv6CidrBlock: block.replace("/56", "/65"), NetworkInterfaceId };
  refuses("InvalidParameterValue", route(unfit), "Route destination doesn't match any subnet CIDR blocks.");
  route({ DestinationIpv6CidrBlock: Ipv6CidrBlock, NetworkInterfaceId })();
  refuses("RouteAlreadyExists", route({ DestinationIpv6CidrBlock: block, NetworkInterfaceId }));
  refuses(
    "InvalidParameterValue",
    route({ DestinationIpv6CidrBlock: "fd00:ec2::254/128", GatewayId }),
    /reserved for use by AWS services/,
  );
  for (const wrong of ["nowhere", "10.0.0.0/8", "::/129"]) {
    refuses(
      "InvalidParameterValue",
      route({ DestinationIpv6CidrBlock: wrong, GatewayId }),
      /This is not a valid CIDR block\.$/,
    );
  }
  refuses(
    "InvalidParameterCombination",
    route({ DestinationIpv6CidrBlock: "::/0", DestinationCidrBlock: "0.0.0.0/0", GatewayId }),
  );
  const unknown = "eigw-0123456789abcdef0";
  const words = `The gateway ID '${unknown}' does not exist`;
  refuses(
    "InvalidGatewayID.NotFound",
    route({ DestinationIpv6CidrBlock: "::/0", EgressOnlyInternetGatewayId: unknown }),
    words,
  );
  const other = newVpc(network);
  const elsewhere = created({ ...network, vpcId: other });
  refuses(
    "InvalidParameterValue",
    route({ DestinationIpv6CidrBlock: "::/0", EgressOnlyInternetGatewayId: elsewhere }),
    /different networks$/,
  );
});

test("a NAT gateway takes IPv6 routes only for NAT64", () => {
  const network = newNetwork();
  const { region, subnetId: SubnetId } = network;
  const RouteTableId = tableOf(network);
  const { NatGateway } = region.call(natGatewayActions.CreateNatGateway, {
    SubnetId,
    ConnectivityType: "private",
  });
  const route = (DestinationIpv6CidrBlock: string) => () =>
    region.call(CreateRoute, {
      RouteTableId,
      DestinationIpv6CidrBlock,
      NatGatewayId: NatGateway?.NatGatewayId,
    });
  assert.deepEqual(route("64:ff9b::/96")(), { Return: true });
  const { RouteTables } = region.call(routeTableActions.DescribeRouteTables, {
    RouteTableIds: [RouteTableId],
  });
  assert.deepEqual(
    RouteTables?.[0]?.Routes?.find((one) => one.DestinationIpv6CidrBlock === "64:ff9b::/96"),
    {
      DestinationIpv6CidrBlock: "64:ff9b::/96",
      NatGatewayId: NatGateway?.NatGatewayId,
      Origin: "CreateRoute",
      State: "active",
    },
  );
  refuses(
    "InvalidParameterValue",
    route("::/0"),
    "A NAT gateway can't be the target of the IPv6 route for ::/0.",
  );
});

function newVpc({ region }: TestNetwork): string {
  return must(region.call(vpcCreateActions.CreateVpc, { CidrBlock: "10.9.0.0/16" }).Vpc?.VpcId);
}

test("the quota of routes counts IPv4 and IPv6 routes separately", () => {
  const network = newNetwork();
  const { region, gatewayId: GatewayId } = network;
  const RouteTableId = tableOf(network);
  for (let n = 0; n < 50; n += 1) {
    region.call(CreateRoute, {
      RouteTableId,
      DestinationIpv6CidrBlock: `2001:db8:f000:${n.toString(16)}::/64`,
      GatewayId,
    });
    region.call(CreateRoute, { RouteTableId, DestinationCidrBlock: `20.${n}.0.0/16`, GatewayId });
  }
  refuses("RouteLimitExceeded", () =>
    region.call(CreateRoute, { RouteTableId, DestinationIpv6CidrBlock: "::/0", GatewayId }),
  );
  refuses("RouteLimitExceeded", () =>
    region.call(CreateRoute, { RouteTableId, DestinationCidrBlock: "0.0.0.0/0", GatewayId }),
  );
});
