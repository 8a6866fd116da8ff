import { bootDone } from "../src/actions/instance/instance-lifecycle.ts";
import { newRegion } from "../src/actions/test-region.ts";
import { present } from "../src/lib/assert.ts";
import type { NetworkInterface } from "../src/model/network-interface.ts";
import type { Reader } from "../src/model/state.ts";

/**
 * A region as people build them, made by the EC2 API's own actions, and the instance in it that the packets
 * come from.
 */
export type BenchRegion = {
  readonly reader: Reader;
  readonly eni: NetworkInterface;
  readonly privateIp: string;
  readonly publicIp: string;
  readonly ipv6: string;
  /** One in a private subnet, and the address of the NAT gateway behind which it is. */
  readonly hidden: {
    readonly eni: NetworkInterface;
    readonly privateIp: string;
    readonly natAddress: string;
    readonly ipv6: string;
  };
};

export const POOL = "203.0.113.0/24";
/** Instances besides the measured one. */
const NEIGHBOURS = 9;

// An answer is read by its members' names.
type Answer = { readonly [member: string]: Answer & string };

/**
 * One VPC with a gateway, for IPv4 and IPv6; a private subnet behind a NAT gateway; a public subnet whose
 * network ACL has six rules each way and whose group admits three ports, so that what the instance begins is
 * tracked; ten instances with public addresses.
 */
export function benchRegion(): BenchRegion {
  const region = newRegion({ pools: [POOL] });
  const ec2 = (operation: string, input: object): Answer => region.perform(operation, input) as Answer;
  const id = (answer: Answer, ...path: readonly string[]): string =>
    path.reduce<Answer & string>((at, member) => present(at[member], member), answer as Answer & string);
  const vpc = id(
    ec2("CreateVpc", { CidrBlock: "10.0.0.0/16", AmazonProvidedIpv6CidrBlock: true }),
    "Vpc",
    "VpcId",
  );
  const block = present(
    region.reader().get("vpc", vpc)?.ipv6CidrBlocks?.[0],
    "the IPv6 block",
  ).ipv6CidrBlock.replace("/56", "/64");
  const subnet = id(
    ec2("CreateSubnet", { VpcId: vpc, CidrBlock: "10.0.1.0/24", Ipv6CidrBlock: block }),
    "Subnet",
    "SubnetId",
  );
  const gateway = id(ec2("CreateInternetGateway", {}), "InternetGateway", "InternetGatewayId");
  ec2("AttachInternetGateway", { VpcId: vpc, InternetGatewayId: gateway });
  const table = id(ec2("CreateRouteTable", { VpcId: vpc }), "RouteTable", "RouteTableId");
  ec2("CreateRoute", { RouteTableId: table, DestinationCidrBlock: "0.0.0.0/0", GatewayId: gateway });
  ec2("CreateRoute", { RouteTableId: table, DestinationIpv6CidrBlock: "::/0", GatewayId: gateway });
  ec2("AssociateRouteTable", { RouteTableId: table, SubnetId: subnet });
  const group = id(
    ec2("CreateSecurityGroup", { VpcId: vpc, GroupName: "web", Description: "web" }),
    "GroupId",
  );
  ec2("AuthorizeSecurityGroupIngress", { GroupId: group, IpPermissions: [22, 80, 443].map(port) });
  const acl = id(ec2("CreateNetworkAcl", { VpcId: vpc }), "NetworkAcl", "NetworkAclId");
  for (const entry of ACL_ENTRIES) ec2("CreateNetworkAclEntry", { NetworkAclId: acl, ...entry });
  const own = present(region.reader().get("subnet", subnet)?.networkAcl, "the subnet's ACL");
  ec2("ReplaceNetworkAclAssociation", { AssociationId: own.associationId, NetworkAclId: acl });
  const launch = (count: number, eni: object): NetworkInterface => {
    const answer = region.perform("RunInstances", {
      ImageId: "ami-0123456789abcdef0",
      MinCount: count,
      MaxCount: count,
      NetworkInterfaces: [{ DeviceIndex: 0, Groups: [group], ...eni }],
    }) as { readonly Instances: readonly { readonly InstanceId: string }[] };
    for (const { InstanceId } of answer.Instances)
      region.change((tx, context) => bootDone(tx, InstanceId, context));
    const first = present(answer.Instances[0], "the instance").InstanceId;
    return present(region.reader().by("network-interface", "instanceId", first)[0], "its interface");
  };
  const eni = launch(1 + NEIGHBOURS, {
    SubnetId: subnet,
    AssociatePublicIpAddress: true,
    Ipv6AddressCount: 1,
  });
  const second = block.replace("00::/64", "01::/64");
  const inner = id(
    ec2("CreateSubnet", { VpcId: vpc, CidrBlock: "10.0.2.0/24", Ipv6CidrBlock: second }),
    "Subnet",
    "SubnetId",
  );
  const address = ec2("AllocateAddress", {}) as unknown as {
    readonly AllocationId: string;
    readonly PublicIp: string;
  };
  const nat = id(
    ec2("CreateNatGateway", { SubnetId: subnet, AllocationId: address.AllocationId }),
    "NatGateway",
    "NatGatewayId",
  );
  const innerTable = id(ec2("CreateRouteTable", { VpcId: vpc }), "RouteTable", "RouteTableId");
  ec2("CreateRoute", { RouteTableId: innerTable, DestinationCidrBlock: "0.0.0.0/0", NatGatewayId: nat });
  ec2("CreateRoute", {
    RouteTableId: innerTable,
    DestinationIpv6CidrBlock: "64:ff9b::/96",
    NatGatewayId: nat,
  });
  ec2("AssociateRouteTable", { RouteTableId: innerTable, SubnetId: inner });
  const hidden = launch(1, { SubnetId: inner, Ipv6AddressCount: 1 });
  const reader = region.reader();
  return {
    reader,
    eni,
    privateIp: present(eni.privateIpAddresses[0], "its address"),
    publicIp: present(eni.autoPublicIp, "its public address"),
    ipv6: present(eni.ipv6Addresses?.[0], "its IPv6 address"),
    hidden: {
      eni: hidden,
      privateIp: present(hidden.privateIpAddresses[0], "its address"),
      natAddress: address.PublicIp,
      ipv6: present(hidden.ipv6Addresses?.[0], "its IPv6 address"),
    },
  };
}

