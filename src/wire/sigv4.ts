import { createHmac, hash, timingSafeEqual } from "node:crypto";
import { Fault } from "../model/fault.ts";
import { type Principal, userOf } from "../model/principal.ts";
import { canonicalHeaders, canonicalPath, canonicalQuery } from "./canonical.ts";
import { parameter, type Parameters, parseParameters } from "./parameters.ts";

/** An HTTP request as it was sent. */
export type SignedRequest = {
  readonly method: string;
  /** The path without the query, still percent-encoded. */
  readonly path: string;
  /** What follows the question mark, still percent-encoded; empty when there is none. */
  readonly query: string;
  /** Names in any case and values as sent; repeated headers are separate. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Uint8Array;
};

/** A request whose body has not arrived yet. */
export type Headed = Omit<SignedRequest, "body">;

/** The secret and the owner of an access key id. */
export type AccessKey = {
  readonly secretAccessKey: string;
  readonly account: string;
  /** The owner of temporary credentials; absent for a long-term key. */
  readonly principal?: Principal;
};

/**
 * Finds a key by its id and the session token sent with it, if any; `expired` when the pair was valid once,
 * undefined when it never was. A long-term key comes without a token, a temporary one never does.
 */
export type LookupKey = (
  accessKeyId: string,
  sessionToken: string | undefined,
) => AccessKey | "expired" | undefined;

/** Who makes the request, as the signature proves. */
export type Identity = {
  readonly account: string;
  readonly region: string;
  readonly service: Service;
  readonly accessKeyId: string;
  readonly principal: Principal;
};
type Service = "ec2" | "sts" | "ssm";

/** Whether Genkan answers for this service, by its name in signatures. */
export function isOwnService(service: string): service is Service {
  return service === "ec2" || service === "sts" || service === "ssm";
}

/**
 * Checks a request's Signature Version 4, in the Authorization header or in the query of a presigned URL
 * (AWS General Reference, "Create a signed AWS API request").
 * @throws the service's own faults: EC2 and STS refuse the same mistake with different codes.
 */
export function verify(request: SignedRequest, lookupKey: LookupKey, now: Date): Identity {
  const headers = headersOf(request);
  const { claim, key, service } = checkedClaim(request, headers, lookupKey, now);
  const { scope, signedHeaders } = claim;
  const canonicalRequest = [
    request.method,
    canonicalPath(request.path),
    canonicalQuery(parseParameters(request.query)),
    canonicalHeaders(headers, signedHeaders),
    signedHeaders.join(";"),
    payloadHash(request, headers, service),
  ].join("\n");
  const place = `${scope.date}/${scope.region}/${scope.service}/aws4_request`;
  const toSign = `${ALGORITHM}\n${claim.date}\n${place}\n${sha256(canonicalRequest)}`;
  const signature = createHmac("sha256", signingKey(key, scope)).update(toSign).digest("hex");
  if (!sameText(signature, claim.signature)) throw refuse(service, "signature");
  const principal = key.principal ?? userOf(key.account);
  return { account: key.account, region: scope.region, service, accessKeyId: scope.accessKeyId, principal };
}

/**
 * Checks all that {@link verify} checks except the signature itself, which needs the body.
 * @throws what verify would throw
 */
export function verifyClaim(request: Headed, lookupKey: LookupKey, now: Date): void {
  checkedClaim(request, headersOf(request), lookupKey, now);
}

type Checked = { readonly claim: Claim; readonly key: AccessKey; readonly service: Service };

function checkedClaim(request: Headed, headers: Headers, lookupKey: LookupKey, now: Date): Checked {
  const claim = claimOf(request, headers);
  const key = lookupKey(claim.scope.accessKeyId, sessionToken(request));
  if (key === "expired") throw refuse(claim.scope.service, "token");
  if (!key)
    throw refuse(claim.scope.service, "key", isAwsKey(claim.scope.accessKeyId) ? undefined : OWN_KEYS);
  const service = serviceOf(claim.scope);
  checkScope(claim.scope, claim.date);
  checkTime(claim, service, now);
  checkSignedHeaders(claim, headers);
  return { claim, key, service };
}

/**
 * Other emulators take `test`, which can't be a key of AWS's: then the message may say where the right one
 * is.
 */
function isAwsKey(id: string): boolean {
  return /^A[A-Z]{3}[A-Z2-7]{12,}$/.test(id);
}

const OWN_KEYS = "Genkan has keys of its own: genkan env prints them";

/** The scope that a request claims, whether its signature is right or not; undefined without one. */
export function claimedScope(request: Headed): Scope | undefined {
  try {
    return claimOf(request, headersOf(request)).scope;
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}

/** The token of temporary credentials (AWS General Reference, "Using temporary security credentials"). */
export function sessionToken(request: Headed): string | undefined {
  const inQuery = parseParameters(request.query).find(([name]) => name === "X-Amz-Security-Token")?.[1];
  return headerOf(request, "x-amz-security-token") ?? inQuery;
}

/** The value of a header; undefined when it is absent or repeated. `name`: in lower case. */
export function headerOf({ headers }: Headed, name: string): string | undefined {
  const [value, ...more] = headers.filter(([other]) => other.toLowerCase() === name);
  return more.length === 0 ? value?.[1] : undefined;
}

/** Whether the text has the form of a region's name, such as us-east-1, us-gov-west-1 or eusc-de-east-1. */
export function isRegion(text: string): boolean {
  return /^[a-z]{2,4}(-[a-z]{2,12}){1,2}-[1-9]\d?$/.test(text);
}

/** The credential scope: the key, day (yyyymmdd), region and service that the signature is valid for. */
export type Scope = {
  readonly accessKeyId: string;
  readonly date: string;
  readonly region: string;
  readonly service: string;
};

const ALGORITHM = "AWS4-HMAC-SHA256";
const SKEW_MILLISECONDS = 5 * 60 * 1000;
const LONGEST_PRESIGNED_S = 7 * 24 * 60 * 60;

type Claim = {
  readonly scope: Scope;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  /** When it was signed, as text: yyyymmddThhmmssZ. */
  readonly date: string;
  /** How many seconds a presigned URL is valid; undefined for a signature in the header. */
  readonly expires: number | undefined;
};
type Headers = ReadonlyMap<string, readonly string[]>;

/** Header values by lower-case name. */
function headersOf(request: Headed): Headers {
  const headers = new Map<string, string[]>();
  for (const [name, value] of request.headers) {
    const known = headers.get(name.toLowerCase());
    if (known) known.push(value);
    else headers.set(name.toLowerCase(), [value]);
  }
  return headers;
}

function claimOf(request: Headed, headers: Headers): Claim {
  const authorization = headers.get("authorization");
  // Decoded first: a parameter's name may be escaped.
  const query = parseParameters(request.query);
  const presigned = query.some(([name]) => name === "X-Amz-Signature" || name === "X-Amz-Algorithm");
  if (authorization && presigned) {
    throw new Fault(
      "IncompleteSignature",
      "The request is signed twice: in the Authorization header and in the query.",
    );
  }
  if (presigned) return presignedClaim(query);
  if (!authorization)
    throw new Fault("MissingAuthenticationToken", "Request is missing Authentication Token");
  return headerClaim(authorization, headers);
}

function headerClaim(authorization: readonly string[], headers: Headers): Claim {
  const [text = "", ...more] = authorization;
  if (more.length > 0)
    throw new Fault("IncompleteSignature", "The request has more than one Authorization header.");
  const [algorithm, ...rest] = text.trim().split(/\s+/);
  if (algorithm !== ALGORITHM) {
    throw new Fault(
      "IncompleteSignature",
      `The Authorization header must begin with '${ALGORITHM}': no other signature is supported.`,
    );
  }
  const parts = new Map<string, string>();
  for (const piece of rest.join("").split(",")) {
    const equals = piece.indexOf("=");
    if (equals > 0) parts.set(piece.slice(0, equals), piece.slice(equals + 1));
  }
  // X-Amz-Date takes precedence over Date, which browsers and proxies may set.
  const date = amzDate(headers.get("x-amz-date") ?? headers.get("date"));
  const missing = [
    ...["Credential", "Signature", "SignedHeaders"]
      .filter((name) => !parts.get(name))
      .map((name) => `'${name}' parameter`),
    ...(date === undefined ? ["existence of either a 'X-Amz-Date' or a 'Date' header"] : []),
  ];
  if (missing.length > 0 || date === undefined) {
    throw new Fault(
      "IncompleteSignature",
      missing.map((what) => `Authorization header requires ${what}.`).join(" "),
    );
  }
  return {
    scope: parseScope(parts.get("Credential") ?? ""),
    signedHeaders: (parts.get("SignedHeaders") ?? "").split(";"),
    signature: parts.get("Signature") ?? "",
    date,
    expires: undefined,
  };
}

function presignedClaim(query: Parameters): Claim {
  const get = (name: string): string => {
    const value = parameter(query, name);
    if (!value) throw new Fault("IncompleteSignature", `AWS query-string parameters must include '${name}'.`);
    return value;
  };
  if (get("X-Amz-Algorithm") !== ALGORITHM)
    throw new Fault("IncompleteSignature", `'X-Amz-Algorithm' must be '${ALGORITHM}'.`);
  const date = amzDate([get("X-Amz-Date")]);
  if (date === undefined)
    throw new Fault("IncompleteSignature", "'X-Amz-Date' must be a date in ISO 8601 basic format.");
  const expires = Number(parameter(query, "X-Amz-Expires") ?? "900");
  if (!Number.isInteger(expires) || expires < 1 || expires > LONGEST_PRESIGNED_S) {
    throw new Fault(
      "IncompleteSignature",
      `'X-Amz-Expires' must be a number of seconds from 1 to ${LONGEST_PRESIGNED_S}.`,
    );
  }
  return {
    scope: parseScope(get("X-Amz-Credential")),
    signedHeaders: get("X-Amz-SignedHeaders").split(";"),
    signature: get("X-Amz-Signature"),
    date,
    expires,
  };
}

function parseScope(credential: string): Scope {
  const [accessKeyId = "", date = "", region = "", service = "", end, ...more] = credential.split("/");
  if (!/^\w{1,128}$/.test(accessKeyId) || end !== "aws4_request" || more.length > 0) {
    throw new Fault(
      "IncompleteSignature",
      "Credential must have exactly 5 slash-delimited elements: access key, date, region, service and 'aws4_request'.",
    );
  }
  return { accessKeyId, date, region, service };
}

/** The date as yyyymmddThhmmssZ, from that form or from an HTTP date; undefined for anything else. */
function amzDate(values: readonly string[] | undefined): string | undefined {
  const [text = "", ...more] = values ?? [];
  if (more.length > 0) return undefined;
  // A date that does not exist, such as the 30th of February, would come back as another.
  if (Number.isFinite(timeOf(text))) return basic(timeOf(text)) === text ? text : undefined;
  const time = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN;
  // Years of more than four digits don't fit the form, and would compare as neither too early nor too late.
  return time >= FIRST_TIME && time <= LAST_TIME ? basic(time) : undefined;
}

const FIRST_TIME = Date.parse("0000-01-01T00:00:00Z");
const LAST_TIME = Date.parse("9999-12-31T23:59:59Z");

/** Milliseconds since 1970 of a time as yyyymmddThhmmssZ; NaN for any other text. */
function timeOf(text: string): number {
  if (text === lastTime.text) return lastTime.time;
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text) ?? [];
  lastTime = { text, time: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`) };
  return lastTime.time;
}

/** Kept, because each request reads its time several times, and many requests have the same one. */
let lastTime = { text: "", time: Number.NaN };

function basic(time: number): string {
  return new Date(time).toISOString().replaceAll(/[-:]|\.\d{3}/g, "");
}

function serviceOf(scope: Scope): Service {
  if (isOwnService(scope.service)) return scope.service;
  throw new Fault("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'ec2'.");
}

function checkScope(scope: Scope, date: string): void {
  if (!isRegion(scope.region))
    throw new Fault("SignatureDoesNotMatch", "Credential should be scoped to a valid region.");
  if (!date.startsWith(scope.date) || scope.date.length !== 8) {
    throw new Fault(
      "SignatureDoesNotMatch",
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${date.slice(0, 8)}' expected.`,
    );
  }
}

