import type { CreateTagsRequest, DeleteTagsRequest, DescribeTagsRequest, DescribeTagsResult, ResourceType } from "@aws-sdk/client-ec2";
import type { Tags } from "../model/common.ts";
import { Fault, type FaultCode } from "../model/fault.ts";
import type { Kind, Resource } from "../model/resource.ts";
import type { Reader } from "../model/state.ts";
import type { Action } from "./action.ts";
import { type FilterFields, filtered, paged } from "./describe.ts";
import { type Done, DONE, required } from "./parameter.ts";
import { checkedTags } from "./tags.ts";

type Taggable = {
  readonly kind: Kind;
  /** What AWS calls the type in DescribeTags. */
  readonly type: ResourceType;
  readonly code: FaultCode;
  /** The NotFound fault's words; %s stands for the id. */
  readonly words: string;
};

/** What can carry tags, by the prefix of its ids. */
const TAGGABLE: Readonly<Record<string, Taggable>> = {
  vpc: { kind: "vpc", type: "vpc", code: "InvalidVpcID.NotFound", words: "The vpc ID '%s' does not exist" },
  subnet: { kind: "subnet", type: "subnet", code: "InvalidSubnetID.NotFound", words: "The subnet ID '%s' does not exist" },
  rtb: { kind: "route-table", type: "route-table", code: "InvalidRouteTableID.NotFound", words: "The routeTable ID '%s' does not exist" },
  igw: {
    kind: "internet-gateway",
    type: "internet-gateway",
    code: "InvalidInternetGatewayID.NotFound",
    words: "The internetGateway ID '%s' does not exist",
  },
  eipalloc: { kind: "address", type: "elastic-ip", code: "InvalidAllocationID.NotFound", words: "The allocation ID '%s' does not exist" },
  eni: {
    kind: "network-interface",
    type: "network-interface",
    code: "InvalidNetworkInterfaceID.NotFound",
    words: "The networkInterface ID '%s' does not exist",
  },
  sg: { kind: "security-group", type: "security-group", code: "InvalidGroup.NotFound", words: "The security group '%s' does not exist" },
  sgr: {
    kind: "security-group-rule",
    type: "security-group-rule",
    code: "InvalidSecurityGroupRuleId.NotFound",
    words: "The security group rule ID '%s' does not exist",
  },
  acl: { kind: "network-acl", type: "network-acl", code: "InvalidNetworkAclID.NotFound", words: "The networkAcl ID '%s' does not exist" },
  i: { kind: "instance", type: "instance", code: "InvalidInstanceID.NotFound", words: "The instance ID '%s' does not exist" },
  key: { kind: "key-pair", type: "key-pair", code: "InvalidKeyPair.NotFound", words: "The key pair '%s' does not exist" },
  dopt: {
    kind: "dhcp-options",
    type: "dhcp-options",
    code: "InvalidDhcpOptionID.NotFound",
    words: "The dhcpOption ID '%s' does not exist",
  },
};

const PREFIX = /^([a-z]+)-/;

/** @throws InvalidID for an id of no kind that can be tagged; the kind's own NotFound. */
function findTagged(tx: Reader, id: string): Resource {
  const prefix = PREFIX.exec(id)?.[1] ?? "";
  const taggable = Object.hasOwn(TAGGABLE, prefix) ? TAGGABLE[prefix] : undefined;
  if (!taggable) throw new Fault("InvalidID", `The ID '${id}' is not valid`);
  const resource = tx.get(taggable.kind, id);
  if (!resource)
    throw new Fault(
      taggable.code,
      taggable.words.replace("%s", () => id),
    );
  return resource;
}

const CreateTags: Action<CreateTagsRequest, Done> = (tx, input, { quotas }) => {
  const tags = given(input.Tags, "tagSet");
  for (const id of new Set(given(input.Resources, "resourceIdSet"))) {
    const resource = findTagged(tx, id);
    tx.put({ ...resource, tags: checkedTags(resource.tags, tags, quotas) });
  }
  return DONE;
};

/** Deletes the tags named; one named with a value only if it has that value; all tags when none is named. */
const DeleteTags: Action<DeleteTagsRequest, Done> = (tx, input) => {
  for (const id of new Set(given(input.Resources, "resourceIdSet"))) {
    const resource = findTagged(tx, id);
    const tags = Object.entries(resource.tags).filter(([key, value]) => !isNamed(input.Tags, key, value));
    tx.put({ ...resource, tags: Object.fromEntries(tags) });
  }
  return DONE;
};

function isNamed(named: DeleteTagsRequest["Tags"], key: string, value: string): boolean {
  if (!named || named.length === 0) return true;
  return named.some((tag) => tag.Key === key && (tag.Value === undefined || tag.Value === value));
}

function given<T>(list: readonly T[] | undefined, name: string): readonly T[] {
  return required(list && list.length > 0 ? list : undefined, name);
}

const DescribeTags: Action<DescribeTagsRequest, DescribeTagsResult> = (tx, input) => {
  const items = candidates(tx, input).flatMap(({ type, resource }) =>
    Object.entries(resource.tags).map(([Key, Value]): Item => ({
      Key,
      Value,
      ResourceId: resource.id,
      ResourceType: type,
      tags: { [Key]: Value },
    })),
  );
  const { items: page, nextToken } = paged(filtered(items, input.Filters, FIELDS), input);
  const Tags = page.map(({ Key, Value, ResourceId, ResourceType }) => ({ Key, ResourceId, ResourceType, Value }));
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
type Candidate = { readonly type: ResourceType; readonly resource: Resource };

/** The resources that the filters leave: only those named when they are named by id, else all. */
function candidates(tx: Reader, { Filters: filters }: DescribeTagsRequest): Candidate[] {
  const ids = filters?.find(({ Name }) => Name === "resource-id")?.Values ?? [];
  if (ids.length > 0 && ids.every((id) => !/[*?\\]/.test(id))) {
    return [...new Set(ids)].flatMap((id) => {
      const taggable = TAGGABLE[PREFIX.exec(id)?.[1] ?? ""];
      const resource = taggable && tx.get(taggable.kind, id);
      return resource ? [{ type: taggable.type, resource }] : [];
    });
  }
  return Object.values(TAGGABLE).flatMap(({ kind, type }) => tx.list(kind).map((resource) => ({ type, resource })));
}

const FIELDS: FilterFields<Item> = {
  key: (item) => item.Key,
  "resource-id": (item) => item.ResourceId,
  "resource-type": (item) => item.ResourceType,
  value: (item) => item.Value,
};

export const tagActions = { CreateTags, DeleteTags, DescribeTags };
