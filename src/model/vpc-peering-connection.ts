import type { Base } from "./common.ts";

/** One side of a peering connection. The VPC may be gone when the connection no longer is active. */
type PeeringSide = {
  readonly vpcId: string;
  readonly ownerId: string;
  readonly region: string;
  /** The VPC's blocks when the connection was asked for; of the accepter, when it was accepted. The first is the primary. */
  readonly cidrBlocks: readonly string[];
  readonly ipv6CidrBlocks: readonly string[];
  readonly allowDnsResolutionFromRemoteVpc: boolean;
};

/** A connection between two VPCs. Packets pass while `status` is active. Source: VPC peering guide, "VPC peering connection lifecycle". */
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
