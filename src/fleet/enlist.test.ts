import assert from "node:assert/strict";
import { test } from "node:test";
import type { Compare, KeyValue, Put } from "../store/etcd-client.ts";
import { enlist, setActive, setDrained } from "./enlist.ts";
import { liveKey, type Machine } from "./member.ts";
import { shared, sharedOptions } from "./shared.ts";

/** etcd's keys, as far as a machine that joins needs them. */
function keys() {
  const found = new Map<string, KeyValue>();
  let revision = 0;
  const holds = (compare: Compare): boolean => {
    const { created = "0", modified = "0" } = found.get(compare.key) ?? {};
    return "created" in compare ? created === compare.created : modified === compare.modified;
  };
  return {
    found,
    range: async ({ key, end }: { readonly key: string; readonly end?: string }) => ({
      revision: String(revision),
      found: [...found.values()].filter((one) => one.key === key || (end && one.key >= key && one.key < end)),
      more: false,
    }),
    transact: async (compares: readonly Compare[], puts: readonly Put[]) => {
      if (!compares.every(holds)) return undefined;
      const modified = String(++revision);
      for (const { key, value = "" } of puts)
        found.set(key, { key, value, created: found.get(key)?.created ?? modified, modified });
      return modified;
    },
  };
}

const PREFIX = "genkan/";
const machine = (home: string, address: string): Omit<Machine, "number"> => ({
  name: home,
  address,
  url: `http://${address}:4566`,
  zones: [],
  roles: ["control"],
  version: "1",
  home,
});

test("machines that come at the same time have numbers of their own, and each home keeps its number", async () => {
  const etcd = keys();
  const join = (n: number) => enlist({ etcd, prefix: PREFIX, me: machine(`home-${n}`, `10.0.0.${n}`) });
  const joined = await Promise.all([1, 2, 3, 4].map(join));
  const numbers = joined.map(({ number }) => number);
  assert.deepEqual(numbers.toSorted(), [1, 2, 3, 4]);
  const moved = await enlist({ etcd, prefix: PREFIX, me: machine("home-3", "10.0.0.9") });
  assert.equal(moved.number, numbers[2]);
  etcd.found.delete(`${PREFIX}machines/2`);
  assert.equal((await join(7)).number, 2, "a number whose machine has left is free");
});

test("an address has one machine: one that is set up anew takes its place, but not while it is there", async () => {
  const etcd = keys();
  const { number } = await enlist({ etcd, prefix: PREFIX, me: machine("old", "10.0.0.1") });
  await etcd.transact([], [{ key: liveKey(PREFIX, number), value: "" }]);
  const again = () => enlist({ etcd, prefix: PREFIX, me: machine("new", "10.0.0.1") });
  await assert.rejects(again, /old, machine 1 of the region, has the address 10\.0\.0\.1/);
  etcd.found.delete(liveKey(PREFIX, number));
  assert.equal((await again()).number, number);
});

test("what all machines share is what the first one wrote", async () => {
  const etcd = keys();
  const wrote = await Promise.all(["a", "b", "c"].map((text) => shared(etcd, "secret", () => text)));
  assert.equal(new Set(wrote).size, 1);
});

test("of its options a region has each as it was told last, whichever machine was told", async () => {
  const etcd = keys();
  const told = (given: object) => sharedOptions<Record<string, readonly string[]>>(etcd, "options", given);
  assert.deepEqual(await told({}), {});
  assert.equal(etcd.found.size, 0);
  await Promise.all([told({ pool: ["a"] }), told({ quota: ["b"] }), told({ byoip: ["c"] })]);
  assert.deepEqual(await told({}), { pool: ["a"], quota: ["b"], byoip: ["c"] });
  assert.deepEqual(await told({ pool: [], quota: ["d"] }), { pool: [], quota: ["d"], byoip: ["c"] });
  const { modified } = etcd.found.get("options") ?? {};
  await told({ quota: ["d"] });
  assert.equal(etcd.found.get("options")?.modified, modified, "what is known is not written again");
});

