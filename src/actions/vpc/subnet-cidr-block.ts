import type {
  AssociateSubnetCidrBlockRequest,
  AssociateSubnetCidrBlockResult,
  DisassociateSubnetCidrBlockRequest,
  DisassociateSubnetCidrBlockResult,
} from "@aws-sdk/client-ec2";
import { present } from "../../lib/assert.ts";
import { Fault } from "../../model/fault.ts";
import { withEnded } from "../../model/lingering.ts";
import type { Action } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { noSuch } from "../kit/not-found.ts";
import { refuseUnoffered, required } from "../kit/parameter.ts";
import { deleteReservationsOf } from "./subnet-cidr-reservation.ts";
import { describedSubnetIpv6Block, newSubnetIpv6Block, requireSubnetIpv6Block } from "./subnet-ipv6.ts";

/** A subnet has one IPv6 block at most. */
const AssociateSubnetCidrBlock: Action<AssociateSubnetCidrBlockRequest, AssociateSubnetCidrBlockResult> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["Ipv6IpamPoolId", "Ipv6NetmaskLength"]);
  const subnet = find(tx, "subnet", input.SubnetId);
  const text = required(input.Ipv6CidrBlock, "ipv6CidrBlock");
  if (subnet.ipv6CidrBlock) {
    throw new Fault(
      "CidrLimitExceeded",
      `This subnet ${subnet.id} has met its maximum number of allowed CIDRs: 1`,
    );
  }
  const vpc = present(tx.get("vpc", subnet.vpcId), subnet.vpcId);
  const ipv6CidrBlock = newSubnetIpv6Block(requireSubnetIpv6Block(tx, vpc, text), context);
  tx.put({ ...subnet, ipv6CidrBlock });
  return {
    SubnetId: subnet.id,
    Ipv6CidrBlockAssociation: describedSubnetIpv6Block(ipv6CidrBlock, "associating"),
  };
};

/**
 * @throws InvalidCidrBlock.InUse while an interface has an address of the block, or new ones are to get one;
 * OperationNotPermitted for a subnet that has nothing else.
 */
const DisassociateSubnetCidrBlock: Action<
  DisassociateSubnetCidrBlockRequest,
  DisassociateSubnetCidrBlockResult
> = (tx, input, { now }) => {
  const id = required(input.AssociationId, "associationId");
  const found = tx.by("subnet", "associationId", id)[0];
  if (found?.ipv6CidrBlock?.associationId !== id) throw noSuch("subnet-cidr-association", id);
  const { ipv6CidrBlock: association, ...subnet } = found;
  if (subnet.ipv6Native === true) {
    throw new Fault(
      "OperationNotPermitted",
      `The IPv6 CIDR block of the IPv6-only subnet ${subnet.id} may not be disassociated.`,
    );
  }
  if (subnet.assignIpv6AddressOnCreation === true)
    throw inUse(id, "its subnet has assign-ipv6-address-on-creation set to true");
  if (tx.by("network-interface", "subnetId", subnet.id).some((eni) => (eni.ipv6Addresses ?? []).length > 0)) {
    throw inUse(id, "its addresses are assigned to network interfaces");
  }
  deleteReservationsOf(tx, subnet.id, "IPv6");
  tx.put({ ...subnet, endedIpv6CidrBlocks: withEnded(subnet.endedIpv6CidrBlocks, association, now) });
  return {
    SubnetId: subnet.id,
    Ipv6CidrBlockAssociation: describedSubnetIpv6Block(association, "disassociating"),
  };
};

function inUse(id: string, why: string): Fault {
  const words = `The subnet IPv6 CIDR block with association ID ${id} may not be disassociated, because ${why}.`;
  return new Fault("InvalidCidrBlock.InUse", words);
}

export const subnetCidrBlockActions = { AssociateSubnetCidrBlock, DisassociateSubnetCidrBlock };
