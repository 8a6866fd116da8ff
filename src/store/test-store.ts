/** What every store must do, as tests that run on each of them. */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { Resource } from "../model/resource.ts";
import type { Change, Tx } from "../model/state.ts";
import { applyParts, beginTx, newWorld, readerOf, type Transaction, type World } from "../model/world.ts";
import { type Store, StoreError, type StoreErrorKind } from "./store.ts";

export const ACCOUNT = "123456789012";
export const REGION = "us-east-1";

/** A key pair, the plainest resource; a long text makes it larger. */
export function keyPair(id: string, publicKey = ""): Resource {
  return {
    kind: "key-pair",
    id,
    tags: {},
    name: id,
    fingerprint: "",
    keyType: "rsa",
    publicKey,
    createTime: "",
  };
}

export function networkInterface(id: string, slot: number, more: object = {}): Resource {
  const vpc = { vpcId: "vpc-1", subnetId: "subnet-1", availabilityZone: "us-east-1a", groupIds: ["sg-1"] };
  const rest = {
    description: "",
    macAddress: "",
    privateIpAddresses: ["10.0.0.4"],
    sourceDestCheck: true,
    requesterManaged: false,
  };
  return { kind: "network-interface", id, tags: {}, slot, ...vpc, ...rest, assignPublicIp: false, ...more };
}

/** A caller like the server: changes its world at once, then commits the changes. */
export class Caller {
  readonly store: Store;
  readonly world: World;
  expected: number;

  constructor(store: Store, world: World = newWorld()) {
    this.store = store;
    this.world = world;
    this.expected = store.revision();
  }

  change(body: (tx: Transaction) => void, region = REGION): Promise<number> {
    const tx = beginTx(this.world, ACCOUNT, region);
    body(tx);
    const parts = tx.parts();
    applyParts(this.world, parts);
    return this.store.commit({ expected: this.expected++, parts });
  }
}

export function keyIds(world: World, region = REGION): readonly string[] {
  return readerOf(world, ACCOUNT, region)
    .list("key-pair")
    .map((key) => key.id);
}

export async function refused(kind: StoreErrorKind, promise: Promise<unknown>): Promise<StoreError> {
  try {
    await promise;
  } catch (error) {
    assert(error instanceof StoreError, String(error));
    assert.equal(error.kind, kind, error.message);
    return error;
  }
  assert.fail(`not refused as ${kind}`);
}

type Opened = {
  readonly store: Store;
  /** Closes the store and opens it again; absent for a store that keeps nothing. */
  readonly reopen?: () => Promise<Store>;
  readonly dispose: () => Promise<void>;
};

export function conforms(name: string, open: () => Promise<Opened>): void {
  const check = (what: string, body: (opened: Opened) => Promise<void>): void => {
    test(`${name}: ${what}`, async () => {
      const opened = await open();
      try {
        await body(opened);
      } finally {
        await opened.dispose();
      }
    });
  };
  checkCommits(check);
  checkContents(check);
}

type Check = (what: string, body: (opened: Opened) => Promise<void>) => void;

function checkCommits(check: Check): void {
  check("starts empty at revision 0", async ({ store }) => {
    assert.equal(store.revision(), 0);
    assert.deepEqual(keyIds(await store.load()), []);
  });
  check("each commit makes the next revision", async ({ store }) => {
    const caller = new Caller(store);
    assert.equal(await caller.change((tx) => tx.put(keyPair("a"))), 1);
    assert.equal(await caller.change((tx) => tx.put(keyPair("b"))), 2);
    assert.equal(store.revision(), 2);
  });
  check("commits handed over without waiting come in order", async ({ store }) => {
    const caller = new Caller(store);
    const ids = Array.from({ length: 200 }, (_, n) => `key-${n}`);
    const done = ids.map((id) => caller.change((tx) => tx.put(keyPair(id))));
    assert.equal(store.revision(), 0, "nothing is on disk yet");
    await Promise.all(done);
    assert.equal(store.revision(), 200);
    assert.deepEqual(keyIds(await store.load()), ids);
  });
  check("another revision than the newest is a conflict, and changes nothing", async ({ store }) => {
    const caller = new Caller(store);
    await caller.change((tx) => tx.put(keyPair("a")));
    const changes = [{ kind: "key-pair", id: "b", after: keyPair("b") }] as readonly Change[];
    for (const expected of [0, 2])
      await refused(
        "conflict",
        store.commit({ expected, parts: [{ account: ACCOUNT, region: REGION, changes }] }),
      );
    assert.equal(store.revision(), 1);
    assert.deepEqual(keyIds(await store.load()), ["a"]);
    assert.equal(await caller.change((tx) => tx.put(keyPair("c"))), 2);
  });
  check(
    "a refused commit takes those behind it along, and the next one goes on from the newest revision",
    async ({ store }) => {
      const caller = new Caller(store);
      await caller.change((tx) => tx.put(keyPair("a")));
      const put = (id: string): Change => ({ kind: "key-pair", id, after: keyPair(id) }) as Change;
      const gone = { kind: "key-pair", id: "never", before: keyPair("never") } as Change;
      const commit = (expected: number, changes: readonly Change[]) =>
        store.commit({ expected, parts: [{ account: ACCOUNT, region: REGION, changes }] });
      const outcomes = await Promise.allSettled([
        commit(1, [put("x")]),
        commit(2, [put("y"), gone]),
        commit(3, [put("z")]),
      ]);
      assert.deepEqual(
        outcomes.map((outcome) => outcome.status),
        ["rejected", "rejected", "rejected"],
      );
      assert.equal(store.revision(), 1);
      assert.deepEqual(keyIds(await store.load()), ["a"]);
      assert.equal(await caller.change((tx) => tx.put(keyPair("b"))), 2);
    },
  );
  check("after closing nothing is taken", async ({ store }) => {
    const caller = new Caller(store);
    const last = caller.change((tx) => tx.put(keyPair("a")));
    await store.close();
    assert.equal(await last, 1, "what was handed over is written");
    await refused(
      "closed",
      caller.change((tx) => tx.put(keyPair("b"))),
    );
    await store.close();
  });
}

