import type { Operation } from "../../src/actions/registry.ts";

/** A request that the region takes as it is. */
export type Takeable = readonly [operation: Operation, input: object];

/** The ids of what exists in the region. */
export type Standing = Readonly<
  Record<
    | "VpcId"
    | "EmptyVpcId"
    | "SubnetId"
    | "EmptySubnetId"
    | "InternetGatewayId"
    | "LooseGatewayId"
    | "RouteTableId"
    | "EmptyRouteTableId"
    | "AssociationId"
    | "GroupId"
    | "LooseGroupId"
    | "AssociatedGroupId"
    | "NetworkAclId"
    | "AclAssociationId"
    | "NetworkInterfaceId"
    | "LooseInterfaceId"
    | "InstanceId"
    | "RuleId"
    | "AddressAssociationId"
    | "SecondAddress"
    | "ExtraAssociationId"
    | "FlowLogId"
    | "Ipv6SubnetId"
    | "Ipv6InterfaceId"
    | "Ipv6Address"
    | "BareIpv6Block"
    | "Ipv6RouteTableId"
    | "Ipv6VpcAssociationId"
    | "Ipv6SubnetAssociationId"
    | "EgressOnlyInternetGatewayId"
    | "NatGatewayId"
    | "PrivateNatGatewayId"
    | "PrivateNatAddress"
    | "NatAddressAssociationId"
    | "EmptyZone"
    | "PeeringId"
    | "PeerVpcId"
    | "PendingPeeringId"
    | "AttachmentId"
    | "EdgeVpcId"
    | "EdgeGatewayId"
    | "EdgeInterfaceId"
    | "ExclusionId"
    | "PrefixListId"
    | "EmptyNetworkAclId"
    | "LooseAllocationId"
    | "VpnGatewayId"
    | "LooseVpnGatewayId"
    | "CustomerGatewayId"
    | "CarrierGatewayId"
    | "VpcEndpointId"
    | "OfferedAllocationId"
    | "LooseDhcpOptionsId"
    | "VolumeId"
    | "AttachedVolumeId"
    | "ProfiledInstanceId"
    | "ReservationId"
    | "SnapshotId"
    | "OwnImageId",
    string
  >
>;

