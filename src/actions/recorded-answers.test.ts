/** What AWS is recorded to answer where clients wait for it or compare it, a row each. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { userOf } from "../model/principal.ts";
import { zonesOf } from "../model/zone.ts";
import { instanceNow, launchedRunning, regionWithDefaults } from "./test-launch.ts";
import { newNetwork } from "./test-network.ts";
import { must, newRegion, refuses, type TestRegion } from "./test-region.ts";

type Answer = Readonly<Record<string, never>>;
type Filters = readonly { readonly Name: string; readonly Values: readonly string[] }[];

/** The first item of the first list in the answer. */
function first(region: TestRegion, operation: string, input: object = {}): Answer {
  const list = Object.values(region.perform(operation, input) as object).find((value) =>
    Array.isArray(value),
  ) as readonly Answer[] | undefined;
  return must(list?.[0]);
}

const found = (region: TestRegion, operation: string, list: string, filters: Filters): number =>
  (region.perform(operation, { Filters: filters }) as Readonly<Record<string, readonly unknown[]>>)[list]
    ?.length ?? 0;

const MINUTES = 60_000;

test("blocks that were taken away are described as disassociated for a while, and found so", () => {
  const network = newNetwork();
  const { region, vpcId: VpcId, subnetId: SubnetId } = network;
  region.perform("AssociateVpcCidrBlock", { VpcId, AmazonProvidedIpv6CidrBlock: true });
  region.perform("AssociateVpcCidrBlock", { VpcId, CidrBlock: "10.1.0.0/16" });
  const vpc = () => must(region.reader().get("vpc", VpcId));
  const Ipv6CidrBlock = must(vpc().ipv6CidrBlocks?.[0]).ipv6CidrBlock.replace("/56", "/64");
  region.perform("AssociateSubnetCidrBlock", { SubnetId, Ipv6CidrBlock });
  const count = (state: string) => [
    found(region, "DescribeSubnets", "Subnets", [
      { Name: "ipv6-cidr-block-association.state", Values: [state] },
    ]),
    found(region, "DescribeVpcs", "Vpcs", [{ Name: "ipv6-cidr-block-association.state", Values: [state] }]),
    found(region, "DescribeVpcs", "Vpcs", [{ Name: "cidr-block-association.state", Values: [state] }]),
  ];
  assert.deepEqual(
    [count("associated"), count("disassociated")],
    [
      [1, 1, 1],
      [0, 0, 0],
    ],
  );
  const subnet = () => must(region.reader().get("subnet", SubnetId));
  const ended = must(subnet().ipv6CidrBlock);
  region.perform("DisassociateSubnetCidrBlock", { AssociationId: ended.associationId });
  region.perform("DisassociateVpcCidrBlock", {
    AssociationId: must(vpc().ipv6CidrBlocks?.[0]).associationId,
  });
  region.perform("DisassociateVpcCidrBlock", { AssociationId: must(vpc().cidrBlocks[1]).associationId });
  assert.deepEqual(
    [count("associated"), count("disassociated")],
    [
      [0, 0, 1],
      [1, 1, 1],
    ],
  );
  assert.deepEqual(first(region, "DescribeSubnets")["Ipv6CidrBlockAssociationSet"], [
    {
      AssociationId: ended.associationId,
      Ipv6CidrBlock,
      Ipv6CidrBlockState: { State: "disassociated" },
      Ipv6AddressAttribute: "public",
      IpSource: "amazon",
    },
  ]);
  region.advance(5 * MINUTES);
  assert.deepEqual(count("disassociated"), [0, 0, 0]);
});

test("a virtual private gateway shows the VPC that it was detached from for a while", () => {
  const { region, vpcId: VpcId } = newNetwork();
  const created = region.perform("CreateVpnGateway", { Type: "ipsec.1", AvailabilityZone: "us-east-1a" }) as {
    VpnGateway: Answer;
  };
  assert.deepEqual(Object.keys(created.VpnGateway).toSorted(), [
    "AmazonSideAsn",
    "State",
    "Type",
    "VpcAttachments",
    "VpnGatewayId",
  ]);
  const VpnGatewayId = String(created.VpnGateway["VpnGatewayId"]);
  const attachments = () => first(region, "DescribeVpnGateways")["VpcAttachments"];
  const states = (state: string) =>
    found(region, "DescribeVpnGateways", "VpnGateways", [
      { Name: "attachment.state", Values: [state] },
      { Name: "attachment.vpc-id", Values: [VpcId] },
    ]);
  region.perform("AttachVpnGateway", { VpnGatewayId, VpcId });
  assert.deepEqual(attachments(), [{ VpcId, State: "attached" }]);
  region.perform("DetachVpnGateway", { VpnGatewayId, VpcId });
  assert.deepEqual(attachments(), [{ VpcId, State: "detached" }]);
  assert.deepEqual([states("detached"), states("attached")], [1, 0]);
  region.perform("AttachVpnGateway", { VpnGatewayId, VpcId });
  assert.deepEqual(attachments(), [{ VpcId, State: "attached" }]);
  region.perform("DetachVpnGateway", { VpnGatewayId, VpcId });
  region.advance(5 * MINUTES);
  assert.deepEqual(attachments(), []);
});

