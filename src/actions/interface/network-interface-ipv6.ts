import type {
  AssignIpv6AddressesRequest,
  AssignIpv6AddressesResult,
  DescribeIpv6PoolsRequest,
  DescribeIpv6PoolsResult,
  UnassignIpv6AddressesRequest,
  UnassignIpv6AddressesResult,
} from "@aws-sdk/client-ec2";
import { formatIpv6, parseIpv6 } from "../../lib/address.ts";
import { Fault } from "../../model/fault.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Reader } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { filtered, paged } from "../kit/describe.ts";
import { find } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { refuseUnoffered } from "../kit/parameter.ts";
import { requireIpv6Room } from "./address-room.ts";
import { findOwnNetworkInterface } from "./network-interface.ts";
import { freeIpv6Addresses, isIpv6Held, requireIpv6Address } from "./subnet-ipv6-address.ts";

/**
 * More addresses for an interface: those named, or as many as are counted. One that it has already is given
 * again.
 */
const AssignIpv6Addresses: Action<AssignIpv6AddressesRequest, AssignIpv6AddressesResult> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["Ipv6Prefixes", "Ipv6PrefixCount"]);
  const eni = findOwnNetworkInterface(tx, input.NetworkInterfaceId);
  const has = eni.ipv6Addresses ?? [];
  const assigned = newAddresses(tx, eni, input, context);
  const added = assigned.filter((ip) => !has.includes(ip));
  tx.put({ ...eni, ipv6Addresses: [...has, ...added] });
  return { NetworkInterfaceId: eni.id, AssignedIpv6Addresses: [...assigned], AssignedIpv6Prefixes: [] };
};

function newAddresses(
  tx: Reader,
  eni: NetworkInterface,
  input: AssignIpv6AddressesRequest,
  context: Context,
): readonly string[] {
  const subnet = find(tx, "subnet", eni.subnetId);
  const named = input.Ipv6Addresses ?? [];
  const count = input.Ipv6AddressCount;
  if (named.length > 0 && count !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "IPv6 addresses and IPv6 address count may not be specified on the same request",
    );
  }
  if (named.length === 0) {
    if (count === undefined)
      throw new Fault("MissingParameter", "Either 'ipv6Addresses' or 'ipv6AddressCount' should be provided.");
    if (count < 1)
      throw new Fault("InvalidParameterValue", `Value (${count}) for parameter ipv6AddressCount is invalid.`);
    requireRoom(tx, eni, count);
    return freeIpv6Addresses(tx, subnet, count, [], context);
  }
  const addresses = [...new Set(named.map((ip) => requireIpv6Address(subnet, ip)))];
  requireRoom(tx, eni, addresses.filter((ip) => !(eni.ipv6Addresses ?? []).includes(ip)).length);
  const held = addresses.find((ip) => !(eni.ipv6Addresses ?? []).includes(ip) && isIpv6Held(tx, eni, ip));
  if (held !== undefined) throw new Fault("InvalidIPAddress.InUse", `Address ${held} is in use.`);
  return addresses;
}

/**
 * @throws PrivateIpAddressLimitExceeded when the interface, on its instance or on any, cannot have so many
 * more.
 */
function requireRoom(tx: Reader, { ipv6Addresses = [], attachment }: NetworkInterface, more: number): void {
  requireIpv6Room(
    ipv6Addresses.length + more,
    attachment && tx.get("instance", attachment.instanceId)?.instanceType,
  );
}

/** The primary address stays for as long as the interface (EC2 user guide, "Primary IPv6 addresses"). */
const UnassignIpv6Addresses: Action<UnassignIpv6AddressesRequest, UnassignIpv6AddressesResult> = (
  tx,
  input,
) => {
  refuseUnoffered(input, ["Ipv6Prefixes"]);
  const eni = findOwnNetworkInterface(tx, input.NetworkInterfaceId);
  const asked = input.Ipv6Addresses ?? [];
  if (asked.length === 0)
    throw new Fault("MissingParameter", "The request must contain the parameter ipv6Addresses");
  const has = eni.ipv6Addresses ?? [];
  const gone = asked.map((text) => canonical(text));
  const strange = gone.filter((ip) => !has.includes(ip));
  if (strange.length > 0) {
    throw new Fault(
      "InvalidParameterValue",
      `Some of [${strange.join(", ")}] are not assigned to interface ${eni.id}`,
    );
  }
  const primary = eni.isPrimaryIpv6 === true ? has[0] : undefined;
  if (primary !== undefined && gone.includes(primary)) {
    throw new Fault("InvalidParameterValue", `The primary IPv6 address ${primary} cannot be unassigned.`);
  }
  const left = has.filter((ip) => !gone.includes(ip));
  if (left.length === 0 && eni.privateIpAddresses.length === 0) {
    throw new Fault(
      "InvalidParameterValue",
      `The last IPv6 address of network interface '${eni.id}' in an IPv6-only subnet cannot be unassigned.`,
    );
  }
  tx.put({ ...eni, ipv6Addresses: left });
  return { NetworkInterfaceId: eni.id, UnassignedIpv6Addresses: gone, UnassignedIpv6Prefixes: [] };
};

function canonical(text: string): string {
  const address = parseIpv6(text);
  if (address === undefined)
    throw new Fault("InvalidParameterValue", `invalid value for parameter address: ${text}`);
  return formatIpv6(address);
}

/** Pools of users' own IPv6 blocks: there are none. */
const DescribeIpv6Pools: Action<DescribeIpv6PoolsRequest, DescribeIpv6PoolsResult> = (_tx, input) => {
  const [id] = input.PoolIds ?? [];
  if (id !== undefined) throw notFound("ipv6-pool", id);
  const { nextToken } = paged(filtered([], input.Filters, {}), input, { min: 1, max: 1000 });
  return { Ipv6Pools: [], NextToken: nextToken };
};

export const networkInterfaceIpv6Actions = { AssignIpv6Addresses, UnassignIpv6Addresses, DescribeIpv6Pools };
