import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import * as ec2 from "@aws-sdk/client-ec2";
import * as sts from "@aws-sdk/client-sts";
import { type Ended, execute, type Genkan, ROOT, startGenkan, there } from "../kit/genkan.ts";

const GENKAN = join(ROOT, "genkan");

describe("the command line where no packets move", () => {
  let genkan: Genkan;
  let instance: string;
  before(async () => {
    genkan = await startGenkan(["--no-packets"]);
    const { client } = genkan;
    const run = await client.send(
      new ec2.RunInstancesCommand({ ImageId: "ami-0123456789abcdef0", MinCount: 2, MaxCount: 2 }),
    );
    const [first, second] = (run.Instances ?? []).map((one) => there(one.InstanceId));
    instance = there(first);
    await client.send(
      new ec2.CreateTagsCommand({ Resources: [instance], Tags: [{ Key: "Name", Value: "web server" }] }),
    );
    await client.send(new ec2.TerminateInstancesCommand({ InstanceIds: [there(second)] }));
    await ec2.waitUntilInstanceTerminated(
      { client, maxWaitTime: 20, minDelay: 1, maxDelay: 1 },
      { InstanceIds: [there(second)] },
    );
  });
  after(() => genkan.stop());

  it("reset without a terminal deletes nothing, whatever the input says, unless --yes is given", async () => {
    for (const input of ["no\n", "yes\n", ""]) {
      const ended = await execute(
        process.execPath,
        ["--no-warnings", join(ROOT, "dist/src/main.js"), "reset"],
        {
          env: genkan.environment,
          input,
        },
      );
      assert.equal(ended.status, 1);
      assert.match(ended.err, /Nothing was deleted\. To go ahead: \.\/genkan reset --yes/);
    }
    const { Reservations } = await genkan.client.send(
      new ec2.DescribeInstancesCommand({ InstanceIds: [instance] }),
    );
    assert.equal(Reservations?.length, 1);
  });

  it("status shows Name tags and leaves terminated instances out", async () => {
    const { out } = await genkan.genkan("status");
    assert.match(out, new RegExp(`^  ${instance}  web server  running  172\\.31\\.`, "m"));
    assert.doesNotMatch(out, /terminated/);
  });

  it("doctor --tables says that there are no tables", async () => {
    const ended = await genkan.genkan("doctor", "--tables");
    assert.equal(ended.status, 1);
    assert.match(ended.err, /There are no tables: it was started with --no-packets\./);
  });

  it("exec says that an instance is only a record", async () => {
    const ended = await genkan.genkan("exec", instance, "--", "true");
    assert.equal(ended.status, 1);
    assert.match(
      ended.err,
      /is a record only, with nothing to run a command in: no packets move here, as it was started with --no-packets\./,
    );
  });

  it("flows says that there is no flow log, and then that nothing fits", async () => {
    assert.match(
      (await genkan.genkan("flows")).err,
      /There is no flow log, so nothing is recorded\. Begin with: aws ec2 create-flow-logs/,
    );
    const vpcs = await genkan.client.send(new ec2.DescribeVpcsCommand({}));
    await genkan.client.send(
      new ec2.CreateFlowLogsCommand({
        ResourceType: "VPC",
        ResourceIds: [there(vpcs.Vpcs?.[0]?.VpcId)],
        TrafficType: "ALL",
        LogDestinationType: "s3",
        LogDestination: "arn:aws:s3:::flows",
      }),
    );
    assert.match((await genkan.genkan("flows")).err, /No record fits what was asked for\./);
  });

  it("tells whoever comes with another emulator's keys where the right ones are, and others just what AWS says", async () => {
    const message = async (accessKeyId: string): Promise<string> => {
      const { port } = genkan;
      const client = new ec2.EC2Client({
        endpoint: `http://127.0.0.1:${port}`,
        region: "us-east-1",
        credentials: { accessKeyId, secretAccessKey: "test" },
      });
      const error = (await client
        .send(new ec2.DescribeVpcsCommand({}))
        .catch((cause: unknown) => cause)) as Error;
      client.destroy();
      assert.equal(error.name, "AuthFailure");
      return error.message;
    };
    assert.match(
      await message("test"),
      /^AWS was not able to validate the provided access credentials\. Genkan has keys of its own: genkan env prints them$/,
    );
    assert.equal(
      await message("AKIAIOSFODNN7EXAMPLE"),
      "AWS was not able to validate the provided access credentials",
    );
  });

  it("tells them so too where clients ask who they are before anything else", async () => {
    const answer = async (accessKeyId: string): Promise<readonly string[]> => {
      const client = new sts.STSClient({
        endpoint: `http://127.0.0.1:${genkan.port}`,
        region: "us-east-1",
        credentials: { accessKeyId, secretAccessKey: "test" },
      });
      const error = (await client
        .send(new sts.GetCallerIdentityCommand({}))
        .catch((cause: unknown) => cause)) as Error;
      client.destroy();
      return [error.name, error.message];
    };
    const invalid = "The security token included in the request is invalid.";
    assert.deepEqual(await answer("test"), [
      "InvalidClientTokenId",
      `${invalid} Genkan has keys of its own: genkan env prints them`,
    ]);
    assert.deepEqual(await answer("AKIAIOSFODNN7EXAMPLE"), ["InvalidClientTokenId", invalid]);
  });

  /**
   * A shell that has the environment, where the AWS CLI is of that version and says what it is called with.
   */
  async function withCli(version: string, command: string): Promise<Ended> {
    const folder = mkdtempSync(join(tmpdir(), "genkan-cli-"));
    writeFileSync(
      join(folder, "aws"),
      `#!/bin/sh\n[ "$1" = --version ] && { echo aws-cli/${version}; exit; }\necho "called with $*"\n`,
    );
    chmodSync(join(folder, "aws"), 0o755);
    const env = { ...genkan.environment, PATH: `${folder}:${process.env["PATH"]}` };
    // Bash whose input is a socket takes itself for a remote shell, and reads .bashrc, which may set PATH.
    const ended = await execute("bash", ["--norc", "-c", `eval "$('${GENKAN}' env)" && ${command}`], { env });
    rmSync(folder, { recursive: true });
    return ended;
  }

  it("the environment of an AWS CLI that takes some services to the real AWS stands in for `aws`, and that of others does not", async () => {
    const first = await withCli("1.45.11", "aws rds describe-db-instances");
    assert.equal(
      first.out,
      `called with --endpoint-url http://127.0.0.1:${genkan.port} rds describe-db-instances\n`,
    );
    const second = await withCli("2.15.0", "aws rds describe-db-instances");
    assert.deepEqual(
      [first.err, second.err, second.out],
      ["", "", "called with rds describe-db-instances\n"],
    );
  });

  it("the environment of an AWS CLI that ignores AWS_ENDPOINT_URL stands in for `aws`", async () => {
    const ended = await withCli("2.9.19", "aws ec2 describe-vpcs");
    assert.equal(ended.out, `called with --endpoint-url http://127.0.0.1:${genkan.port} ec2 describe-vpcs\n`);
    assert.match(ended.err, /The AWS CLI here \(2\.9\) ignores AWS_ENDPOINT_URL/);
  });

  it(
    "another user of the machine is told whose the home is",
    { skip: process.getuid?.() === 0 ? false : "needs root" },
    async () => {
      const ask = [
        "--reuid",
        "65534",
        "--clear-groups",
        process.execPath,
        "--no-warnings",
        join(ROOT, "dist/src/main.js"),
        "status",
      ];
      const ended = await execute("setpriv", ask, { env: genkan.environment });
      assert.equal(ended.status, 1);
      assert.match(
        ended.err,
        new RegExp(
          `${genkan.home} belongs to another user, who started Genkan: ask as that user \\(sudo \\./genkan …\\)`,
        ),
      );
      assert.doesNotMatch(ended.err, /\n {4}at /);
    },
  );
});

describe("while Genkan is down", () => {
  it('eval "$(genkan env)" fails, so that the next command does not ask the real AWS', async () => {
    const home = join(tmpdir(), `genkan-down-${process.pid}`);
    const env = { ...process.env, GENKAN_HOME: home };
    const ended = await execute("bash", ["--norc", "-c", `eval "$('${GENKAN}' env)" && echo evaluated`], {
      env,
    });
    assert.equal(ended.status, 1);
    assert.equal(ended.out, "");
    assert.match(ended.err, /Genkan is not up/);
    assert.equal(existsSync(home), false);
  });
});
