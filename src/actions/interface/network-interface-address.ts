import type {
  AssignPrivateIpAddressesRequest,
  AssignPrivateIpAddressesResult,
  UnassignPrivateIpAddressesRequest,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { type NetworkInterface, primaryPrivateIp } from "../../model/network-interface.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { find } from "../kit/find.ts";
import { type Done, DONE, refuseUnoffered } from "../kit/parameter.ts";
import { requireAddressRoom } from "./address-room.ts";
import { elasticIpOf, unmapAddress } from "./address.ts";
import {
  chooseFreePrivateIps,
  findOwnNetworkInterface,
  refreshAutoPublicIp,
  requireIpv4,
  requirePrivateIp,
} from "./network-interface.ts";

const AssignPrivateIpAddresses: Action<AssignPrivateIpAddressesRequest, AssignPrivateIpAddressesResult> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["Ipv4Prefixes", "Ipv4PrefixCount"]);
  const eni = findOwnNetworkInterface(tx, input.NetworkInterfaceId);
  const instance = eni.attachment && tx.get("instance", eni.attachment.instanceId);
  const ips = newSecondaryIps(tx, eni, input, (more) =>
    requireAddressRoom(eni.privateIpAddresses.length + more, instance?.instanceType),
  );
  const added = ips.filter((ip) => !eni.privateIpAddresses.includes(ip));
  const moved = added.flatMap((ip) => {
    const holder = tx.by("network-interface", "vpcAddress", `${eni.vpcId}/${ip}`)[0];
    return holder ? [{ ip, holder: holder.id }] : [];
  });
  requireMovable(tx, moved, input.AllowReassignment ?? false);
  for (const { ip, holder } of moved) takeFrom(tx, find(tx, "network-interface", holder), ip);
  tx.put({ ...eni, privateIpAddresses: [...eni.privateIpAddresses, ...added] });
  for (const { ip, holder } of moved) moveElasticIp(tx, { ip, holder, to: eni.id }, context);
  return {
    NetworkInterfaceId: eni.id,
    AssignedPrivateIpAddresses: ips.map((PrivateIpAddress) => ({ PrivateIpAddress })),
    AssignedIpv4Prefixes: [],
  };
};

/**
 * The addresses that the request names, or as many free ones as it asks for. `requireRoom` is asked first,
 * for how many are new.
 */
function newSecondaryIps(
  tx: Reader,
  eni: NetworkInterface,
  input: AssignPrivateIpAddressesRequest,
  requireRoom: (more: number) => void,
): readonly string[] {
  const named = [...new Set(input.PrivateIpAddresses ?? [])];
  const count = input.SecondaryPrivateIpAddressCount;
  const subnet = find(tx, "subnet", eni.subnetId);
  requireIpv4(subnet);
  if (named.length > 0) {
    if (count !== undefined) {
      const words =
        "The parameter secondaryPrivateIpAddressCount cannot be used with the parameter privateIpAddresses";
      throw new Fault("InvalidParameterCombination", words);
    }
    requireRoom(named.filter((ip) => !eni.privateIpAddresses.includes(ip)).length);
    for (const ip of named) requirePrivateIp(subnet, ip);
    return named;
  }
  if (count === undefined) {
    throw new Fault(
      "MissingParameter",
      "Either 'privateIpAddresses' or 'secondaryPrivateIpAddressCount' should be provided.",
    );
  }
  if (count < 1) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${count}) for parameter secondaryPrivateIpAddressCount is invalid.`,
    );
  }
  requireRoom(count);
  return chooseFreePrivateIps(tx, subnet, count, []);
}

type Held = { readonly ip: string; readonly holder: string };

/** Only with AllowReassignment does an address move, and never another interface's primary one. */
function requireMovable(tx: Reader, moved: readonly Held[], allowed: boolean): void {
  const fixed = moved.filter(
    ({ ip, holder }) => !allowed || primaryPrivateIp(find(tx, "network-interface", holder)) === ip,
  );
  if (fixed.length === 0) return;
  const ips = fixed.map(({ ip }) => ip).join(", ");
  throw new Fault("InvalidParameterValue", `[${ips}] assigned, but move is not allowed.`);
}

function takeFrom(tx: Tx, eni: NetworkInterface, ip: string): void {
  tx.put({ ...eni, privateIpAddresses: eni.privateIpAddresses.filter((one) => one !== ip) });
}

/** An Elastic IP moves with its private address (EC2 user guide, "Secondary IP addresses"). */
function moveElasticIp(tx: Tx, { ip, holder, to }: Held & { readonly to: string }, context: Context): void {
  const from = find(tx, "network-interface", holder);
  const address = elasticIpOf(tx, from, ip);
  if (!address?.association) return;
  tx.put({ ...address, association: { ...address.association, networkInterfaceId: to } });
  refreshAutoPublicIp(tx, from, context);
}

const UnassignPrivateIpAddresses: Action<UnassignPrivateIpAddressesRequest, Done> = (tx, input, context) => {
  refuseUnoffered(input, ["Ipv4Prefixes"]);
  const eni = findOwnNetworkInterface(tx, input.NetworkInterfaceId);
  const ips = input.PrivateIpAddresses ?? [];
  if (ips.length === 0)
    throw new Fault("MissingParameter", "The request must contain the parameter privateIpAddresses");
  const strange = ips.filter((ip) => !eni.privateIpAddresses.includes(ip));
  if (strange.length > 0) {
    throw new Fault(
      "InvalidParameterValue",
      `Some of [${strange.join(", ")}] are not assigned to interface ${eni.id}`,
    );
  }
  const primary = primaryPrivateIp(eni);
  if (primary !== undefined && ips.includes(primary)) {
    throw new Fault(
      "InvalidParameterValue",
      `The primary private IP address ${primary} cannot be unassigned.`,
    );
  }
  for (const ip of ips) {
    const address = elasticIpOf(tx, eni, ip);
    if (address) unmapAddress(tx, address);
  }
  const left: NetworkInterface = {
    ...eni,
    privateIpAddresses: eni.privateIpAddresses.filter((ip) => !ips.includes(ip)),
  };
  tx.put(left);
  refreshAutoPublicIp(tx, left, context);
  return DONE;
};

export const networkInterfaceAddressActions = { AssignPrivateIpAddresses, UnassignPrivateIpAddresses };
