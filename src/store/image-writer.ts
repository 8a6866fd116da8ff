import { closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import type { RootDatabase } from "lmdb";
import { IndexPacker } from "../model/index-packer.ts";
import { type Kind, SLOTTED, type SlottedKind } from "../model/resource.ts";
import type { PackedIndex } from "../model/packed.ts";
import { checkDataFile } from "./data-file.ts";
import { openData } from "./embedded.ts";
import { type About, ADDED, type Image, IMAGE_FORMAT, imagePath, openImage, partName } from "./image.ts";
import { HEADER_KEY, type Header, kindOfKey, type Placed, rangeOf, realmOfKey, RESOURCES, unseal } from "./layout.ts";
import { closeOnExec, lockForWriting } from "./lock.ts";
import { openSections, SectionWriter } from "./section-file.ts";
import { StoreError } from "./store.ts";

/** What goes into the image besides the state: bytes by name, made from the image of the state, for what `label` says. */
export type Addition = {
  readonly label: string;
  readonly sections: (image: Image) => Iterable<readonly [name: string, bytes: Uint8Array]>;
};

/**
 * Makes an image of what the store in this folder holds now, beside the process that writes to the store, and puts it in
 * the place of the former one. Costs some ten microseconds a resource: meant for a process of its own.
 * @throws StoreError `missing` or `corrupt`; what the system says, such as ENOSPC: then the former image stays.
 */
export async function writeImage(folder: string, addition: Addition): Promise<About> {
  const draft = `${imagePath(folder)}.new`;
  checkDataFile(folder);
  const unlock = lockForWriting(folder, "image.lock");
  const db = openData(folder, true);
  try {
    closeOnExec(folder);
    writeState(db, draft);
    addSections(draft, addition);
    const about = openImage(draft)?.about;
    if (!about) throw new StoreError("failed", "the image can't be read back");
    renameSync(draft, imagePath(folder));
    syncFolder(folder);
    return about;
  } catch (cause) {
    rmSync(draft, { force: true });
    throw cause;
  } finally {
    unlock();
    await db.close();
  }
}

type Key = { readonly account: string; readonly region: string; readonly kind: Kind };

/** All records of one kind in one account's region. */
class Part {
  readonly packer: IndexPacker;
  readonly #orders: number[] = [];
  readonly #offsets: number[] = [];
  readonly #lengths: number[] = [];
  #bytes = 0;

  constructor(kind: Kind) {
    this.packer = new IndexPacker(kind);
  }

  add(order: number, bytes: number): void {
    this.#orders.push(order);
    this.#offsets.push(this.#bytes);
    this.#lengths.push(bytes);
    this.#bytes += bytes;
  }

  /** Everything but the records themselves. Returns how many there are. */
  finish(writer: SectionWriter, name: (part: string) => string): number {
    // Read in the order of their ids; here they stand in order of creation.
    const sequence = Uint32Array.from(this.#orders.keys()).sort((a, b) => (this.#orders[a] ?? 0) - (this.#orders[b] ?? 0));
    const places = new Uint32Array(sequence.length);
    for (const [place, read] of sequence.entries()) places[read] = place;
    const inOrder = (numbers: readonly number[]): Float64Array => Float64Array.from(sequence, (read) => numbers[read] ?? 0);
    writer.add(name("orders"), [bytesOf(inOrder(this.#orders))]);
    writer.add(name("offsets"), [bytesOf(inOrder(this.#offsets))]);
    writer.add(name("lengths"), [bytesOf(Uint32Array.from(inOrder(this.#lengths)))]);
    for (const [index, packed] of this.packer.finish(places))
      for (const list of ["hashes", "starts", "places"] as const satisfies readonly (keyof PackedIndex)[])
        writer.add(name(`index/${index}/${list}`), [bytesOf(packed[list])]);
    return sequence.length;
  }
}

function writeState(db: RootDatabase<Buffer, string>, path: string): void {
  const writer = new SectionWriter(openSync(path, "w", 0o600), {}, 0);
  const realms: { account: string; region: string; kinds: [Kind, number][] }[] = [];
  const slots = new Map<SlottedKind, number[]>(SLOTTED.map((kind) => [kind, []]));
  // One view of the store, whatever is committed meanwhile.
  const transaction = db.useReadTransaction();
  let resources = 0;
  const head = db.get(HEADER_KEY, { transaction });
  if (!head) throw new StoreError("missing", "there is no state yet");
  const header = JSON.parse(unseal(HEADER_KEY, head)) as Header;
  const entries = db.getRange({ ...rangeOf(RESOURCES), transaction })[Symbol.iterator]();
  let entry = entries.next();
  while (!entry.done) {
    const { account, region, kind } = keyOf(entry.value.key);
    const part = new Part(kind);
    const records = function* (): Iterable<Uint8Array> {
      while (!entry.done) {
        const { key, value } = entry.value;
        const one = keyOf(key);
        if (one.kind !== kind || one.region !== region || one.account !== account) return;
        const [order, resource] = JSON.parse(unseal(key, value)) as Placed;
        part.add(order, value.length);
        part.packer.add(resource);
        if ("slot" in resource) slots.get(resource.kind)?.push(resource.slot);
        resources += 1;
        yield value;
        entry = entries.next();
      }
    };
    const name = (which: string): string => partName({ account, region }, kind, which);
    writer.add(name("records"), records());
    const last = realms.at(-1);
    const realm = last?.account === account && last.region === region ? last : { account, region, kinds: [] };
    if (realm !== last) realms.push(realm);
    realm.kinds.push([kind, part.finish(writer, name)]);
  }
  transaction.done();
  if (resources !== header.resources)
    throw new StoreError("corrupt", `the state has ${resources} resources where its header counts ${header.resources}`);
  for (const [kind, numbers] of slots) writer.add(`slots/${kind}`, [bytesOf(Uint32Array.from(numbers))]);
  writer.finish({ format: IMAGE_FORMAT, revision: header.revision, resources, realms, slots: SLOTTED, label: "" } satisfies About);
}

function addSections(path: string, { label, sections }: Addition): void {
  const image = openImage(path);
  const file = openSections<About>(path, "r+");
  if (!image || !file) throw new StoreError("failed", "the image can't be read back");
  const writer = file.extend();
  for (const [name, bytes] of sections(image)) writer.add(ADDED + name, [bytes]);
  writer.finish({ ...file.about, label } satisfies About);
  image.close();
}

function keyOf(key: string): Key {
  return { ...realmOfKey(key), kind: kindOfKey(key) };
}

function bytesOf(numbers: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  fsyncSync(fd);
  closeSync(fd);
}
