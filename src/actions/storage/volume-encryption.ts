import { createHash } from "node:crypto";
import { Fault } from "../../model/fault.ts";
import type { VolumeFacts } from "../../model/volume.ts";
import type { Context } from "../kit/action.ts";
import { given } from "../kit/parameter.ts";

type Wish = { readonly Encrypted?: boolean | undefined; readonly KmsKeyId?: string | undefined };

/**
 * Whether a volume is encrypted, and by which key: the one that is named by its id, its alias or either's
 * ARN, or EBS's own (EC2 API reference, CreateVolume). AWS asks later whether there is such a key; here
 * nobody does.
 * @throws InvalidParameterDependency for a key of an unencrypted volume; InvalidParameterValue for what names
 * no key.
 */
export function encryptionOf(
  { Encrypted, KmsKeyId }: Wish,
  context: Context,
): Pick<VolumeFacts, "encrypted" | "kmsKeyId"> {
  const key = given(KmsKeyId);
  if (Encrypted !== true) {
    if (key === undefined) return { encrypted: false };
    throw new Fault(
      "InvalidParameterDependency",
      "The parameter KmsKeyId requires the parameter Encrypted to be set.",
    );
  }
  return { encrypted: true, kmsKeyId: keyArn(key ?? "alias/aws/ebs", context) };
}

const KEY = /^(key\/)?(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;
const ALIAS = /^alias\/[\w/-]{1,250}$/;

/** A key is described by its own ARN, whatever it was called; of an alias that follows from its name. */
function keyArn(text: string, { region, account }: Context): string {
  const [, ofRegion = region, ofAccount = account, name = text] =
    /^arn:aws[a-z-]*:kms:([a-z0-9-]+):(\d{12}):(.+)$/.exec(text) ?? [];
  if (ofRegion === region) {
    if (KEY.test(name)) return `arn:aws:kms:${region}:${ofAccount}:key/${name.replace(/^key\//, "")}`;
    if (ALIAS.test(name))
      return `arn:aws:kms:${region}:${ofAccount}:key/${idOf(`${region}/${ofAccount}/${name}`)}`;
  }
  throw new Fault(
    "InvalidParameterValue",
    `Value (${text.slice(0, 256)}) for parameter KmsKeyId is invalid.`,
  );
}

/** In the form of a UUID (RFC 9562, version 8). */
function idOf(text: string): string {
  const hex = createHash("sha256").update(text).digest("hex");
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `a${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}
