import type { Operation } from "./registry.ts";

/**
 * What is behind an operation that Genkan offers.
 * - `packets`: packets, or instances, obey what it changes.
 * - `record`: it is kept and described back, without any other effect.
 * - `describes`: it changes nothing.
 */
type Behind = "packets" | "record" | "describes";

/** How docs/operations.md describes an operation. */
export type Mark = {
  readonly behind: Behind;
  /** Parameters that are kept and described back, and that nothing else follows from. */
  readonly recorded?: readonly string[];
  /** Parameters that nobody looks at, since whatever they ask for is so already. */
  readonly moot?: readonly string[];
};

/** What only describes says so by its name, and needs a line only where a parameter needs a word. */
type Describing = Extract<Operation, `Describe${string}` | `Get${string}`>;
type Marks = Readonly<
  Record<Exclude<Operation, Describing>, Behind | Mark> & Partial<Record<Describing, Mark>>
>;

/** The mark of an operation. */
export function markOf(operation: Operation): Mark {
  const mark = MARKS[operation] ?? "describes";
  return typeof mark === "string" ? { behind: mark } : mark;
}

/** A line for each operation: one without, or a line without its operation, does not compile. */
const MARKS: Marks = {
  // VPCs, subnets and their blocks
  CreateVpc: { behind: "packets", recorded: ["InstanceTenancy"] },
  CreateDefaultVpc: "packets",
  DeleteVpc: "packets",
  ModifyVpcAttribute: { behind: "packets", recorded: ["EnableNetworkAddressUsageMetrics"] },
  ModifyVpcTenancy: "record",
  AssociateVpcCidrBlock: "packets",
  DisassociateVpcCidrBlock: "packets",
  // Instances follow the names of servers and domains; the options for NTP, NetBIOS and IPv6 leases are kept
  CreateDhcpOptions: "packets",
  AssociateDhcpOptions: "packets",
  DeleteDhcpOptions: "packets",
  CreateSubnet: "packets",
  CreateDefaultSubnet: "packets",
  DeleteSubnet: "packets",
  ModifySubnetAttribute: { behind: "packets" },
  AssociateSubnetCidrBlock: "packets",
  DisassociateSubnetCidrBlock: "packets",
  // No packet asks for them, but which addresses interfaces get
  CreateSubnetCidrReservation: { behind: "packets", recorded: ["Description"] },
  DeleteSubnetCidrReservation: "packets",
  // Routes and gateways
  CreateRouteTable: "packets",
  DeleteRouteTable: "packets",
  AssociateRouteTable: "packets",
  DisassociateRouteTable: "packets",
  ReplaceRouteTableAssociation: "packets",
  CreateRoute: "packets",
  ReplaceRoute: "packets",
  DeleteRoute: "packets",
  CreateInternetGateway: "packets",
  AttachInternetGateway: "packets",
  DetachInternetGateway: "packets",
  DeleteInternetGateway: "packets",
  CreateNatGateway: "packets",
  DeleteNatGateway: "packets",
  AssociateNatGatewayAddress: "packets",
  DisassociateNatGatewayAddress: "packets",
  AssignPrivateNatGatewayAddress: "packets",
  UnassignPrivateNatGatewayAddress: "packets",
  CreateEgressOnlyInternetGateway: "packets",
  DeleteEgressOnlyInternetGateway: "packets",
  CreateManagedPrefixList: "packets",
  ModifyManagedPrefixList: "packets",
  RestoreManagedPrefixListVersion: "packets",
  DeleteManagedPrefixList: "packets",
  ModifyVpcBlockPublicAccessOptions: "packets",
  CreateVpcBlockPublicAccessExclusion: "packets",
  ModifyVpcBlockPublicAccessExclusion: "packets",
  DeleteVpcBlockPublicAccessExclusion: "packets",
  CreateVpcPeeringConnection: "packets",
  AcceptVpcPeeringConnection: "packets",
  RejectVpcPeeringConnection: "packets",
  DeleteVpcPeeringConnection: "packets",
  ModifyVpcPeeringConnectionOptions: "record",
  // Packets follow its routes, to where nothing stands
  CreateVpnGateway: "record",
  DeleteVpnGateway: "record",
  AttachVpnGateway: "record",
  DetachVpnGateway: "record",
  EnableVgwRoutePropagation: "record",
  DisableVgwRoutePropagation: "record",
  CreateCustomerGateway: "record",
  DeleteCustomerGateway: "record",
  CreateCarrierGateway: "record",
  DeleteCarrierGateway: "record",
  CreateVpcEndpoint: { behind: "packets", recorded: ["PolicyDocument"] }, // nothing stands behind: they drop at it
  ModifyVpcEndpoint: { behind: "packets", recorded: ["PolicyDocument"] },
  DeleteVpcEndpoints: "packets",
  // Addresses and interfaces
  AllocateAddress: "packets",
  ReleaseAddress: { behind: "packets", moot: ["PublicIp"] },
  AssociateAddress: { behind: "packets", moot: ["AllowReassociation"] }, // of an address that is associated with another
  DisassociateAddress: { behind: "packets", moot: ["PublicIp"] }, // the association's id says all
  ProvisionByoipCidr: { behind: "packets", recorded: ["Description"] },
  AdvertiseByoipCidr: "packets",
  WithdrawByoipCidr: "packets",
  DeprovisionByoipCidr: "packets",
  ModifyAddressAttribute: "packets", // the resolver answers with it
  ResetAddressAttribute: "packets",
  EnableAddressTransfer: "record", // there is one account, so nobody accepts
  DisableAddressTransfer: "record",
  ModifyPublicIpDnsNameOptions: "record",
  CreateNetworkInterface: { behind: "packets", recorded: ["Description", "EnablePrimaryIpv6"] },
  DeleteNetworkInterface: "packets",
  AttachNetworkInterface: "packets",
  DetachNetworkInterface: { behind: "packets", moot: ["Force"] },
  ModifyNetworkInterfaceAttribute: { behind: "packets", recorded: ["Description"] },
  ResetNetworkInterfaceAttribute: "packets",
  AssignPrivateIpAddresses: "packets",
  UnassignPrivateIpAddresses: "packets",
  AssignIpv6Addresses: "packets",
  UnassignIpv6Addresses: "packets",
  // What guards them
  AssociateSecurityGroupVpc: "packets",
  DisassociateSecurityGroupVpc: "packets",
  CreateSecurityGroup: { behind: "packets", recorded: ["Description"] },
  DeleteSecurityGroup: "packets",
  // A peer is named by its id, so its name is moot; the status occurs only in answers
  AuthorizeSecurityGroupIngress: {
    behind: "packets",
    moot: [
      "IpPermissions.*.UserIdGroupPairs.*.GroupName",
      "IpPermissions.*.UserIdGroupPairs.*.PeeringStatus",
    ],
  },
  AuthorizeSecurityGroupEgress: "packets",
  RevokeSecurityGroupIngress: "packets",
  RevokeSecurityGroupEgress: "packets",
  ModifySecurityGroupRules: "packets",
  UpdateSecurityGroupRuleDescriptionsIngress: "record",
  UpdateSecurityGroupRuleDescriptionsEgress: "record",
  CreateNetworkAcl: "packets",
  DeleteNetworkAcl: "packets",
  ReplaceNetworkAclAssociation: "packets",
  CreateNetworkAclEntry: { behind: "packets", moot: ["IcmpTypeCode"] }, // for protocols other than ICMP
  ReplaceNetworkAclEntry: { behind: "packets", moot: ["IcmpTypeCode"] },
  DeleteNetworkAclEntry: "packets",
  CreateFlowLogs: { behind: "packets", recorded: ["DeliverLogsPermissionArn", "DeliverCrossAccountRole"] },
  DeleteFlowLogs: "packets",
  // Instances: one here ends within seconds, whatever it is asked
  RunInstances: {
    behind: "packets",
    recorded: [
      "BlockDeviceMappings",
      "CpuOptions",
      "CreditSpecification",
      "EbsOptimized",
      "IamInstanceProfile",
      "MaintenanceOptions",
      "Monitoring",
      "Placement.GroupId",
      "Placement.GroupName",
      "Placement.PartitionNumber",
      "Placement.Tenancy",
    ],
  },
  StartInstances: "packets",
  StopInstances: { behind: "packets", moot: ["SkipOsShutdown"] },
  RebootInstances: "packets",
  TerminateInstances: { behind: "packets", moot: ["Force", "SkipOsShutdown"] },
  ModifyInstanceAttribute: { behind: "packets", recorded: ["BlockDeviceMappings", "EbsOptimized"] },
  ResetInstanceAttribute: "packets",
  CreateVolume: "record",
  AttachVolume: "record",
  DetachVolume: { behind: "record", moot: ["Force"] },
  ModifyVolume: "record",
  ModifyVolumeAttribute: "record",
  DeleteVolume: "record",
  CreateSnapshot: { behind: "record", moot: ["Location"] },
  CreateSnapshots: "record",
  CopySnapshot: { behind: "record", moot: ["PresignedUrl"] }, // the source is at hand
  DeleteSnapshot: "record",
  ModifySnapshotAttribute: "record",
  ResetSnapshotAttribute: "record",
  // Instances of an image start with its volumes, and reboot for it
  CreateImage: "packets",
  RegisterImage: { behind: "record", moot: ["EnaSupport"] }, // every type has it here
  CopyImage: "record",
  DeregisterImage: "record",
  ModifyImageAttribute: { behind: "record", moot: ["Value"] }, // of launch permissions
  ResetImageAttribute: "record",
  ModifyInstanceMetadataOptions: "packets",
  ModifyInstanceMetadataDefaults: "packets",
  ModifyInstanceMaintenanceOptions: "record",
  ModifyInstanceCreditSpecification: "record",
  AssociateIamInstanceProfile: "record",
  DisassociateIamInstanceProfile: "record",
  ReplaceIamInstanceProfileAssociation: "record",
  CreatePlacementGroup: "record",
  DeletePlacementGroup: "record",
  MonitorInstances: "record",
  UnmonitorInstances: "record",
  // Templates do what launches from them do
  CreateLaunchTemplate: "packets",
  CreateLaunchTemplateVersion: { behind: "packets", moot: ["ResolveAlias"] },
  DescribeLaunchTemplateVersions: { behind: "describes", moot: ["ResolveAlias", "IncludeManagedResources"] },
  ModifyLaunchTemplate: "packets",
  DeleteLaunchTemplate: "packets",
  DeleteLaunchTemplateVersions: "packets",
  CreateKeyPair: "packets",
  ImportKeyPair: "packets",
  DeleteKeyPair: "packets",
  CreateTags: "record",
  DeleteTags: "record",
  GetConsoleOutput: { behind: "describes", moot: ["Latest"] }, // the newest is always shown
  // There are none of what could be shown besides
  DescribeInstances: { behind: "describes", moot: ["IncludeManagedResources"] },
  DescribeInstanceStatus: { behind: "describes", moot: ["IncludeManagedResources"] },
  DescribeInstanceTypes: { behind: "describes", moot: ["IncludeUnsupportedInRegion"] },
  DescribeImages: { behind: "describes", moot: ["IncludeDeprecated", "IncludeDisabled"] },
  DescribeRegions: { behind: "describes", moot: ["AllRegions"] },
  DescribeAvailabilityZones: { behind: "describes", moot: ["AllAvailabilityZones"] },
  DescribeVolumes: { behind: "describes", moot: ["IncludeManagedResources"] },
  DescribeVolumeStatus: { behind: "describes", moot: ["IncludeManagedResources"] },
  DescribeVolumesModifications: { behind: "describes", moot: ["IncludeManagedResources"] },
};