/** For the operations that change what stands there: a request of each that nothing stands against. */
export function takeable(ids: Standing): readonly Takeable[] {
  const { VpcId, SubnetId, RouteTableId, GroupId, NetworkAclId, NetworkInterfaceId, InstanceId } = ids;
  const http = {
    IpProtocol: "tcp",
    FromPort: 80,
    ToPort: 80,
    IpRanges: [{ CidrIp: "0.0.0.0/0", Description: "all" }],
  };
  const all = { IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] };
  const rule = { NetworkAclId, RuleNumber: 90, Egress: true };
  const entry = {
    ...rule,
    Protocol: "6",
    RuleAction: "deny",
    CidrBlock: "198.51.100.0/24",
    PortRange: { From: 1, To: 9 },
  };
  return [
    ["DescribeVpcAttribute", { VpcId, Attribute: "enableDnsSupport" }],
    ["ModifyVpcTenancy", { VpcId, InstanceTenancy: "default" }],
    ["ModifyVpcAttribute", { VpcId, EnableDnsHostnames: { Value: true } }],
    ["DeleteVpc", { VpcId: ids.EmptyVpcId }],
    ["AssociateVpcCidrBlock", { VpcId, CidrBlock: "10.2.0.0/16" }],
    ["DisassociateVpcCidrBlock", { AssociationId: ids.ExtraAssociationId }],
    ["AssociateDhcpOptions", { VpcId, DhcpOptionsId: "default" }],
    ["GetSecurityGroupsForVpc", { VpcId }],
    ["DeleteFlowLogs", { FlowLogIds: [ids.FlowLogId] }],
    ["DeleteTags", { Resources: [VpcId], Tags: [{ Key: "Name" }] }],
    ["DisassociateAddress", { AssociationId: ids.AddressAssociationId }],
    ["DescribeNetworkInterfaceAttribute", { NetworkInterfaceId, Attribute: "groupSet" }],
    ["CreateSubnet", { VpcId, CidrBlock: "10.1.77.0/24", AvailabilityZone: "us-east-1a" }],
    ["ModifySubnetAttribute", { SubnetId, MapPublicIpOnLaunch: { Value: true } }],
    ["DeleteSubnet", { SubnetId: ids.EmptySubnetId }],
    ["DeleteRouteTable", { RouteTableId: ids.EmptyRouteTableId }],
    ["DisassociateRouteTable", { AssociationId: ids.AssociationId }],
    [
      "ReplaceRouteTableAssociation",
      { AssociationId: ids.AssociationId, RouteTableId: ids.EmptyRouteTableId },
    ],
    ["ReplaceRoute", { RouteTableId, DestinationCidrBlock: "0.0.0.0/0", NetworkInterfaceId }],
    ["DeleteRoute", { RouteTableId, DestinationCidrBlock: "0.0.0.0/0" }],
    ["DeleteInternetGateway", { InternetGatewayId: ids.LooseGatewayId }],
    ["AttachInternetGateway", { InternetGatewayId: ids.LooseGatewayId, VpcId: ids.EmptyVpcId }],
    ["DetachInternetGateway", { InternetGatewayId: ids.InternetGatewayId, VpcId }],
    ["ModifyNetworkInterfaceAttribute", { NetworkInterfaceId, SourceDestCheck: { Value: false } }],
    ["AttachNetworkInterface", { NetworkInterfaceId: ids.LooseInterfaceId, InstanceId, DeviceIndex: 1 }],
    ["AssignPrivateIpAddresses", { NetworkInterfaceId, SecondaryPrivateIpAddressCount: 2 }],
    ["UnassignPrivateIpAddresses", { NetworkInterfaceId, PrivateIpAddresses: [ids.SecondAddress] }],
    ["DeleteSecurityGroup", { GroupId: ids.LooseGroupId }],
    [
      "AuthorizeSecurityGroupEgress",
      { GroupId, IpPermissions: [http, { ...http, FromPort: 443, ToPort: 443 }] },
    ],
    ["RevokeSecurityGroupIngress", { GroupId, IpPermissions: [http] }],
    ["RevokeSecurityGroupEgress", { GroupId, IpPermissions: [all] }],
    ["UpdateSecurityGroupRuleDescriptionsIngress", { GroupId, IpPermissions: [http] }],
    ["UpdateSecurityGroupRuleDescriptionsEgress", { GroupId, IpPermissions: [all] }],
    [
      "ModifySecurityGroupRules",
      {
        GroupId,
        SecurityGroupRules: [
          {
            SecurityGroupRuleId: ids.RuleId,
            SecurityGroupRule: { IpProtocol: "udp", FromPort: 1, ToPort: 2, CidrIpv4: "10.0.0.0/8" },
          },
        ],
      },
    ],
    ["ReplaceNetworkAclAssociation", { AssociationId: ids.AclAssociationId, NetworkAclId }],
    ["CreateNetworkAclEntry", { ...entry, RuleNumber: 91 }],
    ["ReplaceNetworkAclEntry", entry],
    ["DeleteNetworkAclEntry", rule],
    ["StopInstances", { InstanceIds: [InstanceId], Force: true }],
    ["StartInstances", { InstanceIds: [InstanceId] }],
    ["RebootInstances", { InstanceIds: [InstanceId] }],
    ["TerminateInstances", { InstanceIds: [InstanceId] }],
    ["DescribeInstanceAttribute", { InstanceId, Attribute: "instanceType" }],
    ["ModifyInstanceAttribute", { InstanceId, DisableApiTermination: { Value: true } }],
    ["ResetInstanceAttribute", { InstanceId, Attribute: "sourceDestCheck" }],
    ["ModifyInstanceMetadataOptions", { InstanceId, HttpTokens: "required", HttpPutResponseHopLimit: 2 }],
    ["ModifyInstanceMetadataDefaults", { HttpTokens: "required", HttpPutResponseHopLimit: 2 }],
    [
      "ModifyInstanceCreditSpecification",
      { InstanceCreditSpecifications: [{ InstanceId, CpuCredits: "standard" }] },
    ],
    ["ImportKeyPair", { KeyName: "imported", PublicKeyMaterial: Buffer.from(PUBLIC_KEY) }],
    ...takeableAddress(ids),
    ...takeableEndpoint(ids),
    ...takeableGateways(ids),
    ...takeableIpv6(ids),
    ...takeableNat(ids),
    ...takeableLoose(ids),
    ...takeableVolume(ids),
    ...takeableImage(ids),
  ];
}

