/** Requests about IPv6 for random regions. */

import { perform } from "../../src/actions/perform.ts";
import { formatIpv6 } from "../../src/lib/address.ts";
import { formatBlock, ipv6BlockOf } from "../../src/lib/block.ts";
import { NAT64_BLOCK } from "../../src/lib/nat64.ts";
import { isManaged } from "../../src/model/network-interface.ts";
import type { Subnet } from "../../src/model/subnet.ts";
import type { Vpc } from "../../src/model/vpc.ts";
import { api, type Picker, type Request } from "./random-request.ts";

const BLOCKS = [
  "::/0",
  "::/0",
  "::/0",
  "2001:db8:ffff::/48",
  "2001:db8::/32",
  "2001:db8:ffff::1/128",
  "::/1",
  "2000::/3",
  "fd00::/8",
  NAT64_BLOCK,
];

/** The number-th /64 of the block of the subnet's VPC. */
function subnetBlock({ tx }: Picker, subnet: Subnet | undefined, number: number): string | undefined {
  const vpc = subnet && tx.get("vpc", subnet.vpcId);
  const block = vpc?.ipv6CidrBlocks?.[0]?.ipv6CidrBlock;
  if (block === undefined) return undefined;
  return formatBlock({ base: ipv6BlockOf(block).base + (BigInt(number) << 64n), length: 64 });
}

const giveBlock: Request = (picker) => {
  const subnet = picker.pick("subnet");
  const block = subnetBlock(picker, subnet, picker.number(4));
  if (subnet && block !== undefined)
    perform(
      picker.tx,
      "AssociateSubnetCidrBlock",
      { SubnetId: subnet.id, Ipv6CidrBlock: block },
      picker.context,
    );
};

/** Few addresses, so that packets meet them. */
const giveAddress: Request = ({ tx, pick, number }) => {
  const eni = pick("network-interface");
  const subnet = eni && tx.get("subnet", eni.subnetId);
  if (!eni || isManaged(eni) || !subnet?.ipv6CidrBlock) return;
  const address = formatIpv6(ipv6BlockOf(subnet.ipv6CidrBlock.ipv6CidrBlock).base + 16n + BigInt(number(24)));
  const taken = tx
    .by("network-interface", "vpcId", eni.vpcId)
    .some(({ ipv6Addresses = [] }) => ipv6Addresses.includes(address));
  if (!taken) tx.put({ ...eni, ipv6Addresses: [...(eni.ipv6Addresses ?? []), address] });
};

const takeAddress: Request = ({ tx, pick }) => {
  const eni = pick("network-interface");
  if (eni?.ipv6Addresses?.[0] !== undefined) tx.put({ ...eni, ipv6Addresses: eni.ipv6Addresses.slice(1) });
};

function routeTo({ number, pick }: Picker): object {
  const targets = [
    { NetworkInterfaceId: pick("network-interface")?.id },
    { VpcPeeringConnectionId: pick("vpc-peering-connection")?.id },
    { EgressOnlyInternetGatewayId: pick("egress-only-internet-gateway")?.id },
    { EgressOnlyInternetGatewayId: pick("egress-only-internet-gateway")?.id },
    { NatGatewayId: pick("nat-gateway")?.id },
  ];
  const target = targets[number(8)] ?? { GatewayId: pick("internet-gateway")?.id };
  return {
    RouteTableId: pick("route-table")?.id,
    DestinationIpv6CidrBlock: BLOCKS[number(BLOCKS.length)],
    ...target,
  };
}

function permission({ number, pick }: Picker): object {
  const from = number(4) * 40;
  const [IpProtocol, FromPort, ToPort] = [
    ["-1", -1, -1],
    ["tcp", from, from + number(100)],
    ["udp", 0, 65_535],
    ["tcp", 0, 65_535],
    ["icmpv6", number(2) === 0 ? -1 : 128, -1],
    ["47", -1, -1],
  ][number(6)] ?? ["-1", -1, -1];
  const Ipv6Ranges = [{ CidrIpv6: BLOCKS[number(BLOCKS.length)] }];
  return {
    GroupId: pick("security-group")?.id,
    IpPermissions: [{ IpProtocol, FromPort, ToPort, Ipv6Ranges }],
  };
}

function entry({ number, pick }: Picker): object {
  const protocol = ["-1", "6", "17", "58"][number(4)];
  return {
    NetworkAclId: pick("network-acl")?.id,
    RuleNumber: 50 + number(100),
    Protocol: protocol,
    RuleAction: number(3) === 0 ? "deny" : "allow",
    Egress: number(2) === 0,
    Ipv6CidrBlock: BLOCKS[number(BLOCKS.length)],
    ...(protocol === "6" || protocol === "17" ? { PortRange: { From: number(3) * 1024, To: 65_535 } } : {}),
    ...(protocol === "58" ? { IcmpTypeCode: { Type: number(2) === 0 ? -1 : 128, Code: -1 } } : {}),
  };
}

