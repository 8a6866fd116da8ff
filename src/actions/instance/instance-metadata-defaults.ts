import type {
  GetInstanceMetadataDefaultsRequest,
  GetInstanceMetadataDefaultsResult,
  ModifyInstanceMetadataDefaultsRequest,
  ModifyInstanceMetadataDefaultsResult,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { InstanceMetadataDefaults } from "../../model/instance-metadata-defaults.ts";
import type { Instance } from "../../model/instance.ts";
import type { Reader } from "../../model/state.ts";
import type { Action } from "../kit/action.ts";
import { oneOf, requireHopLimit } from "./instance-metadata-options.ts";

/** The account's preferences; an empty level without any (EC2 API reference, GetInstanceMetadataDefaults). */
const GetInstanceMetadataDefaults: Action<
  GetInstanceMetadataDefaultsRequest,
  GetInstanceMetadataDefaultsResult
> = (tx) => {
  const defaults = tx.list("instance-metadata-defaults")[0];
  if (!defaults) return { AccountLevel: {} };
  const { options, httpTokensEnforced } = defaults;
  return {
    AccountLevel: {
      HttpTokens: options.httpTokens,
      HttpPutResponseHopLimit: options.httpPutResponseHopLimit,
      HttpEndpoint: options.httpEndpoint,
      InstanceMetadataTags: options.instanceMetadataTags,
      HttpTokensEnforced: httpTokensEnforced,
      ManagedBy: "account",
    },
  };
};

/** What is not given stays; `no-preference`, and -1 of the hop limit, takes a preference back. */
const ModifyInstanceMetadataDefaults: Action<
  ModifyInstanceMetadataDefaultsRequest,
  ModifyInstanceMetadataDefaultsResult
> = (tx, input, { region }) => {
  const before = tx.get("instance-metadata-defaults", region);
  const old = before?.options;
  const onOff = ["enabled", "disabled"] as const;
  const options: Mutable = {};
  set(
    options,
    "httpTokens",
    preferred("HttpTokens", input.HttpTokens, ["optional", "required"], old?.httpTokens),
  );
  set(
    options,
    "httpPutResponseHopLimit",
    preferredHops(input.HttpPutResponseHopLimit, old?.httpPutResponseHopLimit),
  );
  set(options, "httpEndpoint", preferred("HttpEndpoint", input.HttpEndpoint, onOff, old?.httpEndpoint));
  set(
    options,
    "instanceMetadataTags",
    preferred("InstanceMetadataTags", input.InstanceMetadataTags, onOff, old?.instanceMetadataTags),
  );
  const httpTokensEnforced = preferred(
    "HttpTokensEnforced",
    input.HttpTokensEnforced,
    onOff,
    before?.httpTokensEnforced,
  );
  if (Object.keys(options).length === 0 && httpTokensEnforced === undefined) {
    if (before) tx.delete("instance-metadata-defaults", region);
  } else {
    const enforced = httpTokensEnforced === undefined ? {} : { httpTokensEnforced };
    tx.put({ kind: "instance-metadata-defaults", id: region, tags: {}, options, ...enforced });
  }
  return { Return: true };
};

type Options = InstanceMetadataDefaults["options"];
type Mutable = { -readonly [K in keyof Options]: Options[K] };

function set<K extends keyof Options>(options: Mutable, name: K, value: Options[K] | undefined): void {
  if (value !== undefined) options[name] = value;
}

/** @throws InvalidParameterValue. */
function preferred<T extends string>(
  name: string,
  value: string | undefined,
  allowed: readonly T[],
  before: T | undefined,
): T | undefined {
  if (value === undefined) return before;
  return value === "no-preference" ? undefined : oneOf(name, value, allowed);
}

function preferredHops(value: number | undefined, before: number | undefined): number | undefined {
  if (value === undefined) return before;
  return value === -1 ? undefined : requireHopLimit(value);
}

/**
 * The options of an image's launches with the account's preferences over them (EC2 user guide, "Order of
 * precedence for instance metadata options").
 */
export function preferredOver(tx: Reader, ofImage: Instance["metadataOptions"]): Instance["metadataOptions"] {
  return { ...ofImage, ...tx.list("instance-metadata-defaults")[0]?.options };
}

/** @throws UnsupportedOperation for a launch that need not use tokens where the account enforces them. */
export function requireEnforcedTokens(tx: Reader, { httpTokens }: Instance["metadataOptions"]): void {
  if (httpTokens === "required" || !areTokensEnforced(tx)) return;
  throw new Fault(
    "UnsupportedOperation",
    "You can't launch instances with IMDSv1 because httpTokensEnforced is enabled for this account. Either launch the instance with httpTokens=required or contact your account owner to disable httpTokensEnforced using the ModifyInstanceMetadataDefaults API or the account settings in the EC2 console.",
  );
}

/** @throws UnsupportedOperation for tokens made optional where the account enforces them. */
export function requireTokensKept(tx: Reader, asked: string | undefined): void {
  if (asked !== "optional" || !areTokensEnforced(tx)) return;
  throw new Fault(
    "UnsupportedOperation",
    "You can't set httpTokens to 'optional' because httpTokensEnforced is enabled for this account.",
  );
}

function areTokensEnforced(tx: Reader): boolean {
  return tx.list("instance-metadata-defaults")[0]?.httpTokensEnforced === "enabled";
}

export const instanceMetadataDefaultsActions = {
  GetInstanceMetadataDefaults,
  ModifyInstanceMetadataDefaults,
};
