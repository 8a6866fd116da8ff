import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import type { Instance } from "../../model/instance.ts";

/** A tag of an instance is a path of its metadata (EC2 user guide, "View tags using instance metadata"). */
const PATH = /^[0-9a-zA-Z\-_+=,.@:]{1,255}$/;
const RESERVED: ReadonlySet<string> = new Set([".", "..", "_index"]);

/** @throws InvalidParameterValue when the instance's metadata shows its tags and a key cannot stand there. */
export function requireShowableTags({ instanceMetadataTags }: Instance["metadataOptions"], tags: Tags): void {
  if (instanceMetadataTags !== "enabled") return;
  const strange = Object.keys(tags).find((key) => !PATH.test(key) || RESERVED.has(key));
  if (strange === undefined) return;
  const rules =
    "Tag keys must match pattern ([0-9a-zA-Z\\-_+=,.@:]{1,255}), and must not be a reserved name ('.', '..', '_index')";
  throw new Fault("InvalidParameterValue", `'${strange}' is not a valid tag key. ${rules}`);
}
