import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeForeignFault, foreignOf } from "./foreign.ts";
import type { Headed } from "./sigv4.ts";

const FORM = ["content-type", "application/x-www-form-urlencoded; charset=utf-8"] as const;

function asked(service: string | undefined, more: Partial<Headed> = {}): Headed {
  const signature = `AWS4-HMAC-SHA256 Credential=AKID/20300101/us-east-1/${service}/aws4_request, SignedHeaders=host, Signature=00`;
  const own =
    service === undefined
      ? []
      : ([
          ["Authorization", signature],
          ["X-Amz-Date", "20300101T000000Z"],
        ] as const);
  return { method: "POST", path: "/", query: "", ...more, headers: [...own, ...(more.headers ?? [])] };
}

function told(request: Headed): readonly [status: number, type: string, body: string] {
  const foreign = foreignOf(request);
  assert.ok(foreign);
  const { status, type, body } = encodeForeignFault(request, foreign, { message: "a & b" }, "id-1");
  return [status, type, Buffer.from(body).toString("latin1")];
}

test("each protocol has its own form of a refusal", () => {
  const query =
    "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidAction</Code><Message>a &amp; b</Message></Error><RequestId>id-1</RequestId></ErrorResponse>";
  for (const service of ["rds", "iam", "elasticache", "elasticloadbalancing", "autoscaling"]) {
    assert.deepEqual(told(asked(service, { headers: [FORM] })), [400, "text/xml", query]);
    assert.deepEqual(told(asked(service, { method: "GET", query: "Action=A&Version=1" })), [
      400,
      "text/xml",
      query,
    ]);
  }
  assert.deepEqual(told(asked("route53", { path: "/2013-04-01/hostedzone" })), [400, "text/xml", query]);
  const json = '{"__type":"UnknownOperationException","message":"a & b"}';
  for (const type of ["application/x-amz-json-1.0", "application/x-amz-json-1.1"]) {
    const headers = [
      ["x-amz-target", "com.amazonaws.cloudtrail.CloudTrail_20131101.DescribeTrails"],
      ["content-type", type],
    ] as const;
    assert.deepEqual(told(asked("cloudtrail", { headers })), [400, type, json]);
    assert.deepEqual(told(asked(undefined, { headers })), [400, type, json]);
  }
  const s3 =
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NotImplemented</Code><Message>a &amp; b</Message><RequestId>id-1</RequestId></Error>';
  assert.deepEqual(told(asked("s3", { method: "GET", path: "/bucket" })), [501, "application/xml", s3]);
  assert.deepEqual(told(asked("s3", { method: "GET" })), [501, "application/xml", s3]);
  assert.deepEqual(told(asked("lambda", { path: "/2015-03-31/functions" })), [
    404,
    "application/json",
    '{"message":"a & b"}',
  ]);
  const [status, type, body] = told(
    asked("monitoring", { path: "/service/X/operation/Y", headers: [["smithy-protocol", "rpc-v2-cbor"]] }),
  );
  assert.deepEqual([status, type], [404, "application/cbor"]);
  assert.equal(body, "\xa2f__type\x79\x00\x19UnknownOperationExceptiongmessageea & b");
});

test("a request that may be for EC2, STS or Systems Manager is not taken for another service's", () => {
  for (const service of ["ec2", "sts", "ssm"])
    assert.equal(foreignOf(asked(service, { path: "/x", headers: [FORM] })), undefined);
  assert.equal(foreignOf(asked(undefined, { headers: [FORM] })), undefined);
  assert.equal(
    foreignOf(asked(undefined, { headers: [["X-Amz-Target", "AmazonSSM.GetParameter"]] })),
    undefined,
  );
  assert.deepEqual(foreignOf(asked(undefined, { path: "/bucket/key" })), {
    service: undefined,
    protocol: "rest-json",
  });
  assert.equal(foreignOf(asked("s3", { headers: [["Authorization", "twice"]] })), undefined);
});