function port(number: number): object {
  return { IpProtocol: "tcp", FromPort: number, ToPort: number, IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
}

/** As the VPC user guide recommends for a public subnet ("Custom network ACLs"), with UDP. */
const ACL_ENTRIES: readonly object[] = [
  entry(false, 100, "6", 80, 80),
  entry(false, 110, "6", 443, 443),
  entry(false, 120, "6", 22, 22),
  entry(false, 130, "6", 1024, 65535),
  entry(false, 140, "17", 1024, 65535),
  entry(false, 150, "1"),
  entry(true, 100, "6", 80, 80),
  entry(true, 110, "6", 443, 443),
  entry(true, 120, "6", 22, 22),
  entry(true, 130, "6", 1024, 65535),
  entry(true, 140, "17", 1024, 65535),
  entry(true, 150, "1"),
  ipv6Entry(false, 160, 1024, 65535),
  ipv6Entry(true, 160, 1024, 65535),
];

function entry(Egress: boolean, RuleNumber: number, Protocol: string, From?: number, To?: number): object {
  const ports = From === undefined ? { IcmpTypeCode: { Type: -1, Code: -1 } } : { PortRange: { From, To } };
  return { Egress, RuleNumber, Protocol, RuleAction: "allow", CidrBlock: "0.0.0.0/0", ...ports };
}

function ipv6Entry(Egress: boolean, RuleNumber: number, From: number, To: number): object {
  return {
    Egress,
    RuleNumber,
    Protocol: "17",
    RuleAction: "allow",
    Ipv6CidrBlock: "::/0",
    PortRange: { From, To },
  };
}
