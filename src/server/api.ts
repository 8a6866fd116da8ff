import { Fault } from "../model/fault.ts";
import { decodeInput } from "../wire/decode.ts";
import { encodeFault, encodeOutput } from "../wire/encode.ts";
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
import { answerSsm, encodeSsmError, type SsmAnswer, SSM_TYPE } from "./ssm.ts";
import { targetOf } from "../wire/foreign.ts";
import { encodeStsFault, encodeStsOutput, STS_VERSION, stsOperation } from "../wire/sts.ts";
import { type Principal, userOf } from "../model/principal.ts";
import type { Sessions } from "./session.ts";
import { answerSts } from "./sts.ts";
import type { WebIdentity } from "./web-identity.ts";

/** A request that was understood and whose sender is known. */
export type ApiRequest = {
  readonly account: string;
  readonly region: string;
  /** Who asks. */
  readonly caller: Principal;
  readonly operation: string;
  /** In the SDK's shape, such as `CreateVpcRequest`. */
  readonly input: object;
};

export type ApiOptions = {
  /** `none` believes every request; for a sealed test machine. */
  readonly auth: "signature" | "none";
  readonly lookupKey: LookupKey;
  /** What hands out temporary credentials; without it, STS has GetCallerIdentity alone. */
  readonly sts?: { readonly sessions: Sessions; readonly webIdentity: WebIdentity };
  /** Where a request without a credential scope goes when `auth` is `none`. */
  readonly defaults: { readonly account: string; readonly region: string };
  readonly now: () => Date;
  /** Whether there is a region of this name for the account; every name of the right form, when it is left out. */
  readonly hasRegion?: (name: string, account: string) => boolean;
  /** Which of EC2's operations are answered; all, when it is left out: then `perform` refuses the rest. */
  readonly offered?: (operation: string) => boolean;
  /** Does what was asked for and resolves to the output in the SDK's shape; rejects with a {@link Fault} for a user's mistake. */
  readonly perform: (request: ApiRequest) => Promise<unknown>;
  /** Told of every request when its answer is ready. `operation`: once it is clear; `code`: of a fault. */
  readonly answered?: (request: { readonly operation?: string; readonly code?: string; readonly seconds: number }) => void;
  /** Told when it is clear that the request's sender has a key. */
  readonly verified?: (request: SignedRequest) => void;
  /** Told of everything that is no user's mistake. */
  readonly log: (message: string, cause?: unknown) => void;
};

/** `type`: of a body that is no XML. */
export type ApiAnswer = { readonly status: number; readonly body: string; readonly type?: string };

/** The answer to a request that can't be one of a known sender's, whatever its body is; undefined when it may be. */
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

/** Whether it may be a web identity's request, which nobody signs: it is read where such are taken, and small. */
function isUnsignedForm(request: Headed, { sts }: ApiOptions): boolean {
  if (sts?.webIdentity.isOffered !== true || headerOf(request, "authorization") !== undefined || request.query !== "") return false;
  return Number(headerOf(request, "content-length") ?? "NaN") <= MAX_WEB_IDENTITY_BYTES;
}

/** A token of 20,000 letters with all else. */
const MAX_WEB_IDENTITY_BYTES = 64 << 10;

/** A fault in the form that the request's service and protocol give it. */
function encodeRefusal(request: Headed, fault: Fault, requestId: string, isSts = claimedScope(request)?.service === "sts"): ApiAnswer {
  if (targetOf(request) !== undefined)
    return { status: fault.status, body: encodeSsmError(JSON_CODES[fault.code] ?? fault.code, fault.message), type: SSM_TYPE };
  const encode = isSts ? encodeStsFault : encodeFault;
  return { status: fault.status, body: encode(fault, requestId) };
}

/** Answers one request of the EC2 Query API, of STS, or Systems Manager's parameters of images. Never rejects. */
export async function answerApi(request: SignedRequest, requestId: string, options: ApiOptions): Promise<ApiAnswer> {
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
    const body = await obey(request, requestId, options, asked);
    told();
    return { status: 200, body };
  } catch (error) {
    const fault = error instanceof Fault ? error : unexpected(error, requestId, options);
    told(fault.code);
    return encodeRefusal(request, fault, requestId, asked.isSts);
  }
}

