import type { Base } from "./common.ts";

/**
 * What the region's VPC Block Public Access blocks; off when there is no record. Its id is the region's name.
 */
export type BlockPublicAccess = Base<"block-public-access"> & {
  readonly mode: "off" | "block-bidirectional" | "block-ingress";
  /** ISO 8601. */
  readonly updatedAt: string;
};

/** A VPC or subnet that Block Public Access spares. A deleted exclusion is still described for a while. */
export type BlockPublicAccessExclusion = Base<"block-public-access-exclusion"> & {
  /** The VPC's or the subnet's id. */
  readonly resourceId: string;
  readonly mode: "allow-bidirectional" | "allow-egress";
  readonly state: "active" | "deleted";
  /** ISO 8601. */
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly deletedAt?: string;
};
