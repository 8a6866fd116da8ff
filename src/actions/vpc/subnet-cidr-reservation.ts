import type {
  CreateSubnetCidrReservationRequest,
  CreateSubnetCidrReservationResult,
  DeleteSubnetCidrReservationRequest,
  DeleteSubnetCidrReservationResult,
  GetSubnetCidrReservationsRequest,
  GetSubnetCidrReservationsResult,
  SubnetCidrReservation as ReservationAnswer,
} from "@aws-sdk/client-ec2";
import { isIpv6Text } from "../../lib/address.ts";
import { blockContains, blockOf, blocksOverlap, formatBlock, parseBlock } from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { SubnetCidrReservation } from "../../model/subnet-cidr-reservation.ts";
import type { Subnet } from "../../model/subnet.ts";
import type { Action, Context } from "../kit/action.ts";
import { type FilterFields, filtered, paged } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagList, tagsFor } from "../kit/tags.ts";

/** Addresses of the block that interfaces have stay theirs. */
const CreateSubnetCidrReservation: Action<
  CreateSubnetCidrReservationRequest,
  CreateSubnetCidrReservationResult
> = (tx, input, context) => {
  const subnet = find(tx, "subnet", input.SubnetId);
  const reservationType: string = required(input.ReservationType, "reservationType");
  if (reservationType !== "prefix" && reservationType !== "explicit") {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${reservationType}) for parameter reservationType is invalid.`,
    );
  }
  const others = reservationsOf(tx, subnet.id);
  const cidr = reservableBlock(subnet, others, required(input.Cidr, "cidr"));
  const words = "The maximum number of CIDR reservations per subnet has been reached.";
  requireQuota(context, "cidr-reservations-per-subnet", others.length + 1, "CidrLimitExceeded", words);
  const reservation: SubnetCidrReservation = {
    kind: "subnet-cidr-reservation",
    id: newId("subnet-cidr-reservation", context.random),
    tags: tagsFor("subnet-cidr-reservation", input.TagSpecifications, context.quotas),
    subnetId: subnet.id,
    cidr,
    reservationType,
    description: input.Description ?? "",
  };
  tx.put(reservation);
  return { SubnetCidrReservation: described(reservation, context) };
};

/**
 * In canonical form. @throws InvalidParameterValue for what is no block inside the subnet's, or meets another
 * reservation.
 */
function reservableBlock(subnet: Subnet, others: readonly SubnetCidrReservation[], text: string): string {
  const block = parseBlock(text);
  if (!block)
    throw new Fault(
      "InvalidParameterValue",
      `Value (${text}) for parameter cidr is invalid. This is not a valid CIDR block.`,
    );
  const own = isIpv6Text(text) ? subnet.ipv6CidrBlock?.ipv6CidrBlock : subnet.cidrBlock;
  if (own === undefined || !blockContains(blockOf(own), block)) throw outside(subnet, text);
  const met = others.find((other) => blocksOverlap(blockOf(other.cidr), block));
  if (met) throw overlapping(text, met);
  return formatBlock(block);
}

function outside({ id }: Subnet, cidr: string): Fault {
  return new Fault(
    "InvalidParameterValue",
    `The CIDR '${cidr}' is not within a CIDR block of the subnet ${id}.`,
  );
}

function overlapping(cidr: string, { id, cidr: other }: SubnetCidrReservation): Fault {
  return new Fault(
    "InvalidParameterValue",
    `The CIDR '${cidr}' overlaps with the CIDR ${other} of the reservation ${id}.`,
  );
}

function isIpv6({ cidr }: SubnetCidrReservation): boolean {
  return isIpv6Text(cidr);
}

function reservationsOf(tx: Reader, subnetId: string): readonly SubnetCidrReservation[] {
  return tx.by("subnet-cidr-reservation", "subnetId", subnetId);
}

const DeleteSubnetCidrReservation: Action<
  DeleteSubnetCidrReservationRequest,
  DeleteSubnetCidrReservationResult
> = (tx, input, context) => {
  const reservation = find(tx, "subnet-cidr-reservation", input.SubnetCidrReservationId);
  tx.delete("subnet-cidr-reservation", reservation.id);
  return { DeletedSubnetCidrReservation: described(reservation, context) };
};

/** They go with their subnet, and those for IPv6 with its IPv6 block. */
export function deleteReservationsOf(tx: Tx, subnetId: string, family?: "IPv6"): void {
  const gone = reservationsOf(tx, subnetId).filter((one) => family === undefined || isIpv6(one));
  for (const { id } of gone) tx.delete("subnet-cidr-reservation", id);
}

/** Describes one page; each family has its own list. */
const GetSubnetCidrReservations: Action<GetSubnetCidrReservationsRequest, GetSubnetCidrReservationsResult> = (
  tx,
  input,
  context,
) => {
  const subnet = find(tx, "subnet", input.SubnetId);
  const found = filtered(reservationsOf(tx, subnet.id), input.Filters, FIELDS);
  const { items, nextToken } = paged(found, input);
  const of = (ipv6: boolean): ReservationAnswer[] =>
    items.filter((one) => isIpv6(one) === ipv6).map((one) => described(one, context));
  return {
    SubnetIpv4CidrReservations: of(false),
    SubnetIpv6CidrReservations: of(true),
    NextToken: nextToken,
  };
};

const FIELDS: FilterFields<SubnetCidrReservation> = {
  reservationType: (reservation) => reservation.reservationType,
  "subnet-id": (reservation) => reservation.subnetId,
};

function described(reservation: SubnetCidrReservation, { account }: Context): ReservationAnswer {
  return {
    SubnetCidrReservationId: reservation.id,
    SubnetId: reservation.subnetId,
    Cidr: reservation.cidr,
    ReservationType: reservation.reservationType,
    OwnerId: account,
    Description: reservation.description,
    Tags: tagList(reservation.tags),
  };
}

export const subnetCidrReservationActions = {
  CreateSubnetCidrReservation,
  DeleteSubnetCidrReservation,
  GetSubnetCidrReservations,
};
