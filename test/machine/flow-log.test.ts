import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import {
  attachGateway,
  buildVpc,
  execute,
  type Genkan,
  launchInstance,
  noPackets,
  ROOT,
  startGenkan,
  there,
  type Vpc,
} from "../kit/genkan.ts";

const INTERNET = "198.51.100.1";
const FIELDS =
  "interface-id flow-direction action srcaddr dstaddr dstport protocol packets bytes tcp-flags traffic-path log-status";
const LogFormat = FIELDS.split(" ")
  .map((field) => `\${${field}}`)
  .join(" ");

describe("flow logs", { skip: noPackets, timeout: 120_000 }, () => {
  let genkan: Genkan;
  let vpc: Vpc;
  let id = "";
  let eni = "";
  let ip = "";
  let address = "";
  let log = "";
  before(async () => {
    genkan = await startGenkan();
    const { client } = genkan;
    vpc = await buildVpc(client);
    const igw = await attachGateway(client, vpc.vpc);
    await client.send(
      new ec2.CreateRouteCommand({
        RouteTableId: vpc.table,
        DestinationCidrBlock: "0.0.0.0/0",
        GatewayId: igw,
      }),
    );
    const instance = await launchInstance(client, vpc, { publicIp: true });
    id = there(instance.InstanceId);
    ip = there(instance.PrivateIpAddress);
    address = there(instance.PublicIpAddress);
    eni = there(instance.NetworkInterfaces?.[0]?.NetworkInterfaceId);
  });
  after(() => genkan.stop());

  const inside = (...command: string[]) => genkan.genkan("exec", id, "--", ...command);
  const recorded = async (...argv: string[]): Promise<readonly string[]> => {
    const ended = await genkan.genkan("flows", ...argv);
    assert.equal(ended.status, 0, ended.err);
    return ended.out.split("\n").filter((line) => line !== "");
  };

  test("record real packets, with what the network ACL refuses and without the metadata service", async () => {
    const { client } = genkan;
    await inside("ping", "-c", "1", "-W", "2", INTERNET);
    const request = { ResourceIds: [vpc.vpc], ResourceType: "VPC" as const, TrafficType: "ALL" as const };
    const to = { LogDestinationType: "s3", LogDestination: "arn:aws:s3:::bucket" } as const;
    const made = await client.send(
      new ec2.CreateFlowLogsCommand({ ...request, ...to, LogFormat, MaxAggregationInterval: 60 }),
    );
    log = there(made.FlowLogIds?.[0]);
    assert.deepEqual(made.Unsuccessful, []);

    assert.equal((await inside("ping", "-c", "3", "-i", "0.2", "-W", "2", INTERNET)).status, 0);
    await inside("curl", "-s", "-m", "2", "http://169.254.169.254/latest/meta-data/");
    assert.equal((await inside("curl", "-s", "-m", "5", `http://${INTERNET}/ip`)).out.trim(), address);
    const acls = await client.send(
      new ec2.DescribeNetworkAclsCommand({ Filters: [{ Name: "vpc-id", Values: [vpc.vpc] }] }),
    );
    const NetworkAclId = there(acls.NetworkAcls?.[0]?.NetworkAclId);
    const refuse = {
      RuleNumber: 50,
      Protocol: "17",
      RuleAction: "deny",
      CidrBlock: "0.0.0.0/0",
      PortRange: { From: 9, To: 9 },
    } as const;
    await client.send(new ec2.CreateNetworkAclEntryCommand({ ...refuse, NetworkAclId, Egress: false }));
    await genkan.genkan("internet", "--", "bash", "-c", `echo hello > /dev/udp/${address}/9`);

    const lines = await recorded();
    const simple = lines.filter((line) => !line.includes(" 6 "));
    assert.deepEqual(simple.toSorted(), [
      `${eni} egress ACCEPT ${ip} ${INTERNET} 0 1 3 252 0 8 OK`,
      `${eni} ingress ACCEPT ${INTERNET} ${ip} 0 1 3 252 0 - OK`,
      `${eni} ingress REJECT ${INTERNET} ${ip} 9 17 1 34 0 - OK`,
    ]);
    // The whole of a TCP exchange: SYN and FIN one way, SYN with ACK and FIN back.
    const tcp = lines.filter((line) => line.includes(" 6 ")).map((line) => line.split(" "));
    assert.deepEqual(tcp.map((fields) => [fields[1], fields[2], fields[9], fields[10]]).toSorted(), [
      ["egress", "ACCEPT", "3", "8"],
      ["ingress", "ACCEPT", "19", "-"],
    ]);
  });

  test("lie in files, which survive the control plane's death with what the kernel counted meanwhile", async () => {
    const { netns } = await genkan.ask("internet", {});
    const gone = new Promise((resolve) => genkan.process.once("exit", resolve));
    genkan.process.kill("SIGKILL");
    await gone;
    const ping = ["ping", "-c", "2", "-i", "0.2", "-W", "2", address];
    assert.equal((await execute("nsenter", [`--net=${netns}`, ...ping])).status, 0);
    await genkan.start();
    const pings = (await recorded("--log", log, id)).filter((line) => line.includes(" 1 2 168 "));
    assert.deepEqual(pings.toSorted(), [
      `${eni} egress ACCEPT ${ip} ${INTERNET} 0 1 2 168 0 8 OK`,
      `${eni} ingress ACCEPT ${INTERNET} ${ip} 0 1 2 168 0 - OK`,
    ]);
    const folder = join(genkan.home, "flow-logs/s3/bucket/AWSLogs");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".log"),
    );
    assert.ok(files.every((name) => name.includes(log)));
    for (const name of files) assert.equal(readFileSync(join(folder, name), "utf8").split("\n")[0], FIELDS);
    const [first] = await recorded("--json", "--action", "reject", "--address", INTERNET);
    assert.deepEqual(JSON.parse(there(first)).flowLogId, log);
    assert.deepEqual(await recorded("--port", "81"), []);
    const wrong = await genkan.genkan("flows", "--action", "maybe");
    assert.deepEqual([wrong.status, wrong.err.includes("--action is accept or reject")], [1, true]);
    const unknown = await genkan.genkan("flows", "i-0123456789abcdef0");
    assert.deepEqual(
      [unknown.status, unknown.err],
      [1, "genkan: There is no instance i-0123456789abcdef0.\n"],
    );
  });

  test("are followed live, until the count is reached", async () => {
    const main = join(ROOT, "dist/src/main.js");
    const child = spawn(
      process.execPath,
      ["--no-warnings", main, "flows", "-f", "--count", "1", "--port", "7"],
      {
        env: genkan.environment,
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
    await new Promise((resolve) => child.stderr.once("data", resolve));
    await inside("bash", "-c", `echo hello > /dev/udp/${INTERNET}/7`);
    assert.equal(await ended, 0);
    assert.match(
      out,
      new RegExp(`^${eni} egress ACCEPT ${ip} ${INTERNET} 7 17 1 34 0 8 OK\\n$|^${eni} ingress ACCEPT `),
    );
    const help = await genkan.genkan("flows", "--help", "--lang", "ja");
    assert.match(help.out, /フローログ/);
  });

  test("end when they are deleted", async () => {
    await genkan.client.send(new ec2.DeleteFlowLogsCommand({ FlowLogIds: [log] }));
    const before = await recorded();
    assert.equal((await inside("ping", "-c", "1", "-W", "2", INTERNET)).status, 0);
    assert.deepEqual(await recorded(), before);
  });
});
