import type { Base } from "./common.ts";

/** Records what passes, or is refused, at a network interface, or at each of a subnet's or VPC's. Source: VPC user guide, "VPC Flow Logs". */
export type FlowLog = Base<"flow-log"> & {
  /** Of a VPC, a subnet or an interface. */
  readonly resourceId: string;
  readonly trafficType: "ACCEPT" | "REJECT" | "ALL";
  readonly destinationType: "cloud-watch-logs" | "s3" | "kinesis-data-firehose";
  readonly destination?: string;
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
  /** ISO 8601. */
  readonly createdAt: string;
};
