import type { RunInstancesRequest } from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { Instance } from "../../model/instance.ts";
import type { Reader } from "../../model/state.ts";
import type { Context } from "../kit/action.ts";
import type { InstanceTypeFacts } from "../kit/instance-type-table.ts";
import { notFound } from "../kit/not-found.ts";
import { refuseUnoffered, unoffered } from "../kit/parameter.ts";
import type { Image } from "../storage/image-catalogue.ts";
import { profileArn } from "./iam-instance-profile.ts";
import { preferredOver, requireEnforcedTokens } from "./instance-metadata-defaults.ts";
import { IMDS_DEFAULTS, IMDS_V2, metadataOptions } from "./instance-metadata-options.ts";
import { findInstanceType } from "./instance-type.ts";

/**
 * What a launch request says about its instances themselves, rather than where they are and how they are
 * connected.
 */
export type LaunchOptions = Pick<
  Instance,
  | "instanceType"
  | "keyName"
  | "userData"
  | "clientToken"
  | "shutdownBehavior"
  | "disableApiTermination"
  | "disableApiStop"
  | "ebsOptimized"
  | "monitoring"
  | "tenancy"
  | "iamInstanceProfileArn"
  | "metadataOptions"
  | "cpuCredits"
  | "cpuOptions"
  | "autoRecovery"
>;

/**
 * The options of a launch, each checked.
 * @throws InvalidParameterValue; InvalidKeyPair.NotFound; InvalidUserData.Malformed; UnsupportedOperation for
 * what Genkan does not offer.
 */
export function launchOptions(
  tx: Reader,
  input: RunInstancesRequest,
  image: Image,
  context: Context,
): LaunchOptions {
  refuseUnhonoured(input);
  const type = findInstanceType(input.InstanceType ?? DEFAULT_TYPE);
  requireFittingArchitecture(type, image);
  return {
    instanceType: type.name,
    ...optional("keyName", knownKeyName(tx, input.KeyName)),
    ...optional("userData", checkedUserData(input.UserData)),
    ...optional("clientToken", input.ClientToken),
    shutdownBehavior: shutdownBehaviorOf(input.InstanceInitiatedShutdownBehavior),
    disableApiTermination: input.DisableApiTermination ?? false,
    disableApiStop: input.DisableApiStop ?? false,
    ebsOptimized: input.EbsOptimized ?? false,
    monitoring: input.Monitoring?.Enabled ?? false,
    tenancy: tenancyOf(input.Placement?.Tenancy),
    ...optional("iamInstanceProfileArn", profileArn(input.IamInstanceProfile, context)),
    metadataOptions: launchMetadataOptions(tx, input.MetadataOptions, image),
    ...optional("cpuCredits", cpuCreditsOf(input.CreditSpecification?.CpuCredits)),
    ...cpuOptionsOf(input.CpuOptions, type),
    ...optional("autoRecovery", autoRecoveryOf(input.MaintenanceOptions?.AutoRecovery)),
  };
}

/** EC2 API reference, RunInstances: "Default: m1.small". */
const DEFAULT_TYPE = "m1.small";

function optional<K extends string, V>(key: K, value: V): { readonly [key in K]?: NonNullable<V> } {
  return value === undefined ? {} : ({ [key]: value } as { readonly [key in K]?: NonNullable<V> });
}

/** What would change packets or promise what is not there is refused, not ignored. */
export function refuseUnhonoured(input: RunInstancesRequest): void {
  refuseUnoffered(input, [
    "SecondaryInterfaces",
    "NetworkPerformanceOptions",
    "InstanceMarketOptions",
    "ElasticGpuSpecification",
    "ElasticInferenceAccelerators",
    "LicenseSpecifications",
    "KernelId",
    "RamdiskId",
    "AdditionalInfo",
    "Operator",
  ]);
  if (input.HibernationOptions?.Configured) throw unoffered("HibernationOptions");
  if (input.EnclaveOptions?.Enabled) throw unoffered("EnclaveOptions");
  if (input.CapacityReservationSpecification?.CapacityReservationTarget)
    throw unoffered("CapacityReservationTarget");
  const names = input.PrivateDnsNameOptions ?? {};
  if ((names.HostnameType ?? "ip-name") !== "ip-name") throw unoffered("PrivateDnsNameOptions.HostnameType");
  refuseUnoffered(names, ["EnableResourceNameDnsARecord", "EnableResourceNameDnsAAAARecord"]);
  const placement = input.Placement ?? {};
  refuseUnoffered(placement, ["Affinity", "HostId", "HostResourceGroupArn", "SpreadDomain"]);
}