/** What is clear of a request so far. */
type Asked = { operation?: string; isSts?: true };

function obeyTarget(request: SignedRequest, target: string, options: ApiOptions): SsmAnswer {
  const { region, service } = authenticate(request, options);
  if (options.auth === "signature" && service !== "ssm") {
    throw new Fault("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'ssm'.");
  }
  return answerSsm(target, textOf(request.body), region);
}

/** What the services with a JSON protocol call the faults of signing (AWS: Common error types). */
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

/** The answer's body. Notes the operation in `asked` as soon as it is one that is offered. */
async function obey(request: SignedRequest, requestId: string, options: ApiOptions, asked: Asked): Promise<string> {
  const unsigned = obeyUnsigned(request, requestId, options, asked);
  if (unsigned !== undefined) return unsigned;
  // Who asks comes first: nothing of a stranger's request is worked on.
  const { account, region, service, principal } = authenticate(request, options);
  const parameters = parametersOf(request);
  if (service === "ssm") throw new Fault("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'ec2'.");
  if (service === "sts" || isStsVersion(parameters)) return obeySts({ parameters, caller: principal, requestId, options, asked });
  const operation = requestedOperation(parameters, options.offered ?? (() => true));
  asked.operation = operation.name;
  const input = decodeInput(operation, parameters);
  const output = await options.perform({ account, region, caller: principal, operation: operation.name, input });
  return encodeOutput(operation, output, requestId);
}

/** Unsigned requests of this version are STS's, if `auth` lets them pass. */
function isStsVersion(parameters: Parameters): boolean {
  return parameter(parameters, "Version") === STS_VERSION;
}

/** Of what nobody signs, a web identity is taken where it can prove itself; undefined for what must be signed. */
function obeyUnsigned(request: SignedRequest, requestId: string, options: ApiOptions, asked: Asked): string | undefined {
  if (headerOf(request, "authorization") !== undefined || options.sts?.webIdentity.isOffered !== true || request.body.length === 0)
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

/** What went wrong stays in the log: the answer only says that something did. */
function unexpected(error: unknown, requestId: string, { log }: ApiOptions): Fault {
  log(`request ${requestId} failed`, error);
  return new Fault("InternalError", "An internal error has occurred");
}

type Sender = { readonly account: string; readonly region: string; readonly service: string; readonly principal: Principal };

function authenticate(request: SignedRequest, options: ApiOptions): Sender {
  const { auth, lookupKey, now, verified } = options;
  const proven = auth === "signature" ? verify(request, lookupKey, now()) : undefined;
  verified?.(request);
  const sender = proven ?? claimedSender(request, options);
  requireRegion(sender, options);
  return sender;
}

/** Whom a request says it is from, where that is believed. */
function claimedSender(request: SignedRequest, { lookupKey, defaults }: ApiOptions): Sender {
  const scope = claimedScope(request);
  if (!scope) return { ...defaults, service: "ec2", principal: userOf(defaults.account) };
  const found = lookupKey(scope.accessKeyId, sessionToken(request));
  const known = found === "expired" ? undefined : found;
  const account = known?.account ?? defaults.account;
  return { account, region: scope.region, service: scope.service, principal: known?.principal ?? userOf(account) };
}

/** AWS has no endpoint where there is no region; here a typing error would make a new one. */
function requireRegion({ region, account }: Sender, { hasRegion = isRegion }: ApiOptions): void {
  if (hasRegion(region, account)) return;
  const hint = isRegion(region) ? ` AWS has none of this name; to have one of your own: genkan up --own-region ${region}` : "";
  throw new Fault("SignatureDoesNotMatch", `Credential should be scoped to a valid region, not '${region.slice(0, 64)}'.${hint}`);
}

/** The parameters of query and body together: clients use one or the other, presigned ones may use both. */
function parametersOf(request: SignedRequest): Parameters {
  const inQuery = parseParameters(request.query);
  if (request.body.length === 0) return inQuery;
  return [...inQuery, ...parseParameters(textOf(request.body))];
}

/** A byte order mark is no part of the encoding here: it would be left out of a name. */
const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(body: Uint8Array): string {
  try {
    return UTF8.decode(body);
  } catch {
    throw new Fault("MalformedQueryString", "The query string contains a syntax error.");
  }
}
