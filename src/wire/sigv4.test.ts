import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { test } from "node:test";
import { SignatureV4 } from "@smithy/signature-v4";
import { Fault, type FaultCode } from "../model/fault.ts";
import { userOf } from "../model/principal.ts";
import { type AccessKey, claimedScope, isRegion, type SignedRequest, verify } from "./sigv4.ts";

const KEY = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
  account: "123456789012",
};
const NOW = new Date("2030-01-31T12:00:00Z");
const BODY = "Action=DescribeVpcs&Version=2016-11-15&Filter.1.Name=tag%3AName&Filter.1.Value.1=a%20b";
const lookup = (id: string): AccessKey | undefined => (id === KEY.accessKeyId ? KEY : undefined);

class Sha256 {
  readonly #hash;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined
        ? createHash("sha256")
        : createHmac("sha256", typeof secret === "string" ? secret : bytes(secret));
  }
  update(data: Uint8Array | string): void {
    this.#hash.update(data);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
  reset(): void {}
}

function bytes(data: ArrayBuffer | ArrayBufferView): Uint8Array {
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}

type Wish = {
  readonly service?: string;
  readonly region?: string;
  readonly date?: Date;
  readonly secret?: string;
};

function signer({ service = "ec2", region = "eu-west-1", secret = KEY.secretAccessKey }: Wish): SignatureV4 {
  return new SignatureV4({
    credentials: { accessKeyId: KEY.accessKeyId, secretAccessKey: secret },
    region,
    service,
    sha256: Sha256 as never,
  });
}

async function signedPost(wish: Wish = {}, extra: Record<string, string> = {}): Promise<SignedRequest> {
  const headers = { host: "127.0.0.1:4566", "content-type": "application/x-www-form-urlencoded", ...extra };
  const request = {
    method: "POST",
    protocol: "http:",
    hostname: "127.0.0.1",
    path: "/",
    query: {},
    headers,
    body: BODY,
  };
  const signed = await signer(wish).sign(request, { signingDate: wish.date ?? NOW });
  return {
    method: "POST",
    path: "/",
    query: "",
    headers: Object.entries(signed.headers),
    body: Buffer.from(BODY),
  };
}

