import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { keepPresent } from "../../src/fleet/presence.ts";
import { type Etcd, EtcdError } from "../../src/store/etcd-client.ts";
import { openEtcd } from "../../src/store/etcd.ts";
import { lead } from "../../src/store/test-etcd.ts";
import { Caller, keyPair, refused } from "../../src/store/test-store.ts";
import { EtcdModel } from "./etcd-model.ts";
import { etcdOver } from "./network.ts";
import { chanceOf, Scheduler } from "./scheduler.ts";

const lost = (): EtcdError => new EtcdError("unavailable", "the answer is lost");

function sound() {
  const scheduler = new Scheduler();
  const model = new EtcdModel(() => scheduler.now);
  const way = { there: false, back: false, breaks: 0, isSound: true };
  const isAlive = (): boolean => true;
  const etcd = etcdOver({ model, scheduler, chance: chanceOf(1), way, isAlive });
  const run = (milliseconds: number) => scheduler.until(scheduler.now + milliseconds, () => undefined);
  return { scheduler, model, etcd, clock: scheduler.clock(isAlive), run };
}

describe("a store and a presence whose answers are lost", () => {
  it("a machine whose lease was granted, but whose key was not written, is there soon", async () => {
    const { model, etcd, clock, run } = sound();
    let writes = 0;
    const failing: Etcd = {
      ...etcd,
      transact: (compares, puts) => (writes++ === 0 ? Promise.reject(lost()) : etcd.transact(compares, puts)),
    };
    const ended = new AbortController();
    void keepPresent({ etcd: failing, key: "live/1", seconds: 5, clock, signal: ended.signal });
    await run(2_000);
    assert.ok(model.get("live/1"));
    ended.abort();
    await run(2_000);
    assert.equal(model.get("live/1"), undefined);
  });

  it("a machine whose key an earlier write has put under an earlier lease is there for good", async () => {
    const { model, etcd, clock, run } = sound();
    const ended = new AbortController();
    void keepPresent({ etcd, key: "live/1", seconds: 5, clock, signal: ended.signal });
    await run(2_000);
    const lease = model.grant(60);
    model.transact([], [{ key: "live/1", value: lease, lease }]);
    await run(2_000);
    model.revoke(lease);
    assert.ok(model.get("live/1"));
    ended.abort();
  });

  it("a write whose answer is lost and after which another leader wrote is one of which nobody knows", async () => {
    const { model, etcd, clock, run } = sound();
    const header = "genkan/header";
    const leading = lead(etcd, "genkan/");
    await run(1_000);
    let isLosing = false;
    const losing: Etcd = {
      ...etcd,
      transact: async (compares, puts) => {
        const revision = await etcd.transact(compares, puts);
        if (!isLosing) return revision;
        isLosing = false;
        // The next leader has read this very write, and made one of its own.
        const { value } = model.get(header) ?? assert.fail("a header");
        model.transact([], [{ key: "genkan/leader", value: undefined }]);
        model.transact([], [{ key: header, value: value.replace(/"writer":"[^"]*"/, '"writer":"9.1"') }]);
        throw lost();
      },
    };
    const opening = openEtcd({
      etcd: losing,
      prefix: "genkan/",
      fence: await leading,
      clock,
      operations: 128,
    });
    await run(1_000);
    const caller = new Caller(await opening);
    isLosing = true;
    const told = refused(
      "broken",
      caller.change((tx) => tx.put(keyPair("a"))),
    );
    await run(5_000);
    await told;
  });
});
