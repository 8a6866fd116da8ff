import assert from "node:assert/strict";
import { test } from "node:test";
import type { CreateFlowLogsRequest, CreateFlowLogsResult } from "@aws-sdk/client-ec2";
import type { FaultCode } from "../../model/fault.ts";
import { DEFAULT_LOG_FORMAT, FLOW_LOG_FIELDS, fieldsOf } from "../../model/flow-log.ts";
import { DEFAULT_QUOTAS } from "../../model/quota.ts";
import { tagActions } from "../tag/tag.ts";
import { must, newRegion, refuses, type TestRegion } from "../test-region.ts";
import { subnetDeleteActions } from "../vpc/subnet-delete.ts";
import { flowLogActions } from "./flow-log.ts";

const { CreateFlowLogs, DescribeFlowLogs, DeleteFlowLogs } = flowLogActions;
const ROLE = "arn:aws:iam::123456789012:role/flow-logs";
const BUCKET = "arn:aws:s3:::flow-bucket";

function start(settings: Parameters<typeof newRegion>[0] = {}): {
  readonly region: TestRegion;
  readonly vpc: string;
  readonly subnets: readonly string[];
} {
  const region = newRegion({ defaultVpc: true, ...settings });
  const reader = region.reader();
  return { region, vpc: must(reader.list("vpc")[0]).id, subnets: reader.list("subnet").map(({ id }) => id) };
}

function toBucket(id: string, more: Partial<CreateFlowLogsRequest> = {}): CreateFlowLogsRequest {
  return {
    ResourceIds: [id],
    ResourceType: "VPC",
    TrafficType: "ALL",
    LogDestinationType: "s3",
    LogDestination: BUCKET,
    ...more,
  };
}

test("a flow log is described as it was made", () => {
  const { region, vpc } = start();
  const made = region.call(CreateFlowLogs, {
    ResourceIds: [vpc],
    ResourceType: "VPC",
    TrafficType: "REJECT",
    LogGroupName: "flows",
    DeliverLogsPermissionArn: ROLE,
    MaxAggregationInterval: 60,
    TagSpecifications: [{ ResourceType: "vpc-flow-log", Tags: [{ Key: "Name", Value: "all" }] }],
  });
  assert.deepEqual(made.Unsuccessful, []);
  const [log] = region.call(DescribeFlowLogs, { FlowLogIds: made.FlowLogIds }).FlowLogs ?? [];
  assert.deepEqual(Object.fromEntries(Object.entries(must(log)).filter(([, value]) => value !== undefined)), {
    CreationTime: new Date("2026-01-01T00:00:00.000Z"),
    DeliverLogsPermissionArn: ROLE,
    DeliverLogsStatus: "SUCCESS",
    FlowLogId: made.FlowLogIds?.[0],
    FlowLogStatus: "ACTIVE",
    LogGroupName: "flows",
    ResourceId: vpc,
    TrafficType: "REJECT",
    LogDestinationType: "cloud-watch-logs",
    LogDestination: "arn:aws:logs:us-east-1:123456789012:log-group:flows",
    LogFormat:
      "${version} ${account-id} ${interface-id} ${srcaddr} ${dstaddr} ${srcport} ${dstport} ${protocol} ${packets} ${bytes} ${start} ${end} ${action} ${log-status}",
    Tags: [{ Key: "Name", Value: "all" }],
    MaxAggregationInterval: 60,
  });
});