test("a deleted peering connection shows whose VPCs they were, and no more", () => {
  const { region, vpcId: VpcId } = newNetwork();
  const PeerVpcId = String(
    (region.perform("CreateVpc", { CidrBlock: "10.9.0.0/16" }) as { Vpc: Answer }).Vpc["VpcId"],
  );
  const answer = region.perform("CreateVpcPeeringConnection", { VpcId, PeerVpcId }) as {
    VpcPeeringConnection: Answer;
  };
  const VpcPeeringConnectionId = answer.VpcPeeringConnection["VpcPeeringConnectionId"];
  region.perform("AcceptVpcPeeringConnection", { VpcPeeringConnectionId });
  region.perform("DeleteVpcPeeringConnection", { VpcPeeringConnectionId });
  const side = (id: string) => ({ OwnerId: "123456789012", VpcId: id, Region: "us-east-1" });
  const { RequesterVpcInfo, AccepterVpcInfo, Status } = first(
    region,
    "DescribeVpcPeeringConnections",
  ) as never;
  assert.equal((Status as Answer)["Code"], "deleted");
  assert.deepEqual([RequesterVpcInfo, AccepterVpcInfo], [side(VpcId), side(PeerVpcId)]);
});

test("interfaces name the requester that made them; those of launches name none", () => {
  const region = regionWithDefaults();
  launchedRunning(region, {});
  const SubnetId = must(region.reader().list("subnet")[0]).id;
  region.perform("CreateNetworkInterface", { SubnetId });
  const all = (region.perform("DescribeNetworkInterfaces", {}) as { NetworkInterfaces: readonly Answer[] })
    .NetworkInterfaces;
  assert.deepEqual(
    all.map(({ RequesterId }) => RequesterId),
    [undefined, "123456789012"],
  );
  assert.equal(
    found(region, "DescribeNetworkInterfaces", "NetworkInterfaces", [
      { Name: "requester-id", Values: ["123456789012"] },
    ]),
    1,
  );
});

test("a NAT gateway's interface is found by what its description shows", () => {
  const { region, subnetId: SubnetId } = newNetwork({ caller: userOf("123456789012") });
  const { AllocationId } = region.perform("AllocateAddress", {}) as Answer;
  const made = region.perform("CreateNatGateway", { SubnetId, AllocationId }) as { NatGateway: Answer };
  assert.deepEqual(first(region, "DescribeNatGateways")["Tags"], []);
  const eni = first(region, "DescribeNetworkInterfaces");
  assert.equal(eni["RequesterId"], "123456789012");
  for (const [Name, value] of [
    ["interface-type", "nat_gateway"],
    ["status", "in-use"],
    ["attachment.status", "attached"],
    ["attachment.instance-owner-id", "amazon-aws"],
    ["attachment.attachment-id", String((eni as { Attachment?: Answer }).Attachment?.["AttachmentId"])],
    ["requester-managed", "true"],
  ] as const) {
    assert.equal(
      found(region, "DescribeNetworkInterfaces", "NetworkInterfaces", [{ Name, Values: [value] }]),
      1,
      Name,
    );
  }
  assert.equal(
    found(region, "DescribeNetworkInterfaces", "NetworkInterfaces", [
      { Name: "status", Values: ["available"] },
    ]),
    0,
  );
  region.perform("DeleteNatGateway", { NatGatewayId: made.NatGateway["NatGatewayId"] });
});

