import type { BlockPublicAccess, BlockPublicAccessExclusion } from "./block-public-access.ts";
import type { Reader } from "./state.ts";

/**
 * What is blocked for a subnet or a VPC, named by its ids from narrow to wide: a subnet's own exclusion takes
 * precedence over its VPC's.
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
  const active = reader
    .by("block-public-access-exclusion", "resourceId", resourceId)
    .filter(({ state }) => state === "active");
  return active.find(({ mode }) => mode === "allow-bidirectional")?.mode ?? active[0]?.mode;
}
