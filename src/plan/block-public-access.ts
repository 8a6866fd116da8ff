import { SUBNET_FLAGS } from "../contract/tables.ts";
import { blockModeOf } from "../model/block-public-access-state.ts";
import type { Reader } from "../model/state.ts";
import type { Subnet } from "../model/subnet.ts";

/** The flags for what Block Public Access stops at the internet gateway for a subnet's interfaces. */
export function blockedFlags(reader: Reader, subnet: Subnet): number {
  const mode = blockModeOf(reader, [subnet.id, subnet.vpcId]);
  if (mode === "off") return 0;
  return SUBNET_FLAGS.block_in | (mode === "block-bidirectional" ? SUBNET_FLAGS.block_out : 0);
}
