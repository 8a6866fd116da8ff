import assert from "node:assert/strict";
import { test } from "node:test";
import type { Placement, PlacementStrategy } from "@aws-sdk/client-ec2";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { tagActions } from "../tag/tag.ts";
import {
  instanceNow,
  launchedPending,
  launchedRunning,
  machineHalted,
  regionWithDefaults,
} from "../test-launch.ts";
import { must, refuses, type TestRegion } from "../test-region.ts";
import { instanceDescribeActions } from "./instance-describe.ts";
import { instanceStateActions } from "./instance-state.ts";
import { instanceTypeActions } from "./instance-type.ts";
import { placementGroupActions } from "./placement-group.ts";

const { CreatePlacementGroup, DeletePlacementGroup, DescribePlacementGroups } = placementGroupActions;

function created(
  region: TestRegion,
  GroupName: string,
  Strategy: PlacementStrategy,
  more: object = {},
): string {
  return must(region.call(CreatePlacementGroup, { GroupName, Strategy, ...more }).PlacementGroup?.GroupId);
}

test("a group is created, described by every filter, tagged and deleted", () => {
  const region = regionWithDefaults();
  const GroupId = created(region, "near", "cluster", {
    TagSpecifications: [{ ResourceType: "placement-group", Tags: [{ Key: "A", Value: "b" }] }],
  });
  created(region, "apart", "spread");
  created(region, "parts", "partition");
  const names = (input: object): unknown[] =>
    (region.call(DescribePlacementGroups, input).PlacementGroups ?? []).map((g) => g.GroupName);
  assert.deepEqual(region.call(DescribePlacementGroups, { GroupNames: ["near"] }).PlacementGroups, [
    {
      GroupName: "near",
      State: "available",
      Strategy: "cluster",
      PartitionCount: undefined,
      GroupId,
      Tags: [{ Key: "A", Value: "b" }],
      GroupArn: "arn:aws:ec2:us-east-1:123456789012:placement-group/near",
      SpreadLevel: undefined,
    },
  ]);
  const of = (Name: string, value: string): unknown[] => names({ Filters: [{ Name, Values: [value] }] });
  assert.deepEqual(names({ GroupIds: [GroupId] }), ["near"]);
  assert.deepEqual(of("strategy", "partition"), ["parts"]);
  assert.deepEqual(of("spread-level", "rack"), ["apart"]);
  assert.deepEqual(of("group-name", "a*"), ["apart"]);
  assert.deepEqual(of("group-arn", "*/near"), ["near"]);
  assert.deepEqual(of("state", "available"), ["near", "apart", "parts"]);
  assert.deepEqual(of("tag:A", "b"), ["near"]);
  refuses("InvalidParameterValue", () => of("bogus", "x"));
  region.call(tagActions.CreateTags, { Resources: [GroupId], Tags: [{ Key: "A", Value: "c" }] });
  assert.deepEqual(of("tag:A", "c"), ["near"]);
  region.call(DeletePlacementGroup, { GroupName: "near" });
  const words = "The Placement Group 'near' is unknown.";
  refuses("InvalidPlacementGroup.Unknown", () => names({ GroupNames: ["near"] }), words);
  refuses(
    "InvalidPlacementGroup.Unknown",
    () => region.call(DeletePlacementGroup, { GroupName: "near" }),
    words,
  );
  refuses("InvalidPlacementGroup.Unknown", () => names({ GroupIds: [GroupId] }));
});

test("a group with impossible parameters is refused", () => {
  const region = regionWithDefaults({ quotas: { ...DEFAULT_QUOTAS, "placement-groups": 1 } });
  const create = (Strategy: string | undefined, more: object = {}): unknown =>
    region.call(CreatePlacementGroup, { GroupName: "g", Strategy: Strategy as PlacementStrategy, ...more });
  refuses("MissingParameter", () => create(undefined));
  refuses("MissingParameter", () => create("cluster", { GroupName: undefined }));
  refuses("InvalidParameterValue", () => create("heap"));
  refuses("InvalidParameterValue", () => create("cluster", { GroupName: "x".repeat(256) }));
  refuses("InvalidParameterValue", () => create("partition", { PartitionCount: 8 }));
  refuses("InvalidParameterCombination", () => create("cluster", { PartitionCount: 2 }));
  refuses("InvalidParameterCombination", () => create("cluster", { SpreadLevel: "rack" }));
  refuses("UnsupportedOperation", () => create("spread", { SpreadLevel: "host" }));
  create("spread", { SpreadLevel: "rack" });
  refuses("InvalidPlacementGroup.Duplicate", () => create("spread"));
  refuses("PlacementGroupLimitExceeded", () => create("spread", { GroupName: "second" }));
});

test("instances are launched into a group, which stays while it has any; partitions take turns", () => {
  const region = regionWithDefaults();
  const GroupId = created(region, "parts", "partition", { PartitionCount: 2 });
  created(region, "near", "cluster");
  const placed = (id: string): Placement => must(instanceNow(region, id).Placement);
  const ids = launchedPending(region, { Placement: { GroupName: "parts" }, count: 3 });
  assert.deepEqual(
    ids.map((id) => [placed(id).GroupName, placed(id).GroupId, placed(id).PartitionNumber]),
    [1, 2, 1].map((number) => ["parts", GroupId, number]),
  );
  const id = launchedRunning(region, { Placement: { GroupId, PartitionNumber: 2 } });
  assert.equal(placed(id).PartitionNumber, 2);
  const found = (Name: string, value: string): unknown =>
    region
      .call(instanceDescribeActions.DescribeInstances, { Filters: [{ Name, Values: [value] }] })
      .Reservations?.flatMap((r) => r.Instances).length;
  assert.deepEqual(
    [
      found("placement-group-name", "parts"),
      found("placement-partition-number", "2"),
      found("placement-group-name", "x"),
    ],
    [4, 2, 0],
  );
  const remove = (): unknown => region.call(DeletePlacementGroup, { GroupName: "parts" });
  refuses(
    "InvalidPlacementGroup.InUse",
    remove,
    "The placement group 'parts' is in use and may not be deleted.",
  );
  for (const each of [...ids, id]) {
    region.call(instanceStateActions.TerminateInstances, { InstanceIds: [each] });
    machineHalted(region, each);
  }
  remove();
  assert.equal(placed(id).GroupName, "");

  const launch = (placement: Placement, InstanceType: "t3.micro" | "m5.large" = "t3.micro"): unknown =>
    launchedPending(region, { Placement: placement, InstanceType });
  refuses(
    "InvalidPlacementGroup.Unknown",
    () => launch({ GroupName: "none" }),
    "The Placement Group 'none' is unknown.",
  );
  refuses("InvalidParameterCombination", () => launch({ GroupName: "near", GroupId }));
  refuses("InvalidParameterCombination", () => launch({ GroupName: "near", PartitionNumber: 1 }, "m5.large"));
  created(region, "parts", "partition");
  refuses("InvalidParameterValue", () => launch({ GroupName: "parts", PartitionNumber: 3 }));
  refuses(
    "InvalidParameterCombination",
    () => launch({ GroupName: "near" }),
    "Cluster placement groups are not supported by the 't3.micro' instance type. Specify a supported instance type or change the placement group strategy, and try again.",
  );
  launch({ GroupName: "near" }, "m5.large");
  const types = region.call(instanceTypeActions.DescribeInstanceTypes, {
    InstanceTypes: ["m5.large"],
  }).InstanceTypes;
  assert.deepEqual(types?.[0]?.PlacementGroupInfo?.SupportedStrategies, ["cluster", "partition", "spread"]);
});
