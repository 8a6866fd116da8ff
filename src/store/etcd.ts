/**
 * The state in etcd, for several machines: one of them, the leader, writes it. The records are those of the
 * embedded store (layout.ts), each under the region's prefix, without checksums, for etcd has its own; and
 * without lookup records, for each machine has those in its own copy.
 */

import type { Clock } from "../lib/clock.ts";
import { newWorld, restore, type World } from "../model/world.ts";
import { CommitQueue, type Write } from "./commit-queue.ts";
import { type Compare, type Etcd, EtcdError, type Put } from "./etcd-client.ts";
import { eachPage } from "./etcd-pages.ts";
import { patiently } from "./etcd-retry.ts";
import {
  FORMAT,
  type Header,
  HEADER_KEY,
  metaKey,
  type Placed,
  realmOfKey,
  resourceKey,
  RESOURCES,
} from "./layout.ts";
import { type Commit, type Store, StoreError } from "./store.ts";

/**
 * Who may write: whoever made this key, as long as it is there. The key goes when its maker's lease ends, and
 * a new leader makes it anew; so every write compares the revision of its making.
 */
export type Fence = { readonly key: string; readonly created: string };

type Options = {
  readonly etcd: Etcd;
  /** What the region's keys begin with. */
  readonly prefix: string;
  readonly fence: Fence;
  readonly clock: Clock;
  /** See {@link mostOperations}; absent: etcd is asked. */
  readonly operations?: number;
};

/** etcd's `--max-txn-ops` and `--max-request-bytes`, as far as is known. */
type Limits = { readonly operations: number; readonly bytes: number };

export type EtcdStore = Store & {
  /** etcd's own revision at which the state was last written; "0" before the first write. */
  readonly at: () => string;
};

/** `writer` names each write, so that a writer whose connection broke can tell whether it happened. */
type EtcdHeader = Header & { readonly writer: string };

const NEW: EtcdHeader = { format: FORMAT, revision: 0, order: 0, resources: 0, writer: "" };
/** Limits of a transaction that are tried: what Genkan starts etcd with, and etcd's own default. */
const OPERATIONS = [20_000, 128];
/** Of etcd's default of 1.5 MiB, with room for what JSON and base64 add. */
const BYTES_TOGETHER = 1 << 20;

/**
 * Opens the region's state in etcd for writing.
 * @throws StoreError `newer-format`; `failed` when etcd does not answer
 */
export async function openEtcd(options: Options): Promise<EtcdStore> {
  try {
    const opened = await patiently(options.clock, () => readBeginning(options));
    return new Writer(options, opened).store();
  } catch (cause) {
    throw asStoreError(cause);
  }
}

async function readBeginning({ etcd, prefix, operations }: Options): Promise<Opened> {
  const [found] = (await etcd.range({ key: prefix + HEADER_KEY })).found;
  const header = found ? (JSON.parse(found.value) as EtcdHeader) : NEW;
  if (header.format > FORMAT)
    throw new StoreError(
      "newer-format",
      `the state was written by a newer Genkan (format ${header.format}; this one knows ${FORMAT})`,
    );
  const meta = new Map<string, string>();
  await eachPage(etcd, prefix, metaKey(""), ({ key, value }) => meta.set(key, value));
  const most = operations ?? (await mostOperations(etcd, prefix));
  const limits = { operations: most, bytes: BYTES_TOGETHER };
  return { header, modified: found?.modified ?? "0", meta, limits };
}

type Opened = {
  readonly header: EtcdHeader;
  readonly modified: string;
  /** By the key without the prefix. */
  readonly meta: Map<string, string>;
  readonly limits: Limits;
};

/** The records of one write, by the key without the prefix: text to put, undefined to remove. */
type Records = Map<string, string | undefined>;

class Writer {
  readonly #options: Options;
  readonly #queue: CommitQueue;
  readonly #meta: Map<string, string>;
  readonly #limits: Limits;
  #header: EtcdHeader;
  /** The cluster's revision at which the header was last written. */
  #modified: string;
  /** The rank in the order of creation of each resource, by its key, as far as it is known. */
  #places = new Map<string, number>();
  /** Whether every resource's rank is known. */
  #loaded = false;
  #writes = 0;

