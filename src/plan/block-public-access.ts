import { blockModeOf } from "../model/block-public-access-state.ts";
import type { Reader } from "../model/state.ts";
import type { Subnet } from "../model/subnet.ts";
import { SUBNET_FLAGS } from "./tables.ts";

/** What Block Public Access stops at the internet gateway for the interfaces of a subnet. */
export function blockedFlags(reader: Reader, subnet: Subnet): number {
  const mode = blockModeOf(reader, [subnet.id, subnet.vpcId]);
  if (mode === "off") return 0;
  return SUBNET_FLAGS.block_in | (mode === "block-bidirectional" ? SUBNET_FLAGS.block_out : 0);
}
