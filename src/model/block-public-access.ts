import type { Base } from "./common.ts";
import type { Reader } from "./state.ts";

/** What the region's VPC Block Public Access blocks; without a record: off. Its id is the region's name. */
export type BlockPublicAccess = Base<"block-public-access"> & {
  readonly mode: "off" | "block-bidirectional" | "block-ingress";
  /** ISO 8601. */
  readonly updatedAt: string;
};

/** A VPC or subnet that Block Public Access spares. A deleted one stays to be described for a while. */
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

/**
 * What is blocked of a subnet, or a VPC, named by its ids from the narrow to the wide: a subnet's own exclusion goes before its VPC's.
 * Source: VPC user guide, "Block public access to VPCs and subnets".
 */
export function blockModeOf(reader: Reader, resourceIds: readonly string[]): BlockPublicAccess["mode"] {
  const mode = reader.list("block-public-access")[0]?.mode ?? "off";
  if (mode === "off") return mode;
  const exclusion = resourceIds.map((id) => exclusionOf(reader, id)).find((found) => found !== undefined);
  if (exclusion === "allow-bidirectional") return "off";
  return exclusion === "allow-egress" ? "block-ingress" : mode;
}

function exclusionOf(reader: Reader, resourceId: string): BlockPublicAccessExclusion["mode"] | undefined {
  const active = reader.by("block-public-access-exclusion", "resourceId", resourceId).filter(({ state }) => state === "active");
  return active.find(({ mode }) => mode === "allow-bidirectional")?.mode ?? active[0]?.mode;
}
