import { mkdirSync, statfsSync } from "node:fs";
import { open, type RootDatabase } from "lmdb";
import type { Resource } from "../model/resource.ts";
import type { Part } from "../model/state.ts";
import { catchUp, type Missed, newWorld, restore, type World } from "../model/world.ts";
import { CommitQueue, type Write } from "./commit-queue.ts";
import { MAP_BYTES, mendDataFile } from "./data-file.ts";
import { type Elsewhere, type Image, imagePath, openImage } from "./image.ts";
import {
  CHANGED,
  changedKey,
  FORMAT,
  formatChanged,
  type Header,
  HEADER_KEY,
  lookupRecords,
  metaKey,
  parseChanged,
  type Placed,
  rangeOf,
  realmOfKey,
  resourceKey,
  resourcePrefix,
  RESOURCES,
  revisionOfKey,
  seal,
  unseal,
} from "./layout.ts";
import { closeOnExec, lockForWriting } from "./lock.ts";
import { Reserve } from "./reserve.ts";
import { type Commit, type Store, StoreError } from "./store.ts";

/** What a start found in the image, and what changed since the image was made. */
export type LoadedImage = Pick<Image, "section"> & {
  readonly label: string;
  readonly since: readonly Part[];
};

export type EmbeddedStore = Store & {
  /** The image that {@link Store.load} began with; undefined when it read every record. */
  readonly loadedImage: () => LoadedImage | undefined;
  /** Whether so much has changed since the last image that a new one is worth making (image-writer.ts). */
  readonly imageDue: () => boolean;
  /** Call this when a new image was made. */
  readonly imageMade: () => void;
};

/** A smaller state needs no image: its records are read quickly. */
const LEAST_RESOURCES = 20_000;
/** An image is due after at least this many changes, and at least this share of the resources. */
const LEAST_CHANGES = 20_000;
const CHANGED_SHARE = 0.02;
/** How many commits the journal keeps, to make or to use an image. */
const MOST_JOURNALED = 200_000;
/** How many old commits each write removes from the journal, at most. */
const PRUNED_AT_ONCE = 128;

type Counts = Pick<Header, "order" | "resources">;

/** The records of one batch: text to put, undefined to remove. For each key the last one counts. */
type Records = Map<string, string | undefined>;

/** LMDB's keys have at most 1978 bytes. */
const KEY_BYTES = 1900;

/**
 * Opens the store in this folder for writing; makes it when there is none. One commit is one LMDB
 * transaction; commits that wait together share a transaction, and so a flush.
 * @throws StoreError `locked`, `corrupt` or `newer-format`.
 */
export function openEmbedded(
  folder: string,
  warn: (message: string, cause: unknown) => void = () => undefined,
): EmbeddedStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unlock = lockForWriting(folder);
  try {
    mendDataFile(folder);
    const db = openData(folder, false);
    closeOnExec(folder);
    return new Embedded(folder, db, { unlock, warn }).store();
  } catch (cause) {
    unlock();
    throw cause instanceof StoreError
      ? cause
      : new StoreError("corrupt", `${folder} holds no readable store`, { cause });
  }
}

/**
 * The LMDB environment. Without overlapping sync, a transaction's promise resolves after its flush, not
 * before. Batching by event turns is off: it is not needed, and on a full disk it leaves an unhandled
 * promise.
 */
export function openData(folder: string, readOnly: boolean): RootDatabase<Buffer, string> {
  const options = {
    overlappingSync: false,
    eventTurnBatching: false,
    noSubdir: false,
    mapSize: MAP_BYTES,
  } as const;
  return open<Buffer, string>({ path: folder, readOnly, encoding: "binary", ...options });
}

/** @throws StoreError when the records were written by a newer Genkan, or are damaged. */
export function readHeader(db: RootDatabase<Buffer, string>): Header | undefined {
  const value = db.get(HEADER_KEY);
  if (!value) return undefined;
  const header = JSON.parse(unseal(HEADER_KEY, value)) as Header;
  if (header.format > FORMAT)
    throw new StoreError(
      "newer-format",
      `the state was written by a newer Genkan (format ${header.format}; this one knows ${FORMAT})`,
    );
  return header;
}

class Embedded {
  readonly #folder: string;
  readonly #db: RootDatabase<Buffer, string>;
  readonly #unlock: () => void;
  readonly #warn: (message: string, cause: unknown) => void;
  readonly #queue: CommitQueue;
  readonly #reserve: Reserve;
  #header: Header;
  #batches = 0;
  /** The newest image's revision, and the number of changes since; -1 without an image. */
  #imaged = -1;
  #changes = 0;
  /** Older commits are not in the journal. */
  #oldest: number;
  #loaded: LoadedImage | undefined;
  #closing: Promise<void> | undefined;

