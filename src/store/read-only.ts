import type { RootDatabase } from "lmdb";
import { indexKeys } from "../model/index-keys.ts";
import type { NetworkInterface } from "../model/network-interface.ts";
import type { Realm } from "../model/realm.ts";
import type { IndexName, Kind, Resource, Resources } from "../model/resource.ts";
import type { Reader } from "../model/state.ts";
import { checkDataFile } from "./data-file.ts";
import { openData, readHeader } from "./embedded.ts";
import {
  type Holder,
  idOfIndexKey,
  indexPrefix,
  metaKey,
  type Placed,
  rangeOf,
  realmOfKey,
  resourceKey,
  resourcePrefix,
  RESOURCES,
  slotKey,
  STORED_INDEXES,
  unseal,
} from "./layout.ts";
import { closeOnExec } from "./lock.ts";
import { StoreError } from "./store.ts";

/**
 * What another process has committed so far, read from disk for each question: nothing is held in memory and
 * nothing needs refreshing. Questions without an `await` in between see the same revision.
 */
export type View = {
  readonly revision: () => number;
  /** Every realm that holds anything. */
  readonly realms: () => readonly Realm[];
  /**
   * A lookup by id, or by one of {@link STORED_INDEXES}, costs the size of the answer; any other reads all of
   * the kind.
   */
  readonly reader: (account: string, region: string) => Reader;
  /** The network interface with this slot. */
  readonly interfaceAt: (
    slot: number,
  ) => (Realm & { readonly networkInterface: NetworkInterface }) | undefined;
  readonly meta: (key: string) => string | undefined;
  readonly close: () => Promise<void>;
};

/**
 * Opens the store in this folder for reading while another process writes to it.
 * @throws StoreError `missing`, `corrupt` or `newer-format`.
 */
export function openReadOnly(folder: string): View {
  checkDataFile(folder);
  let db: RootDatabase<Buffer, string>;
  try {
    db = openData(folder, true);
    closeOnExec(folder);
    readHeader(db);
  } catch (cause) {
    throw cause instanceof StoreError
      ? cause
      : new StoreError("corrupt", `${folder} holds no readable store`, { cause });
  }
  const now = newestSnapshot(db);
  const text = (key: string): string | undefined => {
    const value = now().get(key);
    return value && unseal(key, value);
  };
  const reader = (account: string, region: string): Reader => readerOn(now, account, region);
  return {
    revision: () => readHeader(now())?.revision ?? 0,
    realms: () => realmsIn(now()),
    reader,
    interfaceAt: (slot) => {
      const holder = text(slotKey(slot));
      if (holder === undefined) return undefined;
      const [account, region, id] = JSON.parse(holder) as Holder;
      const networkInterface = reader(account, region).get("network-interface", id);
      return networkInterface && { account, region, networkInterface };
    },
    meta: (key) => text(metaKey(key)),
    close: () => db.close(),
  };
}

/**
 * Takes a new snapshot at the first question after the caller last waited. (LMDB's package by itself does so
 * only after a millisecond.)
 */
function newestSnapshot(db: RootDatabase<Buffer, string>): () => RootDatabase<Buffer, string> {
  let current = false;
  return () => {
    if (!current) {
      db.resetReadTxn();
      current = true;
      queueMicrotask(() => {
        current = false;
      });
    }
    return db;
  };
}

function readerOn(now: () => RootDatabase<Buffer, string>, account: string, region: string): Reader {
  const get = (kind: Kind, id: string): Resource | undefined => {
    const key = resourceKey(account, region, kind, id);
    const value = now().get(key);
    return value && (JSON.parse(unseal(key, value)) as Placed)[1];
  };
  const list = (kind: Kind): readonly Resource[] => {
    const all: Placed[] = [];
    for (const { key, value } of now().getRange(rangeOf(resourcePrefix(account, region, kind))))
      all.push(JSON.parse(unseal(key, value)) as Placed);
    return all.sort(([a], [b]) => a - b).map(([, resource]) => resource);
  };
  const by = (kind: Kind, index: string, key: string): readonly Resource[] => {
    if (!STORED_INDEXES[kind]?.includes(index))
      return list(kind).filter((resource) => indexKeys(resource, index).includes(key));
    const found: Resource[] = [];
    for (const record of now().getKeys(rangeOf(indexPrefix(account, region, kind, index, key)))) {
      const resource = get(kind, idOfIndexKey(record));
      if (!resource) throw new StoreError("corrupt", `the index ${index} of ${kind} names what is not there`);
      found.push(resource);
    }
    return found;
  };
  return {
    get: <K extends Kind>(kind: K, id: string) => get(kind, id) as Resources[K] | undefined,
    list: <K extends Kind>(kind: K) => list(kind) as readonly Resources[K][],
    by: <K extends Kind>(kind: K, index: IndexName<K>, key: string) =>
      by(kind, index, key) as readonly Resources[K][],
    count: (kind) => now().getKeysCount(rangeOf(resourcePrefix(account, region, kind))),
    countBy: (kind, index, key) => by(kind, index, key).length,
    sliceBy: <K extends Kind>(
      kind: K,
      index: IndexName<K>,
      key: string,
      range: { readonly start: number; readonly end: number },
    ) => (by(kind, index, key) as readonly Resources[K][]).slice(range.start, range.end),
    slice: <K extends Kind>(kind: K, start: number, end: number) =>
      (list(kind) as readonly Resources[K][]).slice(start, end),
  };
}

/** Jumps from one realm to the next. */
function realmsIn(db: RootDatabase<Buffer, string>): readonly Realm[] {
  const realms: Realm[] = [];
  const { end } = rangeOf(RESOURCES);
  let { start } = rangeOf(RESOURCES);
  for (;;) {
    const [key] = db.getKeys({ start, end, limit: 1 });
    if (key === undefined) return realms;
    const realm = realmOfKey(key);
    realms.push(realm);
    start = rangeOf(resourcePrefix(realm.account, realm.region)).end;
  }
}