test("a bucket's options, a prefix, and ARNs with :* are taken as AWS takes them", () => {
  const { region, vpc } = start();
  const DestinationOptions = { HiveCompatiblePartitions: true, PerHourPartition: true };
  region.call(CreateFlowLogs, toBucket(vpc, { LogDestination: `${BUCKET}/team/a/`, DestinationOptions }));
  const parquet = toBucket(vpc, {
    LogDestination: `${BUCKET}/b/`,
    DestinationOptions: { FileFormat: "parquet" },
  });
  const [inParquet = ""] = region.call(CreateFlowLogs, parquet).FlowLogIds ?? [];
  assert.deepEqual(
    region.call(DescribeFlowLogs, { FlowLogIds: [inParquet] }).FlowLogs?.[0]?.DestinationOptions,
    {
      FileFormat: "parquet",
      HiveCompatiblePartitions: false,
      PerHourPartition: false,
    },
  );
  region.call(DeleteFlowLogs, { FlowLogIds: [inParquet] });
  const LogDestination = "arn:aws:logs:us-east-1:123456789012:log-group:/aws/flows:*";
  region.call(
    CreateFlowLogs,
    toBucket(vpc, { LogDestinationType: undefined, LogDestination, DeliverLogsPermissionArn: ROLE }),
  );
  const [bucket, group] = region.call(DescribeFlowLogs, {}).FlowLogs ?? [];
  assert.deepEqual([bucket?.LogDestination, bucket?.MaxAggregationInterval], [`${BUCKET}/team/a/`, 600]);
  assert.deepEqual(bucket?.DestinationOptions, {
    FileFormat: "plain-text",
    HiveCompatiblePartitions: true,
    PerHourPartition: true,
  });
  assert.deepEqual([group?.LogGroupName, group?.LogDestination], ["/aws/flows", LogDestination.slice(0, -2)]);
});

const REFUSED: readonly (readonly [FaultCode, Partial<CreateFlowLogsRequest>, RegExp])[] = [
  ["MissingParameter", { ResourceIds: [] }, /ResourceId/],
  ["InvalidParameterValue", { ResourceIds: Array.from({ length: 301 }, (_, n) => `vpc-${n}`) }, /300/],
  ["MissingParameter", { ResourceType: undefined }, /ResourceType/],
  ["InvalidParameter", { ResourceType: "Bridge" as "VPC" }, /Bridge/],
  ["UnsupportedOperation", { ResourceType: "TransitGateway" }, /TransitGateway/],
  ["MissingParameter", { TrafficType: undefined }, /TrafficType/],
  ["InvalidParameter", { TrafficType: "SOME" as "ALL" }, /SOME/],
  ["InvalidVpcID.NotFound", { ResourceIds: ["vpc-1"] }, /^The vpc ID 'vpc-1' does not exist$/],
  [
    "InvalidSubnetID.NotFound",
    { ResourceIds: ["vpc-1"], ResourceType: "Subnet" },
    /^The subnet ID 'vpc-1' does not exist$/,
  ],
  [
    "InvalidNetworkInterfaceID.NotFound",
    { ResourceIds: ["eni-1"], ResourceType: "NetworkInterface" },
    /'eni-1'/,
  ],
  ["InvalidParameter", { MaxAggregationInterval: 61 }, /^Invalid Flow Log Max Aggregation Interval$/],
  ["InvalidParameter", { LogDestinationType: "disk" as "s3" }, /disk/],
  [
    "InvalidParameter",
    { LogGroupName: "g" },
    /^Please only provide LogGroupName or only provide LogDestination\.$/,
  ],
  [
    "InvalidParameter",
    { LogDestination: undefined },
    /^LogDestination can't be empty if LogGroupName is not provided\.$/,
  ],
  [
    "InvalidParameter",
    { LogDestination: undefined, LogGroupName: "g" },
    /^LogDestination type must be cloud-watch-logs if LogGroupName is provided\.$/,
  ],
  [
    "InvalidParameter",
    { LogDestinationType: "cloud-watch-logs", LogDestination: undefined, LogGroupName: "g" },
    /^DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs\.$/,
  ],
  ["InvalidParameter", { DeliverLogsPermissionArn: ROLE }, /must be empty/],
  ["InvalidParameter", { DeliverCrossAccountRole: "me" }, /role/],
  ["InvalidParameter", { LogDestination: "arn:aws:s3:::../../etc" }, /not the ARN of a bucket/],
  ["InvalidParameter", { LogDestination: `${BUCKET}/AWSLogs/` }, /AWSLogs/],
  ["InvalidParameter", { LogDestination: `${BUCKET}/${"a/".repeat(600)}` }, /1024 at most/],
  [
    "InvalidParameter",
    {
      LogDestinationType: "cloud-watch-logs",
      LogDestination: undefined,
      LogGroupName: "g".repeat(513),
      DeliverLogsPermissionArn: ROLE,
    },
    /log group/,
  ],
  [
    "NatGatewayNotFound",
    { ResourceIds: ["nat-1"], ResourceType: "RegionalNatGateway" },
    /^The Nat Gateway nat-1 was not found$/,
  ],
  ["UnsupportedOperation", { ResourceType: "CoreNetwork" }, /CoreNetwork/],
  ["InvalidParameter", { LogDestinationType: "kinesis-data-firehose" }, /delivery stream/],
  ["InvalidParameter", { DestinationOptions: { FileFormat: "csv" as "parquet" } }, /csv/],
  ["InvalidParameterValue", { LogFormat: "${version} ${srcaddr} " }, /'logFormat' has an invalid format/],
  ["InvalidParameterValue", { LogFormat: "" }, /'logFormat' has an invalid format/],
  ["InvalidParameter", { LogFormat: "${version} ${colour}" }, /colour/],
  ["InvalidParameter", { LogFormat: "${version} ${version}" }, /version/],
  ["InvalidParameter", { LogFormat: "${version} ${instance-tag}" }, /instance-tag/],
  [
    "InvalidParameter",
    { TagFieldSpecifications: [{ ResourceType: "network-interface", TagKeys: [] }] },
    /TagKeys/,
  ],
  [
    "UnsupportedOperation",
    { TagFieldSpecifications: [{ ResourceType: "auto-scaling-group" as "instance", TagKeys: ["a"] }] },
    /auto-scaling/,
  ],
];

