import assert from "node:assert/strict";
import {
  copyFileSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { seededRandom } from "../lib/random.ts";
import { keyHash } from "../model/packed.ts";
import { INDEXES, KINDS, type Resource } from "../model/resource.ts";
import type { Tx } from "../model/state.ts";
import { readerOf, type World } from "../model/world.ts";
import { type EmbeddedStore, openEmbedded } from "./embedded.ts";
import { openData } from "./embedded.ts";
import { writeImage } from "./image-writer.ts";
import { imagePath } from "./image.ts";
import { CHANGED, rangeOf } from "./layout.ts";
import { ACCOUNT, Caller, keyPair, networkInterface, REGION } from "./test-store.ts";

const OTHER = "eu-west-1";
const NOTHING = { label: "", sections: () => [] };

async function inFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "genkan-image-"));
  try {
    await body(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Everything that the world says, by every way of asking. */
function everything(world: World): object {
  return [...world.regions.keys()].toSorted().map((key) => {
    const [account = "", region = ""] = key.split("/");
    const reader = readerOf(world, account, region);
    return KINDS.map((kind) => {
      const all = reader.list(kind) as readonly Resource[];
      const indexes = Object.entries(
        INDEXES[kind] as Readonly<Record<string, (r: Resource) => readonly string[]>>,
      );
      const found = indexes.map(([index, keysOf]) =>
        all.flatMap(keysOf).map((value) => {
          const under = reader.by(kind, index as never, value).map(({ id }) => id);
          return [value, under, reader.countBy(kind, index as never, value)];
        }),
      );
      const slots = all.flatMap((r) => ("slot" in r ? [r.slot] : []));
      return [kind, all, all.map(({ id }) => reader.get(kind, id)), reader.count(kind), found, slots];
    });
  });
}

function shared(world: World): object {
  return [[...world.slots].map(([kind, slots]) => [kind, slots.free()]), world.publicIps.has("203.0.113.7")];
}

/**
 * Some changes of one region or of both at once; some delete a resource and make another under the same id.
 */
async function change(caller: Caller, random: () => number): Promise<void> {
  const region = random() < 0.5 ? REGION : OTHER;
  const both = random() < 0.3;
  await caller.change((tx) => {
    changeIn(region, tx);
    if (both) changeIn(region === REGION ? OTHER : REGION, tx);
  }, region);

  function changeIn(region: string, asked: Tx): void {
    const tx = asked.elsewhere(region);
    for (let step = 0; step < 4; step++) {
      const id = `eni-${Math.floor(random() * 8)}`;
      const known = tx.get("network-interface", id);
      if (known && random() < 0.4) tx.delete("network-interface", id);
      else {
        const before = readerOf(caller.world, ACCOUNT, region).get("network-interface", id);
        const subnetId = `subnet-${Math.floor(random() * 3)}`;
        tx.put(
          networkInterface(id, known?.slot ?? before?.slot ?? tx.slot("network-interface"), {
            subnetId,
            description: String(random()),
          }),
        );
      }
    }
    const key = `key-${Math.floor(random() * 4)}`;
    if (tx.get("key-pair", key)) tx.delete("key-pair", key);
    else tx.put(keyPair(key, String(random())));
  }
}

function randomOf(seed: number): () => number {
  const { hex } = seededRandom(seed);
  return () => Number.parseInt(hex(8), 16) / 2 ** 32;
}

async function opened(folder: string): Promise<{ store: EmbeddedStore; world: World }> {
  const store = openEmbedded(folder);
  return { store, world: await store.load() };
}

test("a state loaded from an image and the journal is the state of the records, whatever changed since", () =>
  inFolder(async (folder) => {
    const random = randomOf(7);
    let imaged = 0;
    for (let round = 0; round < 25; round++) {
      const { store, world } = await opened(folder);
      const caller = new Caller(store, world);
      if (store.loadedImage()) imaged += 1;
      for (let count = Math.floor(random() * 6); count > 0; count--) await change(caller, random);
      if (round === 0)
        await caller.change((tx) =>
          tx.put({ kind: "address", id: "eipalloc-1", tags: {}, publicIp: "203.0.113.7" }),
        );
      const inMemory = [everything(world), shared(world)];
      await store.close();
      if (random() < 0.4) await writeImage(folder, NOTHING);

      const again = await opened(folder);
      assert.deepEqual([everything(again.world), shared(again.world)], inMemory, "by the image");
      await again.store.close();
      const bare = mkdtempSync(join(folder, "bare-"));
      copyFileSync(join(folder, "data.mdb"), join(bare, "data.mdb"));
      const plain = await opened(bare);
      assert.equal(plain.store.loadedImage(), undefined);
      assert.deepEqual([everything(plain.world), shared(plain.world)], inMemory, "by the records");
      await plain.store.close();
    }
    assert(imaged > 5, `${imaged} starts had an image`);
  }));

test("changes since the image are told with before and after, each resource once", () =>
  inFolder(async (folder) => {
    const first = await opened(folder);
    const caller = new Caller(first.store, first.world);
    await caller.change((tx) => {
      tx.put(keyPair("stays"));
      tx.put(keyPair("changes", "old"));
      tx.put(keyPair("goes"));
      tx.put(keyPair("is made anew", "old"));
    });
    await writeImage(folder, { label: "words", sections: () => [["part", Buffer.from("added")]] });
    await caller.change((tx) => {
      tx.put(keyPair("changes", "between"));
      tx.delete("key-pair", "is made anew");
      tx.put(keyPair("comes and goes"));
    });
    await caller.change((tx) => {
      tx.put(keyPair("changes", "new"));
      tx.put(keyPair("is made anew", "new"));
      tx.delete("key-pair", "goes");
      tx.delete("key-pair", "comes and goes");
      tx.put(keyPair("comes"));
    });
    await first.store.close();
    const { store, world } = await opened(folder);
    const loaded = store.loadedImage();
    assert.equal(loaded?.label, "words");
    assert.deepEqual(Buffer.from(loaded.section("part") ?? "").toString(), "added");
    assert.equal(loaded.section("no such part"), undefined);
    const told = loaded.since.flatMap(({ changes }) =>
      changes.map(({ id, before, after }) => [
        id,
        ...[before, after].map((side) => side && "publicKey" in side && side.publicKey),
      ]),
    );
    assert.deepEqual(
      new Map(told.map(([id, ...sides]) => [id, sides])),
      new Map([
        ["changes", ["old", "new"]],
        ["goes", ["", undefined]],
        ["is made anew", ["old", "new"]],
        ["comes", [undefined, ""]],
      ]),
    );
    assert.deepEqual(
      readerOf(world, ACCOUNT, REGION)
        .list("key-pair")
        .map(({ id }) => id),
      ["stays", "changes", "is made anew", "comes"],
    );
    await store.close();
  }));

test("an image that is cut short, of another format, or older than the journal is not used", () =>
  inFolder(async (folder) => {
    const first = await opened(folder);
    const caller = new Caller(first.store, first.world);
    await caller.change((tx) => tx.put(keyPair("a")));
    await writeImage(folder, NOTHING);
    await caller.change((tx) => tx.put(keyPair("b")));
    await first.store.close();
    const whole = readFileSync(imagePath(folder));
    const isUsed = async (): Promise<boolean> => {
      const { store, world } = await opened(folder);
      assert.deepEqual(
        readerOf(world, ACCOUNT, REGION)
          .list("key-pair")
          .map(({ id }) => id),
        ["a", "b"],
      );
      await store.close();
      return store.loadedImage() !== undefined;
    };
    assert.equal(await isUsed(), true);
    for (const length of [0, 10, whole.length - 1]) {
      truncateSync(imagePath(folder), length);
      assert.equal(await isUsed(), false, `${length} of ${statSync(imagePath(folder)).size} bytes`);
      writeFileSync(imagePath(folder), whole);
    }
    const otherFormat = Buffer.from(whole);
    otherFormat.write('"format":"9', whole.lastIndexOf('"format":"'));
    writeFileSync(imagePath(folder), otherFormat);
    assert.equal(await isUsed(), false, "its directory's checksum is not right");
    writeFileSync(imagePath(folder), whole);
    // A version without images wrote to the store meanwhile.
    const db = openData(folder, false);
    await Promise.all(Array.from(db.getKeys(rangeOf(CHANGED)), (key) => db.remove(key)));
    await db.close();
    assert.equal(await isUsed(), false, "the journal has a gap");
  }));

test("an image with a changed byte is never taken for the state", () =>
  inFolder(async (folder) => {
    const first = await opened(folder);
    const caller = new Caller(first.store, first.world);
    const random = randomOf(3);
    for (let count = 0; count < 6; count++) await change(caller, random);
    await first.store.close();
    const wanted = everything(first.world);
    await writeImage(folder, NOTHING);
    const whole = readFileSync(imagePath(folder));
    for (let trial = 0; trial < 150; trial++) {
      const damaged = Buffer.from(whole);
      const at = Math.floor(random() * whole.length);
      damaged[at] = (damaged[at] ?? 0) ^ (1 << Math.floor(random() * 8));
      writeFileSync(imagePath(folder), damaged);
      const { store, world } = await opened(folder);
      assert.deepEqual(everything(world), wanted, `byte ${at}`);
      await store.close();
    }
  }));

test("changes before and after an image's damage is found are as the records have them", () =>
  inFolder(async (folder) => {
    const random = randomOf(11);
    let met = 0;
    for (let trial = 0; trial < 16; trial++) {
      const first = await opened(folder);
      const before = new Caller(first.store, first.world);
      for (let count = 0; count < 3; count++) await change(before, random);
      await first.store.close();
      await writeImage(folder, NOTHING);
      const damaged = readFileSync(imagePath(folder));
      const directory = damaged.readDoubleLE(damaged.length - 16);
      for (let count = 0; count < 2; count++) damaged[Math.floor(random() * directory)] = 0x5a;
      writeFileSync(imagePath(folder), damaged);
      const warned: string[] = [];
      const store = openEmbedded(folder, (message) => warned.push(message));
      const world = await store.load();
      const caller = new Caller(store, world);
      for (let count = 0; count < 5; count++) await change(caller, random);
      const inMemory = [everything(world), shared(world)];
      await store.close();
      if (warned.some((message) => message.includes("are read from the store"))) met += 1;
      const bare = mkdtempSync(join(folder, "bare-"));
      copyFileSync(join(folder, "data.mdb"), join(bare, "data.mdb"));
      const plain = await opened(bare);
      assert.deepEqual([everything(plain.world), shared(plain.world)], inMemory, `trial ${trial}`);
      await plain.store.close();
    }
    assert.ok(met > 3, `${met} met the damage while they were up`);
  }));

test("keys of one hash are told apart", () =>
  inFolder(async (folder) => {
    const seen = new Map<number, string>();
    const pairs: [string, string][] = [];
    for (let name = 0; pairs.length < 3; name++) {
      const id = `key-${name}`;
      const other = seen.get(keyHash(id));
      if (other !== undefined) pairs.push([other, id]);
      seen.set(keyHash(id), id);
    }
    const first = await opened(folder);
    await new Caller(first.store, first.world).change((tx) => {
      for (const pair of pairs) for (const id of pair) tx.put(keyPair(id));
    });
    await first.store.close();
    await writeImage(folder, NOTHING);
    const { store, world } = await opened(folder);
    assert(store.loadedImage());
    assert.deepEqual(everything(world), everything(first.world));
    await store.close();
  }));
