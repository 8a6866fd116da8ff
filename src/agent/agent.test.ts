import assert from "node:assert/strict";
import { test } from "node:test";
import { launched, newNetwork } from "../actions/test-network.ts";
import type { Instance } from "../model/instance.ts";
import { Agent } from "./agent.ts";

/** A running instance that the state gives to machine 1 of a region, and that machine; `up`: what runs there. */
function machineOne(...up: readonly string[]) {
  const network = newNetwork();
  const { region } = network;
  const { instanceId } = launched(network, { state: "running" });
  const give = (machine: number): void =>
    region.change((tx) => tx.put({ ...(tx.get("instance", instanceId) as Instance), machine }));
  give(1);
  const there = new Set(up.map((id) => id.replace("own", instanceId)));
  const agent = new Agent({
    world: region.world,
    revision: 0,
    pools: ["203.0.113.0/24"],
    applyDelta: () => undefined,
    machine: {
      boot: async ({ id }) => void there.add(id),
      halt: async (id) => void there.delete(id),
      destroy: async (id) => void there.delete(id),
      isUp: (id) => there.has(id),
      setInterfaces: () => Promise.resolve(),
      instances: () => [...there],
    },
    number: 1,
    report: () => Promise.resolve(),
    log: (message, cause) => assert.fail(`${message}: ${String(cause)}`),
  });
  const resume = async (fresh: boolean): Promise<readonly string[]> => {
    await agent.resume(fresh);
    await agent.lifecycle.settled();
    return [...there].map((id) => id.replace(instanceId, "own"));
  };
  return { agent, give, resume };
}

test("a machine that does not know the newest state boots nothing: another one may run it by now", async () => {
  const { resume, give } = machineOne();
  assert.deepEqual(await resume(false), []);
  assert.deepEqual(await resume(true), ["own"]);
  const moved = machineOne();
  assert.deepEqual(await moved.resume(false), []);
  moved.give(2);
  assert.deepEqual(await moved.resume(true), []);
  give(2);
  assert.deepEqual(await resume(true), []);
});

test("what is up stays until the newest state is known, and only a machine's own after that", async () => {
  const { agent, resume } = machineOne("own", "i-moved");
  assert.deepEqual(await resume(false), ["own", "i-moved"]);
  assert.equal(agent.runsOnlyOwn(), false);
  assert.deepEqual(await resume(true), ["own"]);
  assert.equal(agent.runsOnlyOwn(), true);
});
