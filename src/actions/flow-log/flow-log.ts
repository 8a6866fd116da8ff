import type {
  CreateFlowLogsRequest,
  CreateFlowLogsResult,
  DeleteFlowLogsRequest,
  DeleteFlowLogsResult,
  DescribeFlowLogsRequest,
  DescribeFlowLogsResult,
  FlowLog as FlowLogAnswer,
  UnsuccessfulItem,
} from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import {
  DEFAULT_LOG_FORMAT,
  type FlowLog,
  isFlowLogField,
  namesInFormat,
  type TrafficType,
} from "../../model/flow-log.ts";
import { newId } from "../../model/id.ts";
import type { Reader, Tx } from "../../model/state.ts";
import type { Action, Context } from "../kit/action.ts";
import { candidates, type FilterFields, searched } from "../kit/describe.ts";
import { notFound } from "../kit/not-found.ts";
import { repeatedIn, required } from "../kit/parameter.ts";
import { requireQuota } from "../kit/quota.ts";
import { tagList, tagsFor } from "../kit/tags.ts";
import { destinationOf } from "./flow-log-destination.ts";

const MAX_RESOURCES = 300;

/**
 * Creates one flow log for each resource. With a single resource, a failure is the request's; with several,
 * those that fail are listed as unsuccessful.
 */
const CreateFlowLogs: Action<CreateFlowLogsRequest, CreateFlowLogsResult> = (tx, input, context) => {
  const ids = [...new Set(input.ResourceIds ?? [])];
  if (ids.length === 0)
    throw new Fault("MissingParameter", "The request must contain the parameter ResourceId");
  if (ids.length > MAX_RESOURCES) {
    throw new Fault(
      "InvalidParameterValue",
      `ResourceId may name ${MAX_RESOURCES} resources at most, not ${ids.length}.`,
    );
  }
  const type = resourceTypeOf(input.ResourceType);
  const made = ids.map((id) => attempt(() => create(tx, { id, type, input }, context), ids.length > 1));
  return {
    ClientToken: input.ClientToken ?? context.random.hex(32),
    FlowLogIds: made.flatMap((one) => (typeof one === "string" ? [one] : [])),
    Unsuccessful: made.flatMap((one, index): UnsuccessfulItem[] =>
      typeof one === "string"
        ? []
        : [{ ResourceId: ids[index], Error: { Code: "400", Message: one.message } }],
    ),
  };
};

function attempt(body: () => string, mayFail: boolean): string | Fault {
  if (!mayFail) return body();
  try {
    return body();
  } catch (error) {
    if (error instanceof Fault && OF_ONE_RESOURCE.has(error.code)) return error;
    throw error;
  }
}

/** Faults that leave the other resources of the request as they are. */
const OF_ONE_RESOURCE: ReadonlySet<string> = new Set([
  "InvalidVpcID.NotFound",
  "InvalidSubnetID.NotFound",
  "InvalidNetworkInterfaceID.NotFound",
  "NatGatewayNotFound",
  "FlowLogAlreadyExists",
  "FlowLogsLimitExceeded",
]);

type ResourceType = keyof typeof RESOURCES;
const RESOURCES = {
  VPC: "vpc",
  Subnet: "subnet",
  NetworkInterface: "network-interface",
  RegionalNatGateway: "nat-gateway",
} as const;
const NOT_OFFERED: ReadonlySet<string> = new Set([
  "TransitGateway",
  "TransitGatewayAttachment",
  "CoreNetwork",
  "CoreNetworkAttachment",
  "CoreNetworkEdge",
]);

function resourceTypeOf(text: string | undefined): ResourceType {
  const type = required(text, "ResourceType");
  if (Object.hasOwn(RESOURCES, type)) return type as ResourceType;
  if (NOT_OFFERED.has(type))
    throw new Fault("UnsupportedOperation", `Genkan does not offer flow logs of the resource type ${type}.`);
  throw new Fault(
    "InvalidParameter",
    `Invalid ResourceType ${type}. Valid values: ${Object.keys(RESOURCES).join(", ")}.`,
  );
}

type Wanted = { readonly id: string; readonly type: ResourceType; readonly input: CreateFlowLogsRequest };

