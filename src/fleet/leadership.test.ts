import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, beforeEach, describe, it } from "node:test";
import { EtcdClient } from "../store/etcd-client.ts";
import { openEtcd } from "../store/etcd.ts";
import { systemClock } from "../store/system-clock.ts";
import { noEtcd, startEtcd, type TestCluster } from "../store/test-etcd.ts";
import { Caller, keyPair, refused } from "../store/test-store.ts";
import { campaign, type Leader, type Term } from "./leadership.ts";

const SECONDS = 2;

describe("the leadership of a region", { skip: noEtcd, timeout: 120_000 }, () => {
  let cluster: TestCluster;
  let etcd: EtcdClient;
  let ended: AbortController;
  let prefix = "";
  let regions = 0;
  before(async () => {
    cluster = await startEtcd(3);
    etcd = new EtcdClient({ endpoints: cluster.endpoints });
  });
  after(async () => {
    etcd.close();
    await cluster.stop();
  });
  beforeEach(() => {
    ended = new AbortController();
    prefix = `genkan/lead${regions++}/`;
  });

  type Candidate = {
    readonly term: Promise<Term | undefined>;
    readonly seen: readonly (string | undefined)[];
  };

  const stands = (machine: string, by: EtcdClient = etcd): Candidate => {
    const seen: (string | undefined)[] = [];
    const me: Leader = { machine, url: `http://${machine}`, nonce: machine };
    const term = campaign({
      etcd: by,
      key: `${prefix}leader`,
      me,
      seconds: SECONDS,
      clock: systemClock,
      seen: (leader) => seen.push(leader?.machine),
      signal: ended.signal,
    });
    return { term, seen };
  };
  const led = async ({ term }: Candidate): Promise<Term> => (await term) ?? assert.fail("it leads");

  it("is one machine's, and the other's as soon as that one resigns", async () => {
    const one = await led(stands("a"));
    const two = stands("b");
    await assert.rejects(
      Promise.race([two.term, once(process, "never", { signal: AbortSignal.timeout(4_500) })]),
      "the first one keeps its lease alive",
    );
    assert.deepEqual(two.seen, ["a"]);
    assert.equal(one.ended.aborted, false);
    const start = performance.now();
    await one.resign();
    assert.ok(one.ended.aborted);
    const next = await led(two);
    assert.ok(performance.now() - start < 500, `handed over in ${Math.round(performance.now() - start)} ms`);
    assert.notEqual(next.fence.created, one.fence.created);
    await next.resign();
  });

  it("passes on when a leader is cut off: that one stops first, and can write no more", async () => {
    // Whose process stands still, or whose cable is cut: its calls reach nobody.
    const cut = new EtcdClient({ endpoints: cluster.endpoints, patience: 300 });
    const one = await led(stands("a", cut));
    const store = await openEtcd({ etcd, prefix, fence: one.fence, clock: systemClock });
    const caller = new Caller(store);
    await caller.change((tx) => tx.put(keyPair("a")));
    const two = stands("b");
    cut.keepAlive = () => new Promise(() => undefined);
    const stopped = once(one.ended, "abort").then(() => performance.now());
    const next = await led(two);
    assert.ok((await stopped) <= performance.now());
    assert.ok(one.ended.aborted, "it had stopped when the next one began");
    await refused(
      "deposed",
      caller.change((tx) => tx.put(keyPair("b"))),
    );
    await next.resign();
    cut.close();
  });

  it("stays through the death of a member of etcd", async () => {
    for (const member of cluster.members) {
      const own = await led(stands("a"));
      await member.kill();
      const store = await openEtcd({ etcd, prefix, fence: own.fence, clock: systemClock });
      const caller = new Caller(store, await store.load());
      await caller.change((tx) => tx.put(keyPair(`key-${member.url}`)));
      member.start();
      await cluster.ready();
      await own.resign();
      await store.close();
    }
  });

  it("waits for etcd, and ends when it is told so", async () => {
    await Promise.all(cluster.members.map(({ kill }) => kill()));
    const one = stands("a");
    for (const { start } of cluster.members) start();
    const own = await led(one);
    const two = stands("b");
    ended.abort();
    assert.equal(await two.term, undefined);
    await own.resign();
  });
});
