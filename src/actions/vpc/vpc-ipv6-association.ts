import type { AssociateVpcCidrBlockRequest, CreateVpcRequest } from "@aws-sdk/client-ec2";
import { blockContains, formatBlock, ipv6BlockOf, parseIpv6Block } from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import { withEnded } from "../../model/lingering.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Vpc } from "../../model/vpc.ts";
import type { Context } from "../kit/action.ts";
import { refuseUnoffered } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { openNetworkAclForIpv6 } from "../security/network-acl.ts";
import { openSecurityGroupsForIpv6 } from "../security/security-group.ts";
import { type Ipv6Association, ipv6BlocksOf } from "./vpc-ipv6.ts";

type Asked = Pick<
  CreateVpcRequest & AssociateVpcCidrBlockRequest,
  | "AmazonProvidedIpv6CidrBlock"
  | "Ipv6CidrBlock"
  | "Ipv6Pool"
  | "Ipv6IpamPoolId"
  | "Ipv6NetmaskLength"
  | "Ipv6CidrBlockNetworkBorderGroup"
>;

/**
 * Whether the request wants an IPv6 block that Amazon gives. Blocks of a user's own pool are not offered:
 * there are none.
 * @throws UnsupportedOperation for those; InvalidParameterValue for a border group that is not the region.
 */
export function wantsIpv6Block(input: Asked, { region }: Context): boolean {
  refuseUnoffered(input, ["Ipv6CidrBlock", "Ipv6Pool", "Ipv6IpamPoolId", "Ipv6NetmaskLength"]);
  const wanted = input.AmazonProvidedIpv6CidrBlock === true;
  const group = input.Ipv6CidrBlockNetworkBorderGroup;
  if (group !== undefined && group !== "" && (!wanted || group !== region)) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${group}) for parameter ipv6CidrBlockNetworkBorderGroup is invalid.`,
    );
  }
  return wanted;
}

/**
 * A block of Amazon's for the VPC. With its first one, default rules that nobody changed also let IPv6
 * through (VPC user guide, "Security groups for your VPC" and "Default network ACL"). Returns the VPC as it
 * then is.
 * @throws CidrLimitExceeded.
 */
export function associateIpv6Block(
  tx: Tx,
  vpc: Vpc,
  context: Context,
): { readonly vpc: Vpc; readonly added: Ipv6Association } {
  const blocks = ipv6BlocksOf(vpc);
  const most = context.quotas["ipv6-cidrs-per-vpc"];
  const words = `This network ${vpc.id} has met its maximum number of allowed CIDRs: ${most}`;
  requireQuota(context, "ipv6-cidrs-per-vpc", blocks.length + 1, "CidrLimitExceeded", words);
  const added: Ipv6Association = {
    associationId: newId("vpc-cidr-association", context.random),
    ipv6CidrBlock: freeBlock(tx, vpc),
    ipv6Pool: AMAZON_POOL,
  };
  const changed: Vpc = { ...vpc, ipv6CidrBlocks: [...blocks, added] };
  tx.put(changed);
  if (blocks.length === 0) {
    openSecurityGroupsForIpv6(tx, vpc.id, context);
    openNetworkAclForIpv6(tx, vpc.defaultNetworkAclId);
  }
  return { vpc: changed, added };
}

export function disassociateIpv6Block(
  tx: Tx,
  vpc: Vpc,
  association: Ipv6Association,
  { now }: Context,
): void {
  const range = ipv6BlockOf(association.ipv6CidrBlock);
  const inUse = tx
    .by("subnet", "vpcId", vpc.id)
    .some(
      ({ ipv6CidrBlock: block }) =>
        block !== undefined && blockContains(range, ipv6BlockOf(block.ipv6CidrBlock)),
    );
  if (inUse) {
    throw new Fault(
      "InvalidCidrBlock.InUse",
      `The vpc ${vpc.id} currently has a subnet within CIDR block ${association.ipv6CidrBlock}`,
    );
  }
  const ipv6CidrBlocks = ipv6BlocksOf(vpc).filter((kept) => kept !== association);
  tx.put({
    ...vpc,
    ipv6CidrBlocks,
    endedIpv6CidrBlocks: withEnded(vpc.endedIpv6CidrBlocks, association, now),
  });
}

const AMAZON_POOL = "Amazon";

/** How many blocks belong to each VPC's slot, whether it has taken them or not. */
const BLOCKS_PER_SLOT = 16;

/**
 * Blocks are cut from 2001:db8::/32 (RFC 3849), whose last /48, 2001:db8:ffff::/48, is the simulated
 * internet's.
 */
const POOL = ipv6BlockOf("2001:db8::/32");
const BLOCK_LENGTH = 56;
const POOL_BLOCKS = 0xffff << (BLOCK_LENGTH - 48);

/**
 * A block that no VPC of this machine has, of any account and region: each slot has blocks of its own, and
 * slots are the machine's. The lowest that the VPC does not have and that holds no destination of its routes.
 * @throws InsufficientAddressCapacity.
 */
function freeBlock(tx: Reader, vpc: Vpc): string {
  const held = new Set(ipv6BlocksOf(vpc).map(({ ipv6CidrBlock }) => ipv6CidrBlock));
  const destinations = tx
    .by("route-table", "vpcId", vpc.id)
    .flatMap((table) => tx.by("route", "routeTableId", table.id))
    .flatMap(({ destination }) => parseIpv6Block(destination) ?? []);
  for (let index = 0; index < BLOCKS_PER_SLOT; index += 1) {
    const number = vpc.slot * BLOCKS_PER_SLOT + index;
    const block = { base: POOL.base + (BigInt(number) << BigInt(128 - BLOCK_LENGTH)), length: BLOCK_LENGTH };
    const text = formatBlock(block);
    const isFree = !held.has(text) && !destinations.some((destination) => blockContains(block, destination));
    if (isFree && number < POOL_BLOCKS) return text;
  }
  throw new Fault("InsufficientAddressCapacity", "Insufficient capacity to allocate an IPv6 CIDR block.");
}