  constructor(options: Options, { header, modified, meta, limits }: Opened) {
    this.#options = options;
    this.#header = header;
    this.#modified = modified;
    this.#meta = meta;
    this.#limits = limits;
    this.#queue = new CommitQueue({
      revision: header.revision,
      write: (writes) => this.#write(writes),
      fitting: (writes) => fitting(writes, limits),
    });
  }

  store(): EtcdStore {
    return {
      at: () => this.#modified,
      revision: () => this.#queue.revision,
      commit: (commit) => this.#queue.add({ kind: "commit", commit }),
      load: async () => {
        await this.#queue.drained();
        return await this.#load();
      },
      meta: (key) => this.#meta.get(metaKey(key)),
      setMeta: async (key, value) => {
        await this.#queue.add({ kind: "meta", key, value });
      },
      close: async () => {
        this.#queue.refuse(new StoreError("closed", "the store is closed"));
        await this.#queue.drained();
      },
    };
  }

  async #load(): Promise<World> {
    const { etcd, prefix, clock } = this.#options;
    let world = newWorld();
    let places = new Map<string, number>();
    const read = async (): Promise<void> => {
      world = newWorld();
      places = new Map();
      await eachPage(etcd, prefix, RESOURCES, ({ key, value }) => {
        const [order, resource] = JSON.parse(value) as Placed;
        const { account, region } = realmOfKey(key);
        restore(world, account, region, resource, order);
        places.set(key, order);
      });
    };
    try {
      await patiently(clock, read);
    } catch (cause) {
      throw asStoreError(cause);
    }
    const { resources } = this.#header;
    if (places.size !== resources)
      throw new StoreError(
        "corrupt",
        `the state has ${places.size} resources where its header counts ${resources}`,
      );
    this.#places = places;
    this.#loaded = true;
    return world;
  }

  /** Reads the ranks of the resources that the writes change, and that are not known yet. */
  async #findPlaces(writes: readonly Write[]): Promise<void> {
    if (this.#loaded) return;
    const keys = new Set(writes.flatMap(changedKeys).filter((key) => !this.#places.has(key)));
    const { etcd, prefix, clock } = this.#options;
    const read = async (key: string): Promise<void> => {
      const [found] = (await patiently(clock, () => etcd.range({ key: prefix + key }))).found;
      if (found) this.#places.set(key, (JSON.parse(found.value) as Placed)[0]);
    };
    try {
      await Promise.all([...keys].map(read));
    } catch (cause) {
      throw asStoreError(cause);
    }
  }

  async #write(writes: readonly Write[]): Promise<void> {
    await this.#findPlaces(writes);
    const records: Records = new Map();
    const places = new Map<string, number | undefined>();
    let header: Header = this.#header;
    for (const write of writes) {
      if (write.kind === "meta") records.set(metaKey(write.key), write.value);
      else header = this.#record(records, places, header, write.commit);
    }
    const next = { ...header, writer: `${this.#options.fence.created}.${++this.#writes}` };
    records.set(HEADER_KEY, JSON.stringify(next satisfies EtcdHeader));
    this.#modified = await this.#transact(records, next.writer);
    this.#header = next;
    for (const [key, place] of places) {
      if (place === undefined) this.#places.delete(key);
      else this.#places.set(key, place);
    }
    for (const write of writes) {
      if (write.kind !== "meta") continue;
      if (write.value === undefined) this.#meta.delete(metaKey(write.key));
      else this.#meta.set(metaKey(write.key), write.value);
    }
  }

  #record(
    records: Records,
    places: Map<string, number | undefined>,
    header: Header,
    { parts }: Commit,
  ): Header {
    let { order, resources } = header;
    for (const { account, region, changes } of parts)
      for (const { kind, id, before, after } of changes) {
        const key = resourceKey(account, region, kind, id);
        const old = places.has(key) ? places.get(key) : this.#places.get(key);
        if ((old === undefined) !== (before === undefined))
          throw new StoreError("failed", `${kind} ${id} is ${old === undefined ? "not " : ""}in the store`);
        const place = old ?? order++;
        places.set(key, after && place);
        records.set(key, after && JSON.stringify([place, after] satisfies Placed));
        resources += Number(after !== undefined) - Number(before !== undefined);
      }
    return { format: FORMAT, revision: header.revision + 1, order, resources };
  }

  /** Writes all of it, if this is still the leader's store. Returns the cluster's revision of the write. */
  async #transact(records: Records, writer: string): Promise<string> {
    const { etcd, prefix, fence, clock } = this.#options;
    const { operations } = this.#limits;
    if (records.size > operations)
      throw new StoreError(
        "too-large",
        `The change has ${records.size} records, and etcd takes ${operations} at once (--max-txn-ops)`,
      );
    const header = prefix + HEADER_KEY;
    const compares: readonly Compare[] = [fence, { key: header, modified: this.#modified }];
    const puts = [...records].map(([key, value]): Put => ({ key: prefix + key, value }));
    try {
      return await patiently(clock, async () => {
        const revision = await etcd.transact(compares, puts);
        if (revision !== undefined) return revision;
        // Either this very write happened, and its answer was lost; or somebody else leads.
        const [found] = (await etcd.range({ key: header })).found;
        if (found && (JSON.parse(found.value) as EtcdHeader).writer === writer) return found.modified;
        // Where the header is another one's, this write may have come before that.
        const isUntouched = (found?.modified ?? "0") === this.#modified;
        const kind = isUntouched ? "deposed" : "broken";
        throw this.#end(new StoreError(kind, "another machine leads the region"));
      });
    } catch (cause) {
      if (!(cause instanceof EtcdError) || cause.kind !== "unavailable") throw asStoreError(cause);
      throw this.#end(new StoreError("broken", "etcd does not say whether the state was written", { cause }));
    }
  }

  /** Takes nothing more: what comes next would rest on what may not be so. */
  #end(error: StoreError): StoreError {
    this.#queue.refuse(error);
    return error;
  }
}

