import * as fc from "fast-check";
import { seedRegion } from "../../src/actions/default-vpc.ts";
import { bootDone, haltDone } from "../../src/actions/instance/instance-lifecycle.ts";
import type { Context } from "../../src/actions/kit/action.ts";
import { perform } from "../../src/actions/perform.ts";
import { ACTIONS } from "../../src/actions/registry.ts";
import { present } from "../../src/lib/assert.ts";
import { seededRandom } from "../../src/lib/random.ts";
import { DEFAULT_QUOTAS } from "../../src/model/quota.ts";
import { applyChanges, beginTx, newWorld, type Transaction } from "../../src/model/world.ts";
import { operationNames } from "../../src/wire/operations.ts";
import { generate, INPUT_LEAVES, schemasOf, serialize } from "../../src/wire/test-sdk.ts";
import { fillDescribed } from "./described.ts";
import type { Words } from "./mutate.ts";
import { type Standing, takeable } from "./takeable.ts";

/** A request's body as the SDK wrote it. */
export type Sample = { readonly operation: string; readonly body: string };

/**
 * Requests of every operation of EC2, those that Genkan offers more often, and those that it takes most of
 * all.
 */
export async function samples(
  seed: number,
  ofOffered: number,
  { history }: FixedRegion,
): Promise<readonly Sample[]> {
  const found: Sample[] = [];
  const describe = Object.keys(ACTIONS).filter((name) => name.startsWith("Describe"));
  const filters = [{ Name: "tag:Name", Values: ["fixed", "f*"] }];
  const taken = [
    ...history,
    ...describe.flatMap((operation) => [{}, { Filters: filters }].map((input) => ({ operation, input }))),
  ];
  for (const { operation, input } of taken) {
    const body = await serialize(operation, input);
    for (let times = 0; times < ofOffered; times++) found.push({ operation, body });
  }
  for (const [index, operation] of operationNames().entries()) {
    // A few of the operations that are refused by name are enough.
    if (!Object.hasOwn(ACTIONS, operation) && index % 8 !== 0) continue;
    const { input } = schemasOf(operation);
    const numRuns = Object.hasOwn(ACTIONS, operation) ? ofOffered : 1;
    for (const gen of fc.sample(fc.gen(), { seed, numRuns }))
      found.push({
        operation,
        body: await serialize(operation, generate(gen, input, INPUT_LEAVES) as object),
      });
  }
  return found;
}

/** A region with something of each kind in it, to be asked and never changed. */
export type FixedRegion = {
  /** Does what is asked for, and forgets what it changed. */
  readonly perform: (operation: string, input: object) => unknown;
  /** Ids, addresses and names that stand in it. */
  readonly words: Words;
  /** The requests that made it, and others that it takes. */
  readonly history: readonly { readonly operation: string; readonly input: object }[];
};

const ACCOUNT = "123456789012";
const REGION = "us-east-1";

export function fixedRegion(): FixedRegion {
  const world = newWorld();
  const fixed: Context = {
    account: ACCOUNT,
    region: REGION,
    now: "",
    random: seededRandom(1),
    quotas: { ...DEFAULT_QUOTAS, vpcs: 20, "elastic-ips": 20 },
    pools: ["203.0.113.0/24"],
    byoip: ["198.18.1.0/24", "198.18.2.0/24", "198.18.3.0/24"],
    consoleOutput: () => "what it printed",
    generateKeyPair: () => PRIVATE_KEY,
  };
  // A second passes with each request that made the region, so that no two times in it are the same by
  // chance.
  let now = Date.parse("2030-01-31T12:00:00.000Z");
  const context = (): Context => ({ ...fixed, now: new Date(now).toISOString() });
  const words = new Map<string, string[]>(Object.entries(WORDS));
  const history: { readonly operation: string; readonly input: object }[] = [];
  const inTransaction = <T>(body: (tx: Transaction) => T, keep: boolean): T => {
    const tx = beginTx(world, ACCOUNT, REGION);
    const answer = body(tx);
    if (keep) applyChanges(world, ACCOUNT, REGION, tx.changes());
    return answer;
  };
  inTransaction((tx) => seedRegion(tx, context()), true);
  const ask = (operation: string, input: object): Record<string, never> => {
    now += 1000;
    const answer = inTransaction((tx) => perform(tx, operation, input, context()), true) as Record<
      string,
      never
    >;
    history.push({ operation, input });
    collect(answer, "", words);
    return answer;
  };
  const filled = fill(ask);
  const other = launched(ask, filled.SubnetId);
  for (const id of [filled.InstanceId, other]) inTransaction((tx) => bootDone(tx, id, context()), true);
  const standing: Standing = {
    ...filled,
    AttachmentId: attached(ask, other, filled.SubnetId),
    AttachedVolumeId: withVolume(ask, filled.InstanceId),
    ProfiledInstanceId: other,
    OwnImageId: imageOf(ask, other),
  };
  const ended = fillDescribed(ask, standing);
  inTransaction((tx) => haltDone(tx, ended, context()), true);
  for (const [operation, input] of takeable(standing)) history.push({ operation, input });
  return {
    perform: (operation, input) => inTransaction((tx) => perform(tx, operation, input, context()), false),
    words,
    history,
  };
}

