import { createHash } from "node:crypto";
import type { FlowLog } from "../model/flow-log.ts";

/** Whose records they are, and when they were written. */
export type Written = { readonly account: string; readonly region: string; readonly interfaceId: string; readonly at: Date };

/**
 * The file in which a record belongs, below the folder of flow logs: under its bucket as S3 would have it, a new file every
 * five minutes (of Parquet one for each writing, as it can't be added to); or under its log group and stream, a new file every hour. A name always holds the flow log's id.
 * Sources: VPC user guide, "Flow log files" and "Publish flow logs to CloudWatch Logs".
 */
export function fileOf(log: FlowLog, written: Written): readonly string[] {
  const name = log.destination.split(":").slice(5).join(":");
  switch (log.destinationType) {
    case "s3": {
      const [bucket = "", ...prefix] = name.split("/");
      return ["s3", ...[bucket, ...prefix].flatMap(safe), ...partition(log, written), bucketFile(log, written)];
    }
    case "cloud-watch-logs": {
      const stream = `${written.interfaceId}-${log.trafficType.toLowerCase()}`;
      const hour = `${compact(written.at).slice(0, "YYYYMMDDTHH".length)}Z`;
      return ["cloud-watch-logs", ...(log.logGroupName ?? "").split("/").flatMap(safe), stream, `${log.id}_${hour}.log`];
    }
    case "kinesis-data-firehose":
      return ["kinesis-data-firehose", ...name.split("/").slice(1).flatMap(safe), ...day(written.at), bucketFile(log, written)];
  }
}

/** What fits into a name of 255 bytes, with the digest that a longer one ends in. */
const LONGEST = 200;

/** A part of a path that leads nowhere else, and that every file system takes. */
function safe(part: string): readonly string[] {
  if (part === "") return [];
  const plain = /^\.+$/.test(part) ? part.replaceAll(".", "_") : part.replaceAll(/[^\w.!*'() &$@=;:+,?#-]/g, "_");
  if (plain.length <= LONGEST) return [plain];
  return [`${plain.slice(0, LONGEST)}~${createHash("sha256").update(part).digest("hex").slice(0, 16)}`];
}

function partition({ destinationOptions: options }: FlowLog, { account, region, at }: Written): readonly string[] {
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
  const time = compact(new Date(Math.floor(at.getTime() / FIVE_MINUTES) * FIVE_MINUTES)).slice(0, "YYYYMMDDTHHMM".length);
  const parquet = log.destinationOptions?.fileFormat === "parquet";
  const hash = createHash("sha256")
    .update(`${log.id} ${parquet ? at.toISOString() : time}`)
    .digest("hex")
    .slice(0, 8);
  return `${account}_vpcflowlogs_${region}_${log.id}_${time}Z_${hash}.log${parquet ? ".parquet" : ""}`;
}

/** `20260102T030405.678Z`. */
function compact(at: Date): string {
  return at.toISOString().replaceAll(/[-:]/g, "");
}