function takeableAddress({
  LooseAllocationId: AllocationId,
  OfferedAllocationId,
  NetworkInterfaceId,
}: Standing): readonly Takeable[] {
  return [
    [
      "ProvisionByoipCidr",
      { Cidr: "198.18.3.0/24", CidrAuthorizationContext: { Message: "mine", Signature: "signed" } },
    ],
    ["AdvertiseByoipCidr", { Cidr: "198.18.1.0/24" }],
    ["WithdrawByoipCidr", { Cidr: "198.18.1.0/24" }],
    ["DeprovisionByoipCidr", { Cidr: "198.18.2.0/24" }],
    ["DescribeByoipCidrs", { MaxResults: 5 }],
    ["ModifyAddressAttribute", { AllocationId, DomainName: "mail.example.com" }],
    ["ResetAddressAttribute", { AllocationId, Attribute: "domain-name" }],
    ["EnableAddressTransfer", { AllocationId, TransferAccountId: "210987654321" }],
    ["DisableAddressTransfer", { AllocationId: OfferedAllocationId }],
    ["ModifyPublicIpDnsNameOptions", { NetworkInterfaceId, HostnameType: "public-ipv4-dns-name" }],
  ];
}

function takeableGateways(ids: Standing): readonly Takeable[] {
  const { VpcId, RouteTableId, VpnGatewayId, LooseVpnGatewayId } = ids;
  const propagation = { GatewayId: VpnGatewayId, RouteTableId };
  return [
    ["CreateVpnGateway", { Type: "ipsec.1", AmazonSideAsn: 64_600 }],
    ["AttachVpnGateway", { VpcId: ids.EmptyVpcId, VpnGatewayId: LooseVpnGatewayId }],
    ["DetachVpnGateway", { VpcId, VpnGatewayId }],
    ["DeleteVpnGateway", { VpnGatewayId: LooseVpnGatewayId }],
    ["EnableVgwRoutePropagation", propagation],
    ["DisableVgwRoutePropagation", propagation],
    ["CreateCustomerGateway", { Type: "ipsec.1", IpAddress: "198.51.100.8", BgpAsn: 65_001 }],
    ["DeleteCustomerGateway", { CustomerGatewayId: ids.CustomerGatewayId }],
    ["CreateCarrierGateway", { VpcId: ids.EmptyVpcId }],
    ["DeleteCarrierGateway", { CarrierGatewayId: ids.CarrierGatewayId }],
    ["CreateRoute", { RouteTableId, DestinationCidrBlock: "192.168.0.0/16", GatewayId: VpnGatewayId }],
    [
      "CreateRoute",
      { RouteTableId, DestinationCidrBlock: "192.168.0.0/16", CarrierGatewayId: ids.CarrierGatewayId },
    ],
  ];
}

function takeableEndpoint({
  VpcId,
  VpcEndpointId,
  EmptyRouteTableId,
  SubnetId,
  GroupId,
}: Standing): readonly Takeable[] {
  const service = { VpcId, ServiceName: "com.amazonaws.us-east-1.dynamodb" };
  return [
    ["CreateVpcEndpoint", { ...service, VpcEndpointType: "Gateway", RouteTableIds: [EmptyRouteTableId] }],
    [
      "CreateVpcEndpoint",
      {
        VpcId,
        ServiceName: "com.amazonaws.us-east-1.sqs",
        VpcEndpointType: "Interface",
        PrivateDnsEnabled: false,
        SubnetConfigurations: [{ SubnetId, Ipv4: "10.0.1.77" }],
        SecurityGroupIds: [GroupId],
      },
    ],
    ["ModifyVpcEndpoint", { VpcEndpointId, AddRouteTableIds: [EmptyRouteTableId], PolicyDocument: "{}" }],
    ["DeleteVpcEndpoints", { VpcEndpointIds: [VpcEndpointId] }],
  ];
}

