import type {
  CreateTagsRequest,
  DeleteTagsRequest,
  DescribeTagsRequest,
  DescribeTagsResult,
  ResourceType,
} from "@aws-sdk/client-ec2";
import type { Tags } from "../../model/common.ts";
import type { Reader } from "../../model/state.ts";
import type { Action } from "../kit/action.ts";
import { type FilterFields, filtered, paged } from "../kit/describe.ts";
import { type Done, DONE, required } from "../kit/parameter.ts";
import { checkedTags } from "../kit/tags.ts";
import { allTagged, findTagged, type Tagged, taggedOrAbsent } from "./taggable.ts";

const CreateTags: Action<CreateTagsRequest, Done> = (tx, input, { quotas, region }) => {
  const tags = given(input.Tags, "tagSet");
  for (const id of new Set(given(input.Resources, "resourceIdSet"))) {
    const resource = findTagged(tx, id, region);
    resource.retag(tx, checkedTags(resource.tags, tags, quotas));
  }
  return DONE;
};

/** Deletes the tags named; one named with a value only if it has that value; all tags when none is named. */
const DeleteTags: Action<DeleteTagsRequest, Done> = (tx, input, { region }) => {
  for (const id of new Set(given(input.Resources, "resourceIdSet"))) {
    const resource = findTagged(tx, id, region);
    const tags = Object.entries(resource.tags).filter(([key, value]) => !isNamed(input.Tags, key, value));
    resource.retag(tx, Object.fromEntries(tags));
  }
  return DONE;
};

function isNamed(named: DeleteTagsRequest["Tags"], key: string, value: string): boolean {
  if (isAwsTag(key)) return false;
  if (!named || named.length === 0) return true;
  return named.some((tag) => tag.Key === key && (tag.Value === undefined || tag.Value === value));
}

/** AWS's own tags stay (EC2 API reference, DeleteTags). */
function isAwsTag(key: string): boolean {
  return key.startsWith("aws:");
}

function given<T>(list: readonly T[] | undefined, name: string): readonly T[] {
  return required(list && list.length > 0 ? list : undefined, name);
}

const DescribeTags: Action<DescribeTagsRequest, DescribeTagsResult> = (tx, input, { region }) => {
  const items = candidates(tx, input, region).flatMap(({ id, type, tags }) =>
    Object.entries(tags).map(([Key, Value]): Item => ({
      Key,
      Value,
      ResourceId: id,
      ResourceType: type,
      tags: { [Key]: Value },
    })),
  );
  const { items: page, nextToken } = paged(filtered(items, input.Filters, FIELDS), input);
  const Tags = page.map(({ Key, Value, ResourceId, ResourceType }) => ({
    Key,
    ResourceId,
    ResourceType,
    Value,
  }));
  return { Tags, NextToken: nextToken };
};

type Item = {
  readonly Key: string;
  readonly Value: string;
  readonly ResourceId: string;
  readonly ResourceType: ResourceType;
  /** The tag itself, for the filter `tag:KEY`. */
  readonly tags: Tags;
};

/** The resources that the filters leave: only those named when they are named by id, else all. */
function candidates(
  tx: Reader,
  { Filters: filters }: DescribeTagsRequest,
  region: string,
): readonly Tagged[] {
  const ids = filters?.find(({ Name }) => Name === "resource-id")?.Values ?? [];
  if (ids.length === 0 || ids.some((id) => /[*?\\]/.test(id))) return allTagged(tx, region);
  return [...new Set(ids)].flatMap((id) => taggedOrAbsent(tx, id, region) ?? []);
}

const FIELDS: FilterFields<Item> = {
  key: (item) => item.Key,
  "resource-id": (item) => item.ResourceId,
  "resource-type": (item) => item.ResourceType,
  value: (item) => item.Value,
};

export const tagActions = { CreateTags, DeleteTags, DescribeTags };