function checkTime({ date, expires }: Claim, service: Service, now: Date): void {
  const signed = timeOf(date);
  if (signed > now.getTime() + SKEW_MILLISECONDS) {
    const latest = basic(now.getTime() + SKEW_MILLISECONDS);
    throw refuse(
      service,
      "time",
      `Signature not yet current: ${date} is still later than ${latest} (${basic(now.getTime())} + 5 min.)`,
    );
  }
  if (expires !== undefined) {
    if (now.getTime() > signed + expires * 1000) throw refuse(service, "expired");
  } else if (signed < now.getTime() - SKEW_MILLISECONDS) {
    const earliest = basic(now.getTime() - SKEW_MILLISECONDS);
    throw refuse(
      service,
      "time",
      `Signature expired: ${date} is now earlier than ${earliest} (${basic(now.getTime())} - 5 min.)`,
    );
  }
}

/**
 * A signature must cover the host, so that it is valid nowhere else, and every x-amz-… header; and each
 * header only once.
 */
function checkSignedHeaders({ signedHeaders }: Claim, headers: Headers): void {
  const signed = new Set(signedHeaders);
  if (!signed.has("host"))
    throw new Fault(
      "SignatureDoesNotMatch",
      "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    );
  // A long header repeated thousands of times would make a canonical request of hundreds of megabytes.
  if (signed.size < signedHeaders.length)
    throw new Fault("SignatureDoesNotMatch", "A header stands in SignedHeaders twice.");
  const missing = [...headers.keys()].filter((name) => name.startsWith("x-amz-") && !signed.has(name));
  const absent = signedHeaders.filter((name) => !headers.has(name));
  if (missing.length > 0 || absent.length > 0) {
    throw new Fault(
      "SignatureDoesNotMatch",
      missing.length > 0
        ? `There were headers present in the request which were not signed: ${missing.slice(0, 8).join(", ").slice(0, 256)}`
        : "The request signature covers headers that the request does not have.",
    );
  }
}

/** The body's hash in the canonical request. A hash that the request states must be right. */
function payloadHash(request: SignedRequest, headers: Headers, service: Service): string {
  const stated = headers.get("x-amz-content-sha256")?.join(",");
  // An unsigned payload is accepted only when it is empty; any other could be tampered with.
  if (stated === "UNSIGNED-PAYLOAD" && request.body.length === 0) return stated;
  const sum = sha256(request.body);
  if (stated !== undefined && stated !== sum) throw refuse(service, "signature");
  return sum;
}

type Refusal = "key" | "token" | "signature" | "time" | "expired";

const MISMATCH =
  "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.";
const INVALID_TOKEN = "The security token included in the request is invalid.";
const NOT_VALIDATED = "AWS was not able to validate the provided access credentials";

/**
 * The answer of each service. EC2's answers for a wrong clock and for a wrong key differ only in what
 * `detail` adds to the message.
 */
function refuse(service: string, refusal: Refusal, detail?: string): Fault {
  if (refusal === "signature") return new Fault("SignatureDoesNotMatch", MISMATCH);
  if (service === "sts" || service === "ssm") {
    if (refusal === "token")
      return new Fault("ExpiredToken", "The security token included in the request is expired");
    if (refusal === "key")
      return new Fault(
        "InvalidClientTokenId",
        detail === undefined ? INVALID_TOKEN : `${INVALID_TOKEN} ${detail}`,
      );
    return new Fault("SignatureDoesNotMatch", detail ?? "Signature expired.");
  }
  if (refusal === "expired" || refusal === "token")
    return new Fault("RequestExpired", "Request has expired.");
  return new Fault("AuthFailure", detail === undefined ? NOT_VALIDATED : `${NOT_VALIDATED}. ${detail}`);
}

/** Signing keys by secret and scope: making one takes four hashes, and it is valid for a day. */
const signingKeys = new Map<string, Buffer>();
const MOST_SIGNING_KEYS = 256;

function signingKey({ secretAccessKey }: AccessKey, { date, region, service }: Scope): Buffer {
  const id = `${secretAccessKey}/${date}/${region}/${service}`;
  const known = signingKeys.get(id);
  if (known) return known;
  let key = Buffer.from(`AWS4${secretAccessKey}`);
  for (const part of [date, region, service, "aws4_request"])
    key = createHmac("sha256", key).update(part).digest();
  if (signingKeys.size >= MOST_SIGNING_KEYS) signingKeys.clear();
  signingKeys.set(id, key);
  return key;
}

function sha256(data: string | Uint8Array): string {
  return hash("sha256", data, "hex");
}

/** Compares in a time that does not depend on how much is equal. */
function sameText(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
