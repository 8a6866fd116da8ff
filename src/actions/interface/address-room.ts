import { Fault } from "../../model/fault.ts";
import { INSTANCE_TYPES, instanceTypeInfo } from "../kit/instance-type-table.ts";

/** What no instance type exceeds, so that an interface with more could never be attached. */
const MOST_ADDRESSES = Math.max(...[...INSTANCE_TYPES.values()].map((type) => type.ipv4PerInterface));

/**
 * Asked before addresses are looked for, so that no request counts further than an interface goes.
 * @throws PrivateIpAddressLimitExceeded when an interface of the instance type, or of any when it has none
 * yet, cannot have so many private IPv4 addresses.
 */
export function requireAddressRoom(count: number, instanceType: string | undefined): void {
  if (count > mostOf(instanceType))
    throw new Fault("PrivateIpAddressLimitExceeded", "Number of private addresses will exceed limit.");
}

/** The same of IPv6 addresses. */
export function requireIpv6Room(count: number, instanceType: string | undefined): void {
  if (count > mostOf(instanceType))
    throw new Fault("PrivateIpAddressLimitExceeded", "Number of IPv6 addresses will exceed limit.");
}

function mostOf(instanceType: string | undefined): number {
  return (
    (instanceType === undefined ? undefined : instanceTypeInfo(instanceType)?.ipv4PerInterface) ??
    MOST_ADDRESSES
  );
}