test("instances, their volumes and flow logs are described with the fields that AWS shows", () => {
  const region = regionWithDefaults();
  const nitro = instanceNow(region, launchedRunning(region, { InstanceType: "t3.micro" }));
  assert.deepEqual(
    [
      nitro.Operator,
      nitro.NetworkPerformanceOptions,
      nitro.MaintenanceOptions?.RebootMigration,
      nitro.Placement?.AvailabilityZoneId,
    ],
    [{ Managed: false }, { BandwidthWeighting: "default" }, "default", "use1-az1"],
  );
  assert.deepEqual(nitro.UsageOperationUpdateTime, nitro.LaunchTime);
  assert.equal(nitro.BlockDeviceMappings?.[0]?.Ebs?.EbsCardIndex, 0);
  assert.deepEqual(nitro.NetworkInterfaces?.[0]?.Operator, { Managed: false });
  const xen = instanceNow(region, launchedRunning(region, { InstanceType: "t2.micro" }));
  assert.equal(xen.BlockDeviceMappings?.[0]?.Ebs?.EbsCardIndex, undefined);
  assert.deepEqual(first(region, "DescribeVolumes")["Operator"], { Managed: false });
  const vpcId = must(region.reader().list("vpc")[0]).id;
  const log = {
    ResourceIds: [vpcId],
    ResourceType: "VPC",
    TrafficType: "ALL",
    LogDestinationType: "s3",
    LogDestination: "arn:aws:s3:::logs",
  };
  region.perform("CreateFlowLogs", log);
  const layout = { FileFormat: "plain-text", HiveCompatiblePartitions: false, PerHourPartition: false };
  assert.deepEqual(first(region, "DescribeFlowLogs")["DestinationOptions"], layout);
});

test("zones and the lists of AWS's services have each region's own ids", () => {
  const ids = (name: string) => zonesOf(name).map(({ id }) => id);
  assert.deepEqual(ids("us-west-1"), ["usw1-az1", "usw1-az3"]);
  assert.deepEqual(ids("ca-central-1"), ["cac1-az1", "cac1-az2", "cac1-az4"]);
  assert.deepEqual(ids("ap-northeast-1"), ["apne1-az4", "apne1-az1", "apne1-az2"]);
  assert.deepEqual(ids("cn-north-1"), ["cnn1-az1", "cnn1-az2", "cnn1-az4"]);
  assert.deepEqual(
    zonesOf("cn-north-1").map(({ name }) => name),
    ["cn-north-1a", "cn-north-1b", "cn-north-1d"],
  );
  assert.deepEqual(
    ["us-gov-east-1", "us-gov-west-1", "cn-north-1", "cn-northwest-1"].map((name) => ids(name)[0]),
    ["usge1-az1", "usgw1-az1", "cnn1-az1", "cnnw1-az1"],
  );
  for (const [name, s3, dynamodb] of [
    ["us-east-1", "pl-63a5400a", "pl-02cd2c6b"],
    ["us-east-2", "pl-7ba54012", "pl-4ca54025"],
    ["us-west-1", "pl-6ba54002", "pl-6ea54007"],
    ["us-west-2", "pl-68a54001", "pl-00a54069"],
    ["ap-northeast-2", "pl-78a54011", "pl-48a54021"],
    ["ap-south-1", "pl-78a54011", "pl-66a7420f"],
    ["ca-central-1", "pl-7da54014", "pl-4ea54027"],
    ["eu-north-1", "pl-c3aa4faa", "pl-adae4bc4"],
    ["eu-west-2", "pl-7ca54015", "pl-b3a742da"],
    ["eu-west-3", "pl-23ad484a", "pl-abb451c2"],
    ["sa-east-1", "pl-6aa54003", "pl-60a54009"],
  ] as const) {
    const lists = newRegion({ region: name }).perform("DescribePrefixLists", {}) as {
      PrefixLists: readonly Answer[];
    };
    assert.deepEqual(
      lists.PrefixLists.map(({ PrefixListId }) => PrefixListId),
      [s3, dynamodb],
    );
  }
});

test("rules of a group with a malformed id are refused, not searched for", () => {
  const region = regionWithDefaults();
  const rules = (value: string) =>
    region.perform("DescribeSecurityGroupRules", { Filters: [{ Name: "group-id", Values: [value] }] });
  refuses("InvalidGroupId.Malformed", () => rules("foobar"), "The security group ID 'foobar' is malformed");
  rules("sg-*");
  rules("sg-0123456789abcdef0");
});

