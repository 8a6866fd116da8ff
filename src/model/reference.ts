import type { Kind, Resources } from "./resource.ts";

/**
 * A resource names another one, which must exist for as long as it does. `as`: the other's role, for people
 * to read.
 */
export type Reference = { readonly kind: Kind; readonly id: string; readonly as: string };

const vpc = (id: string | undefined): readonly Reference[] =>
  id === undefined ? [] : [{ kind: "vpc", id, as: "VPC" }];
const table = (id: string | undefined): readonly Reference[] =>
  id === undefined ? [] : [{ kind: "route-table", id, as: "route table" }];
const subnet = (id: string | undefined): readonly Reference[] =>
  id === undefined ? [] : [{ kind: "subnet", id, as: "subnet" }];
const groups = (ids: readonly string[]): readonly Reference[] =>
  ids.map((id) => ({ kind: "security-group", id, as: "security group" }));
const none = (): readonly Reference[] => [];

/**
 * What may not be deleted before the resource. Left out is what AWS lets go first: a route's target (the
 * route becomes a blackhole), the other VPC of a peering connection, a rule's peer in a peered VPC, and the
 * key pairs, images and snapshots that something was made from.
 */
export const REFERENCES: { readonly [K in Kind]: (resource: Resources[K]) => readonly Reference[] } = {
  vpc: (v) => [
    ...table(v.mainRouteTable.routeTableId),
    { kind: "network-acl", id: v.defaultNetworkAclId, as: "default network ACL" },
    ...groups([v.defaultSecurityGroupId]),
    ...(v.dhcpOptionsId === "default"
      ? []
      : [{ kind: "dhcp-options", id: v.dhcpOptionsId, as: "DHCP options" } as const]),
  ],
  subnet: (s) => [
    ...vpc(s.vpcId),
    ...table(s.routeTableAssociation?.routeTableId),
    ...(s.networkAcl
      ? [{ kind: "network-acl", id: s.networkAcl.networkAclId, as: "network ACL" } as const]
      : []),
    ...(s.natGatewayId === undefined
      ? []
      : [{ kind: "nat-gateway", id: s.natGatewayId, as: "NAT gateway" } as const]),
  ],
  "subnet-cidr-reservation": (r) => subnet(r.subnetId),
  "route-table": (t) => vpc(t.vpcId),
  route: (r) => [...table(r.routeTableId), ...vpc(r.vpcId)],
  "internet-gateway": (g) => [...vpc(g.vpcId), ...table(g.routeTableAssociation?.routeTableId)],
  "egress-only-internet-gateway": (g) => vpc(g.vpcId),
  address: (a) =>
    a.association
      ? [
          {
            kind: "network-interface",
            id: a.association.networkInterfaceId,
            as: "associated network interface",
          },
        ]
      : [],
  "network-interface": (e) => [
    ...vpc(e.vpcId),
    ...subnet(e.subnetId),
    ...groups(e.groupIds),
    ...(e.attachment ? [{ kind: "instance", id: e.attachment.instanceId, as: "instance" } as const] : []),
    ...(e.natGatewayId === undefined
      ? []
      : [{ kind: "nat-gateway", id: e.natGatewayId, as: "NAT gateway" } as const]),
    ...(e.vpcEndpointId === undefined
      ? []
      : [{ kind: "vpc-endpoint", id: e.vpcEndpointId, as: "endpoint" } as const]),
  ],
  "security-group": (g) => [...vpc(g.vpcId), ...(g.associatedVpcIds ?? []).flatMap(vpc)],
  "security-group-rule": (r) => [...groups([r.groupId]), ...peerOf(r)],
  "network-acl": (a) => vpc(a.vpcId),
  // A terminated instance is described for a while after its VPC is deleted.
  instance: (i) => (i.state === "terminated" ? [] : [...vpc(i.vpcId), ...subnet(i.subnetId)]),
  "instance-metadata-defaults": none,
  volume: none,
  snapshot: none,
  image: none,
  "placement-group": none,
  "key-pair": none,
  "launch-template": none,
  "dhcp-options": none,
  "nat-gateway": (n) =>
    n.state === "available" ? [...vpc(n.vpcId), ...subnet(n.subnetId), ...table(n.routeTableId)] : [],
  // A VPC in another region is not among this region's resources.
  "vpc-peering-connection": none,
  "prefix-list": none,
  "public-ipv4-pool": none,
  "vpn-gateway": (g) => vpc(g.vpcId),
  "customer-gateway": none,
  "image-alias": none,
  "carrier-gateway": (g) => vpc(g.vpcId),
  "vpc-endpoint": (e) => [...vpc(e.vpcId), ...groups(e.interfaces?.groupIds ?? [])],
  "block-public-access": none,
  "block-public-access-exclusion": none,
  "flow-log": none,
  "client-token": none,
  region: none,
};

function peerOf({ peer }: Resources["security-group-rule"]): readonly Reference[] {
  return peer.kind === "group" && !peer.peering ? groups([peer.groupId]) : [];
}
