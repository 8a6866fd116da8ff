import type { SubnetIpv6CidrBlockAssociation } from "@aws-sdk/client-ec2";
import { blockContains, blocksOverlap, formatBlock, ipv6BlockOf, parseIpv6Block } from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import { lingering } from "../../model/lingering.ts";
import type { Reader } from "../../model/state.ts";
import type { Subnet } from "../../model/subnet.ts";
import type { Vpc } from "../../model/vpc.ts";
import type { Context } from "../kit/action.ts";
import { ipv6BlocksOf } from "./vpc-ipv6.ts";

/**
 * A subnet's IPv6 block in canonical form: /44 to /64 in steps of 4, inside one of the VPC's blocks, meeting
 * no other subnet's.
 * @throws InvalidParameterValue; InvalidSubnet.Range; InvalidSubnet.Conflict.
 */
export function requireSubnetIpv6Block(tx: Reader, vpc: Vpc, text: string): string {
  const cidr = parseIpv6Block(text);
  if (!cidr || cidr.length < 44 || cidr.length > 64 || cidr.length % 4 !== 0) {
    throw new Fault("InvalidParameterValue", `invalid value for parameter ipv6-cidr-block: ${text}`);
  }
  const block = formatBlock(cidr);
  if (!ipv6BlocksOf(vpc).some(({ ipv6CidrBlock }) => blockContains(ipv6BlockOf(ipv6CidrBlock), cidr))) {
    throw new Fault("InvalidSubnet.Range", `The IPv6 CIDR '${block}' is invalid.`);
  }
  const others = tx
    .by("subnet", "vpcId", vpc.id)
    .flatMap(({ ipv6CidrBlock }) => ipv6CidrBlock?.ipv6CidrBlock ?? []);
  if (others.some((other) => blocksOverlap(ipv6BlockOf(other), cidr))) {
    throw new Fault("InvalidSubnet.Conflict", `The IPv6 CIDR '${block}' conflicts with another subnet`);
  }
  return block;
}

export function newSubnetIpv6Block(
  ipv6CidrBlock: string,
  { random }: Context,
): NonNullable<Subnet["ipv6CidrBlock"]> {
  return { associationId: newId("subnet-cidr-association", random), ipv6CidrBlock };
}

export function describedSubnetIpv6Block(
  block: NonNullable<Subnet["ipv6CidrBlock"]>,
  state: "associating" | "associated" | "disassociating" | "disassociated",
): SubnetIpv6CidrBlockAssociation {
  return {
    AssociationId: block.associationId,
    Ipv6CidrBlock: block.ipv6CidrBlock,
    Ipv6CidrBlockState: { State: state },
    Ipv6AddressAttribute: "public",
    IpSource: "amazon",
  };
}

/** Its block, and those that it had until a while ago, as the API lists them. */
export function describedSubnetIpv6Blocks(subnet: Subnet, now: string): SubnetIpv6CidrBlockAssociation[] {
  return [
    ...(subnet.ipv6CidrBlock ? [describedSubnetIpv6Block(subnet.ipv6CidrBlock, "associated")] : []),
    ...lingering(subnet.endedIpv6CidrBlocks, now).map((block) =>
      describedSubnetIpv6Block(block, "disassociated"),
    ),
  ];
}
