import type { Address } from "./address.ts";
import type { ClientToken } from "./client-token.ts";
import type { DhcpOptions } from "./dhcp-options.ts";
import type { Instance } from "./instance.ts";
import type { InternetGateway } from "./internet-gateway.ts";
import type { KeyPair } from "./key-pair.ts";
import type { NetworkAcl } from "./network-acl.ts";
import type { NetworkInterface } from "./network-interface.ts";
import type { Region } from "./region-record.ts";
import type { Route, RouteTable } from "./route-table.ts";
import type { SecurityGroup, SecurityGroupRule } from "./security-group.ts";
import type { Subnet } from "./subnet.ts";
import type { Vpc } from "./vpc.ts";

/** Every kind of thing that a region's state holds. Each is plain data that survives JSON. */
export type Resources = {
  vpc: Vpc;
  subnet: Subnet;
  "route-table": RouteTable;
  route: Route;
  "internet-gateway": InternetGateway;
  address: Address;
  "network-interface": NetworkInterface;
  "security-group": SecurityGroup;
  "security-group-rule": SecurityGroupRule;
  "network-acl": NetworkAcl;
  instance: Instance;
  "key-pair": KeyPair;
  "dhcp-options": DhcpOptions;
  "client-token": ClientToken;
  region: Region;
};

export type Kind = keyof Resources;
export type Resource = Resources[Kind];

/**
 * The secondary indexes: for each kind, how a resource is found by something other than its id.
 * A resource appears under every key that the function returns.
 */
export const INDEXES = {
  vpc: {
    /** By the id of any of its blocks' associations, or of its main route table's. */
    associationId: (v: Vpc) => [v.mainRouteTable.associationId, ...v.cidrBlocks.map((block) => block.associationId)],
    dhcpOptionsId: (v: Vpc) => [v.dhcpOptionsId],
    /** The default VPC is under `true`. */
    isDefault: (v: Vpc) => [String(v.isDefault)],
  },
  subnet: {
    vpcId: (s: Subnet) => [s.vpcId],
    routeTableId: (s: Subnet) => (s.routeTableAssociation ? [s.routeTableAssociation.routeTableId] : []),
    networkAclId: (s: Subnet) => [s.networkAcl.networkAclId],
    /** By the id of its association with a route table or with a network ACL. */
    associationId: (s: Subnet) => [s.networkAcl.associationId, ...(s.routeTableAssociation ? [s.routeTableAssociation.associationId] : [])],
    /** The default subnet of a zone is under the zone's name. */
    defaultForAz: (s: Subnet) => (s.defaultForAz ? [s.availabilityZone] : []),
  },
  "route-table": { vpcId: (t: RouteTable) => [t.vpcId] },
  route: {
    routeTableId: (r: Route) => [r.routeTableId],
    /** By the id of the gateway or interface that the route points to. */
    target: (r: Route) => [r.target.id],
  },
  "internet-gateway": { vpcId: (g: InternetGateway) => (g.vpcId === undefined ? [] : [g.vpcId]) },
  address: {
    publicIp: (a: Address) => [a.publicIp],
    networkInterfaceId: (a: Address) => (a.association ? [a.association.networkInterfaceId] : []),
    associationId: (a: Address) => (a.association ? [a.association.associationId] : []),
  },
  "network-interface": {
    vpcId: (e: NetworkInterface) => [e.vpcId],
    subnetId: (e: NetworkInterface) => [e.subnetId],
    /** By the subnet, when the interface has more than its primary address. */
    secondarySubnetId: (e: NetworkInterface) => (e.privateIpAddresses.length > 1 ? [e.subnetId] : []),
    groupId: (e: NetworkInterface) => e.groupIds,
    instanceId: (e: NetworkInterface) => (e.attachment ? [e.attachment.instanceId] : []),
    attachmentId: (e: NetworkInterface) => (e.attachment ? [e.attachment.attachmentId] : []),
    /** By `vpcId/privateIp`, for every address of the interface. */
    vpcAddress: (e: NetworkInterface) => e.privateIpAddresses.map((ip) => `${e.vpcId}/${ip}`),
    publicIp: (e: NetworkInterface) => (e.autoPublicIp === undefined ? [] : [e.autoPublicIp]),
  },
  "security-group": {
    vpcId: (g: SecurityGroup) => [g.vpcId],
    /** By `vpcId/name`: names are unique in a VPC. */
    vpcName: (g: SecurityGroup) => [`${g.vpcId}/${g.name}`],
  },
  "security-group-rule": {
    groupId: (r: SecurityGroupRule) => [r.groupId],
    /** By the group that the rule names as its source or destination. */
    referencedGroupId: (r: SecurityGroupRule) => (r.peer.kind === "group" ? [r.peer.groupId] : []),
  },
  "network-acl": { vpcId: (a: NetworkAcl) => [a.vpcId] },
  instance: {
    vpcId: (i: Instance) => [i.vpcId],
    subnetId: (i: Instance) => [i.subnetId],
    reservationId: (i: Instance) => [i.reservationId],
    state: (i: Instance) => [i.state],
    volumeId: (i: Instance) => i.blockDevices?.map((d) => d.volumeId) ?? [i.rootVolumeId],
  },
  "key-pair": { name: (k: KeyPair) => [k.name] },
  "dhcp-options": {},
  "client-token": {},
  region: {},
} as const satisfies { [K in Kind]: Record<string, (resource: Resources[K]) => readonly string[]> };

export type IndexName<K extends Kind> = keyof (typeof INDEXES)[K] & string;

/** The kinds that the kernel's tables know by a small number (see {@link Slotted}). */
export const SLOTTED = ["vpc", "subnet", "route-table", "internet-gateway", "network-interface", "security-group", "network-acl"] as const;
export type SlottedKind = (typeof SLOTTED)[number];

export const KINDS = Object.keys(INDEXES) as readonly Kind[];
