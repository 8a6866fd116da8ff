import { Fault } from "../../model/fault.ts";
import type { Sharing } from "../../model/snapshot.ts";

/** How requests name whom something is shared with. */
type Named = { readonly Group?: string | undefined; readonly UserId?: string | undefined };

type Asked = {
  readonly add: readonly Named[];
  readonly remove: readonly Named[];
};

export const UNSHARED: Sharing = { isPublic: false, users: [] };

/**
 * What a request for a change of sharing names, in either of its two forms. @throws
 * InvalidParameterCombination for neither.
 */
export function sharingAsked(
  structured:
    | { readonly Add?: readonly Named[] | undefined; readonly Remove?: readonly Named[] | undefined }
    | undefined,
  {
    operation,
    groups = [],
    users = [],
  }: {
    operation: string | undefined;
    groups?: readonly string[] | undefined;
    users?: readonly string[] | undefined;
  },
): Asked {
  const flat = [...groups.map((Group) => ({ Group })), ...users.map((UserId) => ({ UserId }))];
  const isAdded = operation === "add";
  if (flat.length > 0 && !isAdded && operation !== "remove") {
    throw new Fault(
      "InvalidParameterCombination",
      "The request must contain the parameter operationType, which is add or remove.",
    );
  }
  return {
    add: [...(structured?.Add ?? []), ...(isAdded ? flat : [])],
    remove: [...(structured?.Remove ?? []), ...(isAdded ? [] : flat)],
  };
}

/** @throws InvalidAMIAttributeItemValue for what is no account, and no group but `all`. */
export function shared({ isPublic, users }: Sharing, { add, remove }: Asked): Sharing {
  for (const named of [...add, ...remove]) requireNamed(named);
  const isNamed = (list: readonly Named[]): boolean => list.some(({ Group }) => Group === "all");
  const accounts = (list: readonly Named[]): string[] => list.flatMap(({ UserId }) => UserId ?? []);
  const removed = new Set(accounts(remove));
  return {
    isPublic: isNamed(remove) ? false : isNamed(add) || isPublic,
    users: [...new Set([...users, ...accounts(add)])].filter((user) => !removed.has(user)),
  };
}

function requireNamed({ Group, UserId }: Named): void {
  const wrong = (value: string, type: string): Fault =>
    new Fault(
      "InvalidAMIAttributeItemValue",
      `Invalid attribute item value "${value}" for ${type} item type.`,
    );
  if (Group !== undefined && Group !== "all") throw wrong(Group, "userGroup");
  if (UserId !== undefined && !/^\d{12}$/.test(UserId)) throw wrong(UserId, "userId");
}

/** The groups and accounts as the API lists them. */
export function describedSharing({ isPublic, users }: Sharing): Named[] {
  return [...(isPublic ? [{ Group: "all" }] : []), ...users.map((UserId) => ({ UserId }))];
}
