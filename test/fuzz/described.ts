import type { Standing } from "./takeable.ts";

// oxlint-disable-next-line typescript/no-explicit-any -- answers of many shapes, only handed on
type Ask = (operation: string, input: object) => any;

/**
 * What more a region has, so that descriptions have values in as many of their fields as they can. The id of
 * an instance that is about to be terminated.
 */
export function fillDescribed(ask: Ask, ids: Standing): string {
  tables(ask, ids);
  guards(ask, ids);
  storage(ask, ids);
  vary(ask, ids);
  const ended = instances(ask, ids);
  ask("CreateFlowLogs", {
    ResourceType: "Subnet",
    ResourceIds: [ids.SubnetId],
    TrafficType: "REJECT",
    LogGroupName: "logs",
    DeliverLogsPermissionArn: "arn:aws:iam::123456789012:role/logs",
  });
  ask("CreateDhcpOptions", {
    DhcpConfigurations: [{ Key: "domain-name-servers", Values: ["10.0.0.2", "10.0.0.3"] }],
  });
  ask("CreateCarrierGateway", { VpcId: ids.PeerVpcId });
  ask("CreateVpnGateway", { Type: "ipsec.1", AvailabilityZone: "us-east-1a" });
  const named: readonly string[] = [
    ask("DescribeKeyPairs", {}).KeyPairs[0].KeyPairId,
    ask("DescribeLaunchTemplates", {}).LaunchTemplates[0].LaunchTemplateId,
    ask("DescribePlacementGroups", {}).PlacementGroups[0].GroupId,
    ask("DescribePublicIpv4Pools", {}).PublicIpv4Pools[0].PoolId,
  ];
  const tagged = [...Object.values(ids).filter((id) => TAGGABLE.test(id)), ...named];
  const Tags = [
    { Key: "Name", Value: "fixed" },
    { Key: "stage", Value: "first" },
  ];
  ask("CreateTags", { Resources: [...new Set(tagged)], Tags });
  return ended;
}

const TAGGABLE =
  /^(vpc|subnet|igw|rtb|sg|acl|eni|i|sgr|fl|eigw|nat|pcx|vpcbpa-exclude|pl|eipalloc|vgw|cgw|cagw|vpce|dopt|vol|scr|snap|ami)-[0-9a-f]+$/;

/** A route to each kind of target that a table of the VPC can have. */
function tables(
  ask: Ask,
  { VpcId, NatGatewayId, PeeringId, SubnetId, InstanceId, EdgeVpcId, EdgeGatewayId }: Standing,
): void {
  const { RouteTableId } = ask("CreateRouteTable", { VpcId }).RouteTable;
  ask("CreateRoute", { RouteTableId, DestinationCidrBlock: "198.51.100.0/24", NatGatewayId });
  ask("CreateRoute", {
    RouteTableId,
    DestinationCidrBlock: "203.0.113.0/24",
    VpcPeeringConnectionId: PeeringId,
  });
  ask("CreateVpcEndpoint", {
    VpcId,
    ServiceName: "com.amazonaws.us-east-1.dynamodb",
    RouteTableIds: [RouteTableId],
  });
  const { VpcId: other } = ask("DescribeInstances", { InstanceIds: [InstanceId] }).Reservations[0]
    .Instances[0];
  const { RouteTableId: there } = ask("CreateRouteTable", { VpcId: other }).RouteTable;
  ask("CreateRoute", { RouteTableId: there, DestinationCidrBlock: "198.51.100.0/24", InstanceId });
  const { RouteTableId: edge } = ask("CreateRouteTable", { VpcId: EdgeVpcId }).RouteTable;
  ask("AssociateRouteTable", { RouteTableId: edge, GatewayId: EdgeGatewayId });
  ask("CreateSubnetCidrReservation", { SubnetId, Cidr: "10.1.1.192/28", ReservationType: "explicit" });
}

