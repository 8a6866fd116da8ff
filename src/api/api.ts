import { Fault } from "../model/fault.ts";
import { type Principal, userOf } from "../model/principal.ts";
import { decodeInput } from "../wire/decode.ts";
import { encodeFault, encodeOutput } from "../wire/encode.ts";
import { targetOf } from "../wire/foreign.ts";
import { requestedOperation } from "../wire/operations.ts";
import { parameter, type Parameters, parseParameters } from "../wire/parameters.ts";
import {
  claimedScope,
  type Headed,
  headerOf,
  isRegion,
  type LookupKey,
  sessionToken,
  type SignedRequest,
  verify,
  verifyClaim,
} from "../wire/sigv4.ts";
import { encodeStsFault, encodeStsOutput, STS_VERSION, stsOperation } from "../wire/sts.ts";
import type { Sessions } from "./session.ts";
import { answerSsm, encodeSsmError, type SsmAnswer, SSM_TYPE } from "./ssm.ts";
import { answerSts } from "./sts.ts";
import type { WebIdentity } from "./web-identity.ts";

/** A request that was decoded and whose sender is known. */
export type ApiRequest = {
  readonly account: string;
  readonly region: string;
  /** Who makes the request. */
  readonly caller: Principal;
  readonly operation: string;
  /** In the SDK's shape, such as `CreateVpcRequest`. */
  readonly input: object;
};

export type ApiOptions = {
  /** `none` believes every request; only for a sealed test machine. */
  readonly auth: "signature" | "none";
  readonly lookupKey: LookupKey;
  /** Makes temporary credentials; absent: STS has only GetCallerIdentity. */
  readonly sts?: { readonly sessions: Sessions; readonly webIdentity: WebIdentity };
  /** The account and region of a request without a credential scope when `auth` is `none`. */
  readonly defaults: { readonly account: string; readonly region: string };
  readonly now: () => Date;
  /** Whether the account has a region with this name; absent: every name of the right form is one. */
  readonly hasRegion?: (name: string, account: string) => boolean;
  /** Which of EC2's operations are offered; absent: all, and `perform` refuses the rest. */
  readonly offered?: (operation: string) => boolean;
  /**
   * Performs the operation. Resolves to the output in the SDK's shape; rejects with a {@link Fault} for a
   * user's mistake.
   */
  readonly perform: (request: ApiRequest) => Promise<unknown>;
  /**
   * Has another machine answer, which leads the region. Resolves to undefined when this one is to answer
   * itself; absent: always. Rejects with a {@link Fault} when nobody can answer.
   */
  readonly handOn?: (request: HandedRequest) => Promise<HandedAnswer | undefined>;
  /**
   * Called for every request when its answer is ready. `operation`: when it was determined; `code`: the
   * fault's.
   */
  readonly answered?: (request: {
    readonly operation?: string;
    readonly code?: string;
    readonly seconds: number;
  }) => void;
  /** Called when the request's sender is found to have a key. */
  readonly verified?: (request: SignedRequest) => void;
  /** Called for everything that is not a user's mistake. */
  readonly log: (message: string, cause?: unknown) => void;
};

/** A request of EC2's whose sender is known, for a machine that does not know it yet. */
export type HandedRequest = {
  readonly account: string;
  readonly region: string;
  readonly caller: Principal;
  /** As they were sent, percent-encoded. */
  readonly query: string;
  readonly body: string;
  readonly requestId: string;
  /** It changes nothing, and may be asked twice. */
  readonly reads: boolean;
};

/** What the other machine says; `operation` and `code` as in {@link ApiOptions.answered}. */
export type HandedAnswer = {
  readonly status: number;
  readonly body: string;
  readonly operation?: string;
  readonly code?: string;
};

/** `type`: only for a body other than XML. */
export type ApiAnswer = { readonly status: number; readonly body: string; readonly type?: string };

/**
 * Refuses a request by its header when no body could make it a known sender's; undefined when it may be one.
 */
export function refuseUnread(request: Headed, requestId: string, options: ApiOptions): ApiAnswer | undefined {
  if (options.auth === "none" || isUnsignedForm(request, options)) return undefined;
  try {
    verifyClaim(request, options.lookupKey, options.now());
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    options.answered?.({ code: error.code, seconds: 0 });
    return encodeRefusal(request, error, requestId);
  }
}

/**
 * Whether it may be a web identity's request, which is not signed: only if it is small, and web identities
 * are accepted.
 */
function isUnsignedForm(request: Headed, { sts }: ApiOptions): boolean {
  if (
    sts?.webIdentity.isOffered !== true ||
    headerOf(request, "authorization") !== undefined ||
    request.query !== ""
  )
    return false;
  return Number(headerOf(request, "content-length") ?? "NaN") <= MAX_WEB_IDENTITY_BYTES;
}

