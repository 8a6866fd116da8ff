import { mkdirSync, statfsSync } from "node:fs";
import { open, type RootDatabase } from "lmdb";
import type { Change } from "../model/state.ts";
import { newWorld, restore, type World } from "../model/world.ts";
import { CommitQueue, type Write } from "./commit-queue.ts";
import {
  FORMAT,
  type Header,
  HEADER_KEY,
  lookupRecords,
  metaKey,
  type Placed,
  rangeOf,
  realmOfKey,
  resourceKey,
  RESOURCES,
  seal,
  unseal,
} from "./layout.ts";
import { MAP_BYTES, mendDataFile } from "./data-file.ts";
import { closeOnExec, lockForWriting } from "./lock.ts";
import { type Commit, type Store, StoreError } from "./store.ts";

/** The records of one batch: text to put, undefined to remove. The last word on a key counts. */
type Records = Map<string, string | undefined>;

/** LMDB's keys end at 1978 bytes. */
const KEY_BYTES = 1900;

/**
 * Opens the store in this folder for writing, and makes it when there is none. One commit is one LMDB
 * transaction; those that wait together share one, and so one flush.
 * @throws StoreError `locked`, `corrupt` or `newer-format`.
 */
export function openEmbedded(folder: string): Store {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unlock = lockForWriting(folder);
  try {
    mendDataFile(folder);
    const db = openData(folder, false);
    closeOnExec(folder);
    return new Embedded(folder, db, unlock).store();
  } catch (cause) {
    unlock();
    throw cause instanceof StoreError ? cause : new StoreError("corrupt", `${folder} holds no readable store`, { cause });
  }
}

/**
 * The LMDB environment. Without overlapping sync a transaction's promise resolves after its flush, not before.
 * Batching by event turns is not needed, and leaves a promise of its own unhandled when the disk is full.
 */
export function openData(folder: string, readOnly: boolean): RootDatabase<Buffer, string> {
  const options = { overlappingSync: false, eventTurnBatching: false, noSubdir: false, mapSize: MAP_BYTES } as const;
  return open<Buffer, string>({ path: folder, readOnly, encoding: "binary", ...options });
}

/** @throws StoreError when the records come from a newer Genkan, or are damaged. */
export function readHeader(db: RootDatabase<Buffer, string>): Header | undefined {
  const value = db.get(HEADER_KEY);
  if (!value) return undefined;
  const header = JSON.parse(unseal(HEADER_KEY, value)) as Header;
  if (header.format > FORMAT)
    throw new StoreError("newer-format", `the state was written by a newer Genkan (format ${header.format}; this one knows ${FORMAT})`);
  return header;
}

class Embedded {
  readonly #folder: string;
  readonly #db: RootDatabase<Buffer, string>;
  readonly #unlock: () => void;
  readonly #queue: CommitQueue;
  #header: Header;
  #batches = 0;
  #closing: Promise<void> | undefined;

  constructor(folder: string, db: RootDatabase<Buffer, string>, unlock: () => void) {
    this.#folder = folder;
    this.#db = db;
    this.#unlock = unlock;
    const header = readHeader(db);
    if (!header && db.getKeysCount({ limit: 1 }) > 0) throw new StoreError("corrupt", "the state has records but no header");
    this.#header = header ?? { format: FORMAT, revision: 0, order: 0, resources: 0 };
    this.#queue = new CommitQueue({ revision: this.#header.revision, write: (writes) => this.#write(writes) });
  }

  store(): Store {
    return {
      revision: () => this.#queue.revision,
      commit: (commit) => this.#queue.add({ kind: "commit", commit }),
      load: async () => {
        await this.#queue.drained();
        return this.#load();
      },
      meta: (key) => {
        const value = this.#db.get(metaKey(key));
        return value && unseal(metaKey(key), value);
      },
      setMeta: async (key, value) => {
        await this.#queue.add({ kind: "meta", key, value });
      },
      close: () => (this.#closing ??= this.#close()),
    };
  }

  async #close(): Promise<void> {
    this.#queue.refuse(new StoreError("closed", "the store is closed"));
    await this.#queue.drained();
    await this.#db.close();
    this.#unlock();
  }