function create(tx: Tx, { id, type, input }: Wanted, context: Context): string {
  const log: FlowLog = {
    kind: "flow-log",
    id: newId("flow-log", context.random),
    tags: tagsFor("vpc-flow-log", input.TagSpecifications, context.quotas),
    resourceId: id,
    trafficType: trafficTypeOf(input.TrafficType),
    ...destinationOf(input, context),
    ...formatOf(input),
    maxAggregationInterval: intervalOf(input.MaxAggregationInterval),
    createdAt: context.now,
  };
  requireResource(tx, id, type);
  const others = tx.by("flow-log", "resourceId", id);
  if (others.some((other) => sameConfiguration(other, log))) {
    throw new Fault(
      "FlowLogAlreadyExists",
      "Error. There is an existing Flow Log with the same configuration and log destination.",
    );
  }
  const limitWords = "You've reached the limit on the number of flow logs you can create.";
  requireQuota(context, "flow-logs-per-resource", others.length + 1, "FlowLogsLimitExceeded", limitWords);
  tx.put(log);
  return log.id;
}

/**
 * @throws what is not found; InvalidParameter for a zonal NAT gateway, whose network interface has the flow
 * log.
 */
function requireResource(tx: Reader, id: string, type: ResourceType): void {
  const kind = RESOURCES[type];
  const found = tx.get(kind, id);
  if (!found || (found.kind === "nat-gateway" && found.state !== "available")) throw notFound(kind, id);
  if (found.kind === "nat-gateway" && found.availabilityMode !== "regional") {
    throw new Fault(
      "InvalidParameter",
      `The NAT gateway ${id} is not regional: its flow logs are those of its network interface.`,
    );
  }
}

/**
 * Two flow logs are the same when their records go to the same place and are of the same traffic; other
 * settings don't matter.
 */
function sameConfiguration(a: FlowLog, b: FlowLog): boolean {
  return a.destination === b.destination && a.trafficType === b.trafficType && a.logFormat === b.logFormat;
}

const TRAFFIC_TYPES: readonly string[] = ["ACCEPT", "REJECT", "ALL"];

function trafficTypeOf(text: string | undefined): TrafficType {
  const type = required(text, "TrafficType");
  if (TRAFFIC_TYPES.includes(type)) return type as TrafficType;
  throw new Fault(
    "InvalidParameter",
    `Invalid TrafficType ${type}. Valid values: ${TRAFFIC_TYPES.join(", ")}.`,
  );
}

function intervalOf(seconds: number = 600): 60 | 600 {
  if (seconds === 60 || seconds === 600) return seconds;
  throw new Fault("InvalidParameter", "Invalid Flow Log Max Aggregation Interval");
}

const TAG_FIELDS = { instance: "instance-tag", "network-interface": "interface-tag" } as const;

function formatOf({
  LogFormat: format,
  TagFieldSpecifications: tags = [],
}: CreateFlowLogsRequest): Pick<FlowLog, "logFormat" | "tagFields"> {
  if (format === undefined && tags.length === 0) return { logFormat: DEFAULT_LOG_FORMAT };
  const logFormat = format ?? DEFAULT_LOG_FORMAT;
  const names = namesInFormat(logFormat);
  if (!names) {
    throw new Fault(
      "InvalidParameterValue",
      `1 validation error detected: Value '${logFormat}' at 'logFormat' has an invalid format`,
    );
  }
  const unknown = names.filter((name) => !isFlowLogField(name));
  if (unknown.length > 0)
    throw new Fault("InvalidParameter", `Unknown fields provided in LogFormat: ${unknown.join(", ")}`);
  const twice = repeatedIn(names);
  if (twice !== undefined)
    throw new Fault("InvalidParameter", `Duplicate field provided in LogFormat: ${twice}`);
  const tagFields = tags.map(tagFieldOf);
  for (const name of names.filter((field) => /-tag(-2)?$/.test(field))) {
    const keys =
      tagFields.find(({ resourceType }) => name.startsWith(TAG_FIELDS[resourceType]))?.tagKeys ?? [];
    if (keys.length < (name.endsWith("-2") ? 2 : 1)) {
      throw new Fault(
        "InvalidParameter",
        `The field ${name} in LogFormat needs a tag key in TagFieldSpecifications.`,
      );
    }
  }
  return { logFormat, ...(tagFields.length > 0 ? { tagFields } : {}) };
}

type TagField = NonNullable<FlowLog["tagFields"]>[number];

