import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Control, endpointOf } from "./control.ts";

/** The command that this program was started by, from a clone or installed. */
const GENKAN = join(import.meta.dirname, "../../../genkan");

/**
 * Shell commands that point AWS's clients at Genkan. AWS_PROFILE and AWS_SESSION_TOKEN would win over the
 * keys, so they are unset; a proxy must not see requests to this machine. An AWS CLI that ignores
 * AWS_ENDPOINT_URL, always or for some services, is stood in for, so that `aws` never asks the real AWS.
 */
export function environmentCommands(
  control: Control,
  environment: NodeJS.ProcessEnv,
  cli: CliVersion | undefined,
): string {
  return [
    ...Object.entries(clientEnvironment(control, environment)).map(
      ([name, value]) => `export ${name}=${quoted(value)}`,
    ),
    "unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    ...standIn(control, cli),
  ].join("\n");
}

function standIn(control: Control, cli: CliVersion | undefined): readonly string[] {
  if (!cli) return [];
  if (isOld(cli)) return [`aws() { ${quoted(GENKAN)} aws "$@"; }`];
  // Version 1 takes RDS, SQS, EMR, DocumentDB, Neptune and Health to AWS's own names all the same
  // (awscli/customizations/overridesslcommonname.py).
  return cli[0] === 1 ? [`aws() { command aws --endpoint-url ${quoted(endpointOf(control))} "$@"; }`] : [];
}

export function clientEnvironment(control: Control, environment: NodeJS.ProcessEnv): Record<string, string> {
  const { credentials } = control;
  const bypass = new Set([
    ...(environment["NO_PROXY"] ?? environment["no_proxy"] ?? "").split(",").filter(Boolean),
    "127.0.0.1",
    "localhost",
  ]);
  return {
    AWS_ENDPOINT_URL: endpointOf(control),
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: credentials.region,
    AWS_DEFAULT_REGION: credentials.region,
    AWS_EC2_METADATA_DISABLED: "true",
    NO_PROXY: [...bypass].join(","),
    no_proxy: [...bypass].join(","),
  };
}

export type OldClient = { readonly client: "aws" | "boto3"; readonly warning: string };

export type CliVersion = readonly [major: number, minor: number];

/** The AWS CLI's here, if there is one. */
export function cliVersion(): CliVersion | undefined {
  return versionOf("aws", ["--version"], /aws-cli\/(\d+)\.(\d+)/);
}

function isOld([major, minor]: CliVersion): boolean {
  return major === 2 ? minor < 13 : minor < 29;
}

/** The clients here that ignore AWS_ENDPOINT_URL and so would call the real AWS. */
export function oldClients(cli = cliVersion()): readonly OldClient[] {
  const found: OldClient[] = [];
  if (cli && isOld(cli)) {
    const warning = `The AWS CLI here (${cli.join(".")}) ignores AWS_ENDPOINT_URL and by itself calls the real AWS. After eval "$(./genkan env)", \`aws\` in that shell is \`genkan aws\`; in scripts use: ./genkan aws …`;
    found.push({ client: "aws", warning });
  }
  const boto = versionOf(
    "python3",
    ["-c", "import boto3; print('boto3', boto3.__version__)"],
    /boto3 (\d+)\.(\d+)/,
  );
  if (boto && boto[0] === 1 && boto[1] < 28) {
    const warning = `boto3 ${boto.join(".")} here ignores AWS_ENDPOINT_URL and would call the real AWS. Pass endpoint_url to it.`;
    found.push({ client: "boto3", warning });
  }
  return found;
}

function versionOf(
  command: string,
  args: readonly string[],
  pattern: RegExp,
): readonly [number, number] | undefined {
  try {
    const text = execFileSync(command, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      timeout: 10_000,
    });
    const found = pattern.exec(text);
    return found ? [Number(found[1]), Number(found[2])] : undefined;
  } catch {
    return undefined;
  }
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
