import { Fault, type FaultCode } from "../../model/fault.ts";
import { isWellFormedId } from "../../model/id.ts";
import type { Kind } from "../../model/resource.ts";

/** A fault's code and its message; `%s` is replaced by the id. */
type Spelling = { readonly code: FaultCode; readonly words: string };

type Absence = Spelling & {
  /**
   * What AWS says of a text that cannot be an id of this kind; absent where it says the same of every unknown
   * one.
   */
  readonly malformed?: Spelling;
};

/** Kinds that nobody names by an id of their own. */
type Nameless =
  | "route"
  | "instance-metadata-defaults"
  | "image-alias"
  | "block-public-access"
  | "client-token"
  | "region";
export type NamedKind = Exclude<Kind, Nameless>;

/** How AWS says that there is none of a kind with the id, in the words of most operations. */
const KINDS: Readonly<Record<NamedKind, Absence>> = {
  vpc: { code: "InvalidVpcID.NotFound", words: "The vpc ID '%s' does not exist" },
  subnet: { code: "InvalidSubnetID.NotFound", words: "The subnet ID '%s' does not exist" },
  "subnet-cidr-reservation": {
    code: "InvalidSubnetCidrReservationID.NotFound",
    words: "The subnet CIDR reservation ID '%s' does not exist",
  },
  "dhcp-options": { code: "InvalidDhcpOptionID.NotFound", words: "The dhcpOption ID '%s' does not exist" },
  "block-public-access-exclusion": {
    code: "InvalidVpcBlockPublicAccessExclusionId.NotFound",
    words: "The VPC Block Public Access exclusion ID '%s' does not exist",
  },
  "route-table": {
    code: "InvalidRouteTableID.NotFound",
    words: "The routeTable ID '%s' does not exist",
    malformed: { code: "InvalidRouteTableId.Malformed", words: `Invalid id: "%s" (expecting "rtb-...")` },
  },
  "prefix-list": { code: "InvalidPrefixListID.NotFound", words: "The prefix list ID '%s' does not exist" },
  "internet-gateway": {
    code: "InvalidInternetGatewayID.NotFound",
    words: "The internetGateway ID '%s' does not exist",
    malformed: {
      code: "InvalidInternetGatewayId.Malformed",
      words: `Invalid id: "%s" (expecting "igw-...")`,
    },
  },
  "egress-only-internet-gateway": {
    code: "InvalidEgressOnlyInternetGatewayId.NotFound",
    words: "The egressOnlyInternetGateway ID '%s' does not exist",
    malformed: {
      code: "InvalidEgressOnlyInternetGatewayId.Malformed",
      words: `Invalid id: "%s" (expecting "eigw-...")`,
    },
  },
  "nat-gateway": {
    code: "NatGatewayNotFound",
    words: "The Nat Gateway %s was not found",
    malformed: { code: "NatGatewayMalformed", words: "The NatGateway ID '%s' is malformed" },
  },
  "vpc-peering-connection": {
    code: "InvalidVpcPeeringConnectionID.NotFound",
    words: "The vpcPeeringConnection ID '%s' does not exist",
    malformed: {
      code: "InvalidVpcPeeringConnectionId.Malformed",
      words: `Invalid id: "%s" (expecting "pcx-...")`,
    },
  },
  "vpc-endpoint": { code: "InvalidVpcEndpointId.NotFound", words: "The Vpc Endpoint Id '%s' does not exist" },
  "vpn-gateway": { code: "InvalidVpnGatewayID.NotFound", words: "The vpnGateway ID '%s' does not exist" },
  "customer-gateway": {
    code: "InvalidCustomerGatewayID.NotFound",
    words: "The customerGateway ID '%s' does not exist",
  },
  "carrier-gateway": {
    code: "InvalidCarrierGatewayID.NotFound",
    words: "The carrierGateway ID '%s' does not exist",
  },
  address: { code: "InvalidAllocationID.NotFound", words: "The allocation ID '%s' does not exist" },
  "public-ipv4-pool": {
    code: "InvalidPublicIpv4PoolID.NotFound",
    words: "The publicIpv4Pool ID '%s' does not exist",
  },
  "network-interface": {
    code: "InvalidNetworkInterfaceID.NotFound",
    words: "The networkInterface ID '%s' does not exist",
  },
  "security-group": {
    code: "InvalidGroup.NotFound",
    words: "The security group '%s' does not exist",
    malformed: { code: "InvalidGroupId.Malformed", words: "The security group ID '%s' is malformed" },
  },
  "security-group-rule": {
    code: "InvalidSecurityGroupRuleId.NotFound",
    words: "The security group rule ID '%s' does not exist",
    malformed: {
      code: "InvalidSecurityGroupRuleId.Malformed",
      words: "The security group rule ID '%s' is malformed",
    },
  },
  "network-acl": { code: "InvalidNetworkAclID.NotFound", words: "The networkAcl ID '%s' does not exist" },
  "flow-log": {
    code: "InvalidFlowLogId.NotFound",
    words: "These flow log ids in the input list are not found: [TotalCount: 1] %s",
  },
  instance: {
    code: "InvalidInstanceID.NotFound",
    words: "The instance ID '%s' does not exist",
    malformed: { code: "InvalidInstanceID.Malformed", words: `Invalid id: "%s" (expecting "i-...")` },
  },
  "key-pair": { code: "InvalidKeyPair.NotFound", words: "The key pair '%s' does not exist" },
  "launch-template": {
    code: "InvalidLaunchTemplateId.NotFound",
    words: "The specified launch template, with template ID %s, does not exist.",
    malformed: { code: "InvalidLaunchTemplateId.Malformed", words: "Invalid launch template ID: '%s'" },
  },
  "placement-group": { code: "InvalidPlacementGroup.Unknown", words: "The Placement Group '%s' is unknown." },
  volume: {
    code: "InvalidVolume.NotFound",
    words: "The volume '%s' does not exist.",
    malformed: {
      code: "InvalidParameterValue",
      words: "Value (%s) for parameter volumeId is invalid. Expected: 'vol-...'.",
    },
  },
  snapshot: {
    code: "InvalidSnapshot.NotFound",
    words: "The snapshot '%s' does not exist.",
    malformed: {
      code: "InvalidParameterValue",
      words: "Value (%s) for parameter snapshotId is invalid. Expected: 'snap-...'.",
    },
  },
  image: {
    code: "InvalidAMIID.NotFound",
    words: "The image id '[%s]' does not exist",
    malformed: { code: "InvalidAMIID.Malformed", words: `Invalid id: "%s" (expecting "ami-...")` },
  },
};

