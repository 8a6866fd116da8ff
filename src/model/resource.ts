import type { Address } from "./address.ts";
import type { BlockPublicAccess, BlockPublicAccessExclusion } from "./block-public-access.ts";
import type { CarrierGateway } from "./carrier-gateway.ts";
import type { ClientToken } from "./client-token.ts";
import type { CustomerGateway } from "./customer-gateway.ts";
import type { DhcpOptions } from "./dhcp-options.ts";
import type { EgressOnlyInternetGateway } from "./egress-only-internet-gateway.ts";
import type { FlowLog } from "./flow-log.ts";
import type { ImageAlias } from "./image-alias.ts";
import type { OwnImage } from "./image.ts";
import type { InstanceMetadataDefaults } from "./instance-metadata-defaults.ts";
import type { Instance } from "./instance.ts";
import type { InternetGateway } from "./internet-gateway.ts";
import type { KeyPair } from "./key-pair.ts";
import type { LaunchTemplate } from "./launch-template.ts";
import type { NatGateway } from "./nat-gateway.ts";
import type { NetworkAcl } from "./network-acl.ts";
import type { NetworkInterface } from "./network-interface.ts";
import type { PlacementGroup } from "./placement-group.ts";
import type { PrefixList } from "./prefix-list.ts";
import type { PublicIpv4Pool } from "./public-ipv4-pool.ts";
import type { Region } from "./region-record.ts";
import type { Route, RouteTable } from "./route-table.ts";
import type { SecurityGroup, SecurityGroupRule } from "./security-group.ts";
import type { Snapshot } from "./snapshot.ts";
import type { SubnetCidrReservation } from "./subnet-cidr-reservation.ts";
import type { Subnet } from "./subnet.ts";
import type { Volume } from "./volume.ts";
import type { VpcEndpoint } from "./vpc-endpoint.ts";
import type { VpcPeeringConnection } from "./vpc-peering-connection.ts";
import type { Vpc } from "./vpc.ts";
import type { VpnGateway } from "./vpn-gateway.ts";

/** Every kind of resource in a region's state. Each is plain data that survives JSON. */
export type Resources = {
  vpc: Vpc;
  subnet: Subnet;
  "subnet-cidr-reservation": SubnetCidrReservation;
  "route-table": RouteTable;
  route: Route;
  "internet-gateway": InternetGateway;
  address: Address;
  "network-interface": NetworkInterface;
  "security-group": SecurityGroup;
  "security-group-rule": SecurityGroupRule;
  "network-acl": NetworkAcl;
  instance: Instance;
  "instance-metadata-defaults": InstanceMetadataDefaults;
  volume: Volume;
  snapshot: Snapshot;
  image: OwnImage;
  "placement-group": PlacementGroup;
  "key-pair": KeyPair;
  "launch-template": LaunchTemplate;
  "dhcp-options": DhcpOptions;
  "nat-gateway": NatGateway;
  "egress-only-internet-gateway": EgressOnlyInternetGateway;
  "vpc-peering-connection": VpcPeeringConnection;
  "prefix-list": PrefixList;
  "vpc-endpoint": VpcEndpoint;
  "public-ipv4-pool": PublicIpv4Pool;
  "vpn-gateway": VpnGateway;
  "customer-gateway": CustomerGateway;
  "carrier-gateway": CarrierGateway;
  "image-alias": ImageAlias;
  "block-public-access": BlockPublicAccess;
  "block-public-access-exclusion": BlockPublicAccessExclusion;
  "flow-log": FlowLog;
  "client-token": ClientToken;
  region: Region;
};

export type Kind = keyof Resources;
export type Resource = Resources[Kind];

/** Indexes by slot (see {@link Slotted}). */
const bySlot = ({ slot }: { readonly slot: number }): readonly string[] => [String(slot)];

/**
 * The secondary indexes: for each kind, the ways to find a resource other than by its id. A resource appears
 * under every key that the function returns.
 */