test("what AWS refuses is refused with its code", () => {
  const { region, vpc } = start();
  for (const [code, more, words] of REFUSED) {
    refuses(code, () => region.call(CreateFlowLogs, toBucket(vpc, more)), words);
  }
  assert.deepEqual(region.call(DescribeFlowLogs, {}).FlowLogs, []);
});

test("every field that AWS has may be asked for, in any order, with keys for the tag fields", () => {
  const { region, vpc } = start();
  const names = Object.keys(FLOW_LOG_FIELDS)
    .filter((name) => !name.startsWith("asg-"))
    .toReversed();
  const LogFormat = names.map((name) => `\${${name}}`).join(" ");
  const TagFieldSpecifications = [
    { ResourceType: "instance" as const, TagKeys: ["Name", "team"] },
    { ResourceType: "network-interface" as const, TagKeys: ["Name", "team"] },
  ];
  region.call(CreateFlowLogs, toBucket(vpc, { LogFormat, TagFieldSpecifications }));
  const [log] = region.call(DescribeFlowLogs, {}).FlowLogs ?? [];
  assert.equal(log?.LogFormat, LogFormat);
  assert.deepEqual(log?.TagFieldSpecifications, TagFieldSpecifications);
  assert.deepEqual(fieldsOf({ logFormat: LogFormat }), names);
  assert.equal(fieldsOf({ logFormat: DEFAULT_LOG_FORMAT }).length, 14);
});

test("a second log of the same kind to the same place is refused, and no more than the quota", () => {
  const { region, vpc } = start({ quotas: { ...DEFAULT_QUOTAS, "flow-logs-per-resource": 2 } });
  region.call(CreateFlowLogs, toBucket(vpc));
  refuses(
    "FlowLogAlreadyExists",
    () => region.call(CreateFlowLogs, toBucket(vpc, { MaxAggregationInterval: 60 })),
    "Error. There is an existing Flow Log with the same configuration and log destination.",
  );
  region.call(CreateFlowLogs, toBucket(vpc, { TrafficType: "REJECT" }));
  refuses(
    "FlowLogsLimitExceeded",
    () => region.call(CreateFlowLogs, toBucket(vpc, { TrafficType: "ACCEPT" })),
    /flow-logs-per-resource/,
  );
});

