/** Requests about NAT gateways for random regions. */

import { perform } from "../../src/actions/perform.ts";
import { NAT64_BLOCK } from "../../src/lib/nat64.ts";
import { routeId } from "../../src/model/route-table.ts";
import { giveAll } from "./random-ipv6.ts";
import { launchIn } from "./random-launch.ts";
import { api, type Picker, type Request } from "./random-request.ts";

/**
 * A subnet with a NAT gateway and a table of its own that leads to the internet gateway; the VPC's main table
 * leads to the NAT gateway.
 */
const natWay: Request = ({ tx, context, number, pick }) => {
  const gateway = pick("internet-gateway");
  const vpc = gateway?.vpcId === undefined ? undefined : tx.get("vpc", gateway.vpcId);
  if (!gateway || !vpc) return;
  const run = (operation: string, input: object): string => {
    const answer = JSON.stringify(perform(tx, operation, input, context));
    return /"((?:subnet|rtb|eipalloc|nat)-[0-9a-f]{17})"/.exec(answer)?.[1] ?? "";
  };
  const block = (vpc.cidrBlocks[0]?.cidrBlock ?? "").split(".").slice(0, 2).join(".");
  const everywhere = { DestinationCidrBlock: "0.0.0.0/0" };
  const SubnetId = run("CreateSubnet", { VpcId: vpc.id, CidrBlock: `${block}.${8 + number(4)}.0/24` });
  const RouteTableId = run("CreateRouteTable", { VpcId: vpc.id });
  run("AssociateRouteTable", { RouteTableId, SubnetId });
  run("CreateRoute", { RouteTableId, ...everywhere, GatewayId: gateway.id });
  const addresses = Array.from({ length: 1 + number(2) }, () => run("AllocateAddress", {}));
  const [AllocationId, ...SecondaryAllocationIds] = addresses;
  const kind = number(6) === 0 ? { ConnectivityType: "private" } : { AllocationId, SecondaryAllocationIds };
  const NatGatewayId = run("CreateNatGateway", { SubnetId, ...kind });
  const main = { RouteTableId: vpc.mainRouteTable.routeTableId, ...everywhere, NatGatewayId };
  run(tx.get("route", `${main.RouteTableId}|0.0.0.0/0`) ? "ReplaceRoute" : "CreateRoute", main);
};

/**
 * A regional NAT gateway, of its own accord or with an address in one zone, to which the VPC's main table
 * leads; an instance in another zone.
 */
const regionalWay: Request = (picker) => {
  const { tx, context, number, pick } = picker;
  const gateway = pick("internet-gateway");
  const vpc = gateway?.vpcId === undefined ? undefined : tx.get("vpc", gateway.vpcId);
  if (!gateway || !vpc) return;
  const run = (operation: string, input: object): string =>
    /"((?:eipalloc|nat|subnet)-[0-9a-f]{17})"/.exec(
      JSON.stringify(perform(tx, operation, input, context)),
    )?.[1] ?? "";
  const block = (vpc.cidrBlocks[0]?.cidrBlock ?? "").split(".").slice(0, 2).join(".");
  const AvailabilityZoneAddresses = [
    { AvailabilityZone: "us-east-1b", AllocationIds: [run("AllocateAddress", {})] },
  ];
  const mode = { VpcId: vpc.id, AvailabilityMode: "regional" };
  const NatGatewayId = run(
    "CreateNatGateway",
    number(2) === 0 ? { ...mode, AvailabilityZoneAddresses } : mode,
  );
  const main = {
    RouteTableId: vpc.mainRouteTable.routeTableId,
    DestinationCidrBlock: "0.0.0.0/0",
    NatGatewayId,
  };
  run(tx.get("route", `${main.RouteTableId}|0.0.0.0/0`) ? "ReplaceRoute" : "CreateRoute", main);
  const zone = ["us-east-1b", "us-east-1c"][number(2)];
  launchIn(
    picker,
    run("CreateSubnet", {
      VpcId: vpc.id,
      CidrBlock: `${block}.${16 + number(4)}.0/24`,
      AvailabilityZone: zone,
    }),
  );
};

/** IPv6 for a VPC with a NAT gateway, and NAT64 by each of its tables, but the NAT gateway's own. */
const nat64Way: Request = (picker) => {
  const { tx, context, number, pick } = picker;
  if (tx.list("nat-gateway").length === 0 || number(3) === 0) natWay(picker);
  const nat = pick("nat-gateway");
  const vpc = nat && tx.get("vpc", nat.vpcId);
  if (!vpc) return;
  giveAll(picker, vpc);
  const everybody = [{ IpProtocol: "-1", Ipv6Ranges: [{ CidrIpv6: "::/0" }] }];
  for (const { id: GroupId } of tx.by("security-group", "vpcId", vpc.id)) {
    const open = tx
      .by("security-group-rule", "groupId", GroupId)
      .some(({ peer, direction }) => peer.kind === "ipv6" && direction === "egress");
    if (!open) perform(tx, "AuthorizeSecurityGroupEgress", { GroupId, IpPermissions: everybody }, context);
  }
  for (const table of tx.by("route-table", "vpcId", vpc.id)) {
    if (table.natGateway) continue;
    const verb = tx.get("route", routeId(table.id, NAT64_BLOCK)) ? "ReplaceRoute" : "CreateRoute";
    perform(
      tx,
      verb,
      { RouteTableId: table.id, DestinationIpv6CidrBlock: NAT64_BLOCK, NatGatewayId: nat.id },
      context,
    );
  }
};

/** Any NAT gateway anywhere: most of them lead nowhere. */
function anywhere({ pick, number }: Picker): object {
  const subnet = { SubnetId: pick("subnet")?.id };
  return number(2) === 0
    ? { ...subnet, AllocationId: pick("address")?.id }
    : { ...subnet, ConnectivityType: "private", SecondaryPrivateIpAddressCount: number(3) };
}

export const NAT_REQUESTS: Readonly<Record<string, Request>> = {
  natWay,
  regionalWay,
  nat64Way,
  natGateway: api("CreateNatGateway", anywhere),
  deleteNatGateway: api("DeleteNatGateway", ({ pick }) => ({ NatGatewayId: pick("nat-gateway")?.id })),
  natAddress: api("AssociateNatGatewayAddress", ({ pick }) => ({
    NatGatewayId: pick("nat-gateway")?.id,
    AllocationIds: [pick("address")?.id],
  })),
  dropNatAddress: api("DisassociateNatGatewayAddress", ({ pick }) => ({
    NatGatewayId: pick("nat-gateway")?.id,
    AssociationIds: [pick("address")?.association?.associationId],
  })),
};