/** An image whose architecture is known runs on types of the same one. @throws InvalidParameterValue. */
export function requireFittingArchitecture(type: InstanceTypeFacts, image: Image): void {
  if (image.boundTo === undefined || image.boundTo === type.architecture) return;
  throw new Fault(
    "InvalidParameterValue",
    `The architecture '${type.architecture}' of the specified instance type does not match the architecture '${image.boundTo}' of the specified AMI. Specify an instance type and an AMI that have matching architectures, and try again. You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.`,
  );
}

function knownKeyName(tx: Reader, name: string | undefined): string | undefined {
  if (name === undefined || name === "") return undefined;
  if (tx.countBy("key-pair", "name", name) > 0) return name;
  throw notFound("key-pair", name);
}

const MAX_USER_DATA = 16_384;

/**
 * The user data, still in base64; none when it is empty. @throws InvalidUserData.Malformed when it is no
 * base64, or over 16 KiB.
 */
export function checkedUserData(text: string | undefined): string | undefined {
  const packed = text?.replaceAll(/\s/g, "");
  if (packed === undefined || packed === "") return undefined;
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(packed) || packed.length % 4 !== 0) {
    throw new Fault("InvalidUserData.Malformed", "Invalid BASE64 encoding of user data.");
  }
  return encodedUserData(Buffer.from(packed, "base64"));
}

/** User data as an instance keeps it. @throws InvalidUserData.Malformed over 16 KiB. */
export function encodedUserData(bytes: Uint8Array): string {
  if (bytes.length > MAX_USER_DATA)
    throw new Fault("InvalidUserData.Malformed", `User data is limited to ${MAX_USER_DATA} bytes`);
  return Buffer.from(bytes).toString("base64");
}

/** @throws InvalidParameterValue for anything but stop (also when absent) and terminate. */
export function shutdownBehaviorOf(value: string | undefined): Instance["shutdownBehavior"] {
  if (value === undefined || value === "stop") return "stop";
  if (value === "terminate") return value;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${value}) for parameter instanceInitiatedShutdownBehavior is invalid.`,
  );
}

function tenancyOf(value: string | undefined): Instance["tenancy"] {
  if (value === undefined || value === "" || value === "default") return "default";
  if (value === "dedicated") return value;
  throw new Fault("UnsupportedOperation", `Genkan does not offer the tenancy ${value}.`);
}

/** @throws InvalidParameterValue for anything but standard and unlimited. */
export function cpuCreditsOf(value: string | undefined): Instance["cpuCredits"] | undefined {
  if (value === undefined || value === "standard" || value === "unlimited") return value;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${value}) for parameter CpuCredits is invalid. Valid values: standard, unlimited.`,
  );
}

/** @throws InvalidParameterValue for anything but default and disabled. */
export function autoRecoveryOf(value: string | undefined): Instance["autoRecovery"] | undefined {
  if (value === undefined || value === "default" || value === "disabled") return value;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${value}) for parameter AutoRecovery is invalid. Valid values: default, disabled.`,
  );
}

function cpuOptionsOf(
  options: RunInstancesRequest["CpuOptions"],
  type: InstanceTypeFacts,
): Pick<Instance, "cpuOptions"> {
  if (!options) return {};
  refuseUnoffered(options, ["AmdSevSnp", "NestedVirtualization"]);
  const threadsPerCore = options.ThreadsPerCore ?? type.threadsPerCore;
  const cores = type.vcpus / type.threadsPerCore;
  const coreCount = options.CoreCount ?? cores;
  if (coreCount < 1 || coreCount > cores || threadsPerCore < 1 || threadsPerCore > type.threadsPerCore) {
    throw new Fault(
      "InvalidParameterValue",
      `The CPU options are not valid for the instance type ${type.name}.`,
    );
  }
  return { cpuOptions: { coreCount, threadsPerCore } };
}

/**
 * What the launch says, over what the account prefers, over what the image asks for. @throws
 * UnsupportedOperation.
 */
function launchMetadataOptions(
  tx: Reader,
  given: RunInstancesRequest["MetadataOptions"],
  image: Image,
): Instance["metadataOptions"] {
  const options = metadataOptions(given, preferredOver(tx, image.imdsV2 ? IMDS_V2 : IMDS_DEFAULTS));
  requireEnforcedTokens(tx, options);
  return options;
}
