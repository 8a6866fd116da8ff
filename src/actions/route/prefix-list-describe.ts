import type {
  DescribeManagedPrefixListsRequest,
  DescribeManagedPrefixListsResult,
  DescribePrefixListsRequest,
  DescribePrefixListsResult,
  GetManagedPrefixListAssociationsRequest,
  GetManagedPrefixListAssociationsResult,
  GetManagedPrefixListEntriesRequest,
  GetManagedPrefixListEntriesResult,
  ManagedPrefixList,
} from "@aws-sdk/client-ec2";
import { awsPrefixList, awsPrefixLists } from "../../model/aws-prefix-list.ts";
import { Fault } from "../../model/fault.ts";
import type { PrefixList } from "../../model/prefix-list.ts";
import type { Reader } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { chosen, type FilterFields, paged, searched } from "../kit/describe.ts";
import { found } from "../kit/find.ts";
import { required } from "../kit/parameter.ts";
import { tagList } from "../kit/tags.ts";

/** A user's own list, or one that AWS manages. @throws MissingParameter; InvalidPrefixListID.NotFound. */
export function findPrefixList(tx: Reader, id: string | undefined, context: Context): PrefixList {
  const asked = required(id, "prefixListId");
  return found(tx.get("prefix-list", asked) ?? awsPrefixList(context.region, asked), "prefix-list", asked);
}

/**
 * How much a list counts wherever it is named: as many entries as it may have; those of S3 and DynamoDB, 1
 * (VPC user guide, "Managed prefix lists").
 */
export function weightOf(tx: Reader, id: string, context: Context): number {
  return awsPrefixList(context.region, id) ? 1 : (tx.get("prefix-list", id)?.maxEntries ?? 1);
}

const DescribeManagedPrefixLists: Action<
  DescribeManagedPrefixListsRequest,
  DescribeManagedPrefixListsResult
> = (tx, input, context) => {
  const lists = chosen(
    input.PrefixListIds,
    (id) => findPrefixList(tx, id, context),
    () => [...awsPrefixLists(context.region), ...tx.list("prefix-list")],
  );
  const { items, nextToken } = searched(lists, input, fields(context), { min: 1, max: 100 });
  return { PrefixLists: items.map((list) => describedPrefixList(list, context)), NextToken: nextToken };
};

function fields(context: Context): FilterFields<PrefixList> {
  return {
    "owner-id": (list) => ownerOf(list, context),
    "prefix-list-id": (list) => list.id,
    "prefix-list-name": (list) => list.name,
  };
}

function ownerOf({ id }: PrefixList, context: Context): string {
  return awsPrefixList(context.region, id) ? "AWS" : context.account;
}

/** A list as the API describes it. One that AWS manages tells neither size nor version. */
export function describedPrefixList(list: PrefixList, context: Context): ManagedPrefixList {
  const owner = ownerOf(list, context);
  const own = owner === "AWS" ? {} : { MaxEntries: list.maxEntries, Version: list.version };
  return {
    PrefixListId: list.id,
    PrefixListName: list.name,
    PrefixListArn: `arn:aws:ec2:${context.region}:${owner === "AWS" ? "aws" : owner}:prefix-list/${list.id}`,
    AddressFamily: list.addressFamily,
    State:
      list.deleteFailed === true
        ? "delete-failed"
        : list.version === 1
          ? "create-complete"
          : "modify-complete",
    OwnerId: owner,
    ...own,
    Tags: tagList(list.tags),
  };
}

/** Describes only the lists that AWS manages, with their blocks. */
const DescribePrefixLists: Action<DescribePrefixListsRequest, DescribePrefixListsResult> = (
  _tx,
  input,
  context,
) => {
  const lists = chosen(
    input.PrefixListIds,
    (id) => found(awsPrefixList(context.region, id), "aws-prefix-list", id),
    () => awsPrefixLists(context.region),
  );
  const { items, nextToken } = searched(lists, input, {
    "prefix-list-id": (list) => list.id,
    "prefix-list-name": (list) => list.name,
  });
  const answers = items.map(({ id, name, entries }) => ({
    PrefixListId: id,
    PrefixListName: name,
    Cidrs: entries.map(({ cidr }) => cidr),
  }));
  return { PrefixLists: answers, NextToken: nextToken };
};

const GetManagedPrefixListEntries: Action<
  GetManagedPrefixListEntriesRequest,
  GetManagedPrefixListEntriesResult
> = (tx, input, context) => {
  const list = findPrefixList(tx, input.PrefixListId, context);
  const version = input.TargetVersion ?? list.version;
  const entries = version === list.version ? list.entries : list.history[version - 1];
  if (!entries)
    throw new Fault("PrefixListVersionNotFound", `The prefix list '${list.id}' has no version ${version}.`);
  const { items, nextToken } = paged(entries, input, { min: 1, max: 100 });
  return {
    Entries: items.map(({ cidr, description }) => ({ Cidr: cidr, Description: description })),
    NextToken: nextToken,
  };
};

/** What names the list: route tables and security groups. */
const GetManagedPrefixListAssociations: Action<
  GetManagedPrefixListAssociationsRequest,
  GetManagedPrefixListAssociationsResult
> = (tx, input, context) => {
  const { id } = findPrefixList(tx, input.PrefixListId, context);
  const tables = tx.by("route", "prefixListId", id).map(({ routeTableId }) => routeTableId);
  const groups = tx.by("security-group-rule", "prefixListId", id).map(({ groupId }) => groupId);
  const { items, nextToken } = paged([...new Set([...tables, ...groups])], input, { min: 5, max: 255 });
  const answers = items.map((ResourceId) => ({ ResourceId, ResourceOwner: context.account }));
  return { PrefixListAssociations: answers, NextToken: nextToken };
};

export const prefixListDescribeActions = {
  DescribeManagedPrefixLists,
  DescribePrefixLists,
  GetManagedPrefixListEntries,
  GetManagedPrefixListAssociations,
};
