import type { InstanceMetadataOptionsRequest } from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { Instance } from "../../model/instance.ts";

type MetadataOptions = Instance["metadataOptions"];

export const IMDS_DEFAULTS: MetadataOptions = {
  httpTokens: "optional",
  httpPutResponseHopLimit: 1,
  httpEndpoint: "enabled",
  instanceMetadataTags: "disabled",
};
/** For images that require version 2 (EC2 user guide, "Configure the IMDS for an AMI"). */
export const IMDS_V2: MetadataOptions = {
  ...IMDS_DEFAULTS,
  httpTokens: "required",
  httpPutResponseHopLimit: 2,
};

/** The metadata options, those given over those before. @throws InvalidParameterValue. */
export function metadataOptions(
  given: InstanceMetadataOptionsRequest | undefined,
  before: MetadataOptions,
): MetadataOptions {
  const hops = requireHopLimit(given?.HttpPutResponseHopLimit ?? before.httpPutResponseHopLimit);
  const onOff = ["enabled", "disabled"] as const;
  return {
    httpTokens: oneOf("HttpTokens", given?.HttpTokens ?? before.httpTokens, ["optional", "required"]),
    httpPutResponseHopLimit: hops,
    httpEndpoint: oneOf("HttpEndpoint", given?.HttpEndpoint ?? before.httpEndpoint, onOff),
    httpProtocolIpv6: oneOf(
      "HttpProtocolIpv6",
      given?.HttpProtocolIpv6 ?? before.httpProtocolIpv6 ?? "disabled",
      onOff,
    ),
    instanceMetadataTags: oneOf(
      "InstanceMetadataTags",
      given?.InstanceMetadataTags ?? before.instanceMetadataTags,
      onOff,
    ),
  };
}

/** @throws InvalidParameterValue. */
export function requireHopLimit(hops: number): number {
  if (hops >= 1 && hops <= 64) return hops;
  const words = `Value (${hops}) for parameter HttpPutResponseHopLimit is invalid. Valid values are integers from 1 to 64.`;
  throw new Fault("InvalidParameterValue", words);
}

/** The value, one of those allowed. @throws InvalidParameterValue. */
export function oneOf<T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const known = allowed.find((each) => each === value);
  if (known === undefined)
    throw new Fault("InvalidParameterValue", `Value (${value}) for parameter ${name} is invalid.`);
  return known;
}
