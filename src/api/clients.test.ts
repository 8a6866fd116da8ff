/** The clients that people use, against the server: the AWS CLI and boto3, where they are installed. */

import assert from "node:assert/strict";
import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { userOf } from "../model/principal.ts";
import type { ApiRequest } from "./api.ts";
import { createServer } from "./http.ts";

const HOME = mkdtempSync(join(tmpdir(), "genkan-clients-"));
const NO_AWS = spawnSync("aws", ["--version"]).status === 0 ? false : "the AWS CLI is not installed";
const NO_BOTO3 = spawnSync("python3", ["-c", "import boto3"]).status === 0 ? false : "boto3 is not installed";
const ENVIRONMENT = {
  PATH: process.env["PATH"] ?? "",
  // pyenv's Python finds itself by HOME; the two variables below keep the clients' own settings out.
  HOME: process.env["HOME"] ?? HOME,
  AWS_CONFIG_FILE: join(HOME, "config"),
  AWS_SHARED_CREDENTIALS_FILE: join(HOME, "credentials"),
  AWS_ACCESS_KEY_ID: "AKIDEXAMPLE",
  AWS_SECRET_ACCESS_KEY: "a/secret+key",
  AWS_DEFAULT_REGION: "ap-northeast-1",
  AWS_EC2_METADATA_DISABLED: "true",
  AWS_MAX_ATTEMPTS: "1",
  NO_PROXY: "127.0.0.1",
};

const requests: ApiRequest[] = [];
const server = await createServer({
  host: "127.0.0.1",
  port: 0,
  auth: "signature",
  lookupKey: (id) =>
    id === "AKIDEXAMPLE" ? { secretAccessKey: "a/secret+key", account: "123456789012" } : undefined,
  defaults: { account: "123456789012", region: "us-east-1" },
  now: () => new Date(),
  perform: (request) => {
    requests.push(request);
    return Promise.resolve(
      request.operation === "DescribeVpcs"
        ? { Vpcs: [{ VpcId: "vpc-1", Tags: [{ Key: "k", Value: "é\u0001<" }] }] }
        : {},
    );
  },
  internal: () => Promise.reject(new Error("not asked")),
  log: () => undefined,
});
const ENDPOINT = `http://127.0.0.1:${server.port}`;
after(async () => {
  await server.close();
  rmSync(HOME, { recursive: true });
});

function run(
  command: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ out: string; error: string }> {
  return new Promise((resolve) => {
    execFile(
      command,
      args,
      { env: { ...ENVIRONMENT, ...environment }, timeout: 60_000 },
      (_failure, out, error) => resolve({ out, error }),
    );
  });
}

async function aws(...args: readonly string[]): Promise<unknown> {
  const { out, error } = await run("aws", ["--endpoint-url", ENDPOINT, "--output", "json", ...args]);
  assert.equal(error, "");
  return out === "" ? undefined : JSON.parse(out);
}

test("the AWS CLI", { skip: NO_AWS }, async () => {
  requests.length = 0;
  const described = await aws("ec2", "describe-vpcs", "--filters", "Name=tag:Name,Values=a b,c");
  assert.deepEqual(described, { Vpcs: [{ VpcId: "vpc-1", Tags: [{ Key: "k", Value: "é\ufffd<" }] }] });
  await aws("ec2", "create-tags", "--resources", "vpc-1", "igw-1", "--tags", "Key=Name,Value=ü &=+%");
  await aws(
    "ec2",
    "attach-internet-gateway",
    "--vpc-id",
    "vpc-1",
    "--internet-gateway-id",
    "igw-1",
    "--region",
    "eu-west-1",
  );
  const [asked, tagged, attached] = requests;
  assert.deepEqual(asked?.input, { Filters: [{ Name: "tag:Name", Values: ["a b", "c"] }] });
  assert.deepEqual(tagged?.input, {
    Resources: ["vpc-1", "igw-1"],
    Tags: [{ Key: "Name", Value: "ü &=+%" }],
  });
  assert.deepEqual(attached, {
    account: "123456789012",
    region: "eu-west-1",
    caller: userOf("123456789012"),
    operation: "AttachInternetGateway",
    input: { InternetGatewayId: "igw-1", VpcId: "vpc-1" },
  });
  const identity = await aws("sts", "get-caller-identity");
  const { Account, Arn } = identity as Record<string, string>;
  assert.deepEqual([Account, Arn], ["123456789012", "arn:aws:iam::123456789012:user/genkan"]);
});

test("the AWS CLI with a wrong key", { skip: NO_AWS }, async () => {
  const args = ["--endpoint-url", ENDPOINT, "ec2", "describe-vpcs"];
  const unknown = await run("aws", args, { AWS_ACCESS_KEY_ID: "AKIDOTHER" });
  assert.match(
    unknown.error,
    /\(AuthFailure\) when calling the DescribeVpcs operation: AWS was not able to validate the provided access credentials/,
  );
  const wrong = await run("aws", args, { AWS_SECRET_ACCESS_KEY: "wrong" });
  assert.match(wrong.error, /\(SignatureDoesNotMatch\) when calling the DescribeVpcs operation/);
});

const BOTO3 = `
import base64, boto3, datetime, sys
endpoint = sys.argv[1]
ec2 = boto3.client("ec2", endpoint_url=endpoint)
ec2.run_instances(MinCount=1, MaxCount=2, ClientToken="t", UserData="#!/bin/sh", NetworkInterfaces=[
    {"DeviceIndex": 0, "Groups": ["sg-1", "sg-2"], "AssociatePublicIpAddress": True}],
    TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}])
ec2.authorize_security_group_ingress(GroupId="sg-1", IpPermissions=[
    {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0", "Description": "x y"}]}])
ec2.import_key_pair(KeyName="k", PublicKeyMaterial=b"ssh-rsa AAAA")
ec2.get_ipam_address_history(Cidr="10.0.0.0/8", IpamScopeId="s", StartTime=datetime.datetime(2030, 1, 31, 10, tzinfo=datetime.timezone.utc))
import urllib.request
print(urllib.request.urlopen(ec2.generate_presigned_url("describe_vpcs", Params={"VpcIds": ["vpc-1"]}, HttpMethod="GET")).status)
`;

test("boto3", { skip: NO_BOTO3 }, async () => {
  requests.length = 0;
  const { out, error } = await run("python3", ["-W", "ignore", "-c", BOTO3, ENDPOINT]);
  assert.equal(error, "");
  assert.equal(out.trim(), "200");
  assert.deepEqual(
    requests.map(({ input }) => input),
    [
      {
        MinCount: 1,
        MaxCount: 2,
        ClientToken: "t",
        UserData: Buffer.from("#!/bin/sh").toString("base64"),
        NetworkInterfaces: [{ DeviceIndex: 0, Groups: ["sg-1", "sg-2"], AssociatePublicIpAddress: true }],
        TagSpecifications: [{ ResourceType: "instance", Tags: [{ Key: "a", Value: "b" }] }],
      },
      {
        GroupId: "sg-1",
        IpPermissions: [
          {
            IpProtocol: "tcp",
            FromPort: 22,
            ToPort: 22,
            IpRanges: [{ CidrIp: "0.0.0.0/0", Description: "x y" }],
          },
        ],
      },
      { KeyName: "k", PublicKeyMaterial: Uint8Array.from(Buffer.from("ssh-rsa AAAA")) },
      { Cidr: "10.0.0.0/8", IpamScopeId: "s", StartTime: new Date("2030-01-31T10:00:00Z") },
      { VpcIds: ["vpc-1"] },
    ],
  );
});