/** What is no kind of its own, and where an operation has other words for a kind than the rest. */
const OTHERS = {
  association: { code: "InvalidAssociationID.NotFound", words: "The association ID '%s' does not exist" },
  attachment: { code: "InvalidAttachmentID.NotFound", words: "The attachment ID '%s' does not exist" },
  "vpc-cidr-association": {
    code: "InvalidVpcCidrBlockAssociationID.NotFound",
    words: "The vpc CIDR block association ID '%s' does not exist",
  },
  "subnet-cidr-association": {
    code: "InvalidSubnetCidrBlockAssociationID.NotFound",
    words: "The subnet CIDR block with association ID %s does not exist",
    malformed: {
      code: "InvalidSubnetCidrBlockAssociationId.Malformed",
      words: "The subnet CIDR block with association ID %s is malformed",
    },
  },
  "iam-instance-profile-association": {
    code: "InvalidAssociationID.NotFound",
    words: "An invalid association-id of '%s' was given",
  },
  "ipv6-pool": { code: "InvalidParameterValue", words: "The IPv6 pool ID '%s' does not exist" },
  "public-ip": { code: "InvalidAddress.NotFound", words: "Address '%s' not found." },
  /** What NAT gateways call an address. */
  "elastic-ip": { code: "InvalidElasticIpID.NotFound", words: "The allocation ID '%s' does not exist" },
  "endpoint-service": { code: "InvalidServiceName", words: "The Vpc Endpoint Service '%s' does not exist" },
  "aws-prefix-list": {
    code: "InvalidPrefixListId.NotFound",
    words: "The prefix list ID '%s' does not exist",
  },
  "key-pair-id": { code: "InvalidKeyPair.NotFound", words: "The key pair ID '%s' does not exist" },
  "launch-template-name": {
    code: "InvalidLaunchTemplateName.NotFoundException",
    words: "The specified launch template, with template name %s, does not exist.",
  },
  "volume-modification": {
    code: "InvalidVolumeModification.NotFound",
    words: "Modification for volume '%s' does not exist.",
  },
  zone: { code: "InvalidZone.NotFound", words: "The zone '%s' does not exist." },
  // The targets of routes, and gateways beside a route table
  gateway: { code: "InvalidGatewayID.NotFound", words: "The gateway ID '%s' does not exist" },
  "target-nat-gateway": {
    code: "InvalidNatGatewayID.NotFound",
    words: "The natGateway ID '%s' does not exist",
  },
  "target-transit-gateway": {
    code: "InvalidTransitGatewayID.NotFound",
    words: "The transitGateway ID '%s' does not exist",
  },
  "target-local-gateway": {
    code: "InvalidLocalGatewayID.NotFound",
    words: "The localGateway ID '%s' does not exist",
  },
  // Genkan has none of the following
  "transit-gateway": {
    code: "InvalidTransitGatewayID.NotFound",
    words: "Transit Gateway %s was deleted or does not exist.",
  },
  "vpn-connection": {
    code: "InvalidVpnConnectionID.NotFound",
    words: "The vpnConnection ID '%s' does not exist",
  },
  host: { code: "InvalidHostID.NotFound", words: "The specified host '%s' does not exist" },
  "spot-instance-request": {
    code: "InvalidSpotInstanceRequestID.NotFound",
    words: "The spot instance request ID '%s' does not exist",
  },
} as const satisfies Readonly<Record<string, Absence>>;

export type Noun = NamedKind | keyof typeof OTHERS;
/** What "does not exist" is called, of everything that a request can name. */
const NOT_FOUND: Readonly<Record<Noun, Absence>> = { ...KINDS, ...OTHERS };

/** That there is none with this id, or that none can be, where AWS tells the two apart. */
export function noSuch(noun: Extract<Noun, Parameters<typeof isWellFormedId>[0]>, id: string): Fault {
  const { malformed } = NOT_FOUND[noun];
  return malformed && !isWellFormedId(noun, id) ? spelled(malformed, id) : notFound(noun, id);
}

/** That there is none with this id, whatever it looks like. */
export function notFound(noun: Noun, id: string): Fault {
  return spelled(NOT_FOUND[noun], id);
}

function spelled({ code, words }: Spelling, id: string): Fault {
  return new Fault(
    code,
    words.replace("%s", () => id),
  );
}
