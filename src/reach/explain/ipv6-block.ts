import { cidr6Of, cidrs6Overlap, formatCidr6 } from "../../lib/cidr6.ts";
import type { Reader } from "../../model/state.ts";

/** A block of one of the VPC's for a subnet, which has 64 bits (VPC user guide, "Subnet CIDR blocks"); undefined: all are taken. */
export function freeIpv6Block(reader: Reader, vpcId: string): string | undefined {
  const taken = reader
    .by("subnet", "vpcId", vpcId)
    .flatMap(({ ipv6CidrBlock }) => (ipv6CidrBlock ? [cidr6Of(ipv6CidrBlock.ipv6CidrBlock)] : []));
  for (const { ipv6CidrBlock } of reader.get("vpc", vpcId)?.ipv6CidrBlocks ?? []) {
    const block = cidr6Of(ipv6CidrBlock);
    for (let index = 0n; index < 1n << BigInt(64 - block.length); index++) {
      const candidate = { base: block.base + (index << 64n), length: 64 };
      if (!taken.some((other) => cidrs6Overlap(other, candidate))) return formatCidr6(candidate);
    }
  }
  return undefined;
}
