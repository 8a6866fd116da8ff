/** What is killed here is the writer, or a member of etcd under it: nothing that was acknowledged is lost. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { EtcdClient } from "./etcd-client.ts";
import { openEtcd } from "./etcd.ts";
import { StoreError } from "./store.ts";
import { systemClock } from "./system-clock.ts";
import { lead, noEtcd, startEtcd, type TestCluster } from "./test-etcd.ts";
import { live } from "./test-life.ts";
import { Caller, keyIds, keyPair, refused } from "./test-store.ts";

const PROCESS = join(import.meta.dirname, "test-process.js");
const CYCLES = Number(process.env["GENKAN_KILL_CYCLES"] ?? 8);

describe("with three members of etcd", { skip: noEtcd, timeout: CYCLES * 60_000 }, () => {
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

  it(`${CYCLES} times kill -9 of the writer: nothing acknowledged is lost, nothing is there by half`, async (t) => {
    let promised = 0;
    for (let cycles = 0; cycles < CYCLES;) {
      const { opened, acknowledged, error } = await live([
        "load-etcd",
        "genkan/writer/",
        cluster.endpoints.join(),
      ]);
      assert.equal(error, "", `after revision ${promised}`);
      if (opened === undefined) continue;
      assert.ok(opened >= promised, `revision ${promised} was acknowledged, ${opened} was found`);
      promised = Math.max(opened, acknowledged);
      cycles += 1;
    }
    assert.ok(promised > 0, "something was acknowledged");
    t.diagnostic(`${promised} revisions`);
  });

  it(`${CYCLES} times kill -9 of a member, its leader among them: no commit fails`, async (t) => {
    const argv = [PROCESS, "load-etcd", "genkan/member/", cluster.endpoints.join()];
    const child = spawn(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    const lines = createInterface({ input: child.stdout });
    const life = { acknowledged: 0 };
    lines.on("line", (line) => (life.acknowledged = line.startsWith("opened") ? 0 : Number(line)));
    const after = async (revision: number): Promise<void> => {
      while (life.acknowledged < revision) {
        const [how] = await Promise.race([
          once(lines, "line").then(() => ["line"]),
          ended.then(() => ["end"]),
        ]);
        assert.equal(how, "line", "the writer goes on");
      }
    };
    await after(1);
    let longest = 0;
    for (let cycle = 0; cycle < CYCLES; cycle++) {
      // Each in turn: whichever leads is among them.
      const member = cluster.members[cycle % 3];
      assert.ok(member);
      await member.kill();
      const killed = performance.now();
      // What was on its way when the member died may be acknowledged by the others.
      await after(life.acknowledged + 20);
      longest = Math.max(longest, performance.now() - killed);
      member.start();
      await healthy(member.url);
    }
    child.kill("SIGKILL");
    await ended;
    const opened = await nextOpened(argv.slice(1));
    assert.ok(opened >= life.acknowledged, `${life.acknowledged} was acknowledged, ${opened} was found`);
    t.diagnostic(
      `${life.acknowledged} revisions; 20 commits after a death took at most ${Math.round(longest)} ms`,
    );
  });

  it("a leader that was replaced writes nothing more, whatever it has on its way", async () => {
    const prefix = "genkan/fence/";
    const store = await openEtcd({ etcd, prefix, fence: await lead(etcd, prefix), clock: systemClock });
    const old = new Caller(store);
    await old.change((tx) => tx.put(keyPair("a")));
    const next = await openEtcd({ etcd, prefix, fence: await lead(etcd, prefix), clock: systemClock });
    await refused(
      "deposed",
      old.change((tx) => tx.put(keyPair("b"))),
    );
    await refused("deposed", store.setMeta("who", "the old one"));
    const now = new Caller(next, await next.load());
    assert.equal(await now.change((tx) => tx.put(keyPair("c"))), 2);
    assert.deepEqual(keyIds(await next.load()), ["a", "c"]);
    assert.equal(next.meta("who"), undefined);
  });

  it("without a majority a commit is refused as uncertain, and the next leader finds it whole or not at all", async () => {
    const prefix = "genkan/majority/";
    const store = await openEtcd({ etcd, prefix, fence: await lead(etcd, prefix), clock: systemClock });
    const caller = new Caller(store);
    await caller.change((tx) => tx.put(keyPair("a")));
    const [one, two] = cluster.members;
    await Promise.all([one?.kill(), two?.kill()]);
    const error = await refused(
      "broken",
      caller.change((tx) => ["b", "c"].forEach((id) => tx.put(keyPair(id)))),
    );
    assert.ok(error.cause instanceof Error);
    one?.start();
    two?.start();
    await cluster.ready();
    const next = await openEtcd({ etcd, prefix, fence: await lead(etcd, prefix), clock: systemClock });
    const ids = keyIds(await next.load());
    assert.ok(ids.join() === "a" || ids.join() === "a,b,c", ids.join());
    assert.equal(next.revision(), ids.length === 1 ? 1 : 2);
    await assert.rejects(store.setMeta("more", "1"), StoreError);
  });
});

/** What the next writer finds; some are killed before they have opened it. */
async function nextOpened(argv: readonly string[]): Promise<number> {
  for (;;) {
    const next = await live(argv);
    assert.equal(next.error, "");
    if (next.opened !== undefined) return next.opened;
  }
}

async function healthy(url: string): Promise<void> {
  const member = new EtcdClient({ endpoints: [url] });
  for (;;) {
    try {
      await member.range({ key: "ready" });
      break;
    } catch {
      // It starts.
    }
  }
  member.close();
}
