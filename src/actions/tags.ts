import type { Tags } from "../model/common.ts";
import { Fault } from "../model/fault.ts";
import type { Quotas } from "../model/quota.ts";

type Tag = { readonly Key?: string | undefined; readonly Value?: string | undefined };
type TagSpecification = { readonly ResourceType?: string | undefined; readonly Tags?: readonly Tag[] | undefined };

/** The tags of a resource as the API lists them. */
export function tagList(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/** The same, or undefined without tags: for the nouns whose answers leave an empty tagSet out (facts, section 1). */
export function tagListOrAbsent(tags: Tags): { Key: string; Value: string }[] | undefined {
  const list = tagList(tags);
  return list.length > 0 ? list : undefined;
}

/**
 * The tags that a create call's TagSpecifications give to a resource type, for example `internet-gateway`.
 * `allowed` are the types that the call may tag (RunInstances tags instances, volumes and interfaces).
 * @throws InvalidParameterValue for another resource type; the faults of {@link checkedTags}.
 */
export function tagsFor(
  type: string,
  specifications: readonly TagSpecification[] | undefined,
  quotas: Quotas,
  allowed: readonly string[] = [type],
): Tags {
  for (const { ResourceType } of specifications ?? []) {
    if (ResourceType === undefined) throw new Fault("InvalidParameterValue", "Tag specification resource type must have a value");
    if (!allowed.includes(ResourceType)) {
      throw new Fault("InvalidParameterValue", `'${ResourceType}' is not a valid taggable resource type for this operation.`);
    }
  }
  const tags = (specifications ?? []).filter((s) => s.ResourceType === type).flatMap((s) => s.Tags ?? []);
  const keys = tags.map((tag) => tag.Key);
  const repeated = keys.find((key, place) => keys.indexOf(key) !== place);
  if (repeated !== undefined) throw new Fault("InvalidParameterValue", `Duplicate tag key '${repeated}' specified.`);
  return checkedTags({}, tags, quotas);
}

/**
 * Old tags with new ones set over them.
 * @throws InvalidParameterValue for a key that is empty, over 127 characters or reserved, or a value over 255; TagLimitExceeded over 50 tags.
 */
export function checkedTags(old: Tags, tags: readonly Tag[], quotas: Quotas): Tags {
  const all = new Map(Object.entries(old));
  for (const { Key: key, Value: value = "" } of tags) {
    if (key === undefined || key === "") throw new Fault("InvalidParameterValue", "Tag key cannot be null or empty.");
    if (key.length > 127) throw new Fault("InvalidParameterValue", `Tag key exceeds the maximum length of 127 characters`);
    if (value.length > 255) throw new Fault("InvalidParameterValue", `Tag value exceeds the maximum length of 255 characters`);
    if (/^aws:/i.test(key)) throw new Fault("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use");
    all.set(key, value);
  }
  if (all.size > quotas["tags-per-resource"])
    throw new Fault("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.");
  return Object.fromEntries(all);
}