/** Ed25519, of no one. */
const PRIVATE_KEY = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
`;

// oxlint-disable-next-line typescript/no-explicit-any -- answers of many shapes, only handed on
type Ask = (operation: string, input: object) => any;

/** A running instance beside the one that requests are about, and an interface attached to it. */
function launched(ask: Ask, SubnetId: string): string {
  return ask("RunInstances", {
    ImageId: "ami-0123456789abcdef0",
    MinCount: 1,
    MaxCount: 1,
    SubnetId,
    InstanceType: "t3.micro",
    IamInstanceProfile: { Name: "first" },
  }).Instances[0].InstanceId;
}

function attached(ask: Ask, InstanceId: string, SubnetId: string): string {
  const { NetworkInterfaceId } = ask("CreateNetworkInterface", { SubnetId }).NetworkInterface;
  return ask("AttachNetworkInterface", { NetworkInterfaceId, InstanceId, DeviceIndex: 1 }).AttachmentId;
}

/** A volume that is attached to the instance. */
function withVolume(ask: Ask, InstanceId: string): string {
  const VolumeId = newVolume(ask);
  ask("AttachVolume", { VolumeId, InstanceId, Device: "/dev/sdf" });
  return VolumeId;
}

function newVolume(ask: Ask): string {
  return ask("CreateVolume", { AvailabilityZone: "us-east-1a", Size: 8, VolumeType: "gp2" }).VolumeId;
}

function fill(
  ask: Ask,
): Omit<Standing, "AttachmentId" | "AttachedVolumeId" | "ProfiledInstanceId" | "OwnImageId"> {
  const { Subnets } = ask("DescribeSubnets", {});
  const { VpcId } = ask("CreateVpc", { CidrBlock: "10.1.0.0/16" }).Vpc;
  const { SubnetId } = ask("CreateSubnet", { VpcId, CidrBlock: "10.1.1.0/24" }).Subnet;
  const { InternetGatewayId } = ask("CreateInternetGateway", {}).InternetGateway;
  ask("AttachInternetGateway", { VpcId, InternetGatewayId });
  const { RouteTableId } = ask("CreateRouteTable", { VpcId }).RouteTable;
  ask("CreateRoute", { RouteTableId, DestinationCidrBlock: "0.0.0.0/0", GatewayId: InternetGatewayId });
  const { AssociationId } = ask("AssociateRouteTable", { RouteTableId, SubnetId });
  const { GroupId } = ask("CreateSecurityGroup", { VpcId, GroupName: "web", Description: "web" });
  const { SecurityGroupRules } = ask("AuthorizeSecurityGroupIngress", {
    GroupId,
    IpProtocol: "tcp",
    FromPort: 80,
    ToPort: 80,
    CidrIp: "0.0.0.0/0",
  });
  const { NetworkAclId } = ask("CreateNetworkAcl", { VpcId }).NetworkAcl;
  ask("CreateNetworkAclEntry", {
    NetworkAclId,
    RuleNumber: 90,
    Protocol: "-1",
    RuleAction: "allow",
    Egress: true,
    CidrBlock: "0.0.0.0/0",
  });
  const { NetworkInterfaceId } = ask("CreateNetworkInterface", {
    SubnetId,
    Groups: [GroupId],
  }).NetworkInterface;
  const { AllocationId } = ask("AllocateAddress", {});
  const { AssociationId: AddressAssociationId } = ask("AssociateAddress", {
    AllocationId,
    NetworkInterfaceId,
  });
  ask("AllocateAddress", {});
  ask("CreateDhcpOptions", { DhcpConfigurations: [{ Key: "domain-name", Values: ["example.internal"] }] });
  ask("CreateKeyPair", { KeyName: "key", KeyType: "ed25519" });
  ask("CreatePlacementGroup", { GroupName: "group", Strategy: "spread" });
  const template = {
    LaunchTemplateName: "template",
    LaunchTemplateData: { ImageId: "ami-0123456789abcdef0", InstanceType: "t3.micro" },
  };
  ask("CreateLaunchTemplate", template);
  ask("CreateLaunchTemplateVersion", template);
  ask("CreateTags", { Resources: [VpcId, SubnetId], Tags: [{ Key: "Name", Value: "fixed" }] });
  const { Instances } = ask("RunInstances", {
    ImageId: "ami-0123456789abcdef0",
    MinCount: 1,
    MaxCount: 1,
    SubnetId: Subnets[0].SubnetId,
    InstanceType: "t3.micro",
  });
  const [second] = ask("AssignPrivateIpAddresses", {
    NetworkInterfaceId,
    SecondaryPrivateIpAddressCount: 1,
  }).AssignedPrivateIpAddresses;
  const others = {
    ...fillMore(ask, VpcId, Subnets[0].SubnetId),
    ...fillIpv6(ask, VpcId),
    ...fillNat(ask, SubnetId),
    ...fillGateways(ask, VpcId),
    ...fillLoose(ask, Subnets),
    ...fillPeering(ask, VpcId, Subnets[0].VpcId),
    AssociatedGroupId: associated(ask, VpcId),
    SecondAddress: second.PrivateIpAddress,
    VolumeId: newVolume(ask),
    ReservationId: reserved(ask, SubnetId),
    SnapshotId: snapshotOf(ask),
  };
  for (const operation of [
    "DescribeVpcs",
    "DescribeSecurityGroupRules",
    "DescribeNetworkAcls",
    "DescribeRouteTables",
    "DescribeInstances",
  ])
    ask(operation, {});
  return {
    ...others,
    VpcId,
    SubnetId,
    AddressAssociationId,
    InternetGatewayId,
    RouteTableId,
    AssociationId,
    GroupId,
    NetworkAclId,
    NetworkInterfaceId,
    InstanceId: Instances[0].InstanceId,
    RuleId: SecurityGroupRules[0].SecurityGroupRuleId,
    AclAssociationId: associationOf(ask("DescribeNetworkAcls", {}), SubnetId),
  };
}

function imageOf(ask: Ask, InstanceId: string): string {
  return ask("CreateImage", { InstanceId, Name: "own", NoReboot: true }).ImageId;
}

function snapshotOf(ask: Ask): string {
  return ask("CreateSnapshot", { VolumeId: newVolume(ask) }).SnapshotId;
}

function reserved(ask: Ask, SubnetId: string): string {
  const reservation = ask("CreateSubnetCidrReservation", {
    SubnetId,
    Cidr: "10.1.1.240/28",
    ReservationType: "prefix",
  });
  return reservation.SubnetCidrReservation.SubnetCidrReservationId;
}

/** What nothing depends on. */
function fillMore(ask: Ask, VpcId: string, DefaultSubnetId: string) {
  return {
    ExtraAssociationId: ask("AssociateVpcCidrBlock", { VpcId, CidrBlock: "10.4.0.0/16" }).CidrBlockAssociation
      .AssociationId,
    LooseInterfaceId: ask("CreateNetworkInterface", { SubnetId: DefaultSubnetId }).NetworkInterface
      .NetworkInterfaceId,
    EmptyVpcId: ask("CreateVpc", { CidrBlock: "10.3.0.0/16" }).Vpc.VpcId,
    EmptySubnetId: ask("CreateSubnet", { VpcId, CidrBlock: "10.1.3.0/24" }).Subnet.SubnetId,
    LooseGatewayId: ask("CreateInternetGateway", {}).InternetGateway.InternetGatewayId,
    EmptyRouteTableId: ask("CreateRouteTable", { VpcId }).RouteTable.RouteTableId,
    FlowLogId: ask("CreateFlowLogs", flowLogOf(VpcId)).FlowLogIds[0],
    OfferedAllocationId: offered(ask),
    VpcEndpointId: ask("CreateVpcEndpoint", { VpcId, ServiceName: "com.amazonaws.us-east-1.s3" }).VpcEndpoint
      .VpcEndpointId,
    LooseGroupId: ask("CreateSecurityGroup", { VpcId, GroupName: "loose", Description: "loose" }).GroupId,
  };
}

/** Gateways of the kinds that are only records. */
function fillGateways(ask: Ask, VpcId: string) {
  const vpn = (): string => ask("CreateVpnGateway", { Type: "ipsec.1" }).VpnGateway.VpnGatewayId;
  const VpnGatewayId = vpn();
  ask("AttachVpnGateway", { VpcId, VpnGatewayId });
  return {
    VpnGatewayId,
    LooseVpnGatewayId: vpn(),
    CustomerGatewayId: ask("CreateCustomerGateway", { Type: "ipsec.1", IpAddress: "198.51.100.7" })
      .CustomerGateway.CustomerGatewayId,
    CarrierGatewayId: ask("CreateCarrierGateway", { VpcId }).CarrierGateway.CarrierGatewayId,
  };
}

/**
 * An Elastic IP with a name, offered to another account; and ranges that were brought, one with an address.
 */
function offered(ask: Ask): string {
  const CidrAuthorizationContext = { Message: "mine", Signature: "signed" };
  for (const Cidr of ["198.18.1.0/24", "198.18.2.0/24"])
    ask("ProvisionByoipCidr", { Cidr, CidrAuthorizationContext });
  ask("AllocateAddress", { Address: "198.18.1.7" });
  const { AllocationId } = ask("AllocateAddress", {});
  ask("ModifyAddressAttribute", { AllocationId, DomainName: "www.example.com" });
  ask("EnableAddressTransfer", { AllocationId, TransferAccountId: "210987654321" });
  return AllocationId;
}

function flowLogOf(vpcId: string): object {
  return {
    ResourceType: "VPC",
    ResourceIds: [vpcId],
    TrafficType: "ALL",
    LogDestinationType: "s3",
    LogDestination: "arn:aws:s3:::bucket",
    LogFormat: "${version} ${instance-tag}",
    DestinationOptions: { HiveCompatiblePartitions: true },
    TagFieldSpecifications: [{ ResourceType: "instance", TagKeys: ["Name"] }],
  };
}

function fillNat(ask: Ask, SubnetId: string) {
  const allocations: readonly string[] = [1, 2].map(() => ask("AllocateAddress", {}).AllocationId);
  const [AllocationId, ...SecondaryAllocationIds] = allocations;
  const nat = ask("CreateNatGateway", { SubnetId, AllocationId, SecondaryAllocationIds }).NatGateway;
  const inside = ask("CreateNatGateway", { SubnetId, ConnectivityType: "private" }).NatGateway;
  const { NatGatewayAddresses: added } = ask("AssignPrivateNatGatewayAddress", {
    NatGatewayId: inside.NatGatewayId,
    PrivateIpAddresses: ["10.1.1.77"],
  });
  const [{ NatGatewayAddresses: addresses }] = ask("DescribeNatGateways", {
    NatGatewayIds: [nat.NatGatewayId],
  }).NatGateways;
  return {
    NatGatewayId: nat.NatGatewayId,
    PrivateNatGatewayId: inside.NatGatewayId,
    PrivateNatAddress: present(added, "the addresses")[0].PrivateIp,
    NatAddressAssociationId: present(addresses[1], "the second address").AssociationId,
  };
}

type Subnets = readonly { readonly SubnetId: string; readonly AvailabilityZone: string }[];

function fillPeering(ask: Ask, VpcId: string, DefaultVpcId: string) {
  const peering = (from: string, to: string): string =>
    ask("CreateVpcPeeringConnection", { VpcId: from, PeerVpcId: to }).VpcPeeringConnection
      .VpcPeeringConnectionId;
  const PeeringId = peering(VpcId, DefaultVpcId);
  ask("AcceptVpcPeeringConnection", { VpcPeeringConnectionId: PeeringId });
  const { VpcId: PeerVpcId } = ask("CreateVpc", { CidrBlock: "10.12.0.0/16" }).Vpc;
  return { PeeringId, PeerVpcId, PendingPeeringId: peering(PeerVpcId, DefaultVpcId) };
}

/** A group that another VPC's interfaces can have. */
function associated(ask: Ask, VpcId: string): string {
  const { GroupId } = ask("CreateSecurityGroup", {
    VpcId,
    GroupName: "associated",
    Description: "associated",
  });
  const empty = ask("DescribeVpcs", { Filters: [{ Name: "cidr", Values: ["10.3.0.0/16"] }] }).Vpcs[0].VpcId;
  ask("AssociateSecurityGroupVpc", { GroupId, VpcId: empty });
  return GroupId;
}

function isLoose(address: { readonly AssociationId?: string }): boolean {
  return address.AssociationId === undefined;
}

function listOf(ask: Ask, name: string): string {
  const Entries = [{ Cidr: "192.0.2.0/24", Description: "test" }];
  const { PrefixListId } = ask("CreateManagedPrefixList", {
    PrefixListName: name,
    AddressFamily: "IPv4",
    MaxEntries: 5,
    Entries,
  }).PrefixList;
  ask("ModifyManagedPrefixList", {
    PrefixListId,
    CurrentVersion: 1,
    AddEntries: [{ Cidr: "198.18.0.0/15" }],
  });
  return PrefixListId;
}

/** What nothing depends on, and what can be undone. */
function fillLoose(ask: Ask, subnets: Subnets) {
  const { SubnetId: DefaultSubnetId, AvailabilityZone } = present(subnets.at(-1), "a default subnet");
  ask("DeleteSubnet", { SubnetId: DefaultSubnetId });
  const { VpcId } = ask("CreateVpc", { CidrBlock: "10.9.0.0/16" }).Vpc;
  const { InternetGatewayId } = ask("CreateInternetGateway", {}).InternetGateway;
  ask("AttachInternetGateway", { VpcId, InternetGatewayId });
  const { SubnetId } = ask("CreateSubnet", { VpcId, CidrBlock: "10.9.1.0/24" }).Subnet;
  const { NetworkInterfaceId } = ask("CreateNetworkInterface", { SubnetId }).NetworkInterface;
  return {
    EmptyZone: AvailabilityZone,
    EdgeVpcId: VpcId,
    EdgeGatewayId: InternetGatewayId,
    EdgeInterfaceId: NetworkInterfaceId,
    PrefixListId: listOf(ask, "loose"),
    ExclusionId: ask("CreateVpcBlockPublicAccessExclusion", {
      SubnetId,
      InternetGatewayExclusionMode: "allow-egress",
    }).VpcBlockPublicAccessExclusion.ExclusionId,
    EmptyNetworkAclId: ask("CreateNetworkAcl", { VpcId }).NetworkAcl.NetworkAclId,
    LooseAllocationId: ask("DescribeAddresses", {
      Filters: [{ Name: "domain", Values: ["vpc"] }],
    }).Addresses.find(isLoose).AllocationId,
    LooseDhcpOptionsId: ask("CreateDhcpOptions", {
      DhcpConfigurations: [{ Key: "domain-name", Values: ["loose.internal"] }],
    }).DhcpOptions.DhcpOptionsId,
  };
}

/** What has IPv6, and the ways out for it. */
function fillIpv6(ask: Ask, VpcId: string) {
  const { Ipv6CidrBlockAssociation } = ask("AssociateVpcCidrBlock", {
    VpcId,
    AmazonProvidedIpv6CidrBlock: true,
  });
  const nth = (n: number): string => Ipv6CidrBlockAssociation.Ipv6CidrBlock.replace("00::/56", `0${n}::/64`);
  const { SubnetId } = ask("CreateSubnet", { VpcId, CidrBlock: "10.1.6.0/24", Ipv6CidrBlock: nth(6) }).Subnet;
  const Ipv6OnlySubnetId = ask("CreateSubnet", { VpcId, Ipv6Native: true, Ipv6CidrBlock: nth(7) }).Subnet
    .SubnetId;
  const BareSubnetId = ask("CreateSubnet", { VpcId, CidrBlock: "10.1.8.0/24" }).Subnet.SubnetId;
  const { Ipv6CidrBlockAssociation: ofVpc } = ask("AssociateVpcCidrBlock", {
    VpcId,
    AmazonProvidedIpv6CidrBlock: true,
  });
  const { Ipv6CidrBlockAssociation: ofSubnet } = ask("AssociateSubnetCidrBlock", {
    SubnetId: BareSubnetId,
    Ipv6CidrBlock: nth(8),
  });
  ask("ModifySubnetAttribute", { SubnetId, AssignIpv6AddressOnCreation: { Value: true } });
  const { NetworkInterface } = ask("CreateNetworkInterface", { SubnetId });
  ask("CreateNetworkInterface", { SubnetId: Ipv6OnlySubnetId });
  const { EgressOnlyInternetGatewayId } = ask("CreateEgressOnlyInternetGateway", {
    VpcId,
  }).EgressOnlyInternetGateway;
  const { RouteTableId } = ask("CreateRouteTable", { VpcId }).RouteTable;
  ask("CreateRoute", { RouteTableId, DestinationIpv6CidrBlock: "::/0", EgressOnlyInternetGatewayId });
  return {
    Ipv6SubnetId: SubnetId,
    BareIpv6Block: nth(9),
    Ipv6InterfaceId: NetworkInterface.NetworkInterfaceId,
    Ipv6Address: NetworkInterface.Ipv6Addresses[0].Ipv6Address,
    Ipv6RouteTableId: RouteTableId,
    Ipv6VpcAssociationId: ofVpc.AssociationId,
    Ipv6SubnetAssociationId: ofSubnet.AssociationId,
    EgressOnlyInternetGatewayId,
  };
}

type Acls = {
  readonly NetworkAcls: readonly {
    readonly Associations: readonly { SubnetId: string; NetworkAclAssociationId: string }[];
  }[];
};

function associationOf({ NetworkAcls }: Acls, subnetId: string): string {
  const all = NetworkAcls.flatMap(({ Associations }) => Associations);
  return present(
    all.find(({ SubnetId }) => SubnetId === subnetId)?.NetworkAclAssociationId,
    "the subnet's association",
  );
}

/** Names of parameters whose values no answer has under that name. */
const WORDS: Readonly<Record<string, string[]>> = {
  Name: [
    "vpc-id",
    "tag:Name",
    "tag-key",
    "state",
    "subnet-id",
    "cidr",
    "group-name",
    "attachment.vpc-id",
    "instance-state-name",
  ],
  Attribute: [
    "enableDnsSupport",
    "enableDnsHostnames",
    "instanceType",
    "userData",
    "sourceDestCheck",
    "groupSet",
    "description",
  ],
  IpProtocol: ["tcp", "udp", "icmp", "-1", "6", "50"],
  CidrBlock: ["10.1.2.0/24", "10.0.0.0/16", "0.0.0.0/0", "172.31.64.0/20"],
  DryRun: ["true", "false"],
  ResourceType: ["vpc", "instance", "subnet", "internet-gateway", "security-group", "route-table"],
};

function collect(value: unknown, name: string, words: Map<string, string[]>): void {
  if (typeof value === "string" && value.length < 64) {
    const known = words.get(name) ?? [];
    if (!known.includes(value)) words.set(name, [...known, value]);
    // The parameter for a resource of any kind.
    if (name.endsWith("Id") && name !== "ResourceId") collect(value, "ResourceId", words);
  } else if (Array.isArray(value)) for (const item of value) collect(item, name.replace(/s$/, ""), words);
  else if (value !== null && typeof value === "object" && !(value instanceof Date)) {
    for (const [inner, member] of Object.entries(value)) collect(member, inner, words);
  }
}