test("a request for several resources makes the logs that it can, and lists those that fail", () => {
  const { region, subnets } = start();
  const [one = "", two = ""] = subnets;
  region.call(CreateFlowLogs, toBucket(one, { ResourceType: "Subnet" }));
  const made = region.call(
    CreateFlowLogs,
    toBucket("", { ResourceType: "Subnet", ResourceIds: [one, two, "subnet-1"] }),
  );
  assert.equal(made.FlowLogIds?.length, 1);
  assert.deepEqual(made.Unsuccessful, [
    {
      ResourceId: one,
      Error: {
        Code: "400",
        Message: "Error. There is an existing Flow Log with the same configuration and log destination.",
      },
    },
    { ResourceId: "subnet-1", Error: { Code: "400", Message: "The subnet ID 'subnet-1' does not exist" } },
  ]);
  const filtered = region.call(DescribeFlowLogs, { Filter: [{ Name: "resource-id", Values: [two] }] });
  assert.deepEqual(
    filtered.FlowLogs?.map(({ FlowLogId }) => FlowLogId),
    made.FlowLogIds,
  );
});

test("the same token makes one log", () => {
  const { region, vpc } = start();
  const request = toBucket(vpc, { ClientToken: "once" });
  const first = region.perform("CreateFlowLogs", request) as CreateFlowLogsResult;
  assert.equal(first.ClientToken, "once");
  assert.deepEqual(region.perform("CreateFlowLogs", request), first);
  refuses(
    "IdempotentParameterMismatch",
    () => region.perform("CreateFlowLogs", { ...request, TrafficType: "REJECT" }),
    /.*/,
  );
});

test("each filter finds its log, and so do tags", () => {
  const { region, vpc, subnets } = start();
  const [bucket = ""] = region.call(CreateFlowLogs, toBucket(vpc)).FlowLogIds ?? [];
  const [group = ""] =
    region.call(CreateFlowLogs, {
      ResourceIds: [must(subnets[0])],
      ResourceType: "Subnet",
      TrafficType: "ACCEPT",
      LogGroupName: "g",
      DeliverLogsPermissionArn: ROLE,
    }).FlowLogIds ?? [];
  region.call(tagActions.CreateTags, { Resources: [bucket], Tags: [{ Key: "team", Value: "net" }] });
  const ids = (Name: string, value: string): unknown =>
    region
      .call(DescribeFlowLogs, { Filter: [{ Name, Values: [value] }] })
      .FlowLogs?.map(({ FlowLogId }) => FlowLogId);
  assert.deepEqual(ids("deliver-log-status", "SUCCESS"), [bucket, group]);
  assert.deepEqual(ids("deliver-log-status", "FAILED"), []);
  assert.deepEqual(ids("log-destination-type", "s3"), [bucket]);
  assert.deepEqual(ids("flow-log-id", group), [group]);
  assert.deepEqual(ids("log-group-name", "g"), [group]);
  assert.deepEqual(ids("traffic-type", "ACCEPT"), [group]);
  assert.deepEqual(ids("tag:team", "net"), [bucket]);
  assert.deepEqual(ids("tag-key", "team"), [bucket]);
  refuses("InvalidParameterValue", () => ids("colour", "red"), /colour/);
});

test("a flow log ends when it is deleted, and with its resource", () => {
  const { region, vpc, subnets } = start();
  const [id = ""] = region.call(CreateFlowLogs, toBucket(vpc)).FlowLogIds ?? [];
  const missing = "These flow log ids in the input list are not found: [TotalCount: 1] fl-1";
  refuses(
    "InvalidFlowLogId.NotFound",
    () => region.call(DeleteFlowLogs, { FlowLogIds: [id, "fl-1"] }),
    missing,
  );
  assert.deepEqual(
    region.call(DescribeFlowLogs, { FlowLogIds: ["fl-1"] }).FlowLogs,
    [],
    "of one that is gone nothing is said",
  );
  refuses(
    "InvalidFlowLogId.NotFound",
    () => region.call(tagActions.CreateTags, { Resources: ["fl-1"], Tags: [{ Key: "a" }] }),
    missing,
  );
  refuses("MissingParameter", () => region.call(DeleteFlowLogs, { FlowLogIds: [] }), /FlowLogId/);
  assert.deepEqual(region.call(DeleteFlowLogs, { FlowLogIds: [id] }), { Unsuccessful: [] });
  const SubnetId = must(subnets[0]);
  region.call(CreateFlowLogs, toBucket(SubnetId, { ResourceType: "Subnet" }));
  region.call(subnetDeleteActions.DeleteSubnet, { SubnetId });
  assert.deepEqual(region.call(DescribeFlowLogs, {}).FlowLogs, []);
});