/** Room for a token of 20,000 characters and everything else. */
const MAX_WEB_IDENTITY_BYTES = 64 << 10;

/** A fault in the form of the request's service and protocol. */
function encodeRefusal(
  request: Headed,
  fault: Fault,
  requestId: string,
  isSts = claimedScope(request)?.service === "sts",
): ApiAnswer {
  if (targetOf(request) !== undefined)
    return {
      status: fault.status,
      body: encodeSsmError(JSON_CODES[fault.code] ?? fault.code, fault.message),
      type: SSM_TYPE,
    };
  const encode = isSts ? encodeStsFault : encodeFault;
  return { status: fault.status, body: encode(fault, requestId) };
}

/**
 * Answers one request of the EC2 Query API, of STS, or of Systems Manager's parameters of images. Never
 * rejects.
 */
export async function answerApi(
  request: SignedRequest,
  requestId: string,
  options: ApiOptions,
): Promise<ApiAnswer> {
  const began = performance.now();
  const asked: Asked = {};
  const told = (code?: string): void =>
    options.answered?.({
      ...(asked.operation === undefined ? {} : { operation: asked.operation }),
      ...(code === undefined ? {} : { code }),
      seconds: (performance.now() - began) / 1000,
    });
  const target = targetOf(request);
  try {
    if (target !== undefined) {
      const { status, body, code } = obeyTarget(request, target, options);
      told(code);
      return { status, body, type: SSM_TYPE };
    }
    const { status, body, code } = await obey(request, requestId, options, asked);
    told(code);
    return { status, body };
  } catch (error) {
    const fault = error instanceof Fault ? error : unexpected(error, requestId, options);
    told(fault.code);
    return encodeRefusal(request, fault, requestId, asked.isSts);
  }
}

/** What is known of a request so far. */
type Asked = { operation?: string; isSts?: true };

function obeyTarget(request: SignedRequest, target: string, options: ApiOptions): SsmAnswer {
  const { region, service } = authenticate(request, options);
  if (options.auth === "signature" && service !== "ssm") {
    throw new Fault("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'ssm'.");
  }
  return answerSsm(target, textOf(request.body), region);
}

/** Codes that services with a JSON protocol use for faults of signing (AWS: Common error types). */
const JSON_CODES: Readonly<Record<string, string>> = {
  InvalidClientTokenId: "UnrecognizedClientException",
  AuthFailure: "UnrecognizedClientException",
  SignatureDoesNotMatch: "InvalidSignatureException",
  RequestExpired: "InvalidSignatureException",
  MissingAuthenticationToken: "MissingAuthenticationTokenException",
  IncompleteSignature: "IncompleteSignatureException",
  ExpiredToken: "ExpiredTokenException",
  InternalError: "InternalServerError",
};

type Obeyed = { readonly status: number; readonly body: string; readonly code?: string };

/** Sets the operation in `asked` as soon as it is known to be offered. */
async function obey(
  request: SignedRequest,
  requestId: string,
  options: ApiOptions,
  asked: Asked,
): Promise<Obeyed> {
  const unsigned = obeyUnsigned(request, requestId, options, asked);
  if (unsigned !== undefined) return { status: 200, body: unsigned };
  // The sender is authenticated first: nothing of a stranger's request is processed.
  const { account, region, service, principal } = authenticate(request, options);
  const parameters = parametersOf(request);
  if (service === "ssm")
    throw new Fault("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'ec2'.");
  if (service === "sts" || isStsVersion(parameters))
    return { status: 200, body: obeySts({ parameters, caller: principal, requestId, options, asked }) };
  const sender = { account, region, caller: principal, requestId };
  const handed = await options.handOn?.({
    ...sender,
    query: request.query,
    body: textOf(request.body),
    reads: READS.test(parameter(parameters, "Action") ?? ""),
  });
  if (handed) {
    if (handed.operation !== undefined) asked.operation = handed.operation;
    return handed;
  }
  return { status: 200, body: await obeyEc2(parameters, sender, options, asked) };
}

const READS = /^(Describe|Get|Search)[A-Z]/;

type Known = Pick<HandedRequest, "account" | "region" | "caller" | "requestId">;

async function obeyEc2(
  parameters: Parameters,
  { requestId, ...sender }: Known,
  options: Pick<ApiOptions, "offered" | "perform">,
  asked: Asked,
): Promise<string> {
  const operation = requestedOperation(parameters, options.offered ?? (() => true));
  asked.operation = operation.name;
  const input = decodeInput(operation, parameters);
  const output = await options.perform({ ...sender, operation: operation.name, input });
  return encodeOutput(operation, output, requestId);
}