function takeableNat(ids: Standing): readonly Takeable[] {
  const { NatGatewayId, PrivateNatGatewayId, SubnetId, VpcId } = ids;
  const AllocationIds = [ids.LooseAllocationId];
  const zone = { AvailabilityZone: "us-east-1a" };
  return [
    ["CreateNatGateway", { SubnetId, AllocationId: ids.LooseAllocationId }],
    ["CreateNatGateway", { SubnetId, ConnectivityType: "private", PrivateIpAddress: "10.1.1.78" }],
    [
      "CreateNatGateway",
      { VpcId, AvailabilityMode: "regional", AvailabilityZoneAddresses: [{ ...zone, AllocationIds }] },
    ],
    ["DeleteNatGateway", { NatGatewayId }],
    ["AssociateNatGatewayAddress", { NatGatewayId, AllocationIds: [ids.LooseAllocationId] }],
    ["DisassociateNatGatewayAddress", { NatGatewayId, AssociationIds: [ids.NatAddressAssociationId] }],
    ["AssignPrivateNatGatewayAddress", { NatGatewayId: PrivateNatGatewayId, PrivateIpAddressCount: 1 }],
    [
      "UnassignPrivateNatGatewayAddress",
      { NatGatewayId: PrivateNatGatewayId, PrivateIpAddresses: [ids.PrivateNatAddress] },
    ],
  ];
}

