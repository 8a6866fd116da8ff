/** Beside moto's server, where it is on the machine: one endpoint for all services. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { execute, noPackets, startGenkan } from "../kit.ts";
import { found } from "./found.ts";

const python = noPackets
  ? undefined
  : found("python3").find((each) => spawnSync(each, ["-c", "import boto3, moto.server, flask"]).status === 0);

/** An operation of each protocol, and more than one packet of a body; then the network, which is Genkan's. */
const STORY = `
import boto3, hashlib, io
from botocore.config import Config
def client(name): return boto3.client(name, config=Config(retries={"total_max_attempts": 1}))
boto3.DEFAULT_SESSION = None
rds, iam, logs, s3, dynamodb, route53 = [client(name) for name in ("rds", "iam", "logs", "s3", "dynamodb", "route53")]
iam.create_user(UserName="someone")
assert [u["UserName"] for u in iam.list_users()["Users"]] == ["someone"]
logs.create_log_group(logGroupName="/a")
assert [g["logGroupName"] for g in logs.describe_log_groups()["logGroups"]] == ["/a"]
try:
    rds.describe_db_instances(DBInstanceIdentifier="none")
    raise SystemExit("no fault")
except rds.exceptions.DBInstanceNotFoundFault:
    pass
s3.create_bucket(Bucket="genkan-story")
body = b"0123456789abcdef" * (1 << 18)
s3.put_object(Bucket="genkan-story", Key="a/b c+d", Body=body)
assert s3.get_object(Bucket="genkan-story", Key="a/b c+d")["Body"].read() == body
s3.upload_fileobj(io.BytesIO(body * 3), "genkan-story", "parts")
assert s3.head_object(Bucket="genkan-story", Key="parts")["ContentLength"] == 3 * len(body)
dynamodb.create_table(TableName="t", BillingMode="PAY_PER_REQUEST", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}])
assert dynamodb.list_tables()["TableNames"] == ["t"]
zone = route53.create_hosted_zone(Name="example.com", CallerReference="1")["HostedZone"]["Id"]
assert zone.startswith("/hostedzone/")
ssm = client("ssm")
ssm.put_parameter(Name="/mine", Value="1", Type="String")
assert ssm.get_parameter(Name="/mine")["Parameter"]["Value"] == "1"
image = ssm.get_parameter(Name="/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64")["Parameter"]["Value"]
ec2 = client("ec2")
assert ec2.describe_images(ImageIds=[image])["Images"][0]["ImageId"] == image
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
print(vpc, client("sts").get_caller_identity()["Account"])
`;

test(
  "moto answers what Genkan does not",
  { skip: noPackets || (python ? false : "no Python with moto's server here"), timeout: 180_000 },
  async () => {
    const { moto, url } = await startMoto(python ?? "");
    const genkan = await startGenkan(["--no-packets", "--account", "111122223333", "--others", url]);
    try {
      const env = {
        ...genkan.environment,
        ...genkan.credentials,
        AWS_DEFAULT_REGION: "us-east-1",
        AWS_ENDPOINT_URL: `http://127.0.0.1:${genkan.port}`,
        AWS_CONFIG_FILE: "/dev/null",
      };
      const { status, out, err } = await execute(python ?? "", ["-c", STORY], { env, timeout: 150_000 });
      assert.equal(status, 0, err.slice(-4000));
      assert.match(out, /^vpc-[0-9a-f]{17} 111122223333\n$/);
      moto.kill();
      const alone = await execute(python ?? "", ["-c", "import boto3; boto3.client('iam').list_users()"], {
        env: { ...env, AWS_MAX_ATTEMPTS: "1" },
        timeout: 60_000,
      });
      assert.match(alone.err, /ServiceUnavailable.*--others\), which does not answer: ECONNREFUSED/);
    } finally {
      moto.kill();
      await genkan.stop();
    }
  },
);

async function startMoto(command: string): Promise<{ readonly moto: ChildProcess; readonly url: string }> {
  const port = await freePort();
  const moto = spawn(command, ["-m", "moto.server", "-H", "127.0.0.1", "-p", String(port)], { stdio: ["ignore", "pipe", "pipe"] });
  moto.stdout.resume();
  for await (const line of createInterface(moto.stderr)) {
    if (!line.includes("Running on")) continue;
    moto.stderr.resume();
    return { moto, url: `http://127.0.0.1:${port}` };
  }
  throw new Error("moto did not start");
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}
