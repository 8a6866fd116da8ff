import type {
  AdvertiseByoipCidrRequest,
  AdvertiseByoipCidrResult,
  ByoipCidr,
  DeprovisionByoipCidrRequest,
  DeprovisionByoipCidrResult,
  DescribeByoipCidrsRequest,
  DescribeByoipCidrsResult,
  DescribePublicIpv4PoolsRequest,
  DescribePublicIpv4PoolsResult,
  ProvisionByoipCidrRequest,
  ProvisionByoipCidrResult,
  PublicIpv4Pool as PoolAnswer,
  WithdrawByoipCidrRequest,
  WithdrawByoipCidrResult,
} from "@aws-sdk/client-ec2";
import { formatIpv4, ipv4 } from "../../lib/address.ts";
import { formatBlock } from "../../lib/block.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { PublicIpv4Pool } from "../../model/public-ipv4-pool.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, paged, searched } from "../kit/describe.ts";
import { refuseUnoffered, required, requiredCidr } from "../kit/parameter.ts";
import { tagList, tagsFor } from "../kit/tags.ts";
import { findPublicIpv4Pool, addressRangeOf } from "./address.ts";

/**
 * Brings a range. Only those that Genkan was started for can be: the simulated internet's routes to them
 * stand from the start. Whose the range is nobody checks; the authorization must be there, as AWS asks.
 * @throws UnsupportedOperation for another range; InvalidParameterValue for one that is provisioned already.
 */
const ProvisionByoipCidr: Action<ProvisionByoipCidrRequest, ProvisionByoipCidrResult> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["MultiRegion"]);
  requireHere(input.NetworkBorderGroup, context);
  const cidr = formatBlock(requiredCidr(input.Cidr, "cidr"));
  const publiclyAdvertisable = input.PubliclyAdvertisable ?? true;
  if (publiclyAdvertisable) {
    const { Message, Signature } = required(input.CidrAuthorizationContext, "cidrAuthorizationContext");
    required(Message, "cidrAuthorizationContext.message");
    required(Signature, "cidrAuthorizationContext.signature");
  }
  if (!context.byoip.includes(cidr)) {
    throw new Fault(
      "UnsupportedOperation",
      `The range ${cidr} cannot be brought here: start Genkan with --byoip ${cidr} first.`,
    );
  }
  if (poolWith(tx, cidr))
    throw new Fault("InvalidParameterValue", `The CIDR '${cidr}' is provisioned already.`);
  const tags = tagsFor("ipv4pool-ec2", input.PoolTagSpecifications, context.quotas);
  const pool: PublicIpv4Pool = {
    kind: "public-ipv4-pool",
    id: newId("public-ipv4-pool", context.random),
    tags,
    cidr,
    ...(input.Description === undefined ? {} : { description: input.Description }),
    publiclyAdvertisable,
    advertised: false,
  };
  tx.put(pool);
  return { ByoipCidr: { ...describedRange(pool, context), State: "pending-provision" } };
};

function requireHere(group: string | undefined, { region }: Context): void {
  if (group === undefined || group === region) return;
  throw new Fault("InvalidParameterValue", `Value (${group}) for parameter networkBorderGroup is invalid.`);
}

function poolWith(tx: Reader, cidr: string): PublicIpv4Pool | undefined {
  return tx.list("public-ipv4-pool").find((pool) => pool.cidr === cidr);
}

/** @throws InvalidParameterValue for what was not provisioned. */
function findRange(tx: Reader, text: string | undefined): PublicIpv4Pool {
  const cidr = formatBlock(requiredCidr(text, "cidr"));
  const pool = poolWith(tx, cidr);
  if (!pool) throw new Fault("InvalidParameterValue", `The CIDR '${cidr}' is not provisioned.`);
  return pool;
}

/**
 * Packets reach its addresses from now on. @throws IncorrectState for a range that is not to be advertised.
 */
