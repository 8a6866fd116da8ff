/** A Genkan of its own for a test: a home in a temporary folder, a port of its own, removed at the end. */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as ec2 from "@aws-sdk/client-ec2";
import { ask as askControl, findControl } from "../../src/cli/control.ts";
import { openHome } from "../../src/home/home.ts";
import type { Answer, AnswerName, Asked } from "../../src/protocol/endpoints.ts";

const run = promisify(execFile);
export const ROOT = join(import.meta.dirname, "../../..");
export const MAIN = join(ROOT, "dist/src/main.js");

/** Why tests that move packets can't run here; undefined when they can. */
export const noPackets: string | false =
  process.platform === "linux" && process.getuid?.() === 0 ? false : "packets need root on Linux";

export type Genkan = {
  readonly home: string;
  readonly port: number;
  readonly client: ec2.EC2Client;
  /** The same caller in another region; to be destroyed when it is done. */
  readonly clientIn: (region: string) => ec2.EC2Client;
  readonly environment: NodeJS.ProcessEnv;
  /** The caller's keys and region, in the variables that AWS's tools read. */
  readonly credentials: NodeJS.ProcessEnv;
  /** The control plane's process, which leads a group of its own. */
  process: ChildProcess;
  /** Starts the control plane again after it was killed. */
  readonly start: () => Promise<void>;
  readonly genkan: (...argv: string[]) => Promise<Ended>;
  /** What `/_genkan/` answers. */
  readonly ask: <Name extends AnswerName>(name: Name, asked: Asked<Name>) => Promise<Answer<Name>>;
  readonly stop: () => Promise<void>;
};

export type Ended = { readonly status: number; readonly out: string; readonly err: string };

/** Runs a program to its end; never throws for its exit status. */
export async function execute(
  command: string,
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; timeout?: number; input?: string } = {},
): Promise<Ended> {
  const child = run(command, [...args], {
    timeout: options.timeout ?? 30_000,
    env: options.env ?? process.env,
    maxBuffer: 64 << 20,
    encoding: "utf8",
  });
  if (options.input !== undefined) child.child.stdin?.end(options.input);
  try {
    const { stdout, stderr } = await child;
    return { status: 0, out: stdout, err: stderr };
  } catch (error) {
    const {
      code,
      stdout = "",
      stderr = "",
    } = error as { code?: number | string; stdout?: string; stderr?: string };
    return { status: typeof code === "number" ? code : 255, out: stdout, err: stderr };
  }
}

/** As long as the slowest machine takes, an emulated one. */
const DOWN_MILLISECONDS = 300_000;

/** `prepare`: puts into the home what is to be there before the first start. */
export async function startGenkan(
  flags: readonly string[] = ["--no-host-link"],
  prepare: (home: string) => void = () => undefined,
): Promise<Genkan> {
  const home = mkdtempSync(join(tmpdir(), "genkan-test-"));
  prepare(home);
  const port = await freePort();
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    GENKAN_HOME: home,
    GENKAN_PORT: String(port),
    LC_ALL: "C",
  };
  const genkan: Genkan = {
    home,
    port,
    environment,
    process: await launch(environment, flags),
    client: clientOf(home, port),
    clientIn: (region) => clientOf(home, port, region),
    credentials: credentialsOf(home),
    start: async () => {
      genkan.process = await launch(environment, flags);
    },
    genkan: (...argv) => execute(process.execPath, ["--no-warnings", MAIN, ...argv], { env: environment }),
    ask: (name, asked) => askControl(findControl(openHome(environment, false)), name, asked),
    stop: async () => {
      genkan.client.destroy();
      const down = await execute(process.execPath, ["--no-warnings", MAIN, "down"], {
        env: environment,
        timeout: DOWN_MILLISECONDS,
      });
      rmSync(home, { recursive: true, force: true });
      if (down.status === 0) return;
      // A control plane that lives on would keep the test from its end.
      genkan.process.kill("SIGKILL");
      throw new Error(`down failed: ${down.err}`);
    },
  };
  return genkan;
}