test("an unknown launch template's name is refused; versions of all templates can be described", () => {
  const region = newRegion();
  const versions = (input: object) =>
    region.perform("DescribeLaunchTemplateVersions", input) as { LaunchTemplateVersions: unknown[] };
  const words = "The specified launch template, with template name none, does not exist.";
  refuses(
    "InvalidLaunchTemplateName.NotFoundException",
    () => versions({ LaunchTemplateName: "none" }),
    words,
  );
  refuses("InvalidParameterValue", () => versions({ Versions: ["1"] }));
  refuses("MissingParameter", () => versions({}));
  for (const LaunchTemplateName of ["one", "two"])
    region.perform("CreateLaunchTemplate", { LaunchTemplateName, LaunchTemplateData: {} });
  assert.deepEqual(
    [
      versions({ Versions: ["$Latest"] }).LaunchTemplateVersions.length,
      versions({ Versions: ["$Default"] }).LaunchTemplateVersions.length,
    ],
    [2, 2],
  );
});

test("DNS host names need DNS support", () => {
  const { region, vpcId: VpcId } = newNetwork();
  const set = (attribute: string, Value: boolean) =>
    region.perform("ModifyVpcAttribute", { VpcId, [attribute]: { Value } });
  set("EnableDnsSupport", false);
  refuses("InvalidParameterValue", () => set("EnableDnsHostnames", true));
  set("EnableDnsHostnames", false);
  set("EnableDnsSupport", true);
  set("EnableDnsHostnames", true);
});

test("the error about a route to an unknown prefix list names the prefix list's parameter", () => {
  const { region, vpcId } = newNetwork();
  const RouteTableId = must(region.reader().get("vpc", vpcId)).mainRouteTable.routeTableId;
  const DestinationPrefixListId = "pl-63a5400a";
  const words = `no route with destination-prefix-list-id pl-63a5400a in route table ${RouteTableId}`;
  refuses(
    "InvalidRoute.NotFound",
    () => region.perform("DeleteRoute", { RouteTableId, DestinationPrefixListId }),
    words,
  );
});

test("a resource without tags has an empty list or none, as AWS's answers for its kind have", () => {
  const { region, vpcId: VpcId, subnetId: SubnetId } = newNetwork();
  const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKja36Hk5g1yo3vgWxq3CXQN/Jw4wYxWh9okmVktqVI9";
  region.perform("ImportKeyPair", { KeyName: "key", PublicKeyMaterial: Buffer.from(key) });
  region.perform("CreateNatGateway", { SubnetId, ConnectivityType: "private" });
  region.perform("CreateNetworkInterface", { SubnetId });
  region.perform("CreateVpcEndpoint", { VpcId, ServiceName: "com.amazonaws.us-east-1.s3" });
  region.perform("CreateVolume", { AvailabilityZone: "us-east-1a", Size: 1 });
  region.perform("AllocateAddress", {});
  const tags = (operation: string, input = {}) => {
    const item = first(region, operation, input);
    return item["Tags"] ?? item["TagSet"];
  };
  for (const kind of [
    "KeyPairs",
    "NatGateways",
    "InternetGateways",
    "RouteTables",
    "NetworkAcls",
    "NetworkInterfaces",
    "VpcEndpoints",
  ])
    assert.deepEqual(tags(`Describe${kind}`), [], kind);
  assert.deepEqual(tags("GetSecurityGroupsForVpc", { VpcId }), []);
  for (const kind of ["Vpcs", "Subnets", "SecurityGroups", "Addresses", "Volumes"])
    assert.equal(tags(`Describe${kind}`), undefined, kind);
});

test("a VPC and a subnet show Block Public Access when described, and not in the answer that makes them", () => {
  const region = newRegion();
  const { Vpc } = region.perform("CreateVpc", { CidrBlock: "10.0.0.0/16" }) as { Vpc: Answer };
  const { Subnet } = region.perform("CreateSubnet", { VpcId: Vpc["VpcId"], CidrBlock: "10.0.0.0/24" }) as {
    Subnet: Answer;
  };
  const states = (item: Answer) => item["BlockPublicAccessStates"];
  assert.deepEqual([states(Vpc), states(Subnet)], [undefined, undefined]);
  const off = { InternetGatewayBlockMode: "off" };
  assert.deepEqual(
    [states(first(region, "DescribeVpcs")), states(first(region, "DescribeSubnets"))],
    [off, off],
  );
});

test("a request that names no resources is refused in its operation's words", () => {
  const region = newRegion();
  for (const operation of ["TerminateInstances", "StopInstances", "StartInstances", "RebootInstances"])
    refuses("InvalidParameterCombination", () => region.perform(operation, {}), "No instances specified");
  for (const operation of ["CreateTags", "DeleteTags"])
    refuses(
      "MissingParameter",
      () => region.perform(operation, { Tags: [{ Key: "a" }] }),
      "The request must contain the parameter resourceIdSet",
    );
});