const block = api("AssociateVpcCidrBlock", ({ pick }) => ({
  VpcId: pick("vpc")?.id,
  AmazonProvidedIpv6CidrBlock: true,
}));
const egressOnly = api("CreateEgressOnlyInternetGateway", ({ pick }) => ({ VpcId: pick("vpc")?.id }));

/** A block for the VPC and each of its subnets, and an address for each interface of instances. */
export function giveAll(picker: Picker, vpc: Vpc): void {
  const { tx, context } = picker;
  const VpcId = vpc.id;
  if (!vpc.ipv6CidrBlocks?.length)
    perform(tx, "AssociateVpcCidrBlock", { VpcId, AmazonProvidedIpv6CidrBlock: true }, context);
  let place = 0;
  for (const subnet of tx.by("subnet", "vpcId", VpcId)) {
    const block = subnetBlock(picker, subnet, place++);
    if (!subnet.ipv6CidrBlock && block !== undefined)
      perform(tx, "AssociateSubnetCidrBlock", { SubnetId: subnet.id, Ipv6CidrBlock: block }, context);
  }
  let last = 16n;
  for (const eni of tx.by("network-interface", "vpcId", VpcId)) {
    const given = tx.get("subnet", eni.subnetId)?.ipv6CidrBlock?.ipv6CidrBlock;
    if (given === undefined || eni.ipv6Addresses?.length || isManaged(eni)) continue;
    last += 1n;
    const address = formatIpv6(ipv6BlockOf(given).base + last);
    const taken = tx
      .by("network-interface", "vpcId", VpcId)
      .some(({ ipv6Addresses = [] }) => ipv6Addresses.includes(address));
    if (!taken) tx.put({ ...eni, ipv6Addresses: [address] });
  }
}

/** A VPC whose subnets and interfaces have IPv6, with a way out by one gateway or the other. */
const way: Request = (picker) => {
  const { tx, context, number, pick } = picker;
  const vpc = pick("vpc");
  if (!vpc) return;
  const VpcId = vpc.id;
  giveAll(picker, vpc);
  const gateway = tx.by("internet-gateway", "vpcId", VpcId)[0];
  const answer = JSON.stringify(
    number(3) === 0 || !gateway ? perform(tx, "CreateEgressOnlyInternetGateway", { VpcId }, context) : "",
  );
  const egress = /eigw-[0-9a-f]{17}/.exec(answer)?.[0];
  const target = egress === undefined ? { GatewayId: gateway?.id } : { EgressOnlyInternetGatewayId: egress };
  const group = tx.by("security-group", "vpcId", VpcId)[0];
  if (group && number(2) === 0) {
    const everybody = {
      GroupId: group.id,
      IpPermissions: [{ IpProtocol: "-1", Ipv6Ranges: [{ CidrIpv6: "::/0" }] }],
    };
    const open = tx.by("security-group-rule", "groupId", group.id).some(({ peer }) => peer.kind === "ipv6");
    if (!open) perform(tx, "AuthorizeSecurityGroupIngress", everybody, context);
  }
  for (const table of tx.by("route-table", "vpcId", VpcId)) {
    if (tx.get("route", `${table.id}/::/0`)) continue;
    perform(
      tx,
      "CreateRoute",
      { RouteTableId: table.id, DestinationIpv6CidrBlock: "::/0", ...target },
      context,
    );
  }
};

export const IPV6_REQUESTS: Readonly<Record<string, Request>> = {
  ipv6Block: block,
  ipv6DropBlock: api("DisassociateVpcCidrBlock", ({ pick }) => ({
    AssociationId: pick("vpc")?.ipv6CidrBlocks?.[0]?.associationId,
  })),
  ipv6Subnet: giveBlock,
  ipv6DropSubnet: api("DisassociateSubnetCidrBlock", ({ pick }) => ({
    AssociationId: pick("subnet")?.ipv6CidrBlock?.associationId,
  })),
  ipv6Address: giveAddress,
  ipv6TakeAddress: takeAddress,
  ipv6Route: api("CreateRoute", routeTo),
  ipv6ReplaceRoute: api("ReplaceRoute", routeTo),
  ipv6Ingress: api("AuthorizeSecurityGroupIngress", permission),
  ipv6Egress: api("AuthorizeSecurityGroupEgress", permission),
  ipv6AclEntry: api("CreateNetworkAclEntry", entry),
  ipv6EgressOnly: egressOnly,
  ipv6DeleteEgressOnly: api("DeleteEgressOnlyInternetGateway", ({ pick }) => ({
    EgressOnlyInternetGatewayId: pick("egress-only-internet-gateway")?.id,
  })),
  ipv6Way: way,
};
