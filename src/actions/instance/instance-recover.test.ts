import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PlacementStrategy } from "@aws-sdk/client-ec2";
import { assert as check, constantFrom, integer, property } from "fast-check";
import type { HostMachine } from "../../model/machine.ts";
import { instanceNow, launchedPending, launchedRunning, regionWithDefaults } from "../test-launch.ts";
import { must, type TestRegion } from "../test-region.ts";
import { bootDone } from "./instance-lifecycle.ts";
import { recoverInstances } from "./instance-recover.ts";
import { instanceStateActions } from "./instance-state.ts";
import { placementGroupActions } from "./placement-group.ts";

const host = (number: number, more: Partial<HostMachine> = {}): HostMachine => ({
  number,
  zones: [],
  capacity: 100,
  live: true,
  open: true,
  elsewhere: 0,
  ...more,
});

const there = (region: TestRegion, id: string) => must(region.reader().get("instance", id));

function recovered(region: TestRegion, machine: number) {
  let found: ReturnType<typeof recoverInstances> | undefined;
  region.change((tx, context) => void (found = recoverInstances(tx, machine, context)));
  const { moved, left } = must(found);
  return { moved: moved.map(({ id }) => id), left: left.map(({ id }) => id) };
}

describe("instances of a machine that is away", () => {
  it("boot on another machine of their zone, with the same ids and addresses", () => {
    const hosts = [host(1, { zones: ["a"] })];
    const region = regionWithDefaults({ hosts: () => hosts });
    const Placement = { AvailabilityZone: "us-east-1a" };
    const id = launchedRunning(region, { Placement });
    const before = instanceNow(region, id);
    hosts.push(host(2, { zones: ["b"] }), host(3, { zones: ["a"] }));
    // The machine is back before it is known here: it is not taken again.
    assert.deepEqual(recovered(region, 1), { moved: [id], left: [] });
    const { machine, state, bootGeneration } = there(region, id);
    assert.deepEqual([machine, state, bootGeneration], [3, "pending", 2]);
    const after = instanceNow(region, id);
    assert.ok(before.PublicIpAddress);
    for (const name of ["PrivateIpAddress", "PublicIpAddress", "SubnetId"] as const)
      assert.equal(after[name], before[name], name);
    assert.deepEqual(recovered(region, 1), { moved: [], left: [] });
    region.change((tx, context) => bootDone(tx, id, context));
    assert.equal(there(region, id).state, "running");
  });

  it("stay when there is no room, and end when they were about to", () => {
    const hosts = [host(1), host(2, { capacity: 0 })];
    const region = regionWithDefaults({ hosts: () => hosts });
    const [stays, stops, ends] = [1, 2, 3].map(() => launchedRunning(region)) as [string, string, string];
    region.call(instanceStateActions.StopInstances, { InstanceIds: [stops] });
    region.call(instanceStateActions.TerminateInstances, { InstanceIds: [ends] });
    assert.deepEqual(recovered(region, 1), { moved: [], left: [stays] });
    assert.deepEqual(
      [stays, stops, ends].map((id) => there(region, id).state),
      ["running", "stopped", "terminated"],
    );
    hosts[1] = host(2, { capacity: 1 });
    assert.deepEqual(recovered(region, 1), { moved: [stays], left: [] });
    assert.equal(there(region, stops).machine, 1, "its next start finds another machine");
  });

  it("keep the rules of their placement group and every machine's room", () => {
    check(
      property(
        constantFrom<PlacementStrategy>("spread", "partition"),
        integer({ min: 1, max: 4 }),
        integer({ min: 1, max: 3 }),
        integer({ min: 1, max: 6 }),
        (Strategy, machines, capacity, wanted) => {
          const hosts = [host(1)];
          const region = regionWithDefaults({ hosts: () => hosts });
          region.call(placementGroupActions.CreatePlacementGroup, { GroupName: "g", Strategy });
          const grouped = launchedPending(region, {
            InstanceType: "m5.large",
            Placement: { GroupName: "g", ...(Strategy === "partition" ? { PartitionNumber: 1 } : {}) },
          });
          const ids = [...grouped, ...launchedPending(region, { count: wanted })];
          for (let n = 2; n <= machines; n++) hosts.push(host(n, { capacity }));
          const { moved, left } = recovered(region, 1);
          assert.deepEqual([...moved, ...left].toSorted(), ids.toSorted());
          assert.equal(moved.length, Math.min(ids.length, (machines - 1) * capacity));
          for (const { number } of hosts.slice(1))
            assert.ok(region.reader().countBy("instance", "machine", String(number)) <= capacity);
        },
      ),
      { numRuns: 40 },
    );
  });
});
