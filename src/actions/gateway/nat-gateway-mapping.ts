import type { NatGatewayAddress as AddressAnswer } from "@aws-sdk/client-ec2";
import type { Address } from "../../model/address.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { NatGateway } from "../../model/nat-gateway.ts";
import type { NetworkInterface } from "../../model/network-interface.ts";
import type { Tx } from "../../model/state.ts";
import type { Context } from "../kit/action.ts";
import { describedNatAddresses } from "./nat-gateway-describe.ts";

/* What zonal and regional NAT gateways do alike with their addresses. */

/**
 * What the kernel's tables hold for a gateway; AWS's own limit of private addresses (VPC user guide, "Amazon
 * VPC quotas").
 */
const MOST_ADDRESSES = 8;

/** @throws PrivateIpAddressLimitExceeded. */
export function requireAddressCount(count: number, connectivityType: NatGateway["connectivityType"]): void {
  if (count <= MOST_ADDRESSES) return;
  const words = `A ${connectivityType} NAT gateway can have at most ${MOST_ADDRESSES} addresses.`;
  throw new Fault("PrivateIpAddressLimitExceeded", words);
}

export function addressOf(
  eni: NetworkInterface,
  privateIp: string,
  isPrimary: boolean,
  allocationId: string | undefined,
): NatGateway["addresses"][number] {
  return {
    networkInterfaceId: eni.id,
    privateIp,
    isPrimary,
    ...(allocationId === undefined ? {} : { allocationId }),
  };
}

export function mapAddress(
  tx: Tx,
  address: Address,
  eni: NetworkInterface,
  privateIpAddress: string,
  context: Context,
): void {
  const associationId = newId("address-association", context.random);
  tx.put({ ...address, association: { associationId, networkInterfaceId: eni.id, privateIpAddress } });
}

export type Passing = "assigning" | "unassigning" | "associating" | "disassociating";

/** The addresses that are new, in the passing state in which AWS answers. */
export function answered(
  tx: Tx,
  gateway: NatGateway,
  ips: readonly string[],
  Status: Passing,
): { readonly NatGatewayId: string; readonly NatGatewayAddresses: AddressAnswer[] } {
  tx.put(gateway);
  const fresh = describedNatAddresses(tx, gateway).filter((_, index) =>
    ips.includes(gateway.addresses[index]?.privateIp ?? ""),
  );
  return { NatGatewayId: gateway.id, NatGatewayAddresses: fresh.map((address) => ({ ...address, Status })) };
}
