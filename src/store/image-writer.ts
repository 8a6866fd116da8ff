import { closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import type { RootDatabase } from "lmdb";
import { parseIpv4 } from "../lib/address.ts";
import { present } from "../lib/assert.ts";
import { IndexPacker } from "../model/index-packer.ts";
import type { PackedIndex } from "../model/packed.ts";
import { type Kind, type Resource, SLOTTED, type SlottedKind } from "../model/resource.ts";
import { publicIpsOf } from "../model/world-shared.ts";
import { checkDataFile } from "./data-file.ts";
import { openData } from "./embedded.ts";
import { type About, ADDED, type Image, IMAGE_FORMAT, imagePath, openImage, partName } from "./image.ts";
import {
  HEADER_KEY,
  type Header,
  kindOfKey,
  type Placed,
  rangeOf,
  realmOfKey,
  resourcePrefix,
  RESOURCES,
  unseal,
} from "./layout.ts";
import { closeOnExec, lockForWriting } from "./lock.ts";
import { openSections, SectionWriter } from "./section-file.ts";
import { StoreError } from "./store.ts";

/**
 * What goes into the image besides the state: bytes by name, made from the state's image; `label` says what
 * they are made for.
 */
export type Addition = {
  readonly label: string;
  readonly sections: (image: Image) => Iterable<readonly [name: string, bytes: Uint8Array]>;
};

/**
 * Makes an image of what the store in this folder holds now, while another process writes to the store, and
 * puts it in place of the former image. It costs some ten microseconds per resource, so it runs in a process
 * of its own.
 * @throws StoreError `missing` or `corrupt`; or the system's error, such as ENOSPC. The former image then
 * stays.
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

/**
 * All records of one kind in one account's region: collected in memory, then written to the file in order of
 * creation.
 */
class Part {
  readonly #kind: Kind;
  readonly #records: { readonly order: number; readonly value: Buffer }[] = [];

  constructor(kind: Kind) {
    this.#kind = kind;
  }

  add(value: Buffer): void {
    // The text is `[ORDER,…`, after the checksum.
    this.#records.push({ order: Number.parseInt(value.toString("latin1", 5, 25), 10), value });
  }

  /** Writes them, and calls back for every resource. Returns how many there are. */
  write(writer: SectionWriter, name: (part: string) => string, visit: (resource: Resource) => void): number {
    const records = this.#records.sort((a, b) => a.order - b.order);
    const packer = new IndexPacker(this.#kind);
    for (const { value } of records) {
      const [, resource] = JSON.parse(unseal(name("records"), value)) as Placed;
      packer.add(resource);
      visit(resource);
    }
    let at = 0;
    const offsets = Float64Array.from(records, ({ value }) => (at += value.length) - value.length);
    writer.add(
      name("records"),
      records.map(({ value }) => value),
    );
    writer.add(name("orders"), [bytesOf(Float64Array.from(records, ({ order }) => order))]);
    writer.add(name("offsets"), [bytesOf(offsets)]);
    writer.add(name("lengths"), [bytesOf(Uint32Array.from(records, ({ value }) => value.length))]);
    for (const [index, packed] of packer.finish())
      for (const list of ["hashes", "starts", "places"] as const satisfies readonly (keyof PackedIndex)[])
        writer.add(name(`index/${index}/${list}`), [bytesOf(packed[list])]);
    return records.length;
  }
}

function writeState(db: RootDatabase<Buffer, string>, path: string): void {
  const writer = new SectionWriter(openSync(path, "w", 0o600), {}, 0);
  // One snapshot of the store, whatever is committed meanwhile.
  const transaction = db.useReadTransaction();
  const head = db.get(HEADER_KEY, { transaction });
  if (!head) throw new StoreError("missing", "there is no state yet");
  const header = JSON.parse(unseal(HEADER_KEY, head)) as Header;
  const realms: { account: string; region: string; kinds: [Kind, number][] }[] = [];
  const slots = new Map<SlottedKind, number[]>(SLOTTED.map((kind) => [kind, []]));
  const publicIps: number[] = [];
  const finish = (part: Part, { account, region, kind }: Key): void => {
    const count = part.write(
      writer,
      (which) => partName({ account, region }, kind, which),
      (resource) => {
        if ("slot" in resource) slots.get(resource.kind)?.push(resource.slot);
        for (const ip of publicIpsOf(resource)) publicIps.push(present(parseIpv4(ip), `the address ${ip}`));
      },
    );
    const last = realms.at(-1);
    if (last?.account === account && last.region === region) last.kinds.push([kind, count]);
    else realms.push({ account, region, kinds: [[kind, count]] });
  };
  let current: { readonly part: Part; readonly prefix: string; readonly of: Key } | undefined;
  for (const { key, value } of db.getRange({ ...rangeOf(RESOURCES), transaction })) {
    if (!current || !key.startsWith(current.prefix)) {
      if (current) finish(current.part, current.of);
      const of: Key = { ...realmOfKey(key), kind: kindOfKey(key) };
      current = { part: new Part(of.kind), prefix: resourcePrefix(of.account, of.region, of.kind), of };
    }
    current.part.add(value);
  }
  if (current) finish(current.part, current.of);
  transaction.done();
  const resources = realms.reduce(
    (sum, { kinds }) => sum + kinds.reduce((all, [, count]) => all + count, 0),
    0,
  );
  if (resources !== header.resources)
    throw new StoreError(
      "corrupt",
      `the state has ${resources} resources where its header counts ${header.resources}`,
    );
  for (const [kind, numbers] of slots) writer.add(`slots/${kind}`, [bytesOf(Uint32Array.from(numbers))]);
  writer.add("public-ips", [bytesOf(Uint32Array.from(publicIps))]);
  writer.finish({
    format: IMAGE_FORMAT,
    revision: header.revision,
    resources,
    realms,
    slots: SLOTTED,
    label: "",
  } satisfies About);
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

function bytesOf(numbers: Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
}

function syncFolder(folder: string): void {
  const fd = openSync(folder, "r");
  fsyncSync(fd);
  closeSync(fd);
}
