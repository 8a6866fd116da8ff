/**
 * What the store's tests run in separate processes: to be killed, to fill the disk, to be traced, to read
 * beside a writer.
 */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setImmediate as turn } from "node:timers/promises";
import { readerOf } from "../model/world.ts";
import { openEmbedded } from "./embedded.ts";
import { EtcdClient } from "./etcd-client.ts";
import { openEtcd } from "./etcd.ts";
import { openReadOnly } from "./read-only.ts";
import { type Store, StoreError } from "./store.ts";
import { systemClock } from "./system-clock.ts";
import { lead } from "./test-etcd.ts";
import { ACCOUNT, Caller, keyIds, keyPair, networkInterface, REGION } from "./test-store.ts";

const [mode = "", folder = "", extra = ""] = process.argv.slice(2);

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

/** The realm of each part; all parts change in every commit. */
const PARTS = new Map([
  ["part-0", REGION],
  ["part-1", REGION],
  ["part-2", "eu-west-1"],
  ["part-3", "us-west-2"],
]);
const LIVE = 40;

/**
 * Checks what the last process left, then commits until it is killed, and prints each acknowledged revision.
 * Revision N sets every part to N, adds interface N and deletes interface N - LIVE.
 */
async function load(open: () => Promise<Store>): Promise<void> {
  const store = await open();
  const caller = new Caller(store, await store.load());
  const revision = store.revision();
  if (revision > 0) {
    const reader = readerOf(caller.world, ACCOUNT, REGION);
    for (const [part, region] of PARTS) {
      const { publicKey } = readerOf(caller.world, ACCOUNT, region).get("key-pair", part) ?? {};
      assert.equal(publicKey, String(revision), "no part of a revision is missing");
    }
    assert.deepEqual(
      reader.list("network-interface").map((eni) => eni.id),
      living(revision),
    );
  }
  say(`opened ${revision}`);
  for (let inFlight = 0; ;) {
    const now = caller.expected + 1;
    const done = caller.change((tx) => {
      for (const [part, region] of PARTS) tx.elsewhere(region).put(keyPair(part, String(now)));
      const instance = {
        attachmentId: `attach-${now}`,
        instanceId: `i-${now % 7}`,
        deviceIndex: 0,
        networkCardIndex: 0,
      };
      const attachment = { ...instance, deleteOnTermination: true, attachTime: "" };
      const description = "x".repeat(now % 11 === 0 ? 20_000 : now % 300);
      tx.put(networkInterface(`eni-${now}`, tx.slot("network-interface"), { attachment, description }));
      if (now > LIVE) tx.delete("network-interface", `eni-${now - LIVE}`);
    });
    inFlight += 1;
    void done.then((committed) => {
      inFlight -= 1;
      say(String(committed));
    });
    if (inFlight >= 8) await done;
    else if (now % 3 === 0) await turn();
  }
}

function living(revision: number): readonly string[] {
  const first = Math.max(1, revision - LIVE + 1);
  return Array.from({ length: revision - first + 1 }, (_, n) => `eni-${first + n}`);
}

async function loadEmbedded(): Promise<void> {
  if (existsSync(join(folder, "data.mdb"))) await checkView();
  await load(async () => openEmbedded(folder));
}

/** `folder`: the keys' prefix; `extra`: the members' addresses. */
function loadEtcd(): Promise<void> {
  const etcd = new EtcdClient({ endpoints: extra.split(",") });
  return load(async () =>
    openEtcd({ etcd, prefix: folder, fence: await lead(etcd, folder), clock: systemClock }),
  );
}

/** Checks that the lookup records agree with the resources. */
async function checkView(): Promise<void> {
  let view;
  try {
    view = openReadOnly(folder);
  } catch (error) {
    // It was killed while it made its very first file.
    if (error instanceof StoreError && error.kind === "missing") return;
    throw error;
  }
  const reader = view.reader(ACCOUNT, REGION);
  const all = reader.list("network-interface");
  assert.deepEqual(
    all.map((eni) => eni.id),
    view.revision() > 0 ? living(view.revision()) : [],
  );
  for (const eni of all) assert.deepEqual(view.interfaceAt(eni.slot)?.networkInterface, eni);
  for (let n = 0; n < 7; n++)
    assert.deepEqual(
      reader.by("network-interface", "instanceId", `i-${n}`),
      all.filter((eni) => eni.attachment?.instanceId === `i-${n}`),
    );
  await view.close();
}

