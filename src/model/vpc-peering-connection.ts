import type { Base } from "./common.ts";

/** One side of a peering connection. The VPC may be gone when the connection no longer is active. */
export type PeeringSide = {
  readonly vpcId: string;
  readonly ownerId: string;
  readonly region: string;
  /** The VPC's blocks when the connection was asked for; of the accepter, when it was accepted. The first is the primary. */
  readonly cidrBlocks: readonly string[];
  readonly ipv6CidrBlocks: readonly string[];
  readonly allowDnsResolutionFromRemoteVpc: boolean;
  /** The VPC's, of a connection between regions; absent when there is no such VPC. */
  readonly slot?: number;
};

/** A connection between two VPCs; one between regions is known in both, under one id, with tags of its own in each. Packets pass while `status` is active. Source: VPC peering guide, "VPC peering connection lifecycle". */
export type VpcPeeringConnection = Base<"vpc-peering-connection"> & {
  readonly requester: PeeringSide;
  readonly accepter: PeeringSide;
  readonly status: "pending-acceptance" | "active" | "rejected" | "deleted" | "failed" | "expired";
  readonly statusMessage: string;
  /** When a request that nobody answers expires. ISO 8601. */
  readonly expirationTime: string;
  /** When it came to its end, after which it is described for a while. ISO 8601. */
  readonly endTime?: string;
};

export function betweenRegions({ requester, accepter }: VpcPeeringConnection): boolean {
  return requester.region !== accepter.region;
}

/** The side that is not this VPC's. */
export function otherSide({ requester, accepter }: VpcPeeringConnection, vpcId: string): PeeringSide {
  return requester.vpcId === vpcId ? accepter : requester;
}
