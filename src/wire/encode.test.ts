import assert from "node:assert/strict";
import { test } from "node:test";
import { Fault } from "../model/fault.ts";
import { encodeFault, encodeOutput, escapeXml } from "./encode.ts";
import { findOperation, type Operation } from "./operations.ts";
import { parseParameters } from "./parameters.ts";
import { encodeStsOutput, stsOperation, encodeStsFault } from "./sts.ts";

function operation(name: string): Operation {
  const found = findOperation(name);
  assert.ok(found, name);
  return found;
}

const HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n';
const XMLNS = 'xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"';

test("an answer is written in EC2's form", () => {
  const output = {
    Vpcs: [{ VpcId: "vpc-1", IsDefault: false, Tags: [], DhcpOptionsId: undefined }],
    NextToken: undefined,
    Unknown: 1,
  };
  assert.equal(
    encodeOutput(operation("DescribeVpcs"), output, "id"),
    `${HEAD}<DescribeVpcsResponse ${XMLNS}><requestId>id</requestId><vpcSet><item><isDefault>false</isDefault><tagSet/><vpcId>vpc-1</vpcId></item></vpcSet></DescribeVpcsResponse>`,
  );
  const times = encodeOutput(
    operation("DescribeVolumes"),
    { Volumes: [{ CreateTime: new Date(1_597_241_500_000) }] },
    "id",
  );
  assert.match(times, /<createTime>2020-08-12T14:11:40\.000Z<\/createTime>/);
});

test("an action without data answers true; one that answers Return does so unless it says otherwise", () => {
  const answer = (name: string, body: string): string =>
    `${HEAD}<${name}Response ${XMLNS}><requestId>id</requestId>${body}</${name}Response>`;
  for (const output of [undefined, {}]) {
    assert.equal(
      encodeOutput(operation("DeleteVpc"), output, "id"),
      answer("DeleteVpc", "<return>true</return>"),
    );
    assert.equal(
      encodeOutput(operation("CreateRoute"), output, "id"),
      answer("CreateRoute", "<return>true</return>"),
    );
  }
  assert.equal(
    encodeOutput(operation("CreateRoute"), { Return: false }, "id"),
    answer("CreateRoute", "<return>false</return>"),
  );
  assert.equal(
    encodeOutput(operation("DescribeAddresses"), { Addresses: [] }, "id"),
    answer("DescribeAddresses", "<addressesSet/>"),
  );
});

test("an error is written in EC2's form", () => {
  assert.equal(
    encodeFault(new Fault("AuthFailure", "a < b"), "id"),
    `${HEAD}<Response><Errors><Error><Code>AuthFailure</Code><Message>a &lt; b</Message></Error></Errors><RequestID>id</RequestID></Response>`,
  );
});

test("text that XML can't carry does not spoil the rest", () => {
  assert.equal(
    escapeXml(`<a href="x">&amp;</a>\r\n\t'`),
    "&lt;a href=&quot;x&quot;&gt;&amp;amp;&lt;/a&gt;&#xD;\n\t'",
  );
  assert.equal(
    escapeXml("a\u0000b\u001fc\ud800d\uffffe\u{1f600}\u0085"),
    "a\ufffdb\ufffdc\ufffdd\ufffde\u{1f600}\u0085",
  );
});

test("STS's answers are written in its own form", () => {
  const namespace = 'xmlns="https://sts.amazonaws.com/doc/2011-06-15/"';
  assert.equal(
    encodeStsOutput(
      "GetCallerIdentity",
      { Arn: "arn:aws:iam::123456789012:root", UserId: "1<2", Account: { At: new Date(0) } },
      "id",
    ),
    `<GetCallerIdentityResponse ${namespace}><GetCallerIdentityResult><Arn>arn:aws:iam::123456789012:root</Arn><UserId>1&lt;2</UserId><Account><At>1970-01-01T00:00:00Z</At></Account></GetCallerIdentityResult><ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
  );
  assert.equal(
    encodeStsFault(new Fault("InvalidAction", "no"), "id"),
    `<ErrorResponse ${namespace}><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>no</Message></Error><RequestId>id</RequestId></ErrorResponse>`,
  );
  assert.equal(
    stsOperation(parseParameters("Action=GetCallerIdentity&Version=2011-06-15")),
    "GetCallerIdentity",
  );
  for (const query of [
    "Action=AssumeRoleWithSAML&Version=2011-06-15",
    "Action=GetCallerIdentity&Version=2016-11-15",
  ]) {
    assert.throws(() => stsOperation(parseParameters(query)), {
      name: "Fault",
      code: "InvalidAction",
      message: /^Could not find operation/,
    });
  }
  assert.throws(() => stsOperation([]), { code: "MissingAction" });
});