/** The keys of the resources that were there before, and that the write changes. */
function changedKeys(write: Write): readonly string[] {
  if (write.kind === "meta") return [];
  return write.commit.parts.flatMap(({ account, region, changes }) =>
    changes.flatMap(({ kind, id, before }) => (before ? [resourceKey(account, region, kind, id)] : [])),
  );
}

/**
 * How many operations a transaction may have. Asked by one that changes nothing, for etcd does not say it; that
 * takes a while.
 * @throws EtcdError
 */
export async function mostOperations(etcd: Pick<Etcd, "transact">, prefix: string): Promise<number> {
  for (const operations of OPERATIONS) {
    const puts = Array.from({ length: operations }, (_, n): Put => ({ key: `${prefix}none${n}`, value: "" }));
    try {
      // No key was made at the cluster's first revision, which is an empty one.
      await etcd.transact([{ key: prefix, created: "1" }], puts);
      return operations;
    } catch (error) {
      if (!(error instanceof EtcdError) || error.kind !== "refused") throw error;
    }
  }
  throw new StoreError("failed", `etcd takes fewer than ${OPERATIONS.at(-1)} operations in a transaction`);
}

/** How many writes fit into one transaction; the first one counts as fitting. */
function fitting(writes: readonly Write[], { operations, bytes }: Limits): number {
  let count = 0;
  let room = { operations: operations - 1, bytes };
  for (const write of writes) {
    const changes = write.kind === "commit" ? write.commit.parts.flatMap((part) => part.changes) : [];
    const size = changes.reduce((sum, { after }) => sum + (after ? JSON.stringify(after).length : 0), 0);
    room = { operations: room.operations - Math.max(1, changes.length), bytes: room.bytes - size };
    if (count > 0 && (room.operations < 0 || room.bytes < 0)) break;
    count += 1;
  }
  return count;
}

function asStoreError(cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  if (cause instanceof EtcdError && cause.kind === "full")
    return new StoreError("full", "etcd has no space left for the state", { cause });
  return new StoreError("failed", "etcd could not be read or written", { cause });
}
