import type {
  AddPrefixListEntry,
  CreateManagedPrefixListRequest,
  CreateManagedPrefixListResult,
  DeleteManagedPrefixListRequest,
  DeleteManagedPrefixListResult,
  ModifyManagedPrefixListRequest,
  ModifyManagedPrefixListResult,
  RestoreManagedPrefixListVersionRequest,
  RestoreManagedPrefixListVersionResult,
} from "@aws-sdk/client-ec2";
import { formatBlock, parseIpv4Block, parseIpv6Block } from "../../lib/block.ts";
import { awsPrefixList } from "../../model/aws-prefix-list.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { PrefixList } from "../../model/prefix-list.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { refuseUnoffered, required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagsFor } from "../kit/tags.ts";
import { describedPrefixList, findPrefixList } from "./prefix-list-describe.ts";

type Entries = PrefixList["entries"];

/** What AWS allows (VPC user guide, "Amazon VPC quotas"). */
const MOST_ENTRIES = 1000;

const CreateManagedPrefixList: Action<CreateManagedPrefixListRequest, CreateManagedPrefixListResult> = (
  tx,
  input,
  context,
) => {
  const name = nameOf(required(input.PrefixListName, "prefixListName"));
  const family = required(input.AddressFamily, "addressFamily");
  if (family !== "IPv4" && family !== "IPv6") {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${family}) for parameter addressFamily is invalid. Valid values: IPv4, IPv6.`,
    );
  }
  const maxEntries = sizeOf(required(input.MaxEntries, "maxEntries"));
  const tags = tagsFor("prefix-list", input.TagSpecifications, context.quotas);
  const entries = withAdded([], input.Entries ?? [], family);
  requireSize(entries, maxEntries);
  const words = "The maximum number of prefix lists has been reached.";
  requireQuota(context, "prefix-lists", tx.count("prefix-list") + 1, "PrefixListLimitExceeded", words);
  const list: PrefixList = {
    kind: "prefix-list",
    id: newId("prefix-list", context.random),
    tags,
    name,
    addressFamily: family,
    maxEntries,
    version: 1,
    entries,
    history: [],
  };
  tx.put(list);
  return { PrefixList: { ...describedPrefixList(list, context), State: "create-in-progress" } };
};

function nameOf(name: string): string {
  if (name.length <= 255 && !/^com\.amazonaws/i.test(name)) return name;
  throw new Fault("InvalidParameterValue", `Value (${name}) for parameter prefixListName is invalid.`);
}

function sizeOf(maxEntries: number): number {
  if (maxEntries >= 1 && maxEntries <= MOST_ENTRIES) return maxEntries;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${maxEntries}) for parameter maxEntries is invalid. Valid values: 1 to ${MOST_ENTRIES}.`,
  );
}

function requireSize(entries: Entries, maxEntries: number): void {
  if (entries.length <= maxEntries) return;
  throw new Fault(
    "PrefixListMaxEntriesExceeded",
    `The prefix list can have at most ${maxEntries} entries, not ${entries.length}.`,
  );
}

/** The block in canonical form. @throws InvalidParameterValue for what is none of the family. */
function blockOf(text: string | undefined, family: PrefixList["addressFamily"]): string {
  const asked = required(text, "cidr");
  const block = parseIpv4Block(asked);
  if (family === "IPv4" && block) return formatBlock(block);
  const block6 = parseIpv6Block(asked);
  if (family === "IPv6" && block6) return formatBlock(block6);
  throw new Fault("InvalidParameterValue", `The CIDR '${asked}' is not a valid ${family} CIDR block.`);
}

function withAdded(
  entries: Entries,
  added: readonly AddPrefixListEntry[],
  family: PrefixList["addressFamily"],
): Entries {
  const all = new Map(entries.map((entry) => [entry.cidr, entry]));
  const seen = new Set<string>();
  for (const { Cidr, Description } of added) {
    const cidr = blockOf(Cidr, family);
    const known = all.get(cidr);
    if (seen.has(cidr) || (known && (known.description ?? "") === (Description ?? ""))) {
      throw new Fault(
        "InvalidPrefixListModification",
        `An entry with the CIDR (${cidr}) and description (${Description ?? ""}) already exists.`,
      );
    }
    seen.add(cidr);
    all.set(cidr, {
      cidr,
      ...(Description === undefined || Description === "" ? {} : { description: Description }),
    });
  }
  return [...all.values()];
}