function tagFieldOf({
  ResourceType: type,
  TagKeys: keys = [],
}: NonNullable<CreateFlowLogsRequest["TagFieldSpecifications"]>[number]): TagField {
  const resourceType: string = required(type, "TagFieldSpecification.ResourceType");
  if (resourceType === "auto-scaling-group") {
    throw new Fault(
      "UnsupportedOperation",
      "Genkan does not offer tag fields of the resource type auto-scaling-group.",
    );
  }
  if (resourceType !== "instance" && resourceType !== "network-interface") {
    throw new Fault("InvalidParameter", `Invalid ResourceType ${resourceType} in TagFieldSpecifications.`);
  }
  if (keys.length < 1 || keys.length > 2)
    throw new Fault("InvalidParameter", "TagFieldSpecifications needs one or two TagKeys.");
  return { resourceType, tagKeys: keys };
}

const DescribeFlowLogs: Action<DescribeFlowLogsRequest, DescribeFlowLogsResult> = (tx, input) => {
  const filters = input.Filter;
  // Ids that don't exist are ignored.
  const ids = [...new Set(input.FlowLogIds ?? [])];
  const found =
    ids.length > 0
      ? ids.flatMap((id) => tx.get("flow-log", id) ?? [])
      : candidates(tx, "flow-log", filters, { "resource-id": "resourceId" });
  const { items, nextToken } = searched(found, { ...input, Filters: filters }, FIELDS);
  return { FlowLogs: items.map(described), NextToken: nextToken };
};

const FIELDS: FilterFields<FlowLog> = {
  "deliver-log-status": () => "SUCCESS",
  "log-destination-type": (log) => log.destinationType,
  "flow-log-id": (log) => log.id,
  "log-group-name": (log) => log.logGroupName,
  "resource-id": (log) => log.resourceId,
  "traffic-type": (log) => log.trafficType,
};

function described(log: FlowLog): FlowLogAnswer {
  return {
    CreationTime: new Date(log.createdAt),
    DeliverLogsPermissionArn: log.deliverLogsPermissionArn,
    DeliverCrossAccountRole: log.deliverCrossAccountRole,
    DeliverLogsStatus: "SUCCESS",
    FlowLogId: log.id,
    FlowLogStatus: "ACTIVE",
    LogGroupName: log.logGroupName,
    ResourceId: log.resourceId,
    TrafficType: log.trafficType,
    LogDestinationType: log.destinationType,
    LogDestination: log.destination,
    LogFormat: log.logFormat,
    Tags: tagList(log.tags),
    MaxAggregationInterval: log.maxAggregationInterval,
    DestinationOptions: describedDestination(log),
    TagFieldSpecifications: log.tagFields?.map(({ resourceType, tagKeys }) => ({
      ResourceType: resourceType,
      TagKeys: [...tagKeys],
    })),
  };
}

/** Only flow logs to S3 show how files are laid out, whether that was set or not. */
function describedDestination({
  destinationType,
  destinationOptions: options,
}: FlowLog): FlowLogAnswer["DestinationOptions"] {
  if (destinationType !== "s3") return undefined;
  return {
    FileFormat: options?.fileFormat ?? "plain-text",
    HiveCompatiblePartitions: options?.hiveCompatiblePartitions ?? false,
    PerHourPartition: options?.perHourPartition ?? false,
  };
}

/** @throws InvalidFlowLogId.NotFound naming every id that is no flow log's. */
function findFlowLogs(tx: Reader, ids: readonly string[]): readonly FlowLog[] {
  const missing = ids.filter((id) => !tx.get("flow-log", id));
  if (missing.length > 0) {
    const words = `These flow log ids in the input list are not found: [TotalCount: ${missing.length}] ${missing.join(" ")}`;
    throw new Fault("InvalidFlowLogId.NotFound", words);
  }
  return ids.flatMap((id) => tx.get("flow-log", id) ?? []);
}

/** What was recorded stays where it was delivered. */
const DeleteFlowLogs: Action<DeleteFlowLogsRequest, DeleteFlowLogsResult> = (tx, input) => {
  const ids = [...new Set(input.FlowLogIds ?? [])];
  if (ids.length === 0)
    throw new Fault("MissingParameter", "The request must contain the parameter FlowLogId");
  for (const log of findFlowLogs(tx, ids)) tx.delete("flow-log", log.id);
  return { Unsuccessful: [] };
};

/** A resource that goes takes its flow logs with it. */
export function deleteFlowLogsOf(tx: Tx, resourceId: string): void {
  for (const log of tx.by("flow-log", "resourceId", resourceId)) tx.delete("flow-log", log.id);
}

export const flowLogActions = { CreateFlowLogs, DescribeFlowLogs, DeleteFlowLogs };