function checkContents(check: Check): void {
  check(
    "keeps the order of creation through replacing, deleting and opening again",
    async ({ store, reopen }) => {
      const caller = new Caller(store);
      await caller.change((tx) => ["z", "m", "a"].forEach((id) => tx.put(keyPair(id))));
      await caller.change((tx) => tx.put(keyPair("z", "replaced")));
      await caller.change((tx) => tx.delete("key-pair", "m"));
      await caller.change((tx) => ["m", "b"].forEach((id) => tx.put(keyPair(id))));
      const again = reopen ? await reopen() : store;
      const world = await again.load();
      assert.equal(again.revision(), 4);
      assert.deepEqual(keyIds(world), ["z", "a", "m", "b"]);
      assert.deepEqual(readerOf(world, ACCOUNT, REGION).get("key-pair", "z"), keyPair("z", "replaced"));
      const next = new Caller(again, world);
      await next.change((tx) => tx.put(keyPair("c")));
      assert.deepEqual(keyIds(await again.load()), ["z", "a", "m", "b", "c"]);
    },
  );
  check("keeps regions and accounts apart", async ({ store }) => {
    const caller = new Caller(store);
    await caller.change((tx) => tx.put(keyPair("a")), "us-east-1");
    await caller.change((tx) => tx.put(keyPair("b")), "us-east-2");
    const world = await store.load();
    assert.deepEqual(
      [keyIds(world, "us-east-1"), keyIds(world, "us-east-2"), keyIds(world, "us-east")],
      [["a"], ["b"], []],
    );
  });
  check(
    "what one request changes in two regions is one revision, there whole or not at all",
    async ({ store, reopen }) => {
      const caller = new Caller(store);
      const both = (body: (tx: Tx) => void) => (tx: Tx) => [tx, tx.elsewhere("eu-west-1")].forEach(body);
      assert.equal(await caller.change(both((tx) => tx.put(keyPair("a")))), 1);
      const gone = { kind: "key-pair", id: "never", before: keyPair("never") } as Change;
      const added = { kind: "key-pair", id: "b", after: keyPair("b") } as Change;
      const parts = [
        { account: ACCOUNT, region: REGION, changes: [added] },
        { account: ACCOUNT, region: "eu-west-1", changes: [added, gone] },
      ];
      await refused("failed", store.commit({ expected: 1, parts }));
      assert.equal(await caller.change(both((tx) => tx.put(keyPair("c")))), 2);
      const again = reopen ? await reopen() : store;
      const world = await again.load();
      assert.equal(again.revision(), 2);
      assert.deepEqual(
        [keyIds(world), keyIds(world, "eu-west-1")],
        [
          ["a", "c"],
          ["a", "c"],
        ],
      );
    },
  );
  check("any text comes back as it was", async ({ store, reopen }) => {
    const texts = ["", "日本語 🚪", "\u0000\u0001\u001f\u007f", '"\\\n', "x".repeat(70_000)];
    const caller = new Caller(store);
    await caller.change((tx) =>
      texts.forEach((text, n) => tx.put(keyPair(`odd\u001f${n} ${text.slice(0, 40)}`, text))),
    );
    const again = reopen ? await reopen() : store;
    const found = readerOf(await again.load(), ACCOUNT, REGION).list("key-pair");
    assert.deepEqual(
      found,
      texts.map((text, n) => keyPair(`odd\u001f${n} ${text.slice(0, 40)}`, text)),
    );
  });
  check("slots and public addresses are held after loading", async ({ store }) => {
    const caller = new Caller(store);
    await caller.change((tx) =>
      tx.put(networkInterface("eni-1", tx.slot("network-interface"), { autoPublicIp: "203.0.113.9" })),
    );
    const tx = beginTx(await store.load(), ACCOUNT, "eu-west-1");
    assert.equal(tx.slot("network-interface"), 17);
    assert.equal(tx.publicIpTaken("203.0.113.9"), true);
  });
  check("meta texts are kept, replaced and forgotten, and make no revision", async ({ store, reopen }) => {
    await Promise.all([store.setMeta("identity", "one"), store.setMeta("pool", "203.0.113.0/24")]);
    await store.setMeta("identity", "two");
    await store.setMeta("pool", undefined);
    const again = reopen ? await reopen() : store;
    assert.deepEqual(
      [again.meta("identity"), again.meta("pool"), again.meta("never")],
      ["two", undefined, undefined],
    );
    assert.equal(again.revision(), 0);
  });
}