const AdvertiseByoipCidr: Action<AdvertiseByoipCidrRequest, AdvertiseByoipCidrResult> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["Asn"]);
  requireHere(input.NetworkBorderGroup, context);
  const pool = findRange(tx, input.Cidr);
  if (!pool.publiclyAdvertisable)
    throw new Fault("IncorrectState", `The CIDR '${pool.cidr}' is not publicly advertisable.`);
  return { ByoipCidr: describedRange(withAdvertised(tx, pool, true), context) };
};

const WithdrawByoipCidr: Action<WithdrawByoipCidrRequest, WithdrawByoipCidrResult> = (tx, input, context) => {
  return { ByoipCidr: describedRange(withAdvertised(tx, findRange(tx, input.Cidr), false), context) };
};

function withAdvertised(tx: Tx, pool: PublicIpv4Pool, advertised: boolean): PublicIpv4Pool {
  const changed = { ...pool, advertised };
  tx.put(changed);
  return changed;
}

/**
 * @throws IncorrectState while the range is advertised, or an address of it is allocated (EC2 API reference,
 * DeprovisionByoipCidr).
 */
const DeprovisionByoipCidr: Action<DeprovisionByoipCidrRequest, DeprovisionByoipCidrResult> = (
  tx,
  input,
  context,
) => {
  const pool = findRange(tx, input.Cidr);
  if (pool.advertised) throw new Fault("IncorrectState", `The CIDR '${pool.cidr}' is advertised.`);
  if (tx.countBy("address", "pool", pool.id) > 0) {
    throw new Fault("IncorrectState", `The CIDR '${pool.cidr}' has addresses that are allocated.`);
  }
  tx.delete("public-ipv4-pool", pool.id);
  return { ByoipCidr: { ...describedRange(pool, context), State: "pending-deprovision" } };
};

const DescribeByoipCidrs: Action<DescribeByoipCidrsRequest, DescribeByoipCidrsResult> = (
  tx,
  input,
  context,
) => {
  required(input.MaxResults, "maxResults");
  const { items, nextToken } = paged(tx.list("public-ipv4-pool"), input, { min: 1, max: 100 });
  return { ByoipCidrs: items.map((pool) => describedRange(pool, context)), NextToken: nextToken };
};

function describedRange(pool: PublicIpv4Pool, { region }: Context): ByoipCidr {
  return {
    Cidr: pool.cidr,
    Description: pool.description,
    State: pool.advertised
      ? "advertised"
      : pool.publiclyAdvertisable
        ? "provisioned"
        : "provisioned-not-publicly-advertisable",
    NetworkBorderGroup: region,
  };
}

/** Amazon's own pools, those of `--pool`, are not listed. */
const DescribePublicIpv4Pools: Action<DescribePublicIpv4PoolsRequest, DescribePublicIpv4PoolsResult> = (
  tx,
  input,
  context,
) => {
  const pools = chosen(
    input.PoolIds,
    (id) => findPublicIpv4Pool(tx, id),
    () => candidates(tx, "public-ipv4-pool", undefined, {}),
  );
  const { items, nextToken } = searched(pools, input, {}, { min: 1, max: 10 });
  return { PublicIpv4Pools: items.map((pool) => describedPool(tx, pool, context)), NextToken: nextToken };
};

/** As many addresses as can be given out. */
function describedPool(tx: Reader, pool: PublicIpv4Pool, { region }: Context): PoolAnswer {
  const { first, count } = addressRangeOf(pool.cidr);
  const available = count - tx.countBy("address", "pool", pool.id);
  const range = {
    FirstAddress: formatIpv4(ipv4(first)),
    LastAddress: formatIpv4(ipv4(first + count - 1)),
    AddressCount: count,
    AvailableAddressCount: available,
  };
  return {
    PoolId: pool.id,
    Description: pool.description ?? "",
    PoolAddressRanges: [range],
    TotalAddressCount: count,
    TotalAvailableAddressCount: available,
    NetworkBorderGroup: region,
    Tags: tagList(pool.tags),
  };
}

export const publicIpv4PoolActions = {
  ProvisionByoipCidr,
  AdvertiseByoipCidr,
  WithdrawByoipCidr,
  DeprovisionByoipCidr,
  DescribeByoipCidrs,
  DescribePublicIpv4Pools,
};
