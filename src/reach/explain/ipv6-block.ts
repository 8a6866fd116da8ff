import { blocksOverlap, formatBlock, ipv6BlockOf } from "../../lib/block.ts";
import type { Reader } from "../../model/state.ts";

/**
 * A free /64 of the VPC's blocks for a subnet (VPC user guide, "Subnet CIDR blocks"); undefined when all are
 * taken.
 */
export function freeIpv6Block(reader: Reader, vpcId: string): string | undefined {
  const taken = reader
    .by("subnet", "vpcId", vpcId)
    .flatMap(({ ipv6CidrBlock }) => (ipv6CidrBlock ? [ipv6BlockOf(ipv6CidrBlock.ipv6CidrBlock)] : []));
  for (const { ipv6CidrBlock } of reader.get("vpc", vpcId)?.ipv6CidrBlocks ?? []) {
    const block = ipv6BlockOf(ipv6CidrBlock);
    for (let index = 0n; index < 1n << BigInt(64 - block.length); index++) {
      const candidate = { base: block.base + (index << 64n), length: 64 };
      if (!taken.some((other) => blocksOverlap(other, candidate))) return formatBlock(candidate);
    }
  }
  return undefined;
}
