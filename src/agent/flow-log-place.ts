import { createHash } from "node:crypto";
import type { FlowLog } from "../model/flow-log.ts";

/** Whose records a file holds, and when they were written. */
export type Written = {
  readonly account: string;
  readonly region: string;
  readonly interfaceId: string;
  readonly at: Date;
};

/**
 * The file for a record, below the folder of flow logs. In a bucket it is named as in S3, with a new file
 * every five minutes (a Parquet file can't be added to, so each writing makes one); in a log group and stream
 * there is a new file every hour. A name always holds the flow log's id.
 * Sources: VPC user guide, "Flow log files" and "Publish flow logs to CloudWatch Logs".
 */
export function fileOf(log: FlowLog, written: Written): readonly string[] {
  const name = log.destination.split(":").slice(5).join(":");
  switch (log.destinationType) {
    case "s3": {
      const [bucket = "", ...prefix] = name.split("/");
      return [
        "s3",
        ...[bucket, ...prefix].flatMap(safe),
        ...partition(log, written),
        bucketFile(log, written),
      ];
    }
    case "cloud-watch-logs": {
      const stream = `${written.interfaceId}-${log.trafficType.toLowerCase()}`;
      const hour = `${compact(written.at).slice(0, "YYYYMMDDTHH".length)}Z`;
      return [
        "cloud-watch-logs",
        ...(log.logGroupName ?? "").split("/").flatMap(safe),
        stream,
        `${log.id}_${hour}.log`,
      ];
    }
    case "kinesis-data-firehose":
      return [
        "kinesis-data-firehose",
        ...name.split("/").slice(1).flatMap(safe),
        ...day(written.at),
        bucketFile(log, written),
      ];
  }
}

/** Longer names are cut to this and end in a digest; file systems take 255 bytes. */
const LONGEST = 200;

/** Makes one part of a path safe: it can't lead out of the folder, and every file system takes it. */
function safe(part: string): readonly string[] {
  if (part === "") return [];
  const plain = /^\.+$/.test(part)
    ? part.replaceAll(".", "_")
    : part.replaceAll(/[^\w.!*'() &$@=;:+,?#-]/g, "_");
  if (plain.length <= LONGEST) return [plain];
  return [`${plain.slice(0, LONGEST)}~${createHash("sha256").update(part).digest("hex").slice(0, 16)}`];
}

function partition(
  { destinationOptions: options }: FlowLog,
  { account, region, at }: Written,
): readonly string[] {
  const [year = "", month = "", date = ""] = day(at);
  const hour = at.toISOString().slice(11, 13);
  const hours = options?.perHourPartition === true;
  if (options?.hiveCompatiblePartitions !== true) {
    return ["AWSLogs", account, "vpcflowlogs", region, year, month, date, ...(hours ? [hour] : [])];
  }
  return [
    "AWSLogs",
    `aws-account-id=${account}`,
    "aws-service=vpcflowlogs",
    `aws-region=${region}`,
    `year=${year}`,
    `month=${month}`,
    `day=${date}`,
    ...(hours ? [`hour=${hour}`] : []),
  ];
}

function day(at: Date): readonly string[] {
  return at.toISOString().slice(0, 10).split("-");
}

const FIVE_MINUTES = 300_000;

function bucketFile(log: FlowLog, { account, region, at }: Written): string {
  const time = compact(new Date(Math.floor(at.getTime() / FIVE_MINUTES) * FIVE_MINUTES)).slice(
    0,
    "YYYYMMDDTHHMM".length,
  );
  const parquet = log.destinationOptions?.fileFormat === "parquet";
  const hash = createHash("sha256")
    .update(`${log.id} ${parquet ? at.toISOString() : time}`)
    .digest("hex")
    .slice(0, 8);
  return `${account}_vpcflowlogs_${region}_${log.id}_${time}Z_${hash}.log${parquet ? ".parquet" : ""}`;
}

/** A time as `20260102T030405.678Z`. */
function compact(at: Date): string {
  return at.toISOString().replaceAll(/[-:]/g, "");
}