function launch(environment: NodeJS.ProcessEnv, flags: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ["--no-warnings", MAIN, "up", ...flags], {
    env: environment,
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  return new Promise((resolve, reject) => {
    let text = "";
    const listen = (chunk: Buffer): void => {
      text += chunk.toString();
      if (/^Genkan is ready/m.test(text)) resolve(child);
    };
    child.stdout.on("data", listen);
    child.stderr.on("data", listen);
    child.on("exit", (code) => reject(new Error(`genkan up ended with ${code}: ${text}`)));
  });
}

function credentialsOf(
  home: string,
): Readonly<Record<"AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" | "AWS_REGION", string>> {
  const {
    accessKeyId = "",
    secretAccessKey = "",
    region = "us-east-1",
  } = JSON.parse(readFileSync(join(home, "credentials.json"), "utf8")) as Record<string, string>;
  return { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_REGION: region };
}

/** Of the home's caller. */
export function clientOf(home: string, port: number, region?: string): ec2.EC2Client {
  const credentials = credentialsOf(home);
  return new ec2.EC2Client({
    endpoint: `http://127.0.0.1:${port}`,
    region: region ?? credentials.AWS_REGION,
    credentials: {
      accessKeyId: credentials.AWS_ACCESS_KEY_ID,
      secretAccessKey: credentials.AWS_SECRET_ACCESS_KEY,
    },
    maxAttempts: 1,
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

/** The answer's error code, or undefined when the call succeeded. */
export async function codeOf(call: Promise<unknown>): Promise<string | undefined> {
  try {
    await call;
    return undefined;
  } catch (error) {
    return (error as Error).name;
  }
}

/** A value that must be there. */
export function there<T>(value: T | undefined, what = "the value"): T {
  if (value === undefined) throw new Error(`${what} is missing`);
  return value;
}

export type Vpc = {
  readonly vpc: string;
  readonly subnet: string;
  readonly table: string;
  readonly group: string;
};

/** A VPC 10.0.0.0/16 with one subnet and a group that lets all TCP, UDP and ICMP in. */
export async function buildVpc(client: ec2.EC2Client, second = 0): Promise<Vpc> {
  const vpc = there(
    (await client.send(new ec2.CreateVpcCommand({ CidrBlock: `10.${second}.0.0/16` }))).Vpc?.VpcId,
  );
  const CidrBlock = `10.${second}.1.0/24`;
  const subnet = there(
    (await client.send(new ec2.CreateSubnetCommand({ VpcId: vpc, CidrBlock }))).Subnet?.SubnetId,
  );
  const tables = await client.send(
    new ec2.DescribeRouteTablesCommand({ Filters: [{ Name: "vpc-id", Values: [vpc] }] }),
  );
  const table = there(tables.RouteTables?.[0]?.RouteTableId);
  const group = there(
    (
      await client.send(
        new ec2.CreateSecurityGroupCommand({ VpcId: vpc, GroupName: "open", Description: "all in" }),
      )
    ).GroupId,
  );
  await client.send(
    new ec2.AuthorizeSecurityGroupIngressCommand({
      GroupId: group,
      IpPermissions: [{ IpProtocol: "-1", IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
    }),
  );
  return { vpc, subnet, table, group };
}

export async function attachGateway(client: ec2.EC2Client, vpc: string): Promise<string> {
  const igw = there(
    (await client.send(new ec2.CreateInternetGatewayCommand({}))).InternetGateway?.InternetGatewayId,
  );
  await client.send(new ec2.AttachInternetGatewayCommand({ InternetGatewayId: igw, VpcId: vpc }));
  return igw;
}

export async function launchInstance(
  client: ec2.EC2Client,
  vpc: Vpc,
  options: { publicIp?: boolean; userData?: string } = {},
): Promise<ec2.Instance> {
  const launched = await client.send(
    new ec2.RunInstancesCommand({
      ImageId: "ami-0123456789abcdef0",
      InstanceType: "t3.micro",
      MinCount: 1,
      MaxCount: 1,
      ...(options.userData === undefined ? {} : { UserData: btoa(options.userData) }),
      NetworkInterfaces: [
        {
          DeviceIndex: 0,
          SubnetId: vpc.subnet,
          Groups: [vpc.group],
          AssociatePublicIpAddress: options.publicIp ?? false,
        },
      ],
    }),
  );
  const id = there(launched.Instances?.[0]?.InstanceId);
  await ec2.waitUntilInstanceRunning(
    { client, maxWaitTime: 60, minDelay: 1, maxDelay: 1 },
    { InstanceIds: [id] },
  );
  return describeInstance(client, id);
}

export async function describeInstance(client: ec2.EC2Client, id: string): Promise<ec2.Instance> {
  const found = await client.send(new ec2.DescribeInstancesCommand({ InstanceIds: [id] }));
  return there(found.Reservations?.[0]?.Instances?.[0]);
}
