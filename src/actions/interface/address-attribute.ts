import type {
  AddressAttribute,
  DescribeAddressesAttributeRequest,
  DescribeAddressesAttributeResult,
  ModifyAddressAttributeRequest,
  ModifyAddressAttributeResult,
  ResetAddressAttributeRequest,
  ResetAddressAttributeResult,
} from "@aws-sdk/client-ec2";
import type { Address } from "../../model/address.ts";
import { Fault } from "../../model/fault.ts";
import type { Action } from "../kit/action.ts";
import { paged } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { required } from "../kit/parameter.ts";

/**
 * Gives an Elastic IP a name for reverse DNS. AWS requires a DNS record from the name to the address, and
 * sets the name within minutes; here it is set at once, though the answer calls it pending, as AWS's does.
 * @throws InvalidAllocationID.NotFound; InvalidParameterValue for what is no domain name.
 */
const ModifyAddressAttribute: Action<ModifyAddressAttributeRequest, ModifyAddressAttributeResult> = (
  tx,
  input,
) => {
  const address = find(tx, "address", input.AllocationId);
  const ptrRecord = canonicalName(required(input.DomainName, "domainName"));
  tx.put({ ...address, ptrRecord });
  return { Address: { ...described(address), PtrRecordUpdate: { Value: ptrRecord, Status: "PENDING" } } };
};

/**
 * A name of RFC 1035, section 2.3.1, as labels that may begin with a digit; in lower case with its last dot.
 */
function canonicalName(text: string): string {
  const name = text.toLowerCase().replace(/\.$/, "");
  const labels = name.split(".");
  const isName =
    name.length <= 253 &&
    labels.length > 1 &&
    labels.every((label) => /^[a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label));
  if (!isName)
    throw new Fault(
      "InvalidParameterValue",
      `Value (${text}) for parameter domainName is invalid. This is not a valid domain name.`,
    );
  return `${name}.`;
}

const ResetAddressAttribute: Action<ResetAddressAttributeRequest, ResetAddressAttributeResult> = (
  tx,
  input,
) => {
  const address = find(tx, "address", input.AllocationId);
  requireKnown(required(input.Attribute, "attribute"));
  const { ptrRecord: _, ...rest } = address;
  tx.put(rest);
  return {
    Address: {
      ...described(address),
      ...(address.ptrRecord === undefined ? {} : { PtrRecordUpdate: { Status: "PENDING" } }),
    },
  };
};

/** The names of the addresses in reverse DNS; addresses without one are left out. */
const DescribeAddressesAttribute: Action<
  DescribeAddressesAttributeRequest,
  DescribeAddressesAttributeResult
> = (tx, input) => {
  if (input.Attribute !== undefined) requireKnown(input.Attribute);
  const ids = input.AllocationIds ?? [];
  const addresses =
    ids.length > 0 ? [...new Set(ids)].map((id) => find(tx, "address", id)) : tx.list("address");
  const named = addresses.filter(({ ptrRecord }) => ptrRecord !== undefined);
  const { items, nextToken } = paged(named, input, { min: 1, max: 1000 });
  return { Addresses: items.map(described), NextToken: nextToken };
};

/** There is one attribute. */
function requireKnown(attribute: string): void {
  if (attribute === "domain-name") return;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${attribute}) for parameter attribute is invalid. Valid values: domain-name.`,
  );
}

function described({ id, publicIp, ptrRecord }: Address): AddressAttribute {
  return { PublicIp: publicIp, AllocationId: id, PtrRecord: ptrRecord };
}

export const addressAttributeActions = {
  ModifyAddressAttribute,
  ResetAddressAttribute,
  DescribeAddressesAttribute,
};