/** Commits until the disk is full, goes on after `extra` made room, and opens the store again. */
async function fill(): Promise<void> {
  let store = openEmbedded(folder);
  const text = "x".repeat(50_000);
  let caller = new Caller(store);
  let refusal: unknown;
  while (!(refusal instanceof StoreError)) {
    const now = caller.expected + 1;
    const first = caller.change((tx) => tx.put(keyPair(`key-${now}`, text)));
    const behind = caller.change((tx) => tx.put(keyPair(`key-${now + 1}`, text)));
    const [one, two] = await Promise.allSettled([first, behind]);
    if (one.status === "rejected") assert.equal(two.status, "rejected", "nothing gets past a refused commit");
    refusal = [one, two].find((outcome) => outcome.status === "rejected")?.reason;
  }
  const refused = store.revision();
  assert.deepEqual(keyIds(await store.load()), numbered(refused), "nothing of the refused commit is there");
  execFileSync("sh", ["-c", extra]);
  caller = new Caller(store, await store.load());
  for (let n = 0; n < 10; n++) {
    const id = `key-${caller.expected + 1}`;
    await caller.change((tx) => tx.put(keyPair(id, text)));
  }
  await store.close();
  store = openEmbedded(folder);
  assert.equal(store.revision(), refused + 10);
  assert.deepEqual(keyIds(await store.load()), numbered(refused + 10));
  await store.close();
  const code = (refusal.cause as { code?: unknown } | undefined)?.code;
  say(JSON.stringify({ kind: refusal.kind, code, committed: refused }));
}

/**
 * Another file takes all the room: new resources are refused, changes of existing ones and deletions are
 * written.
 */
async function short(): Promise<void> {
  const store = openEmbedded(folder);
  let caller = new Caller(store);
  await caller.change((tx) => ["a", "b", "c"].forEach((id) => tx.put(keyPair(id))));
  const filler = `${folder}/filler`;
  execFileSync("sh", ["-c", `cat /dev/zero > "$1" 2>/dev/null || :`, "sh", filler]);
  const refusal = await caller.change((tx) => tx.put(keyPair("d"))).catch((error: unknown) => error);
  assert.ok(refusal instanceof StoreError, "nothing new");
  caller = new Caller(store, await store.load());
  for (let n = 0; n < 50; n++) await caller.change((tx) => tx.put(keyPair("a", `${n}`)));
  await caller.change((tx) => tx.delete("key-pair", "b"));
  rmSync(filler);
  await caller.change((tx) => tx.put(keyPair("e")));
  await store.close();
  const again = openEmbedded(folder);
  const world = await again.load();
  say(
    JSON.stringify({
      kind: refusal.kind,
      ids: keyIds(world),
      text: readerOf(world, ACCOUNT, REGION).get("key-pair", "a")?.publicKey,
    }),
  );
  await again.close();
}

function numbered(count: number): readonly string[] {
  return Array.from({ length: count }, (_, n) => `key-${n + 1}`);
}

/** Three commits one after another, then forty at once, with marks in the trace of system calls. */
async function traced(): Promise<void> {
  const store = openEmbedded(folder);
  const caller = new Caller(store);
  for (let n = 0; n < 3; n++) {
    say(`begin ${n}`);
    await caller.change((tx) => tx.put(keyPair(`key-${n}`)));
    say(`end ${n}`);
  }
  say("begin many");
  await Promise.all(
    Array.from({ length: 40 }, (_, n) => caller.change((tx) => tx.put(keyPair(`many-${n}`)))),
  );
  say("end many");
  await store.close();
}

/** Prints why it may not write. */
function write(): void {
  try {
    openEmbedded(folder);
    say("opened");
  } catch (error) {
    say(error instanceof StoreError ? `${error.kind}: ${error.message}` : String(error));
  }
}

/** Reads slots, one per line, and prints what it sees there now. */
async function read(): Promise<void> {
  const view = openReadOnly(folder);
  say("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const revision = view.revision();
    const found = view.interfaceAt(Number(line));
    const attached =
      found && view.reader(found.account, found.region).by("network-interface", "instanceId", "i-1");
    say(
      JSON.stringify({
        revision,
        id: found?.networkInterface.id,
        region: found?.region,
        attached: attached?.map((eni) => eni.id),
      }),
    );
  }
  await view.close();
}

const MODES: Readonly<Record<string, () => Promise<void> | void>> = {
  load: loadEmbedded,
  "load-etcd": loadEtcd,
  fill,
  short,
  traced,
  write,
  read,
};
await MODES[mode]?.();
