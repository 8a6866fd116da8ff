/**
 * How the embedded store lays its records out in LMDB's ordered keys. Format 1:
 *
 *   header                                        revision, next place in the order of creation, number of
 *                                                 resources
 *   meta|KEY                                      a text
 *   resource|ACCOUNT|REGION|KIND|ID               [place in the order of creation, the resource]
 *   index|ACCOUNT|REGION|KIND|INDEX|KEY|PLACE|ID  nothing: for the lookups of other processes
 *   slot|SLOT                                     [account, region, id] of the network interface there
 *   changed|REVISION                              [account, region, [[kind, id], …]]: what that commit
 *                                                 changed, for the image; of several regions {"parts": […]}
 *
 * `|` is U+001F. Every value is a CRC-32 (little endian) and the JSON that it covers.
 */

import { crc32 } from "node:zlib";
import { assert } from "../lib/assert.ts";
import { indexKeys } from "../model/index-keys.ts";
import type { Kind, Resource } from "../model/resource.ts";
import type { Part } from "../model/state.ts";
import { StoreError } from "./store.ts";

export const FORMAT = 1;

export type Header = {
  readonly format: number;
  readonly revision: number;
  /** The rank in the order of creation for the next new resource. */
  readonly order: number;
  readonly resources: number;
};

/** A stored resource and its rank in the order of creation. */
export type Placed = readonly [order: number, resource: Resource];

/** The interface that holds a slot. */
export type Holder = readonly [account: string, region: string, id: string];

/**
 * The indexes on disk, for other processes that look up single resources. A process with the state in memory
 * uses its own. Each costs one record per resource.
 */
export const STORED_INDEXES: { readonly [K in Kind]?: readonly string[] } = {
  "network-interface": ["instanceId", "vpcAddress", "publicIp"],
  address: ["networkInterfaceId", "publicIp"],
};

const SEPARATOR = "\u001f";
export const HEADER_KEY = "header";
export const RESOURCES = `resource${SEPARATOR}`;
export const CHANGED = `changed${SEPARATOR}`;

type ChangedPart = readonly [account: string, region: string, what: readonly (readonly [Kind, string])[]];
type Changed = ChangedPart | { readonly parts: readonly ChangedPart[] };

/** What a commit changed, as text. */
export function formatChanged(parts: readonly Part[]): string {
  const changed = parts.map(({ account, region, changes }): ChangedPart => [
    account,
    region,
    changes.map(({ kind, id }) => [kind, id]),
  ]);
  const [only, ...more] = changed;
  return JSON.stringify((only && more.length === 0 ? only : { parts: changed }) satisfies Changed);
}

export function parseChanged(text: string): readonly ChangedPart[] {
  const changed = JSON.parse(text) as Changed;
  return "parts" in changed ? changed.parts : [changed];
}

/** The key for what one commit changed; later commits have greater keys. */
export function changedKey(revision: number): string {
  return `${CHANGED}${revision.toString(16).padStart(14, "0")}`;
}

export function revisionOfKey(key: string): number {
  return Number.parseInt(key.slice(CHANGED.length), 16);
}

export function metaKey(key: string): string {
  return `meta${SEPARATOR}${key}`;
}

export function slotKey(slot: number): string {
  return `slot${SEPARATOR}${slot}`;
}

/** The start of the keys of one account's region, or of one kind there. */
export function resourcePrefix(account: string, region: string, kind?: Kind): string {
  assert(
    !account.includes(SEPARATOR) && !region.includes(SEPARATOR),
    "accounts and regions have plain names",
  );
  return `${RESOURCES}${account}${SEPARATOR}${region}${SEPARATOR}${kind === undefined ? "" : kind + SEPARATOR}`;
}

export function resourceKey(account: string, region: string, kind: Kind, id: string): string {
  return resourcePrefix(account, region, kind) + id;
}

export function kindOfKey(key: string): Kind {
  return key.split(SEPARATOR, 4)[3] as Kind;
}

/** The account and region in a resource's key. */
export function realmOfKey(key: string): { readonly account: string; readonly region: string } {
  const [, account = "", region = ""] = key.split(SEPARATOR, 3);
  return { account, region };
}

/** Whose resource has this key. */
export function partsOfKey(key: string): {
  readonly account: string;
  readonly region: string;
  readonly kind: Kind;
  readonly id: string;
} {
  const [, account = "", region = "", kind = "", ...id] = key.split(SEPARATOR);
  return { account, region, kind: kind as Kind, id: id.join(SEPARATOR) };
}

export function indexPrefix(account: string, region: string, kind: Kind, index: string, key: string): string {
  return ["index", account, region, kind, index, plain(key), ""].join(SEPARATOR);
}

/** The keys of a resource's records besides its own, with their values. */
export function lookupRecords(
  account: string,
  region: string,
  order: number,
  resource: Resource,
): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  const tail = order.toString(16).padStart(14, "0") + SEPARATOR + resource.id;
  for (const index of STORED_INDEXES[resource.kind] ?? [])
    for (const key of indexKeys(resource, index))
      records.set(indexPrefix(account, region, resource.kind, index, key) + tail, "");
  if (resource.kind === "network-interface") {
    const holder: Holder = [account, region, resource.id];
    records.set(slotKey(resource.slot), JSON.stringify(holder));
  }
  return records;
}

/** The resource's id in an index record's key. */
export function idOfIndexKey(key: string): string {
  return key.split(SEPARATOR).slice(7).join(SEPARATOR);
}

/** All keys with this prefix, which ends in ASCII: from `start` up to, but without, `end`. */
export function rangeOf(prefix: string): { readonly start: string; readonly end: string } {
  return {
    start: prefix,
    end: prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1),
  };
}

export function seal(text: string): Buffer {
  const sealed = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
  sealed.write(text, 4);
  sealed.writeUInt32LE(crc32(sealed.subarray(4)), 0);
  return sealed;
}

/** Checks a value and removes its checksum. @throws StoreError `corrupt` when it is not as it was written. */
export function unseal(key: string, value: Buffer): string {
  const body = value.subarray(4);
  if (value.length < 4 || crc32(body) !== value.readUInt32LE(0))
    throw new StoreError("corrupt", `the record ${key.replaceAll(SEPARATOR, "|")} is damaged`);
  return body.toString();
}

/** A key with the separator escaped; different keys stay different. */
function plain(key: string): string {
  return key.includes(SEPARATOR) || key.startsWith("%") ? `%${Buffer.from(key).toString("base64url")}` : key;
}