/** Rules of each form. */
function guards(ask: Ask, { VpcId, GroupId, NetworkAclId, PrefixListId }: Standing): void {
  const { GroupId: peer } = ask("CreateSecurityGroup", { VpcId, GroupName: "peer", Description: "peer" });
  const IpPermissions = [
    { IpProtocol: "udp", FromPort: 5, ToPort: 6, Ipv6Ranges: [{ CidrIpv6: "2001:db8::/32" }] },
    { IpProtocol: "tcp", FromPort: 7, ToPort: 8, UserIdGroupPairs: [{ GroupId: peer }] },
    { IpProtocol: "tcp", FromPort: 9, ToPort: 9, PrefixListIds: [{ PrefixListId }] },
    { IpProtocol: "50", IpRanges: [{ CidrIp: "10.0.0.0/8" }] },
  ];
  ask("AuthorizeSecurityGroupIngress", { GroupId, IpPermissions });
  ask("AuthorizeSecurityGroupEgress", { GroupId, IpPermissions });
  const entry = { NetworkAclId, RuleAction: "deny", Egress: false };
  ask("CreateNetworkAclEntry", {
    ...entry,
    RuleNumber: 70,
    Protocol: "17",
    CidrBlock: "10.0.0.0/8",
    PortRange: { From: 5, To: 6 },
  });
  const IcmpTypeCode = { Type: 8, Code: 0 };
  ask("CreateNetworkAclEntry", {
    ...entry,
    RuleNumber: 71,
    Protocol: "1",
    CidrBlock: "10.0.0.0/8",
    IcmpTypeCode,
  });
  ask("CreateNetworkAclEntry", { ...entry, RuleNumber: 72, Protocol: "50", Ipv6CidrBlock: "2001:db8::/32" });
}

/**
 * An instance with all that can be said at its launch, one that is gone; and a template that says as much.
 */
function instances(ask: Ask, { Ipv6SubnetId, InstanceId, ProfiledInstanceId }: Standing): string {
  const launch = {
    ImageId: "ami-0123456789abcdef0",
    InstanceType: "m5.large",
    MinCount: 1,
    MaxCount: 1,
    SubnetId: Ipv6SubnetId,
  };
  const told = ask("RunInstances", {
    ...launch,
    ClientToken: "once",
    KeyName: "key",
    Ipv6AddressCount: 1,
    Placement: { GroupName: "parts", PartitionNumber: 2 },
    MetadataOptions: {
      HttpTokens: "required",
      HttpProtocolIpv6: "enabled",
      HttpPutResponseHopLimit: 3,
      InstanceMetadataTags: "enabled",
    },
    Monitoring: { Enabled: true },
    IamInstanceProfile: { Name: "first" },
  }).Instances[0];
  const AllocationId: string = ask("AllocateAddress", {}).AllocationId;
  ask("AssociateAddress", { AllocationId, InstanceId });
  const ended: string = ask("RunInstances", launch).Instances[0].InstanceId;
  ask("TerminateInstances", { InstanceIds: [ended] });
  const { NetworkInterfaceId } = told.NetworkInterfaces[0];
  ask("ModifyNetworkInterfaceAttribute", { NetworkInterfaceId, Description: { Value: "the first" } });
  ask("CreateTags", { Resources: [NetworkInterfaceId], Tags: [{ Key: "Name", Value: "first" }] });
  const volume = ask("CreateVolume", { AvailabilityZone: "us-east-1a", Size: 8, VolumeType: "gp2" }).VolumeId;
  ask("AttachVolume", { VolumeId: volume, InstanceId: ProfiledInstanceId, Device: "/dev/sdh" });
  ask("CreateLaunchTemplateVersion", {
    LaunchTemplateName: "template",
    LaunchTemplateData: {
      EbsOptimized: true,
      IamInstanceProfile: { Arn: "arn:aws:iam::123456789012:instance-profile/first" },
      ImageId: "ami-0123456789abcdef0",
      InstanceType: "m5.large",
      MetadataOptions: { HttpEndpoint: "enabled", HttpTokens: "required" },
      NetworkInterfaces: [{ DeviceIndex: 0, NetworkCardIndex: 0 }],
    },
  });
  return ended;
}

