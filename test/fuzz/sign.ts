import { createHash, createHmac } from "node:crypto";
import type { SignedRequest } from "../../src/wire/sigv4.ts";
import type { Dice } from "./dice.ts";

export const SECRET = {
  accessKeyId: "AKIDEXAMPLE",
  secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
};
export const NOW = new Date("2030-01-31T12:00:00Z");
const DATE = "20300131T120000Z";
const PLACE = "20300131/us-east-1/ec2/aws4_request";
const KEY = PLACE.split("/").reduce<Buffer>(
  (key, part) => hmac(key, part),
  Buffer.from(`AWS4${SECRET.secretAccessKey}`),
);

function hmac(key: Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

function sha256(text: string | Buffer): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A POST with this body, signed as an SDK does. */
export function signed(body: Buffer): SignedRequest {
  const headers = [
    ["amz-sdk-request", "attempt=1; max=3"],
    ["content-type", "application/x-www-form-urlencoded"],
    ["host", "127.0.0.1:4566"],
    ["x-amz-content-sha256", sha256(body)],
    ["x-amz-date", DATE],
  ] as const;
  const names = headers.map(([name]) => name).join(";");
  const canonical = `POST\n/\n\n${headers.map(([name, value]) => `${name}:${value}\n`).join("")}\n${names}\n${sha256(body)}`;
  const signature = hmac(KEY, `AWS4-HMAC-SHA256\n${DATE}\n${PLACE}\n${sha256(canonical)}`).toString("hex");
  const authorization = `AWS4-HMAC-SHA256 Credential=${SECRET.accessKeyId}/${PLACE}, SignedHeaders=${names}, Signature=${signature}`;
  return {
    method: "POST",
    path: "/",
    query: "",
    headers: [...headers, ["authorization", authorization]],
    body,
  };
}

/** The request with something changed that its signature covers, or in the signature itself. */
export function tampered(chance: Dice, request: SignedRequest): SignedRequest {
  return chance.pick(TAMPERINGS)(chance, request);
}

type Tampering = (chance: Dice, request: SignedRequest) => SignedRequest;

const TAMPERINGS: readonly Tampering[] = [
  (chance, request) => ({ ...request, body: flipped(chance, request.body) }),
  (chance, request) => ({
    ...request,
    body: Buffer.concat([request.body, Buffer.from(chance.pick(["&", "&DryRun=true", " ", "\0", "="]))]),
  }),
  (chance, request) =>
    request.body.length > 0
      ? { ...request, body: request.body.subarray(0, chance.below(request.body.length)) }
      : { ...request, method: "GET" },
  (_, request) => ({ ...request, method: "GET" }),
  (chance, request) => ({
    ...request,
    query: chance.pick([
      "DryRun=true",
      "a",
      "Action=DeleteVpc",
      "X-Amz-Date=1",
      "%41=1",
      "X%2DAmz-Target=x",
      "X%2DAmz-Signature=x",
    ]),
  }),
  (chance, request) => ({ ...request, path: chance.pick(["//x", "/x", "/%2f", "/..;/x"]) }),
  (chance, request) =>
    header(request, chance.pick(["amz-sdk-request", "content-type", "host"]), (value) =>
      edited(chance, value),
    ),
  (chance, request) => header(request, "x-amz-date", (value) => edited(chance, value)),
  (chance, request) =>
    header(request, "x-amz-content-sha256", (value) =>
      chance.pick([edited(chance, value), "UNSIGNED-PAYLOAD", "", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"]),
    ),
  (chance, request) => ({
    ...request,
    headers: [...request.headers, [chance.pick(["X-Amz-Target", "x-amz-meta", "x-amz-date"]), "1"]],
  }),
  (chance, request) => ({
    ...request,
    headers: [...request.headers, [chance.pick(["host", "content-type", "authorization"]), "1"]],
  }),
  (chance, request) => ({
    ...request,
    headers: without(
      request,
      chance.pick(["host", "x-amz-date", "authorization", "content-type", "amz-sdk-request"]),
    ),
  }),
  (chance, request) =>
    header(request, "authorization", (value) =>
      value.replace(/Signature=\w*/, (text) => `Signature=${edited(chance, text.slice(10))}`),
    ),
  (chance, request) =>
    header(request, "authorization", (value) =>
      value.replace(/Signature=.*/, `Signature=${chance.pick(["", "0", "0".repeat(64), "é".repeat(32)])}`),
    ),
  (chance, request) =>
    header(request, "authorization", (value) =>
      value.replace(
        /SignedHeaders=[^,]*/,
        `SignedHeaders=${chance.pick(["host", "", ";", "host;x-amz-date", "HOST;x-amz-date", "x-amz-date", "host;host;x-amz-date", "host;none;x-amz-date"])}`,
      ),
    ),
  (chance, request) =>
    header(request, "authorization", (value) =>
      value.replace(
        PLACE,
        chance.pick([
          "",
          "20300130/us-east-1/ec2/aws4_request",
          "20300131/eu-west-1/ec2/aws4_request",
          "20300131/us-east-1/sts/aws4_request",
          "20300131/us-east-1/s3/aws4_request",
          `${PLACE}/x`,
          "20300131/__proto__/ec2/aws4_request",
          "2030013/us-east-1/ec2/aws4_request",
          "////",
        ]),
      ),
    ),
  (chance, request) =>
    header(request, "authorization", (value) =>
      value.replace(
        SECRET.accessKeyId,
        chance.pick(["AKIDOTHER", "__proto__", "constructor", "", "a/b", "é"]),
      ),
    ),
  (chance, request) =>
    header(request, "authorization", (value) =>
      value.replace(
        "AWS4-HMAC-SHA256",
        chance.pick(["AWS4-HMAC-SHA1", "AWS4-ECDSA-P256-SHA256", "Bearer", "", "aws4-hmac-sha256"]),
      ),
    ),
  (chance, request) =>
    header(request, "authorization", (value) => value.slice(0, chance.below(value.length))),
];

function header(request: SignedRequest, name: string, to: (value: string) => string): SignedRequest {
  return {
    ...request,
    headers: request.headers.map(([other, value]) => [other, other === name ? to(value) : value]),
  };
}

function without(request: SignedRequest, name: string): SignedRequest["headers"] {
  return request.headers.filter(([other]) => other !== name);
}

function flipped(chance: Dice, bytes: Uint8Array): Buffer {
  const changed = Buffer.from(bytes);
  if (changed.length === 0) return Buffer.from("a");
  const place = chance.below(changed.length);
  changed[place] = (changed[place] ?? 0) ^ (1 << chance.below(8));
  return changed;
}

/** Another character in the place of one; never white space, of which a header's amount does not count. */
function edited(chance: Dice, text: string): string {
  const place = chance.below(text.length);
  const other = chance.pick([..."0aZ_~"].filter((character) => character !== text[place]));
  return text.slice(0, place) + other + text.slice(place + 1);
}
