import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { Fault, type FaultCode } from "../model/fault.ts";
import { decodeInput } from "./decode.ts";
import { operationNames, requestedOperation } from "./operations.ts";
import { parseParameters } from "./parameters.ts";
import { generate, INPUT_LEAVES, schemasOf, serialize } from "./test-sdk.ts";

function decode(query: string): object {
  const parameters = parseParameters(query);
  return decodeInput(
    requestedOperation(parameters, () => true),
    parameters,
  );
}

function ask(action: string, query: string): object {
  return decode(`Action=${action}&Version=2016-11-15&${query}`);
}

function refused(query: string, code: FaultCode, message?: string): void {
  assert.throws(
    () => decode(query),
    (error) =>
      error instanceof Fault && error.code === code && (message === undefined || error.message === message),
    `${query.slice(0, 80)} → ${code}`,
  );
}

const DESCRIBE = "Action=DescribeVpcs&Version=2016-11-15";
const RUN = "Action=RunInstances&Version=2016-11-15&MinCount=1&MaxCount=1";

test("requests of boto3 and the AWS CLI are read", () => {
  assert.deepEqual(
    ask(
      "DescribeVpcs",
      "Filter.1.Name=state&Filter.1.Value.1=available&Filter.2.Name=tag-key&Filter.2.Value.1=a&Filter.2.Value.2=b",
    ),
    {
      Filters: [
        { Name: "state", Values: ["available"] },
        { Name: "tag-key", Values: ["a", "b"] },
      ],
    },
  );
  assert.deepEqual(
    ask(
      "CreateVpc",
      "CidrBlock=10.0.0.0%2F16&TagSpecification.1.ResourceType=vpc&TagSpecification.1.Tag.1.Key=Name&TagSpecification.1.Tag.1.Value=a+b",
    ),
    {
      CidrBlock: "10.0.0.0/16",
      TagSpecifications: [{ ResourceType: "vpc", Tags: [{ Key: "Name", Value: "a b" }] }],
    },
  );
  assert.deepEqual(ask("CreateTags", "ResourceId.1=vpc-1&Tag.1.Key=k&Tag.1.Value="), {
    Resources: ["vpc-1"],
    Tags: [{ Key: "k", Value: "" }],
  });
  assert.deepEqual(
    ask(
      "AuthorizeSecurityGroupIngress",
      "GroupId=sg-1&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=22&IpPermissions.1.ToPort=22&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0%2F0",
    ),
    {
      GroupId: "sg-1",
      IpPermissions: [{ IpProtocol: "tcp", FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: "0.0.0.0/0" }] }],
    },
  );
  assert.deepEqual(ask("ModifyVpcAttribute", "VpcId=vpc-1&EnableDnsHostnames.Value=true"), {
    VpcId: "vpc-1",
    EnableDnsHostnames: { Value: true },
  });
  assert.deepEqual(
    decode(
      `${RUN}&NetworkInterface.1.DeviceIndex=0&NetworkInterface.1.SecurityGroupId.1=sg-1&X-Amz-Date=x&DryRun=False`,
    ),
    {
      MinCount: 1,
      MaxCount: 1,
      NetworkInterfaces: [{ DeviceIndex: 0, Groups: ["sg-1"] }],
      DryRun: false,
    },
  );
});

test("the order and the gaps of a list's numbers make no difference", () => {
  const expected = { VpcIds: ["a", "b", "c"] };
  assert.deepEqual(ask("DescribeVpcs", "VpcId.3=c&VpcId.1=a&VpcId.2=b"), expected);
  assert.deepEqual(ask("DescribeVpcs", "VpcId.10=b&VpcId.999999999=c&VpcId.2=a"), expected);
  assert.deepEqual(ask("DescribeVpcs", "VpcId="), {});
});

test("unknown parameters are refused by name", () => {
  const unknown = (name: string): void =>
    refused(`${DESCRIBE}&${name}=1`, "UnknownParameter", `The parameter ${name} is not recognized`);
  for (const name of [
    "vpcId.1",
    "Nonsense",
    "VpcId.x",
    "VpcId.1.2",
    "VpcId.01",
    "VpcId.-1",
    "VpcId.1e3",
    "VpcId.9999999999",
    "Filter.1",
    "Filter.1.Name.1",
    "VpcId",
  ])
    unknown(name);
  for (const name of [
    "__proto__",
    "constructor",
    "__proto__.polluted",
    "Filter.1.__proto__",
    "Filter.__proto__.Name",
    "toString.1",
    ".",
    "",
    "VpcId.",
    "VpcId..1",
  ])
    unknown(name);
  assert.equal(Object.hasOwn(Object.prototype, "polluted"), false);
  refused(`${DESCRIBE}&${"A.".repeat(100_000)}A=1`, "UnknownParameter");
  refused(`${DESCRIBE}&${"Filter.1.".repeat(1_000)}A=1`, "UnknownParameter");
});

