import type {
  AddressTransfer,
  DescribeAddressTransfersRequest,
  DescribeAddressTransfersResult,
  DisableAddressTransferRequest,
  DisableAddressTransferResult,
  EnableAddressTransferRequest,
  EnableAddressTransferResult,
} from "@aws-sdk/client-ec2";
import type { Address } from "../../model/address.ts";
import { Fault, notPermitted } from "../../model/fault.ts";
import type { Action, Context } from "../kit/action.ts";
import { paged } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { required } from "../kit/parameter.ts";

/**
 * An offer is valid for seven days (EC2 user guide, "Transfer an Elastic IP address between AWS accounts").
 */
const OFFERED_FOR_MILLISECONDS = 7 * 24 * 60 * 60 * 1000;

/**
 * Offers an Elastic IP to another account. There is one account here, so nobody accepts, and the offer ends
 * by itself.
 * @throws InvalidAllocationID.NotFound; InvalidParameterValue for what is no other account, and when it is
 * offered to another one already; AuthFailure for a NAT gateway's own.
 */
const EnableAddressTransfer: Action<EnableAddressTransferRequest, EnableAddressTransferResult> = (
  tx,
  input,
  context,
) => {
  const address = find(tx, "address", input.AllocationId);
  if (address.serviceManaged !== undefined) throw notPermitted();
  if (address.pool !== undefined) {
    throw new Fault(
      "InvalidParameterValue",
      `The address '${address.id}' is of a range that was brought and cannot be transferred.`,
    );
  }
  const accountId = required(input.TransferAccountId, "transferAccountId");
  if (!/^\d{12}$/.test(accountId) || accountId === context.account) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${accountId}) for parameter transferAccountId is invalid.`,
    );
  }
  const standing = offerOf(address, context);
  if (standing && standing.accountId !== accountId) {
    const words = `A transfer of the address '${address.id}' to the account ${standing.accountId} is pending. Disable it first.`;
    throw new Fault("InvalidParameterValue", words);
  }
  const expires = new Date(Date.parse(context.now) + OFFERED_FOR_MILLISECONDS).toISOString();
  const offered: Address = { ...address, transfer: standing ?? { accountId, expires } };
  tx.put(offered);
  return { AddressTransfer: described(offered, "pending") };
};

/** @throws InvalidAllocationID.NotFound; InvalidParameterValue when the address is not offered. */
const DisableAddressTransfer: Action<DisableAddressTransferRequest, DisableAddressTransferResult> = (
  tx,
  input,
  context,
) => {
  const address = find(tx, "address", input.AllocationId);
  if (!offerOf(address, context)) {
    throw new Fault("InvalidParameterValue", `No transfer of the address '${address.id}' is pending.`);
  }
  const { transfer: _, ...kept } = address;
  tx.put(kept);
  return { AddressTransfer: described(address, "disabled") };
};

const DescribeAddressTransfers: Action<DescribeAddressTransfersRequest, DescribeAddressTransfersResult> = (
  tx,
  input,
  context,
) => {
  const ids = input.AllocationIds ?? [];
  const addresses =
    ids.length > 0 ? [...new Set(ids)].map((id) => find(tx, "address", id)) : tx.list("address");
  const { items, nextToken } = paged(
    addresses.filter((address) => offerOf(address, context)),
    input,
  );
  return { AddressTransfers: items.map((address) => described(address, "pending")), NextToken: nextToken };
};

/** The offer, unless its time is over. */
function offerOf({ transfer }: Address, { now }: Context): Address["transfer"] {
  return transfer && Date.parse(transfer.expires) > Date.parse(now) ? transfer : undefined;
}

function described({ id, publicIp, transfer }: Address, status: "pending" | "disabled"): AddressTransfer {
  return {
    PublicIp: publicIp,
    AllocationId: id,
    TransferAccountId: transfer?.accountId,
    TransferOfferExpirationTimestamp: transfer && new Date(transfer.expires),
    AddressTransferStatus: status,
  };
}

export const addressTransferActions = {
  EnableAddressTransfer,
  DisableAddressTransfer,
  DescribeAddressTransfers,
};
