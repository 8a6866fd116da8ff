import type {
  CreateVpcBlockPublicAccessExclusionRequest,
  CreateVpcBlockPublicAccessExclusionResult,
  DeleteVpcBlockPublicAccessExclusionRequest,
  DeleteVpcBlockPublicAccessExclusionResult,
  DescribeVpcBlockPublicAccessExclusionsRequest,
  DescribeVpcBlockPublicAccessExclusionsResult,
  DescribeVpcBlockPublicAccessOptionsRequest,
  DescribeVpcBlockPublicAccessOptionsResult,
  ModifyVpcBlockPublicAccessExclusionRequest,
  ModifyVpcBlockPublicAccessExclusionResult,
  ModifyVpcBlockPublicAccessOptionsRequest,
  ModifyVpcBlockPublicAccessOptionsResult,
  VpcBlockPublicAccessExclusion as ExclusionAnswer,
  VpcBlockPublicAccessOptions,
} from "@aws-sdk/client-ec2";
import type { BlockPublicAccess, BlockPublicAccessExclusion } from "../../model/block-public-access.ts";
import { Fault } from "../../model/fault.ts";
import { newId } from "../../model/id.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, chosen, type FilterFields, searched } from "../kit/describe.ts";
import { find, found } from "../kit/find.ts";
import { notFound } from "../kit/not-found.ts";
import { required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagList, tagsFor } from "../kit/tags.ts";

const DescribeVpcBlockPublicAccessOptions: Action<
  DescribeVpcBlockPublicAccessOptionsRequest,
  DescribeVpcBlockPublicAccessOptionsResult
> = (tx, _input, context) => ({
  VpcBlockPublicAccessOptions: describedOptions(tx.list("block-public-access")[0], context),
});

function describedOptions(
  options: BlockPublicAccess | undefined,
  context: Context,
): VpcBlockPublicAccessOptions {
  return {
    AwsAccountId: context.account,
    AwsRegion: context.region,
    State: options ? "update-complete" : "default-state",
    InternetGatewayBlockMode: options?.mode ?? "off",
    LastUpdateTimestamp: options && new Date(options.updatedAt),
    ManagedBy: "account",
    ExclusionsAllowed: "allowed",
  };
}

const MODES: readonly BlockPublicAccess["mode"][] = ["off", "block-bidirectional", "block-ingress"];

/** Packets obey when the answer leaves, though it says that the update is in progress, as AWS's does. */
const ModifyVpcBlockPublicAccessOptions: Action<
  ModifyVpcBlockPublicAccessOptionsRequest,
  ModifyVpcBlockPublicAccessOptionsResult
> = (tx, input, context) => {
  const asked: string = required(input.InternetGatewayBlockMode, "internetGatewayBlockMode");
  const mode = MODES.find((known) => known === asked);
  if (!mode)
    throw new Fault(
      "InvalidParameterValue",
      `Value (${asked}) for parameter internetGatewayBlockMode is invalid.`,
    );
  const options: BlockPublicAccess = {
    kind: "block-public-access",
    id: context.region,
    tags: {},
    mode,
    updatedAt: context.now,
  };
  tx.put(options);
  return {
    VpcBlockPublicAccessOptions: { ...describedOptions(options, context), State: "update-in-progress" },
  };
};

const CreateVpcBlockPublicAccessExclusion: Action<
  CreateVpcBlockPublicAccessExclusionRequest,
  CreateVpcBlockPublicAccessExclusionResult
> = (tx, input, context) => {
  const mode = exclusionMode(input.InternetGatewayExclusionMode);
  if ((input.VpcId === undefined) === (input.SubnetId === undefined)) {
    throw new Fault(
      "InvalidParameterCombination",
      "The request must contain exactly one of vpcId and subnetId",
    );
  }
  const resource =
    input.VpcId === undefined ? find(tx, "subnet", input.SubnetId) : find(tx, "vpc", input.VpcId);
  const tags = tagsFor("vpc-block-public-access-exclusion", input.TagSpecifications, context.quotas);
  const active = tx.list("block-public-access-exclusion").filter(({ state }) => state === "active");
  if (active.some(({ resourceId }) => resourceId === resource.id)) {
    throw new Fault("InvalidParameterValue", `An exclusion for ${resource.id} already exists.`);
  }
  const words = "The maximum number of VPC Block Public Access exclusions has been reached.";
  requireQuota(
    context,
    "block-public-access-exclusions",
    active.length + 1,
    "VpcBlockPublicAccessExclusionLimitExceeded",
    words,
  );
  const exclusion: BlockPublicAccessExclusion = {
    kind: "block-public-access-exclusion",
    id: newId("block-public-access-exclusion", context.random),
    tags,
    resourceId: resource.id,
    mode,
    state: "active",
    createdAt: context.now,
    updatedAt: context.now,
  };
  tx.put(exclusion);
  return {
    VpcBlockPublicAccessExclusion: { ...describedExclusion(exclusion, context), State: "create-in-progress" },
  };
};

