import { createHmac, timingSafeEqual } from "node:crypto";
import type { Instance } from "../model/instance.ts";
import type { Asker } from "./directory.ts";
import type { Identity } from "./identity.ts";
import { metadataOf, readMetadata } from "./metadata.ts";

/** The parts of a request that the metadata service reads. Header names are in lower case. */
export type MetadataRequest = {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
};
export type MetadataResponse = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array;
};

/**
 * What an answer depends on besides the state: the time, and the secret with which session tokens are made.
 */
export type MetadataContext = {
  readonly now: Date;
  readonly secret: Uint8Array;
  /** Signs identity documents; absent while its keys are being made. */
  readonly identity?: Identity | undefined;
};

/** Versions of the tree that may be asked for; all are answered alike. */
const VERSIONS = [
  ..."1.0 2007-01-19 2007-03-01 2007-08-29 2007-10-10 2007-12-15 2008-02-01 2008-09-01 2009-04-04 2011-01-01 2011-05-01".split(
    " ",
  ),
  ..."2012-01-12 2014-02-25 2014-11-05 2015-10-20 2016-04-19 2016-06-30 2016-09-02 2018-03-28 2018-08-17 2018-09-24".split(
    " ",
  ),
  ..."2019-10-01 2020-10-27 2021-01-03 2021-03-23 2021-07-15 2022-09-24 2024-04-11 latest".split(" "),
];
const SIGNED = /^dynamic\/instance-identity\/(pkcs7|rsa2048|signature)$/;
const TOKEN_HEADER = "x-aws-ec2-metadata-token";
const TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds";
const MAX_TTL_SECONDS = 21_600;

/**
 * Answers one request to 169.254.169.254, versions 1 and 2 of the instance metadata service.
 * Source: EC2 user guide, "Use the Instance Metadata Service to access instance metadata".
 */
export function answerMetadata(
  request: MetadataRequest,
  asker: Asker | undefined,
  context: MetadataContext,
): MetadataResponse {
  const instance = asker?.instance;
  if (!asker || !instance) return refusal(404, "Not Found");
  if (instance.metadataOptions.httpEndpoint === "disabled") return refusal(403, "Forbidden");
  const path = decoded(request.path);
  if (path === undefined) return refusal(400, "Bad Request");
  if (path === "/latest/api/token") return answerToken(request, instance, context);
  if (request.method !== "GET" && request.method !== "HEAD") return refusal(405, "Method Not Allowed");
  const token = request.headers[TOKEN_HEADER];
  if (
    token === undefined
      ? instance.metadataOptions.httpTokens === "required"
      : !isValid(token, instance.id, context)
  )
    return refusal(401, "Unauthorized");
  const [version = "", ...rest] = path.split("/").filter((part) => part !== "");
  if (version === "") return text(VERSIONS.join("\n"));
  if (!VERSIONS.includes(version)) return refusal(404, "Not Found");
  if (rest.join("/") === "user-data" && instance.userData !== undefined)
    return text(Buffer.from(instance.userData, "base64"), "application/octet-stream");
  if (!context.identity && SIGNED.test(rest.join("/"))) return refusal(503, "Service Unavailable");
  const found = readMetadata(metadataOf({ ...asker, instance }, context.identity), rest.join("/"));
  return found === undefined ? refusal(404, "Not Found") : text(found);
}

function answerToken(
  request: MetadataRequest,
  instance: Instance,
  context: MetadataContext,
): MetadataResponse {
  if (request.method !== "PUT") return refusal(405, "Method Not Allowed");
  // A request that was forwarded by a proxy must not get a token.
  if (request.headers["x-forwarded-for"] !== undefined) return refusal(403, "Forbidden");
  const ttl = request.headers[TTL_HEADER];
  if (typeof ttl !== "string" || !/^\d{1,5}$/.test(ttl) || Number(ttl) < 1 || Number(ttl) > MAX_TTL_SECONDS)
    return refusal(400, "Bad Request");
  const expiry = Math.floor(context.now.getTime() / 1000) + Number(ttl);
  const response = text(token(expiry, instance.id, context));
  return { ...response, headers: { ...response.headers, [TTL_HEADER]: ttl } };
}

/**
 * 56 characters, as AWS's: six bytes of expiry (seconds since 1970) and 36 of a code that binds it to the
 * instance.
 */
function token(expiry: number, instanceId: string, { secret }: MetadataContext): string {
  const stamp = Buffer.alloc(6);
  stamp.writeUIntBE(expiry, 0, 6);
  const code = createHmac("sha384", secret).update(stamp).update(instanceId).digest().subarray(0, 36);
  return Buffer.concat([stamp, code]).toString("base64url");
}

function isValid(given: string | readonly string[], instanceId: string, context: MetadataContext): boolean {
  if (typeof given !== "string" || given.length !== 56) return false;
  const bytes = Buffer.from(given, "base64url");
  if (bytes.length !== 42) return false;
  const expiry = bytes.readUIntBE(0, 6);
  const expected = Buffer.from(token(expiry, instanceId, context));
  return timingSafeEqual(expected, Buffer.from(given)) && context.now.getTime() < expiry * 1000;
}

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path.split("?")[0] ?? "");
  } catch {
    return undefined;
  }
}

function text(body: string | Uint8Array, type = "text/plain"): MetadataResponse {
  return { status: 200, headers: { "content-type": type, server: "EC2ws" }, body };
}

/** A refusal as AWS sends it: a page, not plain text. */
function refusal(status: number, name: string): MetadataResponse {
  const body = `<?xml version="1.0" encoding="iso-8859-1"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN"
	"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
 <head>
  <title>${status} - ${name}</title>
 </head>
 <body>
  <h1>${status} - ${name}</h1>
 </body>
</html>
`;
  return { status, headers: { "content-type": "text/html", server: "EC2ws" }, body };
}
