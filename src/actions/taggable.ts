import type { ResourceType } from "@aws-sdk/client-ec2";
import type { Tags } from "../model/common.ts";
import { Fault, type FaultCode } from "../model/fault.ts";
import type { Kind, Resource } from "../model/resource.ts";
import type { Reader, Tx } from "../model/state.ts";
import { requireShowableTags } from "./instance-tag.ts";
import { allVolumes, type AnyVolume, putVolume, volumeOrAbsent } from "./volume.ts";

/** Something that carries tags, whatever its kind. */
export type Tagged = {
  readonly id: string;
  /** What AWS calls the type in DescribeTags. */
  readonly type: ResourceType;
  readonly tags: Tags;
  /** Gives it these tags instead. */
  readonly retag: (tx: Tx, tags: Tags) => void;
};

/** @throws InvalidID for an id of no kind that can be tagged; the kind's own NotFound. */
export function findTagged(tx: Reader, id: string, region: string): Tagged {
  const prefix = PREFIX.exec(id)?.[1] ?? "";
  const known = taggedOrAbsent(tx, id, region);
  if (known) return known;
  if (prefix === "vol") throw new Fault("InvalidVolume.NotFound", `The volume '${id}' does not exist.`);
  const taggable = Object.hasOwn(TAGGABLE, prefix) ? TAGGABLE[prefix] : undefined;
  if (!taggable) throw new Fault("InvalidID", `The ID '${id}' is not valid`);
  const words = taggable.words.split("%s").join(id);
  throw new Fault(taggable.code, words);
}

/** The same, or undefined. */
export function taggedOrAbsent(tx: Reader, id: string, region: string): Tagged | undefined {
  const prefix = PREFIX.exec(id)?.[1] ?? "";
  if (prefix === "vol") {
    const volume = volumeOrAbsent(tx, id, region);
    return volume && taggedVolume(volume, region);
  }
  const taggable = Object.hasOwn(TAGGABLE, prefix) ? TAGGABLE[prefix] : undefined;
  const resource = taggable && tx.get(taggable.kind, id);
  return resource && tagged(resource, taggable.type);
}

/** All that could carry tags in the region. */
export function allTagged(tx: Reader, region: string): readonly Tagged[] {
  const resources = Object.values(TAGGABLE).flatMap(({ kind, type }) => tx.list(kind).map((resource) => tagged(resource, type)));
  return [...resources, ...allVolumes(tx, region).map((volume) => taggedVolume(volume, region))];
}

function tagged(resource: Resource, type: ResourceType): Tagged {
  const retag: Tagged["retag"] = (tx, tags) => {
    if (resource.kind === "instance") requireShowableTags(resource.metadataOptions, tags);
    tx.put({ ...resource, tags });
  };
  return { id: resource.id, type, tags: resource.tags, retag };
}

function taggedVolume(volume: AnyVolume, region: string): Tagged {
  return { id: volume.id, type: "volume", tags: volume.tags, retag: (tx, tags) => putVolume(tx, { ...volume, tags }, region) };
}

type Taggable = {
  readonly kind: Kind;
  /** What AWS calls the type in DescribeTags. */
  readonly type: ResourceType;
  readonly code: FaultCode;
  /** The NotFound fault's words; %s stands for the id. */
  readonly words: string;
};

