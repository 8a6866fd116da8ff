import { execFileSync } from "node:child_process";
import { type Control, endpointOf } from "./control.ts";

/**
 * Shell commands that point AWS's clients at Genkan. AWS_PROFILE and AWS_SESSION_TOKEN would win over the keys, so
 * they are unset; a proxy must not see requests to this machine.
 */
export function environmentCommands(control: Control, environment: NodeJS.ProcessEnv): string {
  return [
    ...Object.entries(clientEnvironment(control, environment)).map(([name, value]) => `export ${name}=${quoted(value)}`),
    "unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
  ].join("\n");
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

/** A warning for each client here that ignores AWS_ENDPOINT_URL and so would call the real AWS. */
export function oldClients(): readonly string[] {
  const warnings: string[] = [];
  const cli = versionOf("aws", ["--version"], /aws-cli\/(\d+)\.(\d+)/);
  if (cli && (cli[0] === 2 ? cli[1] < 13 : cli[1] < 29)) {
    warnings.push(`The AWS CLI here (${cli.join(".")}) ignores AWS_ENDPOINT_URL and would call the real AWS. Use: ./genkan aws …`);
  }
  const boto = versionOf("python3", ["-c", "import boto3; print('boto3', boto3.__version__)"], /boto3 (\d+)\.(\d+)/);
  if (boto && boto[0] === 1 && boto[1] < 28) {
    warnings.push(`boto3 ${boto.join(".")} here ignores AWS_ENDPOINT_URL and would call the real AWS. Pass endpoint_url to it.`);
  }
  return warnings;
}

function versionOf(command: string, args: readonly string[], pattern: RegExp): readonly [number, number] | undefined {
  try {
    const text = execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"], timeout: 10_000 });
    const found = pattern.exec(text);
    return found ? [Number(found[1]), Number(found[2])] : undefined;
  } catch {
    return undefined;
  }
}

function quoted(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}
