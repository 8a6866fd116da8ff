import type {
  AssociateVpcCidrBlockRequest,
  AssociateVpcCidrBlockResult,
  DisassociateVpcCidrBlockRequest,
  DisassociateVpcCidrBlockResult,
} from "@aws-sdk/client-ec2";
import {
  blockContains,
  blocksOverlap,
  formatBlock,
  type Ipv4Block,
  ipv4BlockOf,
  parseIpv4Block,
} from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import { withEnded } from "../../model/lingering.ts";
import type { Tx } from "../../model/state.ts";
import { otherSide } from "../../model/vpc-peering-connection.ts";
import type { Vpc } from "../../model/vpc.ts";
import { failedPeering, livePeeringsOf, putPeering, vpcOf } from "../gateway/vpc-peering-connection-side.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { refuseUnoffered, required, requiredCidr } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { deleteLocalRoutesFor } from "../route/route-table.ts";
import { associateIpv6Block, disassociateIpv6Block, wantsIpv6Block } from "./vpc-ipv6-association.ts";
import { describedIpv6Block, ipv6BlocksOf } from "./vpc-ipv6.ts";
import { requireAssociable, requireVpcRange, UNOFFERED_BLOCKS } from "./vpc-range.ts";
import { primaryCidr } from "./vpc.ts";

/**
 * A block more for a VPC. Every table of the VPC gets its local route, since local routes follow from the
 * blocks.
 */
const AssociateVpcCidrBlock: Action<AssociateVpcCidrBlockRequest, AssociateVpcCidrBlockResult> = (
  tx,
  input,
  context,
) => {
  const vpc = find(tx, "vpc", input.VpcId);
  refuseUnoffered(input, UNOFFERED_BLOCKS);
  if (wantsIpv6Block(input, context)) {
    if (input.CidrBlock !== undefined) {
      throw new Fault(
        "InvalidParameterCombination",
        "The parameter amazonProvidedIpv6CidrBlock cannot be used with the parameter cidrBlock",
      );
    }
    const { added } = associateIpv6Block(tx, vpc, context);
    return { VpcId: vpc.id, Ipv6CidrBlockAssociation: describedIpv6Block(added, "associating", context) };
  }
  const cidr = requiredCidr(input.CidrBlock, "cidrBlock");
  requireVpcRange(cidr);
  requireAssociable(ipv4BlockOf(primaryCidr(vpc)), cidr);
  requireFree(tx, vpc, cidr);
  keepPeersApart(tx, vpc, cidr, context);
  const most = context.quotas["cidrs-per-vpc"];
  const words = `This network ${vpc.id} has met its maximum number of allowed CIDRs: ${most}`;
  requireQuota(context, "cidrs-per-vpc", vpc.cidrBlocks.length + 1, "CidrLimitExceeded", words);
  const added = {
    associationId: newId("vpc-cidr-association", context.random),
    cidrBlock: formatBlock(cidr),
  };
  tx.put({ ...vpc, cidrBlocks: [...vpc.cidrBlocks, added] });
  return {
    VpcId: vpc.id,
    CidrBlockAssociation: {
      AssociationId: added.associationId,
      CidrBlock: added.cidrBlock,
      CidrBlockState: { State: "associating" },
    },
  };
};

/**
 * @throws InvalidVpc.Range when the block meets one of the VPC's, or holds the whole destination of one of
 * its routes.
 */
function requireFree(tx: Tx, vpc: Vpc, cidr: Ipv4Block): void {
  if (vpc.cidrBlocks.some(({ cidrBlock }) => blocksOverlap(ipv4BlockOf(cidrBlock), cidr))) {
    throw new Fault(
      "InvalidVpc.Range",
      `The CIDR '${formatBlock(cidr)}' conflicts with another CIDR block of the VPC.`,
    );
  }
  for (const table of tx.by("route-table", "vpcId", vpc.id)) {
    const route = tx.by("route", "routeTableId", table.id).find(({ destination }) => {
      const block = parseIpv4Block(destination);
      return block !== undefined && blockContains(cidr, block);
    });
    if (route) {
      throw new Fault(
        "InvalidVpc.Range",
        `The CIDR '${formatBlock(cidr)}' conflicts with the route to ${route.destination} in route table ${table.id}.`,
      );
    }
  }
}

