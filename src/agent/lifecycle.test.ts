import assert from "node:assert/strict";
import { test } from "node:test";
import { launched, moveInstance, newNetwork } from "../actions/test-network.ts";
import { takeReport } from "../control/report.ts";
import type { Instance } from "../model/instance.ts";
import { Lifecycle, type Machine } from "./lifecycle.ts";

const REALM = { account: "123456789012", region: "us-east-1" };

/** A pending instance on a machine whose first `failing` boots fail; `boots`: how many there were. */
function bootsThatFail(failing: number, generation = 1) {
  const network = newNetwork();
  const { region } = network;
  const { instanceId } = launched(network, { state: "pending" });
  const now = (): Instance | undefined => region.reader().get("instance", instanceId);
  if (generation > 1) region.change((tx) => tx.put({ ...(now() as Instance), bootGeneration: generation }));
  const seen = { boots: 0, destroyed: 0, halted: 0, log: [] as string[], up: false };
  const machine: Machine = {
    boot: async () => {
      seen.boots += 1;
      if (seen.boots <= failing) throw new Error("no room");
      seen.up = true;
    },
    halt: async () => void (seen.halted += 1),
    destroy: async () => void (seen.destroyed += 1),
    isUp: () => seen.up,
    setInterfaces: async () => undefined,
  };
  const lifecycle: Lifecycle = new Lifecycle({
    machine,
    find: (_, id) => region.reader().get("instance", id),
    plan: (_, { id }) => ({ id }) as never,
    report: async (_, report) => {
      region.change((tx, context) => takeReport(tx, report, context));
      lifecycle.follow(REALM, instanceId);
    },
    log: (message) => void seen.log.push(message),
  });
  lifecycle.follow(REALM, instanceId);
  return { network, instanceId, lifecycle, seen, now };
}

test("a boot that fails once is tried again", async () => {
  const { lifecycle, seen, now, instanceId } = bootsThatFail(1);
  await lifecycle.settled();
  assert.deepEqual([now()?.state, seen.boots, seen.destroyed], ["running", 2, 0]);
  assert.deepEqual(seen.log, [`${instanceId} did not boot, attempt 1 of 2`]);
});

test("a launch that fails terminates, and says why", async () => {
  const { lifecycle, seen, now } = bootsThatFail(9);
  await lifecycle.settled();
  assert.deepEqual([now()?.state, seen.boots, seen.destroyed], ["terminated", 2, 1]);
  assert.deepEqual(now()?.stateReason, {
    code: "Server.InternalError",
    message: "Server.InternalError: Internal error on launch",
  });
});

test("a start that fails goes back to stopped, and the next start may succeed", async () => {
  const { lifecycle, seen, now, network, instanceId } = bootsThatFail(2, 2);
  await lifecycle.settled();
  assert.deepEqual(
    [now()?.state, now()?.stateReason?.code, seen.boots],
    ["stopped", "Server.InternalError", 2],
  );
  moveInstance(network.region, instanceId, "pending");
  lifecycle.follow(REALM, instanceId);
  await lifecycle.settled();
  assert.deepEqual([now()?.state, seen.boots], ["running", 3]);
});

test("a stop that fails is tried again until it succeeds, and until then the instance keeps its state", async () => {
  const network = newNetwork();
  const { region } = network;
  const { instanceId } = launched(network);
  const now = (): Instance | undefined => region.reader().get("instance", instanceId);
  let [up, refusals] = [true, 3];
  const stop = async (): Promise<void> => {
    if (refusals-- > 0) throw new Error("not now");
    up = false;
  };
  const [again, log]: [(() => void)[], string[]] = [[], []];
  const lifecycle: Lifecycle = new Lifecycle({
    machine: {
      boot: async () => undefined,
      halt: stop,
      destroy: stop,
      isUp: () => up,
      setInterfaces: async () => undefined,
    },
    find: (_, id) => region.reader().get("instance", id),
    plan: (_, { id }) => ({ id }) as never,
    report: async (_, report) => region.change((tx, context) => takeReport(tx, report, context)),
    log: (message) => void log.push(message),
    later: (body) => void again.push(body),
  });
  moveInstance(region, instanceId, "shutting-down");
  lifecycle.follow(REALM, instanceId);
  await lifecycle.settled();
  for (let body = again.shift(); body; body = again.shift()) {
    assert.equal(now()?.state, "shutting-down");
    body();
    await lifecycle.settled();
  }
  assert.deepEqual([now()?.state, up, log.length], ["terminated", false, 3]);
});
