import assert from "node:assert/strict";
import { once } from "node:events";
import { EventEmitter } from "node:events";
import { after, before, describe, it } from "node:test";
import * as fc from "fast-check";
import { KINDS } from "../model/resource.ts";
import { catchUp, newWorld, type World } from "../model/world.ts";
import { EtcdClient } from "./etcd-client.ts";
import { followEtcd, type Step } from "./etcd-follow.ts";
import { openEtcd } from "./etcd.ts";
import { systemClock } from "./system-clock.ts";
import { compact, lead, noEtcd, startEtcd, type TestCluster } from "./test-etcd.ts";
import { Caller, keyPair, networkInterface } from "./test-store.ts";

type Follower = {
  readonly world: World;
  readonly steps: readonly Step[];
  readonly lost: readonly unknown[];
  /** Settles when the follower's world is at this revision. */
  readonly reached: (revision: number) => Promise<void>;
  readonly end: () => Promise<void>;
};

function follower(etcd: EtcdClient, prefix: string, world: World = newWorld(), since?: string): Follower {
  const steps: Step[] = [];
  const lost: unknown[] = [];
  const ended = new AbortController();
  const events = new EventEmitter();
  const following = followEtcd({
    etcd,
    prefix,
    world,
    since,
    take: (step) => {
      catchUp(world, step.missed);
      steps.push(step);
      events.emit("step");
    },
    lost: (cause) => lost.push(cause),
    clock: systemClock,
    signal: ended.signal,
  });
  return {
    world,
    steps,
    lost,
    reached: async (revision) => {
      while ((steps.at(-1)?.revision ?? -1) < revision) await once(events, "step");
    },
    end: async () => {
      ended.abort();
      await following;
    },
  };
}

/** Everything in a world, in its order, and what it holds. */
function contents(world: World): unknown {
  const regions = [...world.regions].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    regions: regions.flatMap(([name, reader]) => {
      const lists = KINDS.flatMap((kind) => reader.list(kind));
      return lists.length > 0 ? [[name, lists]] : [];
    }),
    publicIps: Array.from({ length: 256 }, (_, n) => world.publicIps.has(`203.0.113.${n}`)),
  };
}

/** Some of ten key pairs put or deleted, or an interface, in one of two regions. */
const CHANGE = fc.record({
  id: fc.integer({ min: 0, max: 9 }),
  what: fc.constantFrom("put", "delete", "interface"),
  region: fc.constantFrom("us-east-1", "eu-west-1"),
});

describe("a follower of the state in etcd", { skip: noEtcd, timeout: 240_000 }, () => {
  let cluster: TestCluster;
  let etcd: EtcdClient;
  before(async () => {
    cluster = await startEtcd(3);
    etcd = new EtcdClient({ endpoints: cluster.endpoints });
  });
  after(async () => {
    etcd.close();
    await cluster.stop();
  });
  const opened = async (prefix: string): Promise<Caller> => {
    const store = await openEtcd({ etcd, prefix, fence: await lead(etcd, prefix), clock: systemClock });
    return new Caller(store, await store.load());
  };
  const change = (caller: Caller, id: string): Promise<number> => caller.change((tx) => tx.put(keyPair(id)));

  it("has what the leader has, from whichever change on it follows", async () => {
    let regions = 0;
    const property = fc.asyncProperty(
      fc.array(CHANGE, { minLength: 1, maxLength: 30 }),
      fc.array(CHANGE, { minLength: 1, maxLength: 30 }),
      async (first, second) => {
        const prefix = `genkan/same${regions++}/`;
        const caller = await opened(prefix);
        const early = follower(etcd, prefix);
        const run = async (changes: typeof first): Promise<void> => {
          const done: Promise<number>[] = [];
          for (const { id, what, region } of changes) {
            done.push(
              caller.change((tx) => {
                const there = tx.get("network-interface", `eni-${id}`);
                if (what === "put") tx.put(keyPair(`key-${id}`, String(caller.expected)));
                else if (what === "interface" && there) tx.delete("network-interface", there.id);
                else if (what === "interface")
                  tx.put(
                    networkInterface(`eni-${id}`, tx.slot("network-interface"), {
                      autoPublicIp: `203.0.113.${id + (region === "us-east-1" ? 10 : 50)}`,
                    }),
                  );
                else if (tx.get("key-pair", `key-${id}`)) tx.delete("key-pair", `key-${id}`);
                else tx.put(keyPair(`key-${id}`));
              }, region),
            );
            if (id % 3 === 0) await done.at(-1);
          }
          await Promise.all(done);
        };
        await run(first);
        const late = follower(etcd, prefix);
        await late.reached(caller.expected);
        const { at } = late.steps.at(-1) ?? assert.fail("a step");
        await late.end();
        await run(second);
        const resumed = follower(etcd, prefix, late.world, at);
        await Promise.all([early.reached(caller.expected), resumed.reached(caller.expected)]);
        for (const { world } of [early, resumed]) assert.deepEqual(contents(world), contents(caller.world));
        assert.deepEqual(
          resumed.steps.map(({ revision }) => revision),
          [...new Set(resumed.steps.map(({ revision }) => revision))].toSorted((a, b) => a - b),
        );
        await Promise.all([early.end(), resumed.end()]);
        await caller.store.close();
      },
    );
    await fc.assert(property, { numRuns: 15 });
  });

  it("goes on when members die, and misses nothing", async () => {
    const prefix = "genkan/dying/";
    const caller = await opened(prefix);
    const one = follower(etcd, prefix);
    for (let n = 0; n < 9; n++) {
      await change(caller, `a${n}`);
      const member = cluster.members[n % 3];
      await member?.kill();
      await change(caller, `b${n}`);
      await one.reached(caller.expected);
      member?.start();
      await cluster.ready();
    }
    assert.deepEqual(contents(one.world), contents(caller.world));
    await one.end();
  });

  it("begins anew when etcd has forgotten where it was: what was deleted meanwhile goes, too", async () => {
    const prefix = "genkan/compacted/";
    const caller = await opened(prefix);
    await change(caller, "old");
    await change(caller, "older");
    const one = follower(etcd, prefix);
    await one.reached(2);
    const { at } = one.steps.at(-1) ?? assert.fail("a step");
    await one.end();
    await caller.change((tx) => tx.delete("key-pair", "old"));
    await change(caller, "new");
    const { revision } = await etcd.range({ key: "any" });
    await compact(cluster, revision);
    const again = follower(etcd, prefix, one.world, at);
    await again.reached(4);
    assert.equal(again.steps.length, 1);
    assert.deepEqual(contents(again.world), contents(caller.world));
    await again.end();
  });

  it("says that it has lost etcd, keeps what it has, and catches up", async () => {
    const prefix = "genkan/lost/";
    const caller = await opened(prefix);
    await change(caller, "a");
    const one = follower(etcd, prefix);
    await one.reached(1);
    const before = contents(one.world);
    await Promise.all(cluster.members.map(({ kill }) => kill()));
    while (one.lost.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.ok(one.lost[0] instanceof Error);
    assert.deepEqual(contents(one.world), before);
    for (const { start } of cluster.members) start();
    await cluster.ready();
    await change(caller, "b");
    await one.reached(2);
    assert.equal(one.lost.at(-1), undefined);
    assert.deepEqual(contents(one.world), contents(caller.world));
    await one.end();
  });
});