  #load(): World {
    const world = newWorld();
    try {
      let count = 0;
      const { start, end } = rangeOf(RESOURCES);
      for (const { key, value } of this.#db.getRange({ start, end })) {
        const [order, resource] = JSON.parse(unseal(key, value)) as Placed;
        const { account, region } = realmOfKey(key);
        restore(world, account, region, resource, order);
        count += 1;
      }
      if (count !== this.#header.resources)
        throw new StoreError("corrupt", `the state has ${count} resources where its header counts ${this.#header.resources}`);
    } catch (cause) {
      throw cause instanceof StoreError ? cause : new StoreError("corrupt", "the state can't be read", { cause });
    }
    return world;
  }

  async #write(writes: readonly Write[]): Promise<void> {
    const records: Records = new Map();
    let header = this.#header;
    for (const write of writes) {
      if (write.kind === "meta") records.set(metaKey(write.key), write.value);
      else header = this.#record(records, header, write.commit);
    }
    records.set(HEADER_KEY, JSON.stringify(header));
    await this.#flush(records);
    this.#header = header;
    // A reader that was killed holds old pages until someone looks.
    if (++this.#batches % 1024 === 0) this.#db.readerCheck();
  }

  /** Adds a commit's records, and gives the header after it. */
  #record(records: Records, header: Header, { account, region, changes }: Commit): Header {
    let { order, resources } = header;
    for (const { kind, id, before, after } of changes as readonly Change[]) {
      const key = resourceKey(account, region, kind, id);
      const old = this.#placeOf(records, key);
      if ((old === undefined) !== (before === undefined))
        throw new StoreError("failed", `${kind} ${id} is ${old === undefined ? "not " : ""}in the store`);
      const place = old ?? order++;
      const lookups = after ? lookupRecords(account, region, place, after) : new Map<string, string>();
      if (before)
        for (const stale of lookupRecords(account, region, place, before).keys()) if (!lookups.has(stale)) records.set(stale, undefined);
      for (const [lookup, text] of lookups) records.set(lookup, text);
      records.set(key, after && JSON.stringify([place, after] satisfies Placed));
      resources += Number(after !== undefined) - Number(before !== undefined);
    }
    return { format: FORMAT, revision: header.revision + 1, order, resources };
  }

  /** The place in the order of creation of a resource that is there, with this batch's records on top. */
  #placeOf(records: Records, key: string): number | undefined {
    let text = records.get(key);
    if (text === undefined && !records.has(key)) {
      const value = this.#db.get(key);
      text = value && unseal(key, value);
    }
    return text === undefined ? undefined : Number.parseInt(text.slice(1), 10);
  }

  async #flush(records: Records): Promise<void> {
    const sealed: [string, Buffer | undefined][] = [];
    for (const [key, text] of records) {
      // Inside the batch it would throw half way.
      if (Buffer.byteLength(key) > KEY_BYTES) throw new StoreError("failed", `a record's key has more than ${KEY_BYTES} bytes`);
      sealed.push([key, text === undefined ? undefined : seal(text)]);
    }
    try {
      await this.#db.batch(() => {
        for (const [key, value] of sealed) {
          // The batch's own promise tells of a failure.
          const part = value ? this.#db.put(key, value) : this.#db.remove(key);
          part.then(undefined, () => undefined);
        }
      });
    } catch (error) {
      throw this.#refusal(await rootCause(error));
    }
  }

  #refusal(cause: unknown): StoreError {
    this.#db.resetReadTxn();
    let revision: number | undefined;
    try {
      revision = readHeader(this.#db)?.revision ?? 0;
    } catch {
      // Told as broken below.
    }
    if (revision !== this.#header.revision) {
      const broken = new StoreError("broken", "the state could not be written, and must be opened again", { cause });
      this.#queue.refuse(broken);
      return broken;
    }
    return this.#isFull(cause)
      ? new StoreError("full", "no space is left for the state", { cause })
      : new StoreError("failed", "the state could not be written", { cause });
  }

  /** A write that stops half way for want of room is told as an input/output error. */
  #isFull(cause: unknown): boolean {
    const code = cause instanceof Error && "code" in cause ? Number(cause.code) : 0;
    if (code === ENOSPC || code === EDQUOT) return true;
    if (code !== EIO) return false;
    const { bavail, bsize } = statfsSync(this.#folder);
    return bavail * bsize < LITTLE_ROOM;
  }
}

const EIO = 5;
const ENOSPC = 28;
const EDQUOT = 122;
const LITTLE_ROOM = 1 << 20;

/** LMDB's own error stands behind a promise in the one that its package throws. */
async function rootCause(error: unknown): Promise<unknown> {
  try {
    await (error as { readonly commitError?: Promise<unknown> }).commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}
