/** Beside moto's server, where it is on the machine: one endpoint for all services. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { execute, type Genkan, noPackets, ROOT, startGenkan } from "../kit/genkan.ts";
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

/**
 * What names networks, when moto is started as docs/how-to/other-emulators.md says: each knows Genkan's by
 * their ids, and no other.
 */
const NETWORK_STORY = `
import boto3
ec2, rds, elb, efs, redshift, cache = [boto3.client(name) for name in ("ec2", "rds", "elbv2", "efs", "redshift", "elasticache")]
vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16", AmazonProvidedIpv6CidrBlock=True)["Vpc"]["VpcId"]
ec2.associate_vpc_cidr_block(VpcId=vpc, CidrBlock="10.1.0.0/16")
ipv6 = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Ipv6CidrBlockAssociationSet"][0]["Ipv6CidrBlock"].replace("/56", "/64")
def subnet(**asked): return ec2.create_subnet(VpcId=vpc, **asked)["Subnet"]["SubnetId"]
two = [subnet(CidrBlock=f"10.{i}.0.0/24", AvailabilityZone="eu-west-1" + zone) for i, zone in enumerate("ab")]
native = subnet(Ipv6Native=True, Ipv6CidrBlock=ipv6, AvailabilityZone="eu-west-1c")
group = ec2.create_security_group(VpcId=vpc, GroupName="web", Description="web")["GroupId"]
def database(name, subnets): return rds.create_db_subnet_group(DBSubnetGroupName=name, DBSubnetGroupDescription=name, SubnetIds=subnets)["DBSubnetGroup"]
made = database("databases", two)
assert made["VpcId"] == vpc and [(s["SubnetIdentifier"], s["SubnetAvailabilityZone"]["Name"]) for s in made["Subnets"]] == [*zip(two, ("eu-west-1a", "eu-west-1b"))]
balancer = elb.create_load_balancer(Name="web", Subnets=two, SecurityGroups=[group])["LoadBalancers"][0]
assert balancer["VpcId"] == vpc and balancer["SecurityGroups"] == [group]
assert elb.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]["VpcId"] == vpc
files = efs.create_file_system(CreationToken="files")["FileSystemId"]
assert efs.create_mount_target(FileSystemId=files, SubnetId=two[0], SecurityGroups=[group])["VpcId"] == vpc
assert redshift.create_cluster_subnet_group(ClusterSubnetGroupName="r", Description="r", SubnetIds=two)["ClusterSubnetGroup"]["VpcId"] == vpc
cached = cache.create_cache_subnet_group(CacheSubnetGroupName="c", CacheSubnetGroupDescription="c", SubnetIds=[*two, native])["CacheSubnetGroup"]
assert cached["VpcId"] == vpc and cached["Subnets"][2]["SupportedNetworkTypes"] == ["ipv6"]
def unknown(ask, *codes):
    try:
        ask()
    except Exception as error:
        assert error.response["Error"]["Code"] in codes, error
    else:
        raise SystemExit("taken")
later = subnet(CidrBlock="10.0.9.0/24")
database("later", [later])
ec2.delete_subnet(SubnetId=later)
again = subnet(CidrBlock="10.0.9.0/24")
database("again", [again])
for absent in (later, "subnet-0123456789abcdef0"):
    unknown(lambda: database("none", [absent]), "InvalidSubnetID.NotFound")
default = boto3.client("ec2", region_name="us-east-1").describe_subnets()["Subnets"]
assert boto3.client("elbv2", region_name="us-east-1").create_load_balancer(Name="d", Subnets=[s["SubnetId"] for s in default[:2]])["LoadBalancers"][0]["VpcId"] == default[0]["VpcId"]
`;

const skip = noPackets || (python ? false : "no Python with moto's server here");

test("moto answers what Genkan does not", { skip, timeout: 180_000 }, async () => {
  const { url, port } = await freePlace();
  const genkan = await startGenkan(["--no-packets", "--account", "111122223333", "--others", url]);
  const env = environmentOf(genkan, "us-east-1");
  const moto = await startMoto(["-m", "moto.server"], port, env);
  try {
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
});

test("moto beside Genkan knows Genkan's networks", { skip, timeout: 180_000 }, async () => {
  const { url, port } = await freePlace();
  const genkan = await startGenkan(["--no-packets", "--others", url]);
  const env = environmentOf(genkan, "eu-west-1");
  const moto = await startMoto([join(ROOT, "docs/how-to/moto-beside-genkan.py")], port, env);
  try {
    const { status, err } = await execute(python ?? "", ["-c", NETWORK_STORY], { env, timeout: 150_000 });
    assert.equal(status, 0, err.slice(-4000));
  } finally {
    moto.kill();
    await genkan.stop();
  }
});

function environmentOf(genkan: Genkan, region: string): NodeJS.ProcessEnv {
  return {
    ...genkan.environment,
    ...genkan.credentials,
    AWS_DEFAULT_REGION: region,
    AWS_ENDPOINT_URL: `http://127.0.0.1:${genkan.port}`,
    AWS_CONFIG_FILE: "/dev/null",
  };
}

async function startMoto(
  argv: readonly string[],
  port: number,
  env: NodeJS.ProcessEnv,
): Promise<ChildProcess> {
  const moto = spawn(python ?? "", [...argv, "-H", "127.0.0.1", "-p", String(port)], {
    stdio: ["ignore", "pipe", "pipe"],
    env,
  });
  moto.stdout.resume();
  for await (const line of createInterface(moto.stderr)) {
    if (!line.includes("Running on")) continue;
    moto.stderr.resume();
    return moto;
  }
  throw new Error("moto did not start");
}

async function freePlace(): Promise<{ readonly port: number; readonly url: string }> {
  const port = await freePort();
  return { port, url: `http://127.0.0.1:${port}` };
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