  constructor(
    folder: string,
    db: RootDatabase<Buffer, string>,
    {
      unlock,
      warn,
    }: { readonly unlock: () => void; readonly warn: (message: string, cause: unknown) => void },
  ) {
    this.#folder = folder;
    this.#db = db;
    this.#unlock = unlock;
    this.#reserve = new Reserve(folder);
    this.#warn = warn;
    const header = readHeader(db);
    if (!header && db.getKeysCount({ limit: 1 }) > 0)
      throw new StoreError("corrupt", "the state has records but no header");
    this.#header = header ?? { format: FORMAT, revision: 0, order: 0, resources: 0 };
    const [first] = db.getKeys({ ...rangeOf(CHANGED), limit: 1 });
    this.#oldest = first === undefined ? this.#header.revision + 1 : revisionOfKey(first);
    this.#queue = new CommitQueue({
      revision: this.#header.revision,
      write: (writes) => this.#write(writes),
    });
  }

  store(): EmbeddedStore {
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
      loadedImage: () => this.#loaded,
      imageDue: () => {
        const { resources } = this.#header;
        const enough = this.#imaged < 0 || this.#changes > Math.max(LEAST_CHANGES, resources * CHANGED_SHARE);
        return resources >= LEAST_RESOURCES && enough;
      },
      imageMade: () => {
        const image = openImage(imagePath(this.#folder));
        // Commits are counted as changes here: this only decides when the next image is due.
        if (image) this.#take(image, Math.min(this.#changes, this.#header.revision - image.about.revision));
        image?.close();
      },
    };
  }

  async #close(): Promise<void> {
    this.#queue.refuse(new StoreError("closed", "the store is closed"));
    await this.#queue.drained();
    await this.#db.close();
    this.#reserve.close();
    this.#unlock();
  }

  #load(): World {
    try {
      const world = this.#loadImage();
      if (world) return world;
    } catch (cause) {
      // The image only helps: the records are the state.
      this.#warn("the state's image is damaged; the state is read from its records", cause);
      this.#imaged = -1;
    }
    this.#loaded = undefined;
    return this.#loadRecords();
  }

  /** The image's state with the journal's later changes; undefined when either is missing. */
  #loadImage(): World | undefined {
    const image = openImage(imagePath(this.#folder));
    if (!image) return undefined;
    const missed = this.#missedSince(image.about.revision);
    if (!missed) {
      image.close();
      return undefined;
    }
    const world = image.world(this.#elsewhere);
    const since = catchUp(world, missed);
    const count = [...world.regions.values()].reduce((sum, region) => sum + region.total(), 0);
    if (count !== this.#header.resources) throw new StoreError("corrupt", "the image does not fit the state");
    this.#take(image, missed.length);
    this.#loaded = { label: image.about.label, section: image.section, since };
    return world;
  }

  /**
   * Reads resources that the image has lost. Commits under way don't matter: a resource that they change is
   * no longer read from the image.
   */
  readonly #elsewhere: Elsewhere = ({ account, region, kind }, cause) => {
    this.#warn(`the state's image is damaged; ${kind} records of ${region} are read from the store`, cause);
    this.#imaged = -1;
    const found = new Map<number, Resource>();
    for (const { key, value } of this.#db.getRange(rangeOf(resourcePrefix(account, region, kind)))) {
      const [order, resource] = JSON.parse(unseal(key, value)) as Placed;
      found.set(order, resource);
    }
    return found;
  };

  #take({ about }: Image, changes: number): void {
    this.#imaged = about.revision;
    this.#changes = changes;
  }

  /**
   * What changed since a revision, each resource once, as it is now; undefined when the journal does not go
   * back that far.
   */
  #missedSince(revision: number): readonly Missed[] | undefined {
    const missed = new Map<string, Missed>();
    let commits = 0;
    for (const { key, value } of this.#db.getRange({
      start: changedKey(revision + 1),
      end: rangeOf(CHANGED).end,
    })) {
      commits += 1;
      for (const [account, region, what] of parseChanged(unseal(key, value)))
        for (const [kind, id] of what)
          missed.set(resourceKey(account, region, kind, id), { account, region, kind, id });
    }
    if (revision + commits !== this.#header.revision) return undefined;
    for (const [key, one] of missed) {
      const value = this.#db.get(key);
      if (!value) continue;
      const [order, resource] = JSON.parse(unseal(key, value)) as Placed;
      missed.set(key, { ...one, now: { resource, order } });
    }
    return [...missed.values()];
  }

  #loadRecords(): World {
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
        throw new StoreError(
          "corrupt",
          `the state has ${count} resources where its header counts ${this.#header.resources}`,
        );
    } catch (cause) {
      throw cause instanceof StoreError
        ? cause
        : new StoreError("corrupt", "the state can't be read", { cause });
    }
    return world;
  }

  async #write(writes: readonly Write[]): Promise<void> {
    const short = this.#reserve.fill();
    if (short && writes.some(isCreation))
      throw new StoreError("full", "no space is left for the state", { cause: short });
    const records: Records = new Map();
    let header = this.#header;
    for (const write of writes) {
      if (write.kind === "meta") records.set(metaKey(write.key), write.value);
      else header = this.#record(records, header, write.commit);
    }
    records.set(HEADER_KEY, JSON.stringify(header));
    const oldest = this.#prune(records, header.revision);
    await this.#flush(records);
    this.#header = header;
    this.#oldest = oldest;
    for (const write of writes)
      if (write.kind === "commit")
        for (const { changes } of write.commit.parts) this.#changes += changes.length;
    // A killed reader keeps old pages in use until somebody checks.
    if (++this.#batches % 1024 === 0) this.#db.readerCheck();
  }

  /**
   * Removes from the journal what no image needs any more, a little at a time. Returns the oldest commit
   * left.
   */
  #prune(records: Records, revision: number): number {
    const end = Math.min(
      Math.max(this.#imaged, revision - MOST_JOURNALED) + 1,
      this.#oldest + PRUNED_AT_ONCE,
    );
    for (let old = this.#oldest; old < end; old++) records.set(changedKey(old), undefined);
    return Math.max(this.#oldest, end);
  }

  /** Adds a commit's records; returns the header after it. */
  #record(records: Records, header: Header, { parts }: Commit): Header {
    let { order, resources } = header;
    for (const part of parts) ({ order, resources } = this.#recordPart(records, { order, resources }, part));
    records.set(changedKey(header.revision + 1), formatChanged(parts));
    return { format: FORMAT, revision: header.revision + 1, order, resources };
  }

  #recordPart(records: Records, counts: Counts, { account, region, changes }: Part): Counts {
    let { order, resources } = counts;
    for (const { kind, id, before, after } of changes) {
      const key = resourceKey(account, region, kind, id);
      const old = this.#placeOf(records, key);
      if ((old === undefined) !== (before === undefined))
        throw new StoreError("failed", `${kind} ${id} is ${old === undefined ? "not " : ""}in the store`);
      const place = old ?? order++;
      const lookups = after ? lookupRecords(account, region, place, after) : new Map<string, string>();
      if (before)
        for (const stale of lookupRecords(account, region, place, before).keys())
          if (!lookups.has(stale)) records.set(stale, undefined);
      for (const [lookup, text] of lookups) records.set(lookup, text);
      records.set(key, after && JSON.stringify([place, after] satisfies Placed));
      resources += Number(after !== undefined) - Number(before !== undefined);
    }
    return { order, resources };
  }

  /** The rank in the order of creation of an existing resource, including this batch's records. */
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
      // Inside the batch, LMDB would throw halfway.
      if (Buffer.byteLength(key) > KEY_BYTES)
        throw new StoreError("failed", `a record's key has more than ${KEY_BYTES} bytes`);
      sealed.push([key, text === undefined ? undefined : seal(text)]);
    }
    try {
      await this.#db.batch(() => {
        for (const [key, value] of sealed) {
          // The batch's own promise reports a failure.
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
      // Reported as `broken` below.
    }
    if (revision !== this.#header.revision) {
      const broken = new StoreError("broken", "the state could not be written, and must be opened again", {
        cause,
      });
      this.#queue.refuse(broken);
      return broken;
    }
    return this.#isFull(cause)
      ? new StoreError("full", "no space is left for the state", { cause })
      : new StoreError("failed", "the state could not be written", { cause });
  }

  /** A write that stops halfway for lack of room is reported as an input/output error. */
  #isFull(cause: unknown): boolean {
    const code = cause instanceof Error && "code" in cause ? Number(cause.code) : 0;
    if (code === ENOSPC || code === EDQUOT) return true;
    if (code !== EIO) return false;
    const { bavail, bsize } = statfsSync(this.#folder);
    return bavail * bsize < LITTLE_ROOM;
  }
}

/** The reserve is for changes of existing resources: ending an instance frees the room of its files. */
function isCreation(write: Write): boolean {
  return (
    write.kind === "commit" &&
    write.commit.parts.some(({ changes }) => changes.some(({ before }) => before === undefined))
  );
}

const EIO = 5;
const ENOSPC = 28;
const EDQUOT = 122;
const LITTLE_ROOM = 1 << 20;

/** LMDB's package throws an error that holds a promise of LMDB's own error. */
async function rootCause(error: unknown): Promise<unknown> {
  try {
    await (error as { readonly commitError?: Promise<unknown> }).commitError;
    return error;
  } catch (cause) {
    return cause;
  }
}