/** A volume that is changed, an image that is copied. */
function storage(ask: Ask, { AttachedVolumeId: VolumeId, OwnImageId: SourceImageId }: Standing): void {
  ask("ModifyVolume", { VolumeId, Size: 20, VolumeType: "gp3" });
  ask("CopyImage", {
    Name: "copied-before",
    Description: "a copy",
    SourceRegion: "us-east-1",
    SourceImageId,
  });
}

/** What is unlike the rest, so that what a filter finds is not all that there is. */
function vary(ask: Ask, ids: Standing): void {
  const { SubnetId } = ids;
  const { VpcId: OtherVpcId } = ask("CreateVpc", { CidrBlock: "10.22.0.0/16" }).Vpc;
  otherInstances(ask, ids.ProfiledInstanceId);
  otherGateways(ask, ids);
  const extra = ask("AssociateVpcCidrBlock", { VpcId: OtherVpcId, CidrBlock: "10.23.0.0/16" })
    .CidrBlockAssociation.AssociationId;
  ask("DisassociateVpcCidrBlock", { AssociationId: extra });
  const block = ask("AssociateVpcCidrBlock", {
    VpcId: OtherVpcId,
    AmazonProvidedIpv6CidrBlock: true,
  }).Ipv6CidrBlockAssociation;
  ask("DisassociateVpcCidrBlock", { AssociationId: block.AssociationId });
  const { DhcpOptionsId } = ask("CreateDhcpOptions", {
    DhcpConfigurations: [{ Key: "domain-name", Values: ["other.internal"] }],
  }).DhcpOptions;
  ask("AssociateDhcpOptions", { DhcpOptionsId, VpcId: OtherVpcId });
  ask("ModifySubnetAttribute", { SubnetId: ids.Ipv6SubnetId, EnableDns64: { Value: true } });
  const { NetworkAclId } = ids;
  const entry = { NetworkAclId, RuleAction: "deny", Egress: true, CidrBlock: "10.0.0.0/8" };
  ask("CreateNetworkAclEntry", { ...entry, RuleNumber: 80, Protocol: "6", PortRange: { From: 15, To: 16 } });
  ask("CreateNetworkAclEntry", {
    ...entry,
    RuleNumber: 81,
    Protocol: "1",
    IcmpTypeCode: { Type: 3, Code: 4 },
  });
  ask("AssociateSecurityGroupVpc", { GroupId: ids.GroupId, VpcId: OtherVpcId });
  ask("CreateVpcBlockPublicAccessExclusion", {
    VpcId: OtherVpcId,
    InternetGatewayExclusionMode: "allow-bidirectional",
  });
  ask("CreateVpcEndpoint", {
    VpcId: OtherVpcId,
    ServiceName: "com.amazonaws.us-east-1.sqs",
    VpcEndpointType: "Interface",
    SubnetIds: [
      ask("CreateSubnet", { VpcId: OtherVpcId, CidrBlock: "10.22.1.0/24", AvailabilityZone: "us-east-1b" })
        .Subnet.SubnetId,
    ],
    PrivateDnsEnabled: false,
  });
  const log = {
    ResourceType: "Subnet",
    ResourceIds: [SubnetId],
    TrafficType: "ACCEPT",
    LogGroupName: "others",
  };
  ask("CreateFlowLogs", { ...log, DeliverLogsPermissionArn: "arn:aws:iam::123456789012:role/logs" });
  ask("CreateKeyPair", { KeyName: "second", KeyType: "ed25519" });
  ask("CreateLaunchTemplate", {
    LaunchTemplateName: "second",
    LaunchTemplateData: {
      EbsOptimized: false,
      ImageId: "ami-0123456789abcdef1",
      InstanceType: "t4g.micro",
      MetadataOptions: { HttpEndpoint: "disabled", HttpTokens: "optional" },
    },
  });
}

