import type { Base } from "./common.ts";

/** One side of a peering connection. Once the connection is not active any more, the VPC may be gone. */
export type PeeringSide = {
  readonly vpcId: string;
  readonly ownerId: string;
  readonly region: string;
  /**
   * The VPC's blocks when the connection was requested (requester) or accepted (accepter). The first is the
   * primary.
   */
  readonly cidrBlocks: readonly string[];
  readonly ipv6CidrBlocks: readonly string[];
  readonly allowDnsResolutionFromRemoteVpc: boolean;
  /** The VPC's slot, only for a connection between regions; absent when there is no such VPC. */
  readonly slot?: number;
};

/**
 * A connection between two VPCs. If they are in two regions, both have it, under one id, each with its own
 * tags. Packets pass while `status` is active.
 * Source: VPC peering guide, "VPC peering connection lifecycle".
 */
export type VpcPeeringConnection = Base<"vpc-peering-connection"> & {
  readonly requester: PeeringSide;
  readonly accepter: PeeringSide;
  readonly status: "pending-acceptance" | "active" | "rejected" | "deleted" | "failed" | "expired";
  readonly statusMessage: string;
  /** When an unanswered request expires. ISO 8601. */
  readonly expirationTime: string;
  /** When it ended; it is still described for a while after. ISO 8601. */
  readonly endTime?: string;
};

export function betweenRegions({ requester, accepter }: VpcPeeringConnection): boolean {
  return requester.region !== accepter.region;
}

/** The side other than this VPC's. */
export function otherSide({ requester, accepter }: VpcPeeringConnection, vpcId: string): PeeringSide {
  return requester.vpcId === vpcId ? accepter : requester;
}