function exclusionMode(asked: string | undefined): BlockPublicAccessExclusion["mode"] {
  const mode = required(asked, "internetGatewayExclusionMode");
  if (mode === "allow-bidirectional" || mode === "allow-egress") return mode;
  throw new Fault(
    "InvalidParameterValue",
    `Value (${mode}) for parameter internetGatewayExclusionMode is invalid.`,
  );
}

/**
 * One that spares something still. @throws MissingParameter; InvalidVpcBlockPublicAccessExclusionId.NotFound.
 */
function findExclusion(tx: Reader, id: string | undefined): BlockPublicAccessExclusion {
  const exclusion = find(tx, "block-public-access-exclusion", id);
  if (exclusion.state === "active") return exclusion;
  throw notFound(exclusion.kind, exclusion.id);
}

const ModifyVpcBlockPublicAccessExclusion: Action<
  ModifyVpcBlockPublicAccessExclusionRequest,
  ModifyVpcBlockPublicAccessExclusionResult
> = (tx, input, context) => {
  const mode = exclusionMode(input.InternetGatewayExclusionMode);
  const exclusion = { ...findExclusion(tx, input.ExclusionId), mode, updatedAt: context.now };
  tx.put(exclusion);
  return {
    VpcBlockPublicAccessExclusion: { ...describedExclusion(exclusion, context), State: "update-in-progress" },
  };
};

const DeleteVpcBlockPublicAccessExclusion: Action<
  DeleteVpcBlockPublicAccessExclusionRequest,
  DeleteVpcBlockPublicAccessExclusionResult
> = (tx, input, context) => {
  const exclusion = findExclusion(tx, input.ExclusionId);
  const deleted: BlockPublicAccessExclusion = {
    ...exclusion,
    state: "deleted",
    updatedAt: context.now,
    deletedAt: context.now,
  };
  tx.put(deleted);
  return {
    VpcBlockPublicAccessExclusion: { ...describedExclusion(deleted, context), State: "delete-in-progress" },
  };
};

const DescribeVpcBlockPublicAccessExclusions: Action<
  DescribeVpcBlockPublicAccessExclusionsRequest,
  DescribeVpcBlockPublicAccessExclusionsResult
> = (tx, input, context) => {
  const exclusions = chosen(
    input.ExclusionIds,
    (id) => found(tx.get("block-public-access-exclusion", id), "block-public-access-exclusion", id),
    () => candidates(tx, "block-public-access-exclusion", undefined, {}),
  );
  const { items, nextToken } = searched(exclusions, input, fields(context));
  return {
    VpcBlockPublicAccessExclusions: items.map((exclusion) => describedExclusion(exclusion, context)),
    NextToken: nextToken,
  };
};

function fields(context: Context): FilterFields<BlockPublicAccessExclusion> {
  return {
    "resource-arn": (exclusion) => arnOf(exclusion, context),
    "internet-gateway-exclusion-mode": (exclusion) => exclusion.mode,
    state: (exclusion) => stateOf(exclusion),
  };
}

function arnOf({ resourceId }: BlockPublicAccessExclusion, { region, account }: Context): string {
  return `arn:aws:ec2:${region}:${account}:${resourceId.startsWith("subnet-") ? "subnet" : "vpc"}/${resourceId}`;
}

function stateOf({
  state,
  createdAt,
  updatedAt,
}: BlockPublicAccessExclusion): "delete-complete" | "create-complete" | "update-complete" {
  if (state === "deleted") return "delete-complete";
  return createdAt === updatedAt ? "create-complete" : "update-complete";
}

function describedExclusion(exclusion: BlockPublicAccessExclusion, context: Context): ExclusionAnswer {
  return {
    ExclusionId: exclusion.id,
    InternetGatewayExclusionMode: exclusion.mode,
    ResourceArn: arnOf(exclusion, context),
    State: stateOf(exclusion),
    CreationTimestamp: new Date(exclusion.createdAt),
    LastUpdateTimestamp: new Date(exclusion.updatedAt),
    DeletionTimestamp: exclusion.deletedAt === undefined ? undefined : new Date(exclusion.deletedAt),
    Tags: tagList(exclusion.tags),
  };
}

const DESCRIBED_FOR_MILLISECONDS = 60 * 60 * 1000;

/** Forgets the exclusions that were deleted an hour ago or longer, and those of what is gone. */
export function purgeExclusions(tx: Tx, context: Context): void {
  const latest = Date.parse(context.now) - DESCRIBED_FOR_MILLISECONDS;
  for (const { id, deletedAt, resourceId } of tx.list("block-public-access-exclusion")) {
    const gone = !tx.get("vpc", resourceId) && !tx.get("subnet", resourceId);
    if (gone || (deletedAt !== undefined && Date.parse(deletedAt) <= latest))
      tx.delete("block-public-access-exclusion", id);
  }
}

export const blockPublicAccessActions = {
  DescribeVpcBlockPublicAccessOptions,
  ModifyVpcBlockPublicAccessOptions,
  CreateVpcBlockPublicAccessExclusion,
  ModifyVpcBlockPublicAccessExclusion,
  DeleteVpcBlockPublicAccessExclusion,
  DescribeVpcBlockPublicAccessExclusions,
};