/**
 * Peered VPCs do not overlap. While a connection is asked for, the requester adds nothing, and an overlapping
 * block of the accepter fails the request (VPC user guide, "IPv4 CIDR block association restrictions").
 * @throws InvalidVpc.Range; OperationNotPermitted.
 */
function keepPeersApart(tx: Tx, vpc: Vpc, cidr: Ipv4Block, { now }: Context): void {
  for (const connection of livePeeringsOf(tx, vpc.id, now)) {
    const { id, status, requester } = connection;
    if (status !== "active" && requester.vpcId === vpc.id) {
      throw new Fault(
        "OperationNotPermitted",
        `The vpc ${vpc.id} has asked for the peering connection ${id}, which is not accepted yet.`,
      );
    }
    const peer = vpcOf(tx, otherSide(connection, vpc.id));
    if (!peer?.cidrBlocks.some(({ cidrBlock }) => blocksOverlap(ipv4BlockOf(cidrBlock), cidr))) continue;
    if (status === "active") {
      throw new Fault(
        "InvalidVpc.Range",
        `The CIDR '${formatBlock(cidr)}' conflicts with a CIDR block of ${peer.id}, to which ${id} leads.`,
      );
    }
    putPeering(tx, failedPeering(connection, now));
  }
}

const DisassociateVpcCidrBlock: Action<DisassociateVpcCidrBlockRequest, DisassociateVpcCidrBlockResult> = (
  tx,
  input,
  context,
) => {
  const id = required(input.AssociationId, "associationId");
  const vpc = tx.by("vpc", "associationId", id)[0];
  const ipv6 = vpc && ipv6BlocksOf(vpc).find(({ associationId }) => associationId === id);
  if (vpc && ipv6) {
    disassociateIpv6Block(tx, vpc, ipv6, context);
    deleteLocalRoutesFor(tx, vpc.id, ipv6.ipv6CidrBlock);
    return { VpcId: vpc.id, Ipv6CidrBlockAssociation: describedIpv6Block(ipv6, "disassociating", context) };
  }
  const association = vpc?.cidrBlocks.find(({ associationId }) => associationId === id);
  if (!vpc || !association) throw notFound("vpc-cidr-association", id);
  if (association === vpc.cidrBlocks[0]) {
    throw new Fault(
      "OperationNotPermitted",
      `The vpc CIDR block with association ID ${id} may not be disassociated. It is the primary IPv4 CIDR block of the VPC`,
    );
  }
  const range = ipv4BlockOf(association.cidrBlock);
  if (
    tx
      .by("subnet", "vpcId", vpc.id)
      .some(({ cidrBlock }) => cidrBlock !== undefined && blockContains(range, ipv4BlockOf(cidrBlock)))
  ) {
    throw new Fault(
      "InvalidCidrBlock.InUse",
      `The vpc ${vpc.id} currently has a subnet within CIDR block ${association.cidrBlock}`,
    );
  }
  deleteLocalRoutesFor(tx, vpc.id, association.cidrBlock);
  const cidrBlocks = vpc.cidrBlocks.filter((kept) => kept !== association);
  tx.put({ ...vpc, cidrBlocks, endedCidrBlocks: withEnded(vpc.endedCidrBlocks, association, context.now) });
  return {
    VpcId: vpc.id,
    CidrBlockAssociation: {
      AssociationId: id,
      CidrBlock: association.cidrBlock,
      CidrBlockState: { State: "disassociating" },
    },
  };
};

export const vpcCidrBlockActions = { AssociateVpcCidrBlock, DisassociateVpcCidrBlock };