async function presignedGet(query: Record<string, string>, expiresIn = 60): Promise<SignedRequest> {
  const request = {
    method: "GET",
    protocol: "http:",
    hostname: "127.0.0.1",
    path: "/",
    query,
    headers: { host: "127.0.0.1:4566" },
  };
  const signed = await signer({}).presign(request, { signingDate: NOW, expiresIn });
  const text = Object.entries(signed.query ?? {})
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`)
    .join("&");
  return {
    method: "GET",
    path: "/",
    query: text,
    headers: Object.entries(signed.headers),
    body: new Uint8Array(),
  };
}

function refused(request: SignedRequest, code: FaultCode, words: RegExp = /./, now = NOW): void {
  assert.throws(
    () => verify(request, lookup, now),
    (error) => error instanceof Fault && error.code === code && words.test(error.message),
    `${code} ${words}`,
  );
}

function withHeader(request: SignedRequest, name: string, change: (value: string) => string): SignedRequest {
  return {
    ...request,
    headers: request.headers.map(([key, value]) => [key, key.toLowerCase() === name ? change(value) : value]),
  };
}

test("the SDK's signature in the header proves who asks and where", async () => {
  const principal = userOf(KEY.account);
  const identity = {
    account: KEY.account,
    region: "eu-west-1",
    service: "ec2",
    accessKeyId: KEY.accessKeyId,
    principal,
  };
  assert.deepEqual(verify(await signedPost(), lookup, NOW), identity);
  assert.deepEqual(verify(await signedPost({ service: "sts" }), lookup, NOW), {
    ...identity,
    service: "sts",
  });
  assert.deepEqual(verify(await signedPost({ region: "us-gov-west-1" }), lookup, NOW), {
    ...identity,
    region: "us-gov-west-1",
  });
});

test("the SDK's presigned URL passes until it expires", async () => {
  const request = await presignedGet({
    Action: "DescribeVpcs",
    Version: "2016-11-15",
    "Filter.1.Value.1": "a b+c*(d)'é/~",
  });
  assert.equal(verify(request, lookup, NOW).region, "eu-west-1");
  assert.equal(verify(request, lookup, new Date(NOW.getTime() + 60_000)).region, "eu-west-1");
  refused(request, "RequestExpired", /^Request has expired\.$/, new Date(NOW.getTime() + 61_000));
  refused({ ...request, query: request.query.replace("DescribeVpcs", "DeleteVpc") }, "SignatureDoesNotMatch");
  refused(
    { ...request, query: request.query.replace("X-Amz-Expires=60", "X-Amz-Expires=6000") },
    "SignatureDoesNotMatch",
  );
  refused(
    { ...request, query: request.query.replace("X-Amz-Expires=60", "X-Amz-Expires=9999999") },
    "IncompleteSignature",
  );
  refused({ ...request, query: `${request.query}&DryRun=true` }, "SignatureDoesNotMatch");
  refused({ ...request, query: `${request.query}&X-Amz-Date=20300131T120000Z` }, "MalformedQueryString");
  refused({ ...request, query: request.query.replace(/X-Amz-Date=[^&]*/, "") }, "IncompleteSignature");
  refused({ ...request, body: Buffer.from(BODY) }, "SignatureDoesNotMatch");
});

test("spaces in headers, repeated headers and odd characters are signed as AWS does it", async () => {
  const spaced = await signedPost({}, { "x-amz-note": "a   b" });
  assert.equal(verify(spaced, lookup, NOW).service, "ec2");
  assert.equal(
    verify(
      withHeader(spaced, "x-amz-note", () => "  a b\t"),
      lookup,
      NOW,
    ).service,
    "ec2",
  );
  const joined = await signedPost({}, { "x-amz-note": "a,b" });
  const apart = {
    ...joined,
    headers: joined.headers.flatMap(([n, v]) =>
      n === "x-amz-note" ? [["x-amz-note", "a"] as const, ["X-Amz-Note", "b"] as const] : [[n, v] as const],
    ),
  };
  assert.equal(verify(apart, lookup, NOW).service, "ec2");
});

test("a changed body, method, path, query or header is refused", async () => {
  const request = await signedPost();
  refused(
    { ...request, body: Buffer.from(`${BODY}&DryRun=true`) },
    "SignatureDoesNotMatch",
    /^The request signature we calculated does not match/,
  );
  refused({ ...request, method: "GET" }, "SignatureDoesNotMatch");
  refused({ ...request, path: "/x" }, "SignatureDoesNotMatch");
  refused({ ...request, query: "DryRun=true" }, "SignatureDoesNotMatch");
  refused(
    withHeader(request, "host", () => "169.254.169.254"),
    "SignatureDoesNotMatch",
  );
  refused(
    { ...request, headers: [...request.headers, ["x-amz-extra", "1"]] },
    "SignatureDoesNotMatch",
    /not signed: x-amz-extra$/,
  );
});

test("an unknown key, a wrong secret and a wrong clock are refused in each service's words", async () => {
  const invalid = /^AWS was not able to validate the provided access credentials$/;
  const unknown = (request: SignedRequest): SignedRequest =>
    withHeader(request, "authorization", (v) => v.replace(KEY.accessKeyId, "AKIAIOSFODNN7EXAMPLE"));
  refused(unknown(await signedPost()), "AuthFailure", invalid);
  refused(
    unknown(await signedPost({ service: "sts" })),
    "InvalidClientTokenId",
    /^The security token included in the request is invalid\.$/,
  );
  refused(await signedPost({ secret: "other" }), "SignatureDoesNotMatch");
  const early = new Date(NOW.getTime() - 301_000);
  const late = new Date(NOW.getTime() + 301_000);
  refused(
    await signedPost({ date: early }),
    "AuthFailure",
    /credentials\. Signature expired: 20300131T115459Z is now earlier than 20300131T115500Z/,
  );
  refused(await signedPost({ date: late }), "AuthFailure", /Signature not yet current/);
  refused(await signedPost({ date: early, service: "sts" }), "SignatureDoesNotMatch", /^Signature expired: /);
  assert.equal(
    verify(await signedPost({ date: new Date(NOW.getTime() - 300_000) }), lookup, NOW).service,
    "ec2",
  );
  assert.equal(
    verify(await signedPost({ date: new Date(NOW.getTime() + 300_000) }), lookup, NOW).service,
    "ec2",
  );
});

test("a signature that is missing, or in pieces, or for elsewhere is refused", async () => {
  const request = await signedPost();
  refused({ ...request, headers: [["host", "x"]] }, "MissingAuthenticationToken");
  const changed = (change: (value: string) => string): SignedRequest =>
    withHeader(request, "authorization", change);
  refused(
    changed(() => "Basic Zm9vOmJhcg=="),
    "IncompleteSignature",
  );
  refused(
    changed((v) => v.replace(/, Signature=.*/, "")),
    "IncompleteSignature",
    /^Authorization header requires 'Signature' parameter\.$/,
  );
  refused(
    changed((v) => v.replace("/aws4_request", "")),
    "IncompleteSignature",
    /5 slash-delimited/,
  );
  refused(
    changed((v) => v.replace("20300131/", "20300130/")),
    "SignatureDoesNotMatch",
    /'20300131' expected/,
  );
  refused(
    changed((v) => v.replace("host;", "")),
    "SignatureDoesNotMatch",
    /'Host'/,
  );
  refused(
    changed((v) => v.replace("host;", "host;absent;")),
    "SignatureDoesNotMatch",
  );
  refused({ ...request, headers: [...request.headers, ["Authorization", "x"]] }, "IncompleteSignature");
  refused(
    { ...request, headers: request.headers.filter(([name]) => name !== "x-amz-date") },
    "IncompleteSignature",
    /X-Amz-Date/,
  );
  refused(
    withHeader(request, "x-amz-date", () => "20300230T120000Z"),
    "IncompleteSignature",
  );
  refused(await signedPost({ service: "s3" }), "SignatureDoesNotMatch", /correct service/);
  refused(await signedPost({ region: "nowhere" }), "SignatureDoesNotMatch", /valid region/);
});

test("a payload may go unsigned only when there is none", async () => {
  const hash = { "x-amz-content-sha256": "UNSIGNED-PAYLOAD" };
  refused(await signedPost({}, hash), "SignatureDoesNotMatch");
  refused(
    await signedPost({}, { "x-amz-content-sha256": createHash("sha256").update("other").digest("hex") }),
    "SignatureDoesNotMatch",
  );
  const query = { Action: "DescribeVpcs" };
  const request = {
    method: "GET",
    protocol: "http:",
    hostname: "127.0.0.1",
    path: "/",
    query,
    headers: { host: "127.0.0.1", ...hash },
  };
  const signed = await signer({}).sign(request, { signingDate: NOW });
  const empty = {
    method: "GET",
    path: "/",
    query: "Action=DescribeVpcs",
    headers: Object.entries(signed.headers),
    body: new Uint8Array(),
  };
  assert.equal(verify(empty, lookup, NOW).service, "ec2");
});

test("the scope is read from a request whose signature is wrong", async () => {
  const request = await signedPost({ region: "ap-northeast-1", secret: "other" });
  assert.equal(claimedScope(request)?.region, "ap-northeast-1");
  assert.equal(claimedScope({ ...request, headers: [] }), undefined);
});

test("only well-formed names of regions are taken", () => {
  for (const name of [
    "us-east-1",
    "ap-southeast-7",
    "us-gov-west-1",
    "eusc-de-east-1",
    "us-isob-east-1",
    "mx-central-1",
  ])
    assert.ok(isRegion(name), name);
  for (const name of [
    "",
    "us-east",
    "us-east-0",
    "../../etc-x-1",
    "US-EAST-1",
    "us-east-1a",
    "us_east_1",
    "__proto__",
    "us-east-1\n",
  ])
    assert.ok(!isRegion(name), name);
});

test("a date that is in no calendar of four digits is no date: nothing would be too late for it", async () => {
  const { "x-amz-date": _, ...headers } = Object.fromEntries((await signedPost()).headers);
  const authorization = headers["authorization"]
    ?.replace("20300131", "+0100000")
    .replace(";x-amz-date", ";date");
  for (const date of ["Sat, 01 Jan 10000 00:00:00 GMT", "Sat, 01 Jan 275000 00:00:00 GMT"]) {
    const request = { method: "POST", path: "/", query: "", body: Buffer.from(BODY) };
    refused(
      { ...request, headers: Object.entries({ ...headers, authorization: authorization ?? "", date }) },
      "IncompleteSignature",
      /'Date'/,
    );
  }
});

test("a header is signed once, or a small request would make a canonical one without bounds", async () => {
  const request = await signedPost();
  const headers = request.headers.map(
    ([name, value]) => [name, value.replace("SignedHeaders=", "SignedHeaders=host;")] as const,
  );
  refused({ ...request, headers }, "SignatureDoesNotMatch", /twice/);
});

test("nothing is added to the query unsigned, however it is written", async () => {
  refused(
    { ...(await signedPost()), query: "X%2DAmz-Signature=added" },
    "IncompleteSignature",
    /signed twice/,
  );
});
