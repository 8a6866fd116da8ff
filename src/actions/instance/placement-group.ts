import type {
  CreatePlacementGroupRequest,
  CreatePlacementGroupResult,
  DeletePlacementGroupRequest,
  DescribePlacementGroupsRequest,
  DescribePlacementGroupsResult,
  PlacementGroup as GroupAnswer,
  RunInstancesRequest,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { Instance } from "../../model/instance.ts";
import type { PlacementGroup } from "../../model/placement-group.ts";
import type { Reader } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, type FilterFields, filtered } from "../kit/describe.ts";
import { found } from "../kit/find.ts";
import type { InstanceTypeFacts } from "../kit/instance-type-table.ts";
import { type Done, DONE, given, refuseUnoffered, required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagListOrAbsent, tagsFor } from "../kit/tags.ts";

const CreatePlacementGroup: Action<CreatePlacementGroupRequest, CreatePlacementGroupResult> = (
  tx,
  input,
  context,
) => {
  refuseUnoffered(input, ["LinkedGroupId", "ParentGroupId", "Operator"]);
  const name = newName(tx, input.GroupName);
  const tags = tagsFor("placement-group", input.TagSpecifications, context.quotas);
  const words = "The maximum number of placement groups has been reached.";
  requireQuota(
    context,
    "placement-groups",
    tx.count("placement-group") + 1,
    "PlacementGroupLimitExceeded",
    words,
  );
  const group: PlacementGroup = {
    kind: "placement-group",
    id: newId("placement-group", context.random),
    tags,
    name,
    ...strategyIn(input),
  };
  tx.put(group);
  return { PlacementGroup: described(group, context) };
};

