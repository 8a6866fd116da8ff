import type { Base } from "./common.ts";

/**
 * Records the traffic accepted or rejected at a network interface, at each interface of a subnet or VPC, or
 * at a regional NAT gateway.
 * Source: VPC user guide, "VPC Flow Logs".
 */
export type FlowLog = Base<"flow-log"> & {
  /** The id of a VPC, a subnet, an interface or a regional NAT gateway. */
  readonly resourceId: string;
  readonly trafficType: TrafficType;
  readonly destinationType: DestinationType;
  /** An ARN, without the `:*` that a log group's ARN may end in. */
  readonly destination: string;
  /** Only for cloud-watch-logs. */
  readonly logGroupName?: string;
  readonly deliverLogsPermissionArn?: string;
  readonly deliverCrossAccountRole?: string;
  /** The record's fields, as in "${version} ${account-id}". */
  readonly logFormat: string;
  /** Seconds. */
  readonly maxAggregationInterval: 60 | 600;
  readonly destinationOptions?: {
    readonly fileFormat: "plain-text" | "parquet";
    readonly hiveCompatiblePartitions: boolean;
    readonly perHourPartition: boolean;
  };
  /**
   * Which resources' tags the tag fields show: the first key is for `instance-tag`, the second for
   * `instance-tag-2`.
   */
  readonly tagFields?: readonly {
    readonly resourceType: "instance" | "network-interface";
    readonly tagKeys: readonly string[];
  }[];
  /** ISO 8601. */
  readonly createdAt: string;
};

export type TrafficType = "ACCEPT" | "REJECT" | "ALL";
export type DestinationType = "cloud-watch-logs" | "s3" | "kinesis-data-firehose";

/**
 * Every field of a record, and the format version that introduced it. Source: VPC user guide, "Available
 * fields".
 */
export const FLOW_LOG_FIELDS = {
  version: 2,
  "account-id": 2,
  "interface-id": 2,
  srcaddr: 2,
  dstaddr: 2,
  srcport: 2,
  dstport: 2,
  protocol: 2,
  packets: 2,
  bytes: 2,
  start: 2,
  end: 2,
  action: 2,
  "log-status": 2,
  "vpc-id": 3,
  "subnet-id": 3,
  "instance-id": 3,
  "tcp-flags": 3,
  type: 3,
  "pkt-srcaddr": 3,
  "pkt-dstaddr": 3,
  region: 4,
  "az-id": 4,
  "sublocation-type": 4,
  "sublocation-id": 4,
  "pkt-src-aws-service": 5,
  "pkt-dst-aws-service": 5,
  "flow-direction": 5,
  "traffic-path": 5,
  "ecs-cluster-arn": 7,
  "ecs-cluster-name": 7,
  "ecs-container-instance-arn": 7,
  "ecs-container-instance-id": 7,
  "ecs-container-id": 7,
  "ecs-second-container-id": 7,
  "ecs-service-name": 7,
  "ecs-task-definition-arn": 7,
  "ecs-task-arn": 7,
  "ecs-task-id": 7,
  "reject-reason": 8,
  "resource-id": 9,
  "encryption-status": 10,
  "instance-tag": 11,
  "instance-tag-2": 11,
  "interface-tag": 11,
  "interface-tag-2": 11,
  "asg-tag": 11,
  "asg-tag-2": 11,
  "interface-type": 11,
  "next-hop-interface-id": 11,
  "next-hop-subnet-id": 11,
  "next-hop-az-id": 11,
  "next-hop-vpc-id": 11,
  "next-hop-interface-type": 11,
} as const;

export type FlowLogField = keyof typeof FLOW_LOG_FIELDS;

const FIELDS = Object.keys(FLOW_LOG_FIELDS) as readonly FlowLogField[];

/** The format of a flow log that was created without one: the fields of version 2. */
export const DEFAULT_LOG_FORMAT = FIELDS.filter((field) => FLOW_LOG_FIELDS[field] === 2)
  .map((field) => `\${${field}}`)
  .join(" ");

/**
 * The names in a format, known or not; undefined unless the format consists of `${name}`s with one space
 * between them.
 */
export function namesInFormat(format: string): readonly string[] | undefined {
  if (!/^\$\{[^{}\s]+\}( \$\{[^{}\s]+\})*$/.test(format)) return undefined;
  return format.split(" ").map((part) => part.slice(2, -1));
}

export function isFlowLogField(name: string): name is FlowLogField {
  return Object.hasOwn(FLOW_LOG_FIELDS, name);
}

/** The fields of a flow log's records, in order. */
export function fieldsOf({ logFormat }: Pick<FlowLog, "logFormat">): readonly FlowLogField[] {
  return (namesInFormat(logFormat) ?? []).filter(isFlowLogField);
}