/** What can carry tags, by the prefix of its ids. */
const TAGGABLE: Readonly<Record<string, Taggable>> = {
  vpc: { kind: "vpc", type: "vpc", code: "InvalidVpcID.NotFound", words: "The vpc ID '%s' does not exist" },
  subnet: { kind: "subnet", type: "subnet", code: "InvalidSubnetID.NotFound", words: "The subnet ID '%s' does not exist" },
  snap: { kind: "snapshot", type: "snapshot", code: "InvalidSnapshot.NotFound", words: "The snapshot '%s' does not exist." },
  ami: { kind: "image", type: "image", code: "InvalidAMIID.NotFound", words: "The image id '[%s]' does not exist" },
  scr: {
    kind: "subnet-cidr-reservation",
    type: "subnet-cidr-reservation",
    code: "InvalidSubnetCidrReservationID.NotFound",
    words: "The subnet CIDR reservation ID '%s' does not exist",
  },
  rtb: { kind: "route-table", type: "route-table", code: "InvalidRouteTableID.NotFound", words: "The routeTable ID '%s' does not exist" },
  igw: {
    kind: "internet-gateway",
    type: "internet-gateway",
    code: "InvalidInternetGatewayID.NotFound",
    words: "The internetGateway ID '%s' does not exist",
  },
  eigw: {
    kind: "egress-only-internet-gateway",
    type: "egress-only-internet-gateway",
    code: "InvalidEgressOnlyInternetGatewayId.NotFound",
    words: "The egressOnlyInternetGateway ID '%s' does not exist",
  },
  eipalloc: { kind: "address", type: "elastic-ip", code: "InvalidAllocationID.NotFound", words: "The allocation ID '%s' does not exist" },
  eni: {
    kind: "network-interface",
    type: "network-interface",
    code: "InvalidNetworkInterfaceID.NotFound",
    words: "The networkInterface ID '%s' does not exist",
  },
  sg: { kind: "security-group", type: "security-group", code: "InvalidGroup.NotFound", words: "The security group '%s' does not exist" },
  sgr: {
    kind: "security-group-rule",
    type: "security-group-rule",
    code: "InvalidSecurityGroupRuleId.NotFound",
    words: "The security group rule ID '%s' does not exist",
  },
  acl: { kind: "network-acl", type: "network-acl", code: "InvalidNetworkAclID.NotFound", words: "The networkAcl ID '%s' does not exist" },
  i: { kind: "instance", type: "instance", code: "InvalidInstanceID.NotFound", words: "The instance ID '%s' does not exist" },
  key: { kind: "key-pair", type: "key-pair", code: "InvalidKeyPair.NotFound", words: "The key pair '%s' does not exist" },
  fl: {
    kind: "flow-log",
    type: "vpc-flow-log",
    code: "InvalidFlowLogId.NotFound",
    words: "These flow log ids in the input list are not found: [TotalCount: 1] %s",
  },
  pcx: {
    kind: "vpc-peering-connection",
    type: "vpc-peering-connection",
    code: "InvalidVpcPeeringConnectionID.NotFound",
    words: "The vpcPeeringConnection ID '%s' does not exist",
  },
  vpce: {
    kind: "vpc-endpoint",
    type: "vpc-endpoint",
    code: "InvalidVpcEndpointId.NotFound",
    words: "The Vpc Endpoint Id '%s' does not exist",
  },
  "ipv4pool-ec2": {
    kind: "public-ipv4-pool",
    type: "ipv4pool-ec2",
    code: "InvalidPublicIpv4PoolID.NotFound",
    words: "The publicIpv4Pool ID '%s' does not exist",
  },
  vgw: {
    kind: "vpn-gateway",
    type: "vpn-gateway",
    code: "InvalidVpnGatewayID.NotFound",
    words: "The vpnGateway ID '%s' does not exist",
  },
  cgw: {
    kind: "customer-gateway",
    type: "customer-gateway",
    code: "InvalidCustomerGatewayID.NotFound",
    words: "The customerGateway ID '%s' does not exist",
  },
  cagw: {
    kind: "carrier-gateway",
    type: "carrier-gateway",
    code: "InvalidCarrierGatewayID.NotFound",
    words: "The carrierGateway ID '%s' does not exist",
  },
  pg: {
    kind: "placement-group",
    type: "placement-group",
    code: "InvalidPlacementGroup.Unknown",
    words: "The Placement Group '%s' is unknown.",
  },
  pl: { kind: "prefix-list", type: "prefix-list", code: "InvalidPrefixListID.NotFound", words: "The prefix list ID '%s' does not exist" },
  vpcbpa: {
    kind: "block-public-access-exclusion",
    type: "vpc-block-public-access-exclusion",
    code: "InvalidVpcBlockPublicAccessExclusionId.NotFound",
    words: "The VPC Block Public Access exclusion ID '%s' does not exist",
  },
  lt: {
    kind: "launch-template",
    type: "launch-template",
    code: "InvalidLaunchTemplateId.NotFound",
    words: "The specified launch template, with template ID %s, does not exist.",
  },
  nat: { kind: "nat-gateway", type: "natgateway", code: "NatGatewayNotFound", words: "The Nat Gateway %s was not found" },
  dopt: {
    kind: "dhcp-options",
    type: "dhcp-options",
    code: "InvalidDhcpOptionID.NotFound",
    words: "The dhcpOption ID '%s' does not exist",
  },
};

const PREFIX = /^(ipv4pool-ec2|[a-z]+)-/;