function newName(tx: Reader, text: string | undefined): string {
  const name = required(text, "groupName");
  if (!/^[\x20-\x7e]{1,255}$/.test(name)) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${name}) for parameter groupName is invalid. Up to 255 ASCII characters.`,
    );
  }
  if (tx.countBy("placement-group", "name", name) > 0) {
    throw new Fault("InvalidPlacementGroup.Duplicate", `The Placement Group '${name}' already exists.`);
  }
  return name;
}

/** EC2 user guide, "Placement strategies for your placement groups". */
const MOST_PARTITIONS = 7;

type Strategy =
  | { readonly strategy: "cluster" | "spread" }
  | { readonly strategy: "partition"; readonly partitionCount: number };

/** @throws InvalidParameterValue; InvalidParameterCombination for what belongs to another strategy. */
function strategyIn(input: CreatePlacementGroupRequest): Strategy {
  const strategy: string = required<string>(input.Strategy, "strategy");
  const { PartitionCount: count } = input;
  const level: string | undefined = given(input.SpreadLevel);
  if (level !== undefined && strategy !== "spread") throw combination("spreadLevel", strategy);
  if (level !== undefined && level !== "rack")
    throw new Fault("UnsupportedOperation", `Genkan does not offer the spread level ${level}.`);
  if (count !== undefined && strategy !== "partition") throw combination("partitionCount", strategy);
  if (strategy === "cluster" || strategy === "spread") return { strategy };
  if (strategy !== "partition")
    throw new Fault("InvalidParameterValue", `Value (${strategy}) for parameter strategy is invalid.`);
  const partitionCount = count ?? 2;
  if (partitionCount < 1 || partitionCount > MOST_PARTITIONS) {
    const words = `Value (${partitionCount}) for parameter partitionCount is invalid. Valid values: 1 to ${MOST_PARTITIONS}.`;
    throw new Fault("InvalidParameterValue", words);
  }
  return { strategy, partitionCount };
}

function combination(parameter: string, strategy: string): Fault {
  return new Fault(
    "InvalidParameterCombination",
    `The parameter ${parameter} cannot be used with the strategy ${strategy}`,
  );
}

const DeletePlacementGroup: Action<DeletePlacementGroupRequest, Done> = (tx, input) => {
  const { id, name } = groupNamed(tx, required(input.GroupName, "groupName"));
  if (tx.countBy("instance", "placementGroupId", id) > 0) {
    throw new Fault(
      "InvalidPlacementGroup.InUse",
      `The placement group '${name}' is in use and may not be deleted.`,
    );
  }
  tx.delete("placement-group", id);
  return DONE;
};

/** @throws InvalidPlacementGroup.Unknown. */
function groupNamed(tx: Reader, name: string): PlacementGroup {
  return found(tx.by("placement-group", "name", name)[0], "placement-group", name);
}

/** @throws InvalidPlacementGroup.Unknown. */
function groupOf(tx: Reader, id: string): PlacementGroup {
  return found(tx.get("placement-group", id), "placement-group", id);
}

const DescribePlacementGroups: Action<DescribePlacementGroupsRequest, DescribePlacementGroupsResult> = (
  tx,
  input,
  context,
) => {
  const named = [
    ...(input.GroupNames ?? []).map((name) => groupNamed(tx, name)),
    ...(input.GroupIds ?? []).map((id) => groupOf(tx, id)),
  ];
  const all = candidates(tx, "placement-group", undefined, {});
  const groups = named.length > 0 ? [...new Set(named)] : all.slice(0, all.length);
  return {
    PlacementGroups: filtered(groups, input.Filters, fields(context)).map((group) =>
      described(group, context),
    ),
  };
};

function fields(context: Context): FilterFields<PlacementGroup> {
  return {
    "group-name": (group) => group.name,
    "group-arn": (group) => arnOf(group, context),
    "spread-level": (group) => (group.strategy === "spread" ? "rack" : undefined),
    state: () => "available",
    strategy: (group) => group.strategy,
  };
}

function arnOf({ name }: PlacementGroup, { region, account }: Context): string {
  return `arn:aws:ec2:${region}:${account}:placement-group/${name}`;
}

function described(group: PlacementGroup, context: Context): GroupAnswer {
  return {
    GroupName: group.name,
    State: "available",
    Strategy: group.strategy,
    PartitionCount: group.partitionCount,
    GroupId: group.id,
    Tags: tagListOrAbsent(group.tags),
    GroupArn: arnOf(group, context),
    SpreadLevel: group.strategy === "spread" ? "rack" : undefined,
  };
}

/** Where a launch puts its instances, beside the zone: the group, and the partition when it names one. */
export type WantedPlacement = {
  readonly group: PlacementGroup;
  readonly partitionNumber: number | undefined;
};

/**
 * @throws InvalidPlacementGroup.Unknown; InvalidParameterCombination for two names, a type that the strategy
 * cannot have, or a partition of a group that has none; InvalidParameterValue for a partition that it does
 * not have.
 */
export function wantedPlacement(
  tx: Reader,
  placement: RunInstancesRequest["Placement"],
  type: InstanceTypeFacts,
): WantedPlacement | undefined {
  const [name, id, partitionNumber] = [
    given(placement?.GroupName),
    given(placement?.GroupId),
    placement?.PartitionNumber,
  ];
  if (name !== undefined && id !== undefined) {
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter groupName cannot be used with the parameter groupId",
    );
  }
  const group = name === undefined ? (id === undefined ? undefined : groupOf(tx, id)) : groupNamed(tx, name);
  if (partitionNumber !== undefined) requirePartition(group, partitionNumber);
  if (!group) return undefined;
  if (group.strategy === "cluster" && !strategiesOf(type).includes("cluster")) {
    throw new Fault(
      "InvalidParameterCombination",
      `Cluster placement groups are not supported by the '${type.name}' instance type. Specify a supported instance type or change the placement group strategy, and try again.`,
    );
  }
  return { group, partitionNumber };
}

function requirePartition(group: PlacementGroup | undefined, partitionNumber: number): void {
  if (group?.strategy !== "partition") {
    throw new Fault(
      "InvalidParameterCombination",
      "The parameter partitionNumber needs a placement group whose strategy is partition",
    );
  }
  if (partitionNumber >= 1 && partitionNumber <= group.partitionCount) return;
  const words = `Value (${partitionNumber}) for parameter partitionNumber is invalid. Valid values: 1 to ${group.partitionCount}.`;
  throw new Fault("InvalidParameterValue", words);
}

/** The next instance's place; without a number the partitions take turns. */
export function placementOf(tx: Reader, wanted: WantedPlacement | undefined): Pick<Instance, "placement"> {
  if (!wanted) return {};
  const { group, partitionNumber } = wanted;
  if (group.strategy !== "partition") return { placement: { groupId: group.id } };
  const turn = (tx.countBy("instance", "placementGroupId", group.id) % group.partitionCount) + 1;
  return { placement: { groupId: group.id, partitionNumber: partitionNumber ?? turn } };
}

/**
 * The group and partition of an instance, as its description tells them; a group that is gone has no name.
 */
export function describedPlacement(
  tx: Reader,
  { placement }: Instance,
): { GroupName?: string; GroupId?: string; PartitionNumber?: number } {
  const group = placement && tx.get("placement-group", placement.groupId);
  if (!group) return {};
  const { partitionNumber } = placement;
  return {
    GroupName: group.name,
    GroupId: group.id,
    ...(partitionNumber === undefined ? {} : { PartitionNumber: partitionNumber }),
  };
}

/**
 * The strategies of groups that instances of a type can be in (EC2 user guide, "Placement groups for your EC2
 * instances").
 */
export function strategiesOf({ name, burstable }: InstanceTypeFacts): ("cluster" | "partition" | "spread")[] {
  return burstable || /^(m[123]|c1|t1|[a-z0-9]+-flex)\./.test(name)
    ? ["partition", "spread"]
    : ["cluster", "partition", "spread"];
}

export const placementGroupActions = { CreatePlacementGroup, DeletePlacementGroup, DescribePlacementGroups };