test("values of the wrong type are refused", () => {
  for (const value of ["", "x", "1.5", "1e3", "0x10", "9007199254740992", " 1", "NaN"])
    refused(`${DESCRIBE}&MaxResults=${value}`, "InvalidParameterValue");
  for (const value of ["", "yes", "1", "truely"])
    refused(`${DESCRIBE}&DryRun=${value}`, "InvalidParameterValue");
  for (const value of [
    "",
    "now",
    "2030-02-30T00:00:00Z",
    "2030-13-01",
    "1893456000",
    "2030-01-01T25:00:00Z",
  ]) {
    refused(
      `Action=GetIpamAddressHistory&Version=2016-11-15&Cidr=x&IpamScopeId=x&StartTime=${value}`,
      "InvalidParameterValue",
    );
  }
  for (const value of ["a", "a===", "%00", "ab=c"])
    refused(
      `Action=ImportKeyPair&Version=2016-11-15&KeyName=k&PublicKeyMaterial=${value}`,
      "InvalidParameterValue",
    );
  refused(
    `${DESCRIBE}&MaxResults=x`,
    "InvalidParameterValue",
    "Value (x) for parameter MaxResults is invalid. It must be an integer.",
  );
});

test("times are read in each form that clients write", () => {
  const start = (text: string): unknown =>
    ask("GetIpamAddressHistory", `Cidr=x&IpamScopeId=x&StartTime=${text}`);
  const expected = { Cidr: "x", IpamScopeId: "x", StartTime: new Date("2030-01-31T10:00:00Z") };
  for (const text of [
    "2030-01-31T10:00:00Z",
    "2030-01-31T10:00:00.000Z",
    "2030-01-31T10:00:00.000000Z",
    "2030-01-31T12:00:00%2B02:00",
    "2030-01-31T10:00:00",
    "2030-01-31T10:00Z",
  ]) {
    assert.deepEqual(start(text), expected, text);
  }
});

test("a missing parameter is named as AWS names it", () => {
  refused(
    "Action=CreateRoute&Version=2016-11-15",
    "MissingParameter",
    "The request must contain the parameter routeTableId",
  );
  refused(
    "Action=AttachInternetGateway&Version=2016-11-15&VpcId=v",
    "MissingParameter",
    "The request must contain the parameter internetGatewayId",
  );
  refused(
    "Action=RunInstances&Version=2016-11-15&MinCount=1",
    "MissingParameter",
    "The request must contain the parameter MaxCount",
  );
  refused("Version=2016-11-15", "MissingAction");
  refused("Action=DescribeVpcs", "MissingParameter", "The request must contain the parameter Version");
});

test("a version or an action that is not EC2's is refused", () => {
  refused(
    "Action=DescribeVpcs&Version=2017-01-17",
    "NoSuchVersion",
    "The requested version (2017-01-17) of service AmazonEC2 does not exist",
  );
  for (const name of ["DescribeNothing", "describevpcs", "__proto__", "EC2Client", "DescribeVpcs%24"])
    refused(`Action=${name}&Version=2016-11-15`, "InvalidAction");
  const parameters = parseParameters(DESCRIBE);
  assert.throws(
    () => requestedOperation(parameters, () => false),
    /^Fault: The action DescribeVpcs is not valid for this web service\. Genkan does not offer it\.$/,
  );
});

test("a malformed query string is refused", () => {
  for (const piece of ["a=%", "a=%zz", "%=1", "a=%ff", "a=%c3%28"])
    refused(`${DESCRIBE}&${piece}`, "MalformedQueryString");
  refused(`${DESCRIBE}&DryRun=true&DryRun=true`, "MalformedQueryString");
  refused(`${DESCRIBE}&Action=DeleteVpc`, "MalformedQueryString");
  refused(`${DESCRIBE}&VpcId.1=a&VpcId.1=b`, "MalformedQueryString");
  assert.deepEqual(ask("DescribeVpcs", "&&&"), {});
});

test("no mutation of a request makes the decoder fail otherwise than with a user's fault", async () => {
  const spoil = fc.tuple(
    fc.nat(),
    fc.nat(8),
    fc.constantFrom("", "&", "=", ".", "%", "1", ".1", ".__proto__", "[]", "\u0000", "é", "-"),
  );
  const names = operationNames();
  await fc.assert(
    fc.asyncProperty(
      fc.nat(names.length - 1),
      fc.gen(),
      fc.array(spoil, { minLength: 1, maxLength: 6 }),
      async (place, gen, spoils) => {
        const name = names[place] ?? "";
        let body = await serialize(name, generate(gen, schemasOf(name).input, INPUT_LEAVES) as object);
        for (const [at, length, text] of spoils) {
          const start = at % (body.length + 1);
          body = body.slice(0, start) + text + body.slice(start + length);
        }
        try {
          assert.equal(Object.getPrototypeOf(decode(body)), Object.prototype);
        } catch (error) {
          if (!(error instanceof Fault)) throw error;
          assert.ok(error.message.length < 1_000);
        }
      },
    ),
    { numRuns: 2_000, seed: 7 },
  );
});
