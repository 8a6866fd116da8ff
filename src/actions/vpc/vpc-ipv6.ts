import type { VpcIpv6CidrBlockAssociation } from "@aws-sdk/client-ec2";
import { lingering } from "../../model/lingering.ts";
import type { Vpc } from "../../model/vpc.ts";
import type { Context } from "../kit/action.ts";

export type Ipv6Association = NonNullable<Vpc["ipv6CidrBlocks"]>[number];

export function ipv6BlocksOf(vpc: Vpc): readonly Ipv6Association[] {
  return vpc.ipv6CidrBlocks ?? [];
}

/** The blocks as the API lists them. */
export function describedIpv6Blocks(vpc: Vpc, context: Context): VpcIpv6CidrBlockAssociation[] {
  return [
    ...ipv6BlocksOf(vpc).map((association) => describedIpv6Block(association, "associated", context)),
    ...lingering(vpc.endedIpv6CidrBlocks, context.now).map((association) =>
      describedIpv6Block(association, "disassociated", context),
    ),
  ];
}

export function describedIpv6Block(
  association: Ipv6Association,
  state: "associating" | "associated" | "disassociating" | "disassociated",
  { region }: Context,
): VpcIpv6CidrBlockAssociation {
  return {
    AssociationId: association.associationId,
    Ipv6CidrBlock: association.ipv6CidrBlock,
    Ipv6CidrBlockState: { State: state },
    NetworkBorderGroup: region,
    Ipv6Pool: association.ipv6Pool,
    Ipv6AddressAttribute: "public",
    IpSource: "amazon",
  };
}
