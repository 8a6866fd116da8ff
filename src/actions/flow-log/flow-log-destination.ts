import type { CreateFlowLogsRequest } from "@aws-sdk/client-ec2";
import { Fault } from "../../model/fault.ts";
import type { DestinationType, FlowLog } from "../../model/flow-log.ts";
import type { Context } from "../kit/action.ts";

type Destination = Pick<
  FlowLog,
  | "destinationType"
  | "destination"
  | "logGroupName"
  | "deliverLogsPermissionArn"
  | "deliverCrossAccountRole"
  | "destinationOptions"
>;

/**
 * Where a flow log's records go. Buckets, log groups and delivery streams are not Genkan's: any well-formed
 * name is one that is there.
 * @throws InvalidParameter for a destination that is missing, said twice, or of another form than its type
 * wants.
 */
export function destinationOf(input: CreateFlowLogsRequest, context: Context): Destination {
  const {
    LogGroupName: group,
    LogDestination: arn,
    DeliverLogsPermissionArn: role,
    DeliverCrossAccountRole: crossAccount,
  } = input;
  const type = typeOf(input.LogDestinationType);
  if (group !== undefined && arn !== undefined)
    throw invalid("Please only provide LogGroupName or only provide LogDestination.");
  if (group !== undefined && type !== "cloud-watch-logs") {
    throw invalid("LogDestination type must be cloud-watch-logs if LogGroupName is provided.");
  }
  if (group === undefined && !arn)
    throw invalid("LogDestination can't be empty if LogGroupName is not provided.");
  if (type === "cloud-watch-logs" && !role)
    throw invalid("DeliverLogsPermissionArn can't be empty if LogDestinationType is cloud-watch-logs.");
  if (type === "s3" && role)
    throw invalid("DeliverLogsPermissionArn must be empty if LogDestinationType is s3.");
  for (const [name, value] of Object.entries({
    DeliverLogsPermissionArn: role,
    DeliverCrossAccountRole: crossAccount,
  })) {
    if (value !== undefined && !ROLE.test(value)) throw invalid(`${name} is not the ARN of a role: ${value}`);
  }
  const destination =
    group === undefined
      ? (arn ?? "")
      : `arn:aws:logs:${context.region}:${context.account}:log-group:${group}`;
  const options = optionsOf(input, type);
  return {
    destinationType: type,
    ...placeOf(type, destination),
    ...(role === undefined ? {} : { deliverLogsPermissionArn: role }),
    ...(crossAccount === undefined ? {} : { deliverCrossAccountRole: crossAccount }),
    ...(options ? { destinationOptions: options } : {}),
  };
}

const ROLE = /^arn:aws[a-z-]*:iam::\d{12}:role\/[\w+=,.@/-]+$/;
const TYPES: readonly string[] = ["cloud-watch-logs", "s3", "kinesis-data-firehose"];

function typeOf(type: string = "cloud-watch-logs"): DestinationType {
  if (TYPES.includes(type)) return type as DestinationType;
  throw invalid(`Invalid LogDestinationType ${type}. Valid values: ${TYPES.join(", ")}.`);
}

/**
 * The names that AWS takes. Sources: S3 "Bucket naming rules", CloudWatch Logs CreateLogGroup, Firehose
 * CreateDeliveryStream.
 */
const FORMS: Readonly<Record<DestinationType, RegExp>> = {
  s3: /^arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](\/[\w!.*'() &$@=;:+,?/-]*)?$/,
  "cloud-watch-logs": /^arn:aws[a-z-]*:logs:[a-z0-9-]+:\d{12}:log-group:[\w./#-]{1,512}$/,
  "kinesis-data-firehose": /^arn:aws[a-z-]*:firehose:[a-z0-9-]+:\d{12}:deliverystream\/[\w.-]{1,64}$/,
};

/** A key in S3 has 1,024 bytes at most. */
const LONGEST = 1024;

function placeOf(type: DestinationType, text: string): Pick<FlowLog, "destination" | "logGroupName"> {
  const destination = type === "cloud-watch-logs" ? text.replace(/:\*$/, "") : text;
  if (!FORMS[type].test(destination))
    throw invalid(`Invalid LogDestination ${text}: it is not the ARN of a ${NOUNS[type]}.`);
  if (destination.length > LONGEST)
    throw invalid(`LogDestination has ${destination.length} characters: ${LONGEST} at most.`);
  if (type === "s3" && destination.split("/").includes("AWSLogs")) {
    throw invalid("LogDestination can't have AWSLogs as a subfolder name: it is reserved.");
  }
  return type === "cloud-watch-logs"
    ? {
        destination,
        logGroupName: destination.slice(destination.indexOf(":log-group:") + ":log-group:".length),
      }
    : { destination };
}

const NOUNS: Readonly<Record<DestinationType, string>> = {
  s3: "bucket",
  "cloud-watch-logs": "log group",
  "kinesis-data-firehose": "delivery stream",
};

function optionsOf(
  { DestinationOptions: options }: CreateFlowLogsRequest,
  type: DestinationType,
): FlowLog["destinationOptions"] {
  if (!options) return undefined;
  if (type !== "s3") throw invalid("DestinationOptions is only supported if LogDestinationType is s3.");
  const format: string = options.FileFormat ?? "plain-text";
  if (format !== "plain-text" && format !== "parquet")
    throw invalid(`Invalid FileFormat ${format}. Valid values: plain-text, parquet.`);
  return {
    fileFormat: format,
    hiveCompatiblePartitions: options.HiveCompatiblePartitions ?? false,
    perHourPartition: options.PerHourPartition ?? false,
  };
}

function invalid(words: string): Fault {
  return new Fault("InvalidParameter", words);
}
