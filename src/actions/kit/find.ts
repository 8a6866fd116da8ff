import type { InternetGateway } from "../../model/internet-gateway.ts";
import { isHidden } from "../../model/nat-gateway-state.ts";
import type { Resource, Resources } from "../../model/resource.ts";
import type { Reader } from "../../model/state.ts";
import type { Vpc } from "../../model/vpc.ts";
import { type NamedKind, noSuch, notFound, type Noun } from "./not-found.ts";
import { required } from "./parameter.ts";

/** What AWS calls the parameter with the id, where it is missing. */
const PARAMETER = {
  vpc: "vpcId",
  subnet: "subnetId",
  "subnet-cidr-reservation": "subnetCidrReservationId",
  "dhcp-options": "dhcpOptionsId",
  "block-public-access-exclusion": "exclusionId",
  "route-table": "routeTableId",
  "internet-gateway": "internetGatewayId",
  "egress-only-internet-gateway": "egressOnlyInternetGatewayId",
  "nat-gateway": "natGatewayId",
  "vpc-peering-connection": "vpcPeeringConnectionId",
  "vpc-endpoint": "vpcEndpointId",
  "vpn-gateway": "vpnGatewayId",
  "customer-gateway": "customerGatewayId",
  "carrier-gateway": "carrierGatewayId",
  address: "allocationId",
  "network-interface": "networkInterfaceId",
  "security-group": "groupId",
  "security-group-rule": "securityGroupRuleId",
  "network-acl": "networkAclId",
  instance: "instanceId",
} as const satisfies Partial<Record<NamedKind, string>>;

/**
 * Kinds whose resources are all kept records; the others have some that AWS brings, or names beside ids, and
 * their own finds.
 */
type FoundKind = keyof typeof PARAMETER;

/**
 * The resource with this id.
 * @throws MissingParameter without an id; the kind's fault for one that is malformed, where AWS tells them
 * apart, or unknown.
 */
export function find<K extends FoundKind>(tx: Reader, kind: K, id: string | undefined): Resources[K] {
  const asked = required(id, PARAMETER[kind]);
  const resource = tx.get(kind, asked);
  if (!resource || isUnshown(tx, resource)) throw noSuch(kind, asked);
  return resource;
}

/** What a regional NAT gateway hides from every call. */
function isUnshown(tx: Reader, resource: Resource): boolean {
  if (resource.kind === "subnet") return resource.natGatewayId !== undefined;
  return resource.kind === "network-interface" && isHidden(tx, resource);
}

/** The value. @throws the noun's fault where there is none. */
export function found<T>(value: T | undefined, noun: Noun, id: string): T {
  if (value === undefined) throw notFound(noun, id);
  return value;
}

/** The VPC that requests without one mean; undefined when it was deleted. */
export function defaultVpcOf(tx: Reader): Vpc | undefined {
  return tx.by("vpc", "isDefault", "true")[0];
}

/** The gateway attached to the VPC: at most one. */
export function internetGatewayOf(tx: Reader, vpcId: string): InternetGateway | undefined {
  return tx.by("internet-gateway", "vpcId", vpcId)[0];
}
