import type { ResourceType } from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import { Fault } from "../../model/fault.ts";
import type { Quotas } from "../../model/quota.ts";
import { repeatedIn } from "./parameter.ts";

type Tag = { readonly Key?: string | undefined; readonly Value?: string | undefined };
type TagSpecification = {
  readonly ResourceType?: ResourceType | undefined;
  readonly Tags?: readonly Tag[] | undefined;
};

/** The tags of a resource as the API lists them. */
export function tagList(tags: Tags): { Key: string; Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

/**
 * The same, or undefined without tags: for the nouns whose answers leave an empty tagSet out, as AWS does.
 */
export function tagListOrAbsent(tags: Tags): { Key: string; Value: string }[] | undefined {
  const list = tagList(tags);
  return list.length > 0 ? list : undefined;
}

/**
 * The tags that a create call's TagSpecifications give to a resource type, for example `internet-gateway`.
 * `allowed` are the types that the call may tag (RunInstances tags instances, volumes and interfaces).
 * @throws InvalidParameter or InvalidParameterValue for a specification without a type, of another one, or
 * without tags; the faults of {@link checkedTags}.
 */
export function tagsFor(
  type: ResourceType,
  specifications: readonly TagSpecification[] | undefined,
  quotas: Quotas,
  allowed: readonly ResourceType[] = [type],
): Tags {
  for (const specification of specifications ?? []) requireSpecification(specification, allowed);
  const tags = (specifications ?? []).filter((s) => s.ResourceType === type).flatMap((s) => s.Tags ?? []);
  const repeated = repeatedIn(tags.map((tag) => tag.Key));
  if (repeated !== undefined)
    throw new Fault("InvalidParameterValue", `Duplicate tag key '${repeated}' specified.`);
  return checkedTags({}, tags, quotas);
}

/**
 * Instances and volumes say of what is wrong with a specification that its value is; networks, that the
 * parameter is.
 */
const BY_VALUE: ReadonlySet<ResourceType> = new Set(["instance", "volume", "snapshot", "image"]);

function requireSpecification(
  { ResourceType, Tags: tags = [] }: TagSpecification,
  allowed: readonly ResourceType[],
): void {
  if (!ResourceType) throw new Fault("InvalidParameter", "Tag specification resource type must have a value");
  const code = allowed.some((type) => BY_VALUE.has(type)) ? "InvalidParameterValue" : "InvalidParameter";
  if (!allowed.includes(ResourceType)) {
    throw new Fault(code, `'${ResourceType}' is not a valid taggable resource type for this operation.`);
  }
  if (tags.length === 0) throw new Fault(code, "Tag specification must have at least one tag");
}

const LONGEST_KEY = 127;
const LONGEST_VALUE = 256;

/** Characters as people count them: one outside the basic plane is one. */
function isLonger(text: string, than: number): boolean {
  return text.length > than && Array.from(text.slice(0, 2 * than + 2)).length > than;
}

/**
 * Old tags with new ones set over them.
 * @throws InvalidParameterValue for a key that is empty, over 127 characters or reserved, or a value over
 * 256; TagLimitExceeded over 50 tags.
 */
export function checkedTags(old: Tags, tags: readonly Tag[], quotas: Quotas): Tags {
  const all = new Map(Object.entries(old));
  for (const { Key: key, Value: value = "" } of tags) {
    if (key === undefined || key === "")
      throw new Fault("InvalidParameterValue", "Tag key cannot be null or empty.");
    if (isLonger(key, LONGEST_KEY)) {
      throw new Fault(
        "InvalidParameterValue",
        `Tag key exceeds the maximum length of ${LONGEST_KEY} characters`,
      );
    }
    if (isLonger(value, LONGEST_VALUE)) {
      throw new Fault(
        "InvalidParameterValue",
        `Tag value exceeds the maximum length of ${LONGEST_VALUE} characters`,
      );
    }
    if (/^aws:/i.test(key))
      throw new Fault("InvalidParameterValue", "Tag keys starting with 'aws:' are reserved for internal use");
    all.set(key, value);
  }
  if (all.size > quotas["tags-per-resource"])
    throw new Fault("TagLimitExceeded", "The maximum number of Tags for a resource has been reached.");
  return Object.fromEntries(all);
}