/** Answers a request that another machine took. Never rejects. */
export async function answerHanded(
  { query, body, ...request }: HandedRequest,
  options: Pick<ApiOptions, "offered" | "perform" | "log">,
): Promise<HandedAnswer> {
  const asked: Asked = {};
  const { requestId } = request;
  const { reads: _, ...sender } = request;
  const named = (): { readonly operation?: string } =>
    asked.operation === undefined ? {} : { operation: asked.operation };
  try {
    const parameters = [...parseParameters(query), ...(body === "" ? [] : parseParameters(body))];
    return { status: 200, body: await obeyEc2(parameters, sender, options, asked), ...named() };
  } catch (error) {
    const fault = error instanceof Fault ? error : unexpected(error, requestId, options);
    return { status: fault.status, body: encodeFault(fault, requestId), code: fault.code, ...named() };
  }
}

/** Unsigned requests with this version are STS's, if `auth` allows them. */
function isStsVersion(parameters: Parameters): boolean {
  return parameter(parameters, "Version") === STS_VERSION;
}

/**
 * Answers an unsigned request: only a web identity's, where it can prove itself; undefined for requests that
 * must be signed.
 */
function obeyUnsigned(
  request: SignedRequest,
  requestId: string,
  options: ApiOptions,
  asked: Asked,
): string | undefined {
  if (
    headerOf(request, "authorization") !== undefined ||
    options.sts?.webIdentity.isOffered !== true ||
    request.body.length === 0
  )
    return undefined;
  const parameters = parametersOf(request);
  if (parameter(parameters, "Action") !== "AssumeRoleWithWebIdentity") return undefined;
  return obeySts({ parameters, caller: undefined, requestId, options, asked });
}

type StsRequest = {
  readonly parameters: Parameters;
  readonly caller: Principal | undefined;
  readonly requestId: string;
  readonly options: ApiOptions;
  readonly asked: Asked;
};

function obeySts({ parameters, caller, requestId, options, asked }: StsRequest): string {
  asked.isSts = true;
  const operation = stsOperation(parameters);
  asked.operation = operation;
  const { sts, now } = options;
  return encodeStsOutput(operation, answerSts(operation, parameters, { caller, sts, now: now() }), requestId);
}

/** The cause goes only to the log: the answer just says that something failed. */
function unexpected(error: unknown, requestId: string, { log }: Pick<ApiOptions, "log">): Fault {
  log(`request ${requestId} failed`, error);
  return new Fault("InternalError", "An internal error has occurred");
}

type Sender = {
  readonly account: string;
  readonly region: string;
  readonly service: string;
  readonly principal: Principal;
};

function authenticate(request: SignedRequest, options: ApiOptions): Sender {
  const { auth, lookupKey, now, verified } = options;
  const proven = auth === "signature" ? verify(request, lookupKey, now()) : undefined;
  verified?.(request);
  const sender = proven ?? claimedSender(request, options);
  requireRegion(sender, options);
  return sender;
}

/** The sender that a request claims, when unsigned claims are believed. */
function claimedSender(request: SignedRequest, { lookupKey, defaults }: ApiOptions): Sender {
  const scope = claimedScope(request);
  if (!scope) return { ...defaults, service: "ec2", principal: userOf(defaults.account) };
  const found = lookupKey(scope.accessKeyId, sessionToken(request));
  const known = found === "expired" ? undefined : found;
  const account = known?.account ?? defaults.account;
  return {
    account,
    region: scope.region,
    service: scope.service,
    principal: known?.principal ?? userOf(account),
  };
}

/** A region must exist: AWS has no endpoint for others, and here a typing error would create a new one. */
function requireRegion({ region, account }: Sender, { hasRegion = isRegion }: ApiOptions): void {
  if (hasRegion(region, account)) return;
  const hint = isRegion(region)
    ? ` AWS has none of this name; to have one of your own: genkan up --own-region ${region}`
    : "";
  throw new Fault(
    "SignatureDoesNotMatch",
    `Credential should be scoped to a valid region, not '${region.slice(0, 64)}'.${hint}`,
  );
}

/** The parameters of query and body together: clients use one of them, presigned requests may use both. */
function parametersOf(request: SignedRequest): Parameters {
  const inQuery = parseParameters(request.query);
  if (request.body.length === 0) return inQuery;
  return [...inQuery, ...parseParameters(textOf(request.body))];
}

/** Keeps a byte order mark, which would otherwise be dropped from a name. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(body: Uint8Array): string {
  try {
    return UTF8.decode(body);
  } catch {
    throw new Fault("MalformedQueryString", "The query string contains a syntax error.");
  }
}