function takeableLoose(ids: Standing): readonly Takeable[] {
  const { VpcId, GroupId, InstanceId } = ids;
  const log = { ResourceType: "Subnet", ResourceIds: [ids.SubnetId], TrafficType: "REJECT" };
  return [
    ["AssociateSecurityGroupVpc", { GroupId: ids.LooseGroupId, VpcId: ids.PeerVpcId }],
    ["DisassociateSecurityGroupVpc", { GroupId: ids.AssociatedGroupId, VpcId: ids.EmptyVpcId }],
    ["CreateDefaultSubnet", { AvailabilityZone: ids.EmptyZone }],
    ["CreateSecurityGroup", { VpcId, GroupName: "another", Description: "another" }],
    [
      "AuthorizeSecurityGroupIngress",
      {
        GroupId,
        IpPermissions: [{ IpProtocol: "udp", FromPort: 53, ToPort: 53, UserIdGroupPairs: [{ GroupId }] }],
      },
    ],
    ["DescribeSecurityGroupReferences", { GroupId: [GroupId] }],
    ["DescribeStaleSecurityGroups", { VpcId }],
    ["CreateVpcPeeringConnection", { VpcId, PeerVpcId: ids.PeerVpcId }],
    ["AcceptVpcPeeringConnection", { VpcPeeringConnectionId: ids.PendingPeeringId }],
    ["RejectVpcPeeringConnection", { VpcPeeringConnectionId: ids.PendingPeeringId }],
    ["DeleteVpcPeeringConnection", { VpcPeeringConnectionId: ids.PeeringId }],
    [
      "ModifyVpcPeeringConnectionOptions",
      {
        VpcPeeringConnectionId: ids.PeeringId,
        RequesterPeeringConnectionOptions: { AllowDnsResolutionFromRemoteVpc: true },
      },
    ],
    [
      "CreateManagedPrefixList",
      { PrefixListName: "more", AddressFamily: "IPv4", MaxEntries: 3, Entries: [{ Cidr: "192.0.2.0/24" }] },
    ],
    [
      "ModifyManagedPrefixList",
      {
        PrefixListId: ids.PrefixListId,
        CurrentVersion: 2,
        AddEntries: [{ Cidr: "10.0.0.0/8" }],
        RemoveEntries: [{ Cidr: "192.0.2.0/24" }],
      },
    ],
    ["ModifyManagedPrefixList", { PrefixListId: ids.PrefixListId, PrefixListName: "named", MaxEntries: 9 }],
    [
      "RestoreManagedPrefixListVersion",
      { PrefixListId: ids.PrefixListId, CurrentVersion: 2, PreviousVersion: 1 },
    ],
    ["DeleteManagedPrefixList", { PrefixListId: ids.PrefixListId }],
    ["GetManagedPrefixListEntries", { PrefixListId: ids.PrefixListId, TargetVersion: 1 }],
    ["GetManagedPrefixListAssociations", { PrefixListId: ids.PrefixListId }],
    ["ModifyVpcBlockPublicAccessOptions", { InternetGatewayBlockMode: "block-ingress" }],
    ["CreateVpcBlockPublicAccessExclusion", { VpcId, InternetGatewayExclusionMode: "allow-bidirectional" }],
    [
      "ModifyVpcBlockPublicAccessExclusion",
      { ExclusionId: ids.ExclusionId, InternetGatewayExclusionMode: "allow-bidirectional" },
    ],
    ["DeleteVpcBlockPublicAccessExclusion", { ExclusionId: ids.ExclusionId }],
    ["DetachInternetGateway", { VpcId: ids.EdgeVpcId, InternetGatewayId: ids.EdgeGatewayId }],
    ["DeleteNetworkInterface", { NetworkInterfaceId: ids.EdgeInterfaceId }],
    ["ResetNetworkInterfaceAttribute", { NetworkInterfaceId: ids.EdgeInterfaceId, SourceDestCheck: "true" }],
    ["DeleteNetworkAcl", { NetworkAclId: ids.EmptyNetworkAclId }],
    ["ReleaseAddress", { AllocationId: ids.LooseAllocationId }],
    ["DeleteDhcpOptions", { DhcpOptionsId: ids.LooseDhcpOptionsId }],
    ["CreateKeyPair", { KeyName: "another", KeyType: "ed25519" }],
    ["DeleteKeyPair", { KeyName: "key" }],
    [
      "CreateLaunchTemplate",
      { LaunchTemplateName: "another", LaunchTemplateData: { InstanceType: "t3.micro" } },
    ],
    [
      "CreateLaunchTemplateVersion",
      { LaunchTemplateName: "template", LaunchTemplateData: { InstanceType: "t3.small" } },
    ],
    ["ModifyLaunchTemplate", { LaunchTemplateName: "template", DefaultVersion: "2" }],
    ["DeleteLaunchTemplate", { LaunchTemplateName: "template" }],
    ["DeleteLaunchTemplateVersions", { LaunchTemplateName: "template", Versions: ["2"] }],
    ["DescribeLaunchTemplateVersions", { LaunchTemplateName: "template" }],
    ["GetLaunchTemplateData", { InstanceId: ids.InstanceId }],
    ["CreateFlowLogs", { ...log, LogDestinationType: "s3", LogDestination: "arn:aws:s3:::other" }],
    ["DetachNetworkInterface", { AttachmentId: ids.AttachmentId }],
    ["GetConsoleOutput", { InstanceId }],
    ["ModifyInstanceMaintenanceOptions", { InstanceId, AutoRecovery: "disabled" }],
    ["MonitorInstances", { InstanceIds: [InstanceId] }],
    ["UnmonitorInstances", { InstanceIds: [InstanceId] }],
  ];
}

function takeableVolume({
  VolumeId,
  AttachedVolumeId,
  InstanceId,
  ProfiledInstanceId,
}: Standing): readonly Takeable[] {
  const AssociationId = ProfiledInstanceId.replace("i-", "iip-assoc-");
  return [
    ["CreatePlacementGroup", { GroupName: "another", Strategy: "partition", PartitionCount: 3 }],
    ["DeletePlacementGroup", { GroupName: "group" }],
    ["AssociateIamInstanceProfile", { InstanceId, IamInstanceProfile: { Name: "role" } }],
    ["ReplaceIamInstanceProfileAssociation", { AssociationId, IamInstanceProfile: { Name: "role" } }],
    ["DisassociateIamInstanceProfile", { AssociationId }],
    ["CreateVolume", { AvailabilityZone: "us-east-1a", Size: 10, VolumeType: "gp3" }],
    ["AttachVolume", { VolumeId, InstanceId, Device: "/dev/sdg" }],
    ["DetachVolume", { VolumeId: AttachedVolumeId, InstanceId }],
    ["ModifyVolume", { VolumeId, Size: 20, VolumeType: "gp3" }],
    ["ModifyVolumeAttribute", { VolumeId, AutoEnableIO: { Value: true } }],
    ["DescribeVolumeAttribute", { VolumeId, Attribute: "autoEnableIO" }],
    ["DeleteVolume", { VolumeId }],
  ];
}