export const INDEXES = {
  vpc: {
    slot: bySlot,
    /** By the association id of any of its blocks, or of its main route table. */
    associationId: (v: Vpc) => [
      v.mainRouteTable.associationId,
      ...v.cidrBlocks.map((block) => block.associationId),
      ...(v.ipv6CidrBlocks ?? []).map((block) => block.associationId),
    ],
    dhcpOptionsId: (v: Vpc) => [v.dhcpOptionsId],
    /** The default VPC is under `true`. */
    isDefault: (v: Vpc) => [String(v.isDefault)],
  },
  subnet: {
    slot: bySlot,
    /**
     * By the VPC, without the zone subnets of regional NAT gateways; the same holds for the other indexes but
     * the last two.
     */
    vpcId: (s: Subnet) => (s.natGatewayId === undefined ? [s.vpcId] : []),
    routeTableId: (s: Subnet) =>
      s.routeTableAssociation && s.natGatewayId === undefined ? [s.routeTableAssociation.routeTableId] : [],
    networkAclId: (s: Subnet) => (s.networkAcl ? [s.networkAcl.networkAclId] : []),
    /** By the id of its association with a route table or with a network ACL. */
    associationId: (s: Subnet) => [
      ...(s.networkAcl ? [s.networkAcl.associationId] : []),
      ...(s.routeTableAssociation && s.natGatewayId === undefined
        ? [s.routeTableAssociation.associationId]
        : []),
      ...(s.ipv6CidrBlock ? [s.ipv6CidrBlock.associationId] : []),
    ],
    /** The default subnet of a zone is under the zone's name. */
    defaultForAz: (s: Subnet) => (s.defaultForAz ? [s.availabilityZone] : []),
    /** Zone subnets by their regional NAT gateway, and by that gateway's VPC. */
    natGatewayId: (s: Subnet) => (s.natGatewayId === undefined ? [] : [s.natGatewayId]),
    natGatewayVpcId: (s: Subnet) => (s.natGatewayId === undefined ? [] : [s.vpcId]),
  },
  "subnet-cidr-reservation": { subnetId: (r: SubnetCidrReservation) => [r.subnetId] },
  "route-table": { slot: bySlot, vpcId: (t: RouteTable) => [t.vpcId] },
  route: {
    routeTableId: (r: Route) => [r.routeTableId],
    /** By the id of the gateway, connection or interface that the route points to. */
    target: (r: Route) => [r.target.id],
    /** By the prefix list that is its destination. */
    prefixListId: (r: Route) => (r.destination.startsWith("pl-") ? [r.destination] : []),
    /** By the table; only routes whose destination is a prefix list. */
    listsOfTable: (r: Route) => (r.destination.startsWith("pl-") ? [r.routeTableId] : []),
  },
  "internet-gateway": {
    slot: bySlot,
    vpcId: (g: InternetGateway) => (g.vpcId === undefined ? [] : [g.vpcId]),
    routeTableId: (g: InternetGateway) =>
      g.routeTableAssociation ? [g.routeTableAssociation.routeTableId] : [],
    associationId: (g: InternetGateway) =>
      g.routeTableAssociation ? [g.routeTableAssociation.associationId] : [],
  },
  address: {
    publicIp: (a: Address) => [a.publicIp],
    /** By the user's own pool that the address came from. */
    pool: (a: Address) => (a.pool === undefined ? [] : [a.pool]),
    serviceManaged: (a: Address) => (a.serviceManaged === undefined ? [] : [a.serviceManaged]),
    networkInterfaceId: (a: Address) => (a.association ? [a.association.networkInterfaceId] : []),
    associationId: (a: Address) => (a.association ? [a.association.associationId] : []),
  },
  "network-interface": {
    slot: bySlot,
    vpcId: (e: NetworkInterface) => [e.vpcId],
    subnetId: (e: NetworkInterface) => [e.subnetId],
    /** By the subnet; only interfaces with more than a primary address. */
    secondarySubnetId: (e: NetworkInterface) => (e.privateIpAddresses.length > 1 ? [e.subnetId] : []),
    groupId: (e: NetworkInterface) => e.groupIds,
    instanceId: (e: NetworkInterface) => (e.attachment ? [e.attachment.instanceId] : []),
    attachmentId: (e: NetworkInterface) => (e.attachment ? [e.attachment.attachmentId] : []),
    /** By `vpcId/address`, for every private IPv4 and every IPv6 address of the interface. */
    vpcAddress: (e: NetworkInterface) =>
      [...e.privateIpAddresses, ...(e.ipv6Addresses ?? [])].map((ip) => `${e.vpcId}/${ip}`),
    /** By the NAT gateway that owns it. */
    natGatewayId: (e: NetworkInterface) => (e.natGatewayId === undefined ? [] : [e.natGatewayId]),
    /** By the interface endpoint that owns it. */
    vpcEndpointId: (e: NetworkInterface) => (e.vpcEndpointId === undefined ? [] : [e.vpcEndpointId]),
    publicIp: (e: NetworkInterface) => (e.autoPublicIp === undefined ? [] : [e.autoPublicIp]),
  },
  "security-group": {
    slot: bySlot,
    vpcId: (g: SecurityGroup) => [g.vpcId],
    associatedVpcId: (g: SecurityGroup) => g.associatedVpcIds ?? [],
    /** By `vpcId/name`: names are unique in a VPC. */
    vpcName: (g: SecurityGroup) => [`${g.vpcId}/${g.name}`],
  },
  "security-group-rule": {
    groupId: (r: SecurityGroupRule) => [r.groupId],
    /** By the group that the rule names as its source or destination. */
    referencedGroupId: (r: SecurityGroupRule) => (r.peer.kind === "group" ? [r.peer.groupId] : []),
    /** By the prefix list that the rule names as its source or destination. */
    prefixListId: (r: SecurityGroupRule) => (r.peer.kind === "prefix-list" ? [r.peer.prefixListId] : []),
  },
  "network-acl": { slot: bySlot, vpcId: (a: NetworkAcl) => [a.vpcId] },
  instance: {
    vpcId: (i: Instance) => [i.vpcId],
    subnetId: (i: Instance) => [i.subnetId],
    reservationId: (i: Instance) => [i.reservationId],
    state: (i: Instance) => [i.state],
    /** By its placement group, until it is terminated. */
    placementGroupId: (i: Instance) => (i.placement && i.state !== "terminated" ? [i.placement.groupId] : []),
    /** By the machine that runs it or keeps its files, until it is terminated. */
    machine: (i: Instance) =>
      i.machine === undefined || i.state === "terminated" ? [] : [String(i.machine)],
    iamAssociationId: (i: Instance) => (i.iamAssociation ? [i.iamAssociation.id] : []),
    volumeId: (i: Instance) => i.blockDevices?.map((d) => d.volumeId) ?? [i.rootVolumeId],
  },
  "instance-metadata-defaults": {},
  volume: {},
  snapshot: {},
  image: {
    /** Registered images by name, and by the snapshots of their volumes. */
    name: (i: OwnImage) => (i.deregistered === true ? [] : [i.name]),
    snapshotId: (i: OwnImage) =>
      i.deregistered === true ? [] : [...new Set(i.devices.flatMap(({ snapshotId }) => snapshotId ?? []))],
    /** Deregistered images, all under `true`. */
    deregistered: (i: OwnImage) => (i.deregistered === true ? ["true"] : []),
  },
  "placement-group": { name: (g: PlacementGroup) => [g.name] },
  "key-pair": { name: (k: KeyPair) => [k.name] },
  "launch-template": { name: (t: LaunchTemplate) => [t.name] },
  "dhcp-options": {},
  "nat-gateway": {
    vpcId: (n: NatGateway) => [n.vpcId],
    subnetId: (n: NatGateway) => (n.subnetId === undefined ? [] : [n.subnetId]),
    /** Regional gateways that take packets: all under `true`, and by their VPC. */
    regional: (n: NatGateway) =>
      n.availabilityMode === "regional" && n.state === "available" ? ["true"] : [],
    regionalVpcId: (n: NatGateway) =>
      n.availabilityMode === "regional" && n.state === "available" ? [n.vpcId] : [],
  },
  "egress-only-internet-gateway": { slot: bySlot, vpcId: (g: EgressOnlyInternetGateway) => [g.vpcId] },
  "vpc-peering-connection": {
    /** By the VPC of either side. */
    vpcId: (p: VpcPeeringConnection) => [p.requester.vpcId, p.accepter.vpcId],
  },
  "prefix-list": {},
  "public-ipv4-pool": {},
  "vpn-gateway": { vpcId: (g: VpnGateway) => (g.vpcId === undefined ? [] : [g.vpcId]) },
  "customer-gateway": {},
  "image-alias": {},
  "carrier-gateway": { vpcId: (g: CarrierGateway) => [g.vpcId] },
  "vpc-endpoint": { vpcId: (e: VpcEndpoint) => [e.vpcId] },
  "block-public-access": {},
  "block-public-access-exclusion": { resourceId: (x: BlockPublicAccessExclusion) => [x.resourceId] },
  "flow-log": { resourceId: (l: FlowLog) => [l.resourceId] },
  "client-token": {},
  region: {},
} as const satisfies { [K in Kind]: Record<string, (resource: Resources[K]) => readonly string[]> };

export type IndexName<K extends Kind> = keyof (typeof INDEXES)[K] & string;

/** The kinds that have a slot in the kernel's tables (see {@link Slotted}). */
export const SLOTTED = [
  "vpc",
  "subnet",
  "route-table",
  "internet-gateway",
  "egress-only-internet-gateway",
  "network-interface",
  "security-group",
  "network-acl",
] as const;
export type SlottedKind = (typeof SLOTTED)[number];

export const KINDS = Object.keys(INDEXES) as readonly Kind[];
