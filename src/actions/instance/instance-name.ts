import type { PrivateDnsNameOptionsResponse } from "@aws-sdk/client-ec2";
import { privateDnsName, resourceDnsName } from "../../model/dns-name.ts";
import type { Instance } from "../../model/instance.ts";
import { primaryPrivateIp } from "../../model/network-interface.ts";
import type { Reader } from "../../model/state.ts";
import { primaryInterfaceOf } from "../interface/network-interface-attachment.ts";
import { describedAssociation } from "../interface/network-interface-describe.ts";
import type { Context } from "../kit/action.ts";

export type InstanceNames = {
  /** Absent in an IPv6-only subnet. */
  readonly privateIp: string | undefined;
  readonly privateName: string;
  readonly publicIp: string | undefined;
  /** Empty without a public address, or in a VPC without DNS host names. */
  readonly publicName: string;
};

/**
 * The primary address of an instance, its public address if one is mapped, and the names of both; undefined
 * once it is terminated.
 */
export function namesOf(tx: Reader, instance: Instance, context: Context): InstanceNames | undefined {
  const primary = primaryInterfaceOf(tx, instance);
  if (!primary) return undefined;
  const privateIp = primaryPrivateIp(primary);
  const association =
    privateIp === undefined ? undefined : describedAssociation(tx, primary, privateIp, context);
  return {
    privateIp,
    privateName:
      privateIp === undefined
        ? resourceDnsName(instance.id, context.region)
        : privateDnsName(privateIp, context.region),
    publicIp: association?.PublicIp,
    publicName: association?.PublicDnsName ?? "",
  };
}

/** How an instance with these names got them; undefined once it is terminated. */
export function describedNameOptions(
  names: InstanceNames | undefined,
): PrivateDnsNameOptionsResponse | undefined {
  if (!names) return undefined;
  const HostnameType = names.privateIp === undefined ? "resource-name" : "ip-name";
  return { HostnameType, EnableResourceNameDnsARecord: false, EnableResourceNameDnsAAAARecord: false };
}