function takeableImage({
  VolumeId,
  InstanceId,
  SnapshotId,
  OwnImageId: ImageId,
}: Standing): readonly Takeable[] {
  const SourceRegion = "us-east-1";
  const all = { OperationType: "add", UserIds: ["210987654321"] };
  const BlockDeviceMappings = [{ DeviceName: "/dev/sda1", Ebs: { SnapshotId } }];
  return [
    ["CreateSnapshot", { VolumeId, Description: "kept" }],
    ["CreateSnapshots", { InstanceSpecification: { InstanceId } }],
    ["CopySnapshot", { SourceRegion, SourceSnapshotId: SnapshotId }],
    ["ModifySnapshotAttribute", { SnapshotId, ...all, Attribute: "createVolumePermission" }],
    ["DescribeSnapshotAttribute", { SnapshotId, Attribute: "createVolumePermission" }],
    ["ResetSnapshotAttribute", { SnapshotId, Attribute: "createVolumePermission" }],
    ["DeleteSnapshot", { SnapshotId }],
    ["CreateImage", { InstanceId, Name: "another" }],
    [
      "RegisterImage",
      { Name: "registered", RootDeviceName: "/dev/sda1", VirtualizationType: "hvm", BlockDeviceMappings },
    ],
    ["CopyImage", { Name: "copied", SourceRegion, SourceImageId: ImageId }],
    ["ModifyImageAttribute", { ImageId, ...all, Attribute: "launchPermission" }],
    ["DescribeImageAttribute", { ImageId, Attribute: "launchPermission" }],
    ["ResetImageAttribute", { ImageId, Attribute: "launchPermission" }],
    ["DeregisterImage", { ImageId }],
  ];
}

function takeableIpv6(ids: Standing): readonly Takeable[] {
  const { EgressOnlyInternetGatewayId, Ipv6InterfaceId: NetworkInterfaceId } = ids;
  const route = {
    RouteTableId: ids.Ipv6RouteTableId,
    DestinationIpv6CidrBlock: "2001:db8:ffff::/48",
    EgressOnlyInternetGatewayId,
  };
  return [
    ["AssociateSubnetCidrBlock", { SubnetId: ids.EmptySubnetId, Ipv6CidrBlock: ids.BareIpv6Block }],
    [
      "CreateSubnetCidrReservation",
      { SubnetId: ids.EmptySubnetId, Cidr: "10.1.3.64/28", ReservationType: "explicit" },
    ],
    ["GetSubnetCidrReservations", { SubnetId: ids.SubnetId }],
    ["DeleteSubnetCidrReservation", { SubnetCidrReservationId: ids.ReservationId }],
    ["DisassociateSubnetCidrBlock", { AssociationId: ids.Ipv6SubnetAssociationId }],
    ["DisassociateVpcCidrBlock", { AssociationId: ids.Ipv6VpcAssociationId }],
    ["AssignIpv6Addresses", { NetworkInterfaceId, Ipv6AddressCount: 1 }],
    ["UnassignIpv6Addresses", { NetworkInterfaceId, Ipv6Addresses: [ids.Ipv6Address] }],
    ["CreateRoute", route],
    ["ReplaceRoute", { ...route, DestinationIpv6CidrBlock: "::/0" }],
    ["CreateEgressOnlyInternetGateway", { VpcId: ids.EmptyVpcId }],
    ["DeleteEgressOnlyInternetGateway", { EgressOnlyInternetGatewayId }],
  ];
}

const PUBLIC_KEY =
  "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f of-no-one";
