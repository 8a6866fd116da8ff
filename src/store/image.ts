/**
 * An image of the state at one revision, in a file beside the store: the same records and their indexes,
 * packed so that a start need not decode them. It is made now and then, and only ever helps: with the journal
 * of later changes it gives the state that the store has; without it, or when it is damaged, the store's own
 * records are read.
 */

import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ipv4 } from "../lib/address.ts";
import { present } from "../lib/assert.ts";
import { Packed, PackedDamage, type PackedIndex, type PackedRecords } from "../model/packed.ts";
import { Region } from "../model/region.ts";
import { INDEXES, type Kind, type Resource, type SlottedKind } from "../model/resource.ts";
import { newWorld, type World } from "../model/world.ts";
import { type Placed, unseal } from "./layout.ts";
import { openSections, type SectionFile } from "./section-file.ts";

/**
 * The number grows whenever the sections change their meaning. An image with other indexes, or other
 * definitions of them, is not read.
 */
export const IMAGE_FORMAT = `1 ${createHash("sha256")
  .update(
    JSON.stringify(INDEXES, (_, value: unknown) => (typeof value === "function" ? value.toString() : value)),
  )
  .digest("hex")}`;

/** The content of an image's directory. */
export type About = {
  readonly format: string;
  readonly revision: number;
  readonly resources: number;
  readonly realms: readonly {
    readonly account: string;
    readonly region: string;
    readonly kinds: readonly (readonly [Kind, number])[];
  }[];
  readonly slots: readonly SlottedKind[];
  /** What the added sections were made for; see {@link Image.section}. */
  readonly label: string;
};

export type Image = {
  readonly about: About;
  /** The state at its revision. `elsewhere`: reads a kind when its part turns out to be damaged. */
  readonly world: (elsewhere?: Elsewhere) => World;
  /** The bytes added under this name, or undefined. @throws StoreError `corrupt`. */
  readonly section: (name: string) => Uint8Array<ArrayBuffer> | undefined;
  readonly close: () => void;
};

/**
 * All resources of a kind in one account's region as the store has them now, by rank in the order of
 * creation. `cause`: the damage that made this necessary.
 */
export type Elsewhere = (
  place: { readonly account: string; readonly region: string; readonly kind: Kind },
  cause: unknown,
) => ReadonlyMap<number, Resource>;

export function imagePath(folder: string): string {
  return join(folder, "image");
}

/** The name of one part of a kind's resources. */
export function partName(
  realm: { readonly account: string; readonly region: string },
  kind: Kind,
  part: string,
): string {
  return `${realm.account}/${realm.region}/${kind}/${part}`;
}

export const ADDED = "added/";

/** The image at this path; undefined when there is none or it can't be read. */
export function openImage(path: string): Image | undefined {
  let file: SectionFile<About> | undefined;
  try {
    file = openSections<About>(path);
  } catch {
    return undefined;
  }
  if (file?.about.format !== IMAGE_FORMAT) {
    file?.close();
    return undefined;
  }
  const found = file;
  return {
    about: found.about,
    world: (elsewhere) => worldOf(found, { damaged: () => rmSync(path, { force: true }), elsewhere }),
    section: (name) => (found.has(ADDED + name) ? found.read(ADDED + name) : undefined),
    close: () => found.close(),
  };
}

type Damage = {
  /** Called when a part turns out to be damaged, perhaps much later: the image is useless then. */
  readonly damaged: () => void;
  readonly elsewhere: Elsewhere | undefined;
};

function worldOf(file: SectionFile<About>, { damaged, elsewhere }: Damage): World {
  const world = newWorld();
  for (const realm of file.about.realms) {
    const packed = realm.kinds.map(
      ([kind, size]) =>
        new Packed(
          kind,
          watched(
            recordsOf(file, size, (part) => partName(realm, kind, part)),
            damaged,
            elsewhere &&
              ((cause) => elsewhere({ account: realm.account, region: realm.region, kind }, cause)),
          ),
        ),
    );
    world.regions.set(`${realm.account}/${realm.region}`, new Region(packed));
  }
  for (const ip of words(file.read("public-ips"))) world.publicIps.add(ipv4(ip));
  for (const kind of file.about.slots) {
    const slots = present(world.slots.get(kind), `${kind} has slots`);
    for (const slot of words(file.read(`slots/${kind}`))) slots.take(slot);
  }
  return world;
}

/**
 * After damage in a part the image is useless: the next start reads the records, and this one reads those of
 * the damaged kind.
 */
function watched(
  { size, orderAt, record, index }: PackedRecords,
  damaged: () => void,
  elsewhere: ((cause: unknown) => ReadonlyMap<number, Resource>) | undefined,
): PackedRecords {
  let why: unknown;
  const watch =
    <From, To>(read: (from: From) => To) =>
    (from: From): To => {
      try {
        return read(from);
      } catch (cause) {
        damaged();
        why = cause;
        throw new PackedDamage("the state's image is damaged", { cause });
      }
    };
  return {
    size,
    orderAt: watch(orderAt),
    record: watch(record),
    index: watch(index),
    ...(elsewhere ? { elsewhere: () => elsewhere(why) } : {}),
  };
}

/** A part is read when it is first needed, and its records one at a time. */
function recordsOf(file: SectionFile<About>, size: number, name: (part: string) => string): PackedRecords {
  const part = <T>(which: string, read: (bytes: Uint8Array<ArrayBuffer>) => T): (() => T) => {
    let found: T | undefined;
    return () => (found ??= read(file.read(name(which))));
  };
  const orders = part("orders", doubles);
  const offsets = part("offsets", doubles);
  const lengths = part("lengths", words);
  const records = readingAhead((from, most) => file.readPart(name("records"), from, most));
  const indexes = new Map<string, PackedIndex>();
  return {
    size,
    orderAt: (place) => orders()[place] ?? -1,
    record: (place) => {
      const bytes = records(offsets()[place] ?? 0, lengths()[place] ?? 0);
      const [, resource] = JSON.parse(unseal(name(String(place)), bytes)) as Placed;
      return resource;
    },
    index: (which) => {
      let found = indexes.get(which);
      if (!found) {
        const numbers = (list: string): Uint32Array => words(file.read(name(`index/${which}/${list}`)));
        found = { hashes: numbers("hashes"), starts: numbers("starts"), places: numbers("places") };
        indexes.set(which, found);
      }
      return found;
    },
  };
}

const BLOCK = 1 << 16;

/** Reads a whole block when reading goes forward, as through a list; else only what is needed. */
function readingAhead(
  read: (from: number, most: number) => Uint8Array<ArrayBuffer>,
): (from: number, bytes: number) => Buffer {
  let block = Buffer.alloc(0);
  let start = 0;
  let last = -1;
  return (from, bytes) => {
    if (from < start || from + bytes > start + block.length) {
      block = Buffer.from(read(from, from === last ? Math.max(BLOCK, bytes) : bytes).buffer);
      start = from;
    }
    last = from + bytes;
    return block.subarray(from - start, from - start + bytes);
  };
}

function words(bytes: Uint8Array<ArrayBuffer>): Uint32Array {
  return new Uint32Array(bytes.buffer);
}

function doubles(bytes: Uint8Array<ArrayBuffer>): Float64Array {
  return new Float64Array(bytes.buffer);
}
