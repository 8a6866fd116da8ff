import type { Reader } from "../model/state.ts";
import type { Subnet } from "../model/subnet.ts";
import { SUBNET_FLAGS } from "./tables.ts";

/**
 * What Block Public Access stops at the internet gateway for the interfaces of a subnet. An exclusion of the subnet goes before one
 * of its VPC. Source: VPC user guide, "Block public access to VPCs and subnets".
 */
export function blockedFlags(reader: Reader, subnet: Subnet): number {
  const [options] = reader.list("block-public-access");
  if (!options || options.mode === "off") return 0;
  const exclusion = exclusionOf(reader, subnet.id) ?? exclusionOf(reader, subnet.vpcId);
  if (exclusion === "allow-bidirectional") return 0;
  const out = options.mode === "block-bidirectional" && exclusion !== "allow-egress";
  return SUBNET_FLAGS.block_in | (out ? SUBNET_FLAGS.block_out : 0);
}

function exclusionOf(reader: Reader, resourceId: string): "allow-bidirectional" | "allow-egress" | undefined {
  const active = reader.by("block-public-access-exclusion", "resourceId", resourceId).filter(({ state }) => state === "active");
  return active.find(({ mode }) => mode === "allow-bidirectional")?.mode ?? active[0]?.mode;
}
