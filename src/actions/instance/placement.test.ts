import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Placement, PlacementStrategy } from "@aws-sdk/client-ec2";
import { assert as check, constantFrom, integer, property } from "fast-check";
import type { HostMachine } from "../../model/machine.ts";
import { launchedRunning, machineHalted, regionWithDefaults, SOME_IMAGE } from "../test-launch.ts";
import { must, refuses, type TestRegion } from "../test-region.ts";
import { instanceDescribeActions } from "./instance-describe.ts";
import { bootDone } from "./instance-lifecycle.ts";
import { instanceRunActions } from "./instance-run.ts";
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

const regionOn = (...hosts: readonly HostMachine[]): TestRegion => regionWithDefaults({ hosts: () => hosts });

const there = (region: TestRegion, id: string) => must(region.reader().get("instance", id));

const launch = (region: TestRegion, MaxCount = 1, placement: Placement = {}, MinCount = MaxCount) =>
  must(
    region.call(instanceRunActions.RunInstances, {
      ImageId: SOME_IMAGE,
      InstanceType: "m5.large",
      MinCount,
      MaxCount,
      Placement: placement,
    }).Instances,
  ).map(({ InstanceId }) => must(InstanceId));

const machines = (region: TestRegion, ids: readonly string[]) => ids.map((id) => there(region, id).machine);

describe("the machine of an instance", () => {
  it("is the emptiest; where Genkan is one machine there is none", () => {
    const region = regionOn(host(1), host(2, { elsewhere: 1 }), host(3));
    assert.deepEqual(machines(region, launch(region, 5)), [1, 3, 1, 2, 3]);
    const alone = regionWithDefaults();
    assert.equal("machine" in there(alone, must(launch(alone)[0])), false);
  });

  it("serves the zone of the subnet", () => {
    const region = regionOn(host(1, { zones: ["a"] }), host(2, { zones: ["b", "c"] }));
    const at = (AvailabilityZone: string) => machines(region, launch(region, 1, { AvailabilityZone }));
    assert.deepEqual([at("us-east-1a"), at("us-east-1c"), at("us-east-1b")], [[1], [2], [2]]);
    const words = /\(us-east-1d\)\..* or choosing us-east-1a, us-east-1b, us-east-1c\.$/;
    refuses("InsufficientInstanceCapacity", () => at("us-east-1d"), words);
  });

  it("has room, lives and is open; as many instances as there is room for, at least the least", () => {
    const region = regionOn(
      host(1, { capacity: 2 }),
      host(2, { live: false }),
      host(3, { open: false }),
      host(4, { capacity: 5, elsewhere: 4 }),
    );
    const count = (): number =>
      region.call(instanceDescribeActions.DescribeInstances, {}).Reservations?.length ?? 0;
    refuses("InsufficientInstanceCapacity", () => launch(region, 4));
    assert.equal(count(), 0, "a refused launch leaves nothing");
    assert.deepEqual(machines(region, launch(region, 9, {}, 2)), [1, 1, 4]);
    refuses("InsufficientInstanceCapacity", () => launch(region));
  });

  it("is the one that has the files when the instance starts again, another when that one is silent", () => {
    const hosts = [host(1), host(2)];
    const region = regionWithDefaults({ hosts: () => hosts });
    const [id = ""] = launch(region);
    const again = (): number | undefined => {
      region.change((tx, context) => bootDone(tx, id, context));
      region.call(instanceStateActions.StopInstances, { InstanceIds: [id] });
      machineHalted(region, id);
      launch(region, 3);
      region.call(instanceStateActions.StartInstances, { InstanceIds: [id] });
      return there(region, id).machine;
    };
    assert.equal(again(), 1);
    hosts[0] = host(1, { live: false });
    assert.equal(again(), 2);
  });

  it("keeps a spread group's instances apart, a cluster's together, and partitions from each other", () => {
    check(
      property(
        integer({ min: 1, max: 4 }),
        constantFrom<PlacementStrategy>("spread", "cluster", "partition"),
        integer({ min: 1, max: 6 }),
        (count, Strategy, wanted) => {
          const region = regionOn(...Array.from({ length: count }, (_, i) => host(i + 1)));
          region.call(placementGroupActions.CreatePlacementGroup, { GroupName: "g", Strategy });
          const ids = launch(region, wanted, { GroupName: "g" }, 1);
          const placed = ids.map((id) => there(region, id));
          const used = new Set(placed.map(({ machine }) => machine));
          if (Strategy === "cluster") assert.equal(used.size, 1);
          if (Strategy === "spread") assert.equal(used.size, ids.length);
          if (Strategy === "spread") assert.equal(ids.length, Math.min(count, wanted));
          for (const number of Strategy === "partition" ? used : [])
            assert.equal(
              new Set(
                placed.filter(({ machine }) => machine === number).map((i) => i.placement?.partitionNumber),
              ).size,
              1,
            );
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("the status checks of an instance", () => {
  it("fail while its machine is silent, as every filter has it", () => {
    const hosts = [host(1), host(2)];
    const region = regionWithDefaults({ hosts: () => hosts });
    const [one, two] = [launchedRunning(region), launchedRunning(region)];
    hosts[0] = host(1, { live: false });
    const statuses = (Filters: { Name: string; Values: string[] }[] = []) =>
      region
        .call(instanceDescribeActions.DescribeInstanceStatus, { Filters })
        .InstanceStatuses?.map((s) => [
          s.InstanceId,
          s.SystemStatus?.Status,
          s.InstanceStatus?.Status,
          s.SystemStatus?.Details?.[0]?.Status,
        ]);
    const impaired = [one, "impaired", "impaired", "failed"];
    assert.deepEqual(statuses(), [impaired, [two, "ok", "ok", "passed"]]);
    assert.deepEqual(statuses([{ Name: "system-status.status", Values: ["impaired"] }]), [impaired]);
    assert.deepEqual(statuses([{ Name: "instance-status.reachability", Values: ["failed"] }]), [impaired]);
  });
});