function withRemoved(entries: Entries, removed: readonly string[]): Entries {
  const missing = removed.find((cidr) => !entries.some((entry) => entry.cidr === cidr));
  if (missing !== undefined) {
    throw new Fault(
      "InvalidPrefixListModification",
      `The prefix list has no entry with the CIDR (${missing}).`,
    );
  }
  return entries.filter(({ cidr }) => !removed.includes(cidr));
}

/** One of the user's own. @throws OperationNotPermitted for one that AWS manages. */
function findOwnPrefixList(tx: Reader, id: string | undefined, context: Context): PrefixList {
  if (awsPrefixList(context.region, id ?? "")) {
    throw new Fault(
      "OperationNotPermitted",
      `The prefix list '${id}' is managed by AWS and cannot be changed.`,
    );
  }
  return findPrefixList(tx, id, context);
}

/** Entries make a new version; a name or a size does not. */
const ModifyManagedPrefixList: Action<ModifyManagedPrefixListRequest, ModifyManagedPrefixListResult> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["IpamPrefixListResolverSyncEnabled"]);
  const list = findOwnPrefixList(tx, input.PrefixListId, context);
  const { AddEntries = [], RemoveEntries = [] } = input;
  const changed = AddEntries.length + RemoveEntries.length > 0;
  if (changed && input.MaxEntries !== undefined) {
    const words =
      "You cannot modify the entries and the maximum entries for the prefix list in the same request.";
    throw new Fault("InvalidParameterCombination", words);
  }
  if (changed && input.CurrentVersion === undefined) {
    throw new Fault("MissingParameter", "The request must contain the parameter currentVersion");
  }
  if (input.CurrentVersion !== undefined) requireVersion(list, input.CurrentVersion);
  const left = withRemoved(
    list.entries,
    RemoveEntries.map(({ Cidr }) => blockOf(Cidr, list.addressFamily)),
  );
  const entries = withAdded(left, AddEntries, list.addressFamily);
  const maxEntries = input.MaxEntries === undefined ? list.maxEntries : sizeOf(input.MaxEntries);
  requireSize(entries, maxEntries);
  const { deleteFailed: _, ...kept } = list;
  const named: PrefixList = {
    ...kept,
    maxEntries,
    name: input.PrefixListName === undefined ? list.name : nameOf(input.PrefixListName),
  };
  const next = changed ? versioned(named, entries) : named;
  tx.put(next);
  return { PrefixList: { ...describedPrefixList(next, context), State: "modify-in-progress" } };
};

function versioned(list: PrefixList, entries: Entries): PrefixList {
  return { ...list, version: list.version + 1, entries, history: [...list.history, list.entries] };
}

function requireVersion(list: PrefixList, version: number): void {
  if (version !== list.version)
    throw new Fault("PrefixListVersionMismatch", "The prefix list has the incorrect version number.");
}

const RestoreManagedPrefixListVersion: Action<
  RestoreManagedPrefixListVersionRequest,
  RestoreManagedPrefixListVersionResult
> = (tx, input, context) => {
  const list = findOwnPrefixList(tx, input.PrefixListId, context);
  requireVersion(list, required(input.CurrentVersion, "currentVersion"));
  const previous = required(input.PreviousVersion, "previousVersion");
  const entries = list.history[previous - 1];
  if (!entries)
    throw new Fault(
      "PrefixListVersionNotFound",
      `The prefix list '${list.id}' has no version ${previous} to restore.`,
    );
  requireSize(entries, list.maxEntries);
  const next = versioned(list, entries);
  tx.put(next);
  return { PrefixList: { ...describedPrefixList(next, context), State: "restore-in-progress" } };
};

/** One that a route or a rule names stays, and says afterwards that it could not be deleted. */
const DeleteManagedPrefixList: Action<DeleteManagedPrefixListRequest, DeleteManagedPrefixListResult> = (
  tx,
  input,
  context,
) => {
  const list = findOwnPrefixList(tx, input.PrefixListId, context);
  if (isNamed(tx, list.id)) tx.put({ ...list, deleteFailed: true });
  else tx.delete("prefix-list", list.id);
  return { PrefixList: { ...describedPrefixList(list, context), State: "delete-in-progress" } };
};

function isNamed(tx: Tx, id: string): boolean {
  return (
    tx.countBy("route", "prefixListId", id) > 0 || tx.countBy("security-group-rule", "prefixListId", id) > 0
  );
}

export const prefixListActions = {
  CreateManagedPrefixList,
  ModifyManagedPrefixList,
  RestoreManagedPrefixListVersion,
  DeleteManagedPrefixList,
};
