import type {
  ModifyPublicIpDnsNameOptionsRequest,
  ModifyPublicIpDnsNameOptionsResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { Action } from "../kit/action.ts";
import { required } from "../kit/parameter.ts";
import { findOwnNetworkInterface } from "./network-interface.ts";

const OTHERS: readonly string[] = ["public-ipv6-dns-name", "public-dual-stack-dns-name"];

/**
 * Sets the interface's public name. The name of its IPv4 address is the only one that it has here, so nothing
 * changes.
 * @throws UnsupportedOperation for names of IPv6 addresses, which Genkan does not give; InvalidParameterValue
 * for what is no type.
 */
const ModifyPublicIpDnsNameOptions: Action<
  ModifyPublicIpDnsNameOptionsRequest,
  ModifyPublicIpDnsNameOptionsResult
> = (tx, input) => {
  findOwnNetworkInterface(tx, input.NetworkInterfaceId);
  const type: string = required(input.HostnameType, "hostnameType");
  if (OTHERS.includes(type))
    throw new Fault("UnsupportedOperation", `Genkan does not offer public names of the type ${type}.`);
  if (type !== "public-ipv4-dns-name") {
    const words = `Value (${type}) for parameter hostnameType is invalid. Valid values: public-ipv4-dns-name, ${OTHERS.join(", ")}.`;
    throw new Fault("InvalidParameterValue", words);
  }
  return { Successful: true };
};

export const publicDnsNameActions = { ModifyPublicIpDnsNameOptions };