/** Two gateways, which are there. */
async function gateways() {
  const etcd = keys();
  const [one, two] = ["one", "two"].map((home, index): Omit<Machine, "number"> => ({
    ...machine(home, `10.0.0.${index + 1}`),
    roles: ["gateway"],
  })) as [Omit<Machine, "number">, Omit<Machine, "number">];
  for (const me of [one, two]) {
    const { number } = await enlist({ etcd, prefix: PREFIX, me });
    await etcd.transact([], [{ key: liveKey(PREFIX, number), value: "" }]);
  }
  const drain = (name: string, drained: boolean) => setDrained({ etcd, prefix: PREFIX }, name, drained);
  return { etcd, one, drain };
}

test("a drained machine stays so when it starts again; the last gateway is not drained", async () => {
  const { etcd, one, drain } = await gateways();
  assert.equal((await drain("one", true)).drained, true);
  assert.equal((await enlist({ etcd, prefix: PREFIX, me: one })).drained, true);
  await assert.rejects(drain("2", true), /two is the last gateway that takes packets/);
  await assert.rejects(drain("three", true), /There is no machine three/);
  assert.equal("drained" in (await drain("1", false)), false);
  assert.equal((await drain("two", true)).drained, true);
});

test("a gateway that is away takes no packets: the one that is there is the last", async () => {
  const { etcd, drain } = await gateways();
  etcd.found.delete(liveKey(PREFIX, 2));
  await assert.rejects(drain("one", true), /one is the last gateway that takes packets/);
  assert.equal((await drain("two", true)).drained, true);
});

test("of two gateways that are drained at once, one goes on", async () => {
  const { drain } = await gateways();
  const ended = await Promise.allSettled([drain("one", true), drain("two", true)]);
  assert.deepEqual(ended.map(({ status }) => status).toSorted(), ["fulfilled", "rejected"]);
});

test("a gateway is not drained when the other one goes meanwhile", async () => {
  const { etcd, drain } = await gateways();
  const { transact } = etcd;
  etcd.transact = (compares, puts) => {
    etcd.found.delete(liveKey(PREFIX, 2));
    return transact(compares, puts);
  };
  await assert.rejects(drain("one", true), /one is the last gateway that takes packets/);
});

/** A third gateway, which stands by, and the leader's key. */
async function withSpare() {
  const region = await gateways();
  const { etcd } = region;
  const me = { ...machine("three", "10.0.0.3"), roles: ["gateway"] as const };
  const spare = await enlist({ etcd, prefix: PREFIX, me });
  await etcd.transact([], [{ key: liveKey(PREFIX, spare.number), value: "" }]);
  const created = (await etcd.transact([], [{ key: `${PREFIX}leader`, value: "" }])) ?? assert.fail();
  const leader = { key: `${PREFIX}leader`, created };
  const standing = () =>
    [...etcd.found.values()]
      .filter(({ key }) => key.startsWith(`${PREFIX}machines/`))
      .map(({ value }) => JSON.parse(value) as Machine)
      .flatMap(({ number, standby }) => (standby ? [number] : []));
  const set = (change: Parameters<typeof setActive>[2], by = leader) =>
    setActive({ etcd, prefix: PREFIX }, by, change);
  return { ...region, me, spare, standing, set, leader };
}

test("a third gateway stands by, also when it starts again, and takes the place of one that is drained", async () => {
  const { etcd, me, spare, standing, drain } = await withSpare();
  assert.equal(spare.standby, true);
  assert.equal((await enlist({ etcd, prefix: PREFIX, me })).standby, true);
  await drain("one", true);
  assert.deepEqual(standing(), []);
});

test("the leader makes gateways active and lets them stand by; never fewer than two, nor when it leads no more", async () => {
  const { standing, set, leader } = await withSpare();
  assert.equal(await set({ active: 3 }, { ...leader, created: "1" }), false, "another one leads");
  assert.equal(await set({ standby: 1 }), false, "one would be left");
  assert.equal(await set({ active: 3 }), true);
  assert.equal(await set({ active: 3 }), false, "it is");
  assert.equal(await set({ standby: 1 }), true);
  assert.equal(await set({ active: 1, standby: 2 }), true);
  assert.deepEqual(standing(), [2]);
});