function otherInstances(ask: Ask, runningId: string): void {
  const { VpcId } = ask("DescribeVpcs", { Filters: [{ Name: "is-default", Values: ["true"] }] }).Vpcs[0];
  const subnets = ask("DescribeSubnets", { Filters: [{ Name: "vpc-id", Values: [VpcId] }] }).Subnets;
  const there = subnets.find(
    (subnet: { AvailabilityZone: string }) => subnet.AvailabilityZone === "us-east-1b",
  );
  const { GroupId } = ask("CreateSecurityGroup", { VpcId, GroupName: "other", Description: "other" });
  ask("CreatePlacementGroup", { GroupName: "parts", Strategy: "partition", PartitionCount: 2 });
  const { Instances } = ask("RunInstances", {
    ImageId: "ami-0123456789abcdef1",
    InstanceType: "t4g.micro",
    MinCount: 2,
    MaxCount: 2,
    KeyName: "key",
    EbsOptimized: true,
    Placement: { GroupName: "parts", PartitionNumber: 1, AvailabilityZone: "us-east-1b" },
    MetadataOptions: { HttpEndpoint: "disabled" },
    MaintenanceOptions: { AutoRecovery: "disabled" },
    IamInstanceProfile: { Name: "second" },
    NetworkInterfaces: [
      {
        DeviceIndex: 0,
        SubnetId: there.SubnetId,
        Groups: [GroupId],
        Description: "other",
        DeleteOnTermination: false,
      },
    ],
  });
  ask("ModifyInstanceAttribute", { InstanceId: Instances[0].InstanceId, SourceDestCheck: { Value: false } });
  const { AllocationId } = ask("AllocateAddress", {});
  const running = ask("DescribeInstances", { InstanceIds: [runningId] }).Reservations[0].Instances[0];
  ask("AssociateAddress", {
    AllocationId,
    NetworkInterfaceId: running.NetworkInterfaces[0].NetworkInterfaceId,
  });
  const volume = {
    AvailabilityZone: "us-east-1b",
    Size: 9,
    VolumeType: "io2",
    Iops: 200,
    Encrypted: true,
    MultiAttachEnabled: false,
  };
  const { VolumeId } = ask("CreateVolume", volume);
  ask("CreateSnapshot", { VolumeId });
  ask("ModifyVolume", { VolumeId, Size: 12, Iops: 300 });
}

function otherGateways(ask: Ask, { SubnetId, EdgeVpcId }: Standing): void {
  const { NatGatewayId } = ask("CreateNatGateway", { SubnetId, ConnectivityType: "private" }).NatGateway;
  ask("DeleteNatGateway", { NatGatewayId });
  ask("CreateVpnGateway", { Type: "ipsec.1", AmazonSideAsn: 64_700, AvailabilityZone: "us-east-1b" });
  ask("CreateCustomerGateway", { Type: "ipsec.1", IpAddress: "198.51.100.9", BgpAsn: 65_009 });
  const { VpcId } = ask("CreateVpc", { CidrBlock: "10.20.0.0/16" }).Vpc;
  const asked = ask("CreateVpcPeeringConnection", { VpcId, PeerVpcId: EdgeVpcId }).VpcPeeringConnection;
  ask("RejectVpcPeeringConnection", { VpcPeeringConnectionId: asked.VpcPeeringConnectionId });
  const { EgressOnlyInternetGatewayId } = ask("CreateEgressOnlyInternetGateway", {
    VpcId,
  }).EgressOnlyInternetGateway;
  const { RouteTableId } = ask("CreateRouteTable", { VpcId }).RouteTable;
  ask("AssociateVpcCidrBlock", { VpcId, AmazonProvidedIpv6CidrBlock: true });
  ask("CreateRoute", {
    RouteTableId,
    DestinationIpv6CidrBlock: "2001:db8:1::/48",
    EgressOnlyInternetGatewayId,
  });
  ask("DeleteEgressOnlyInternetGateway", { EgressOnlyInternetGatewayId });
}
