import { Fault } from "../model/fault.ts";
import { decodeInput } from "../wire/decode.ts";
import { encodeFault, encodeOutput } from "../wire/encode.ts";
import { requestedOperation } from "../wire/operations.ts";
import { parameter, type Parameters, parseParameters } from "../wire/parameters.ts";
import { type AccessKey, claimedScope, type Headed, isRegion, type SignedRequest, verify, verifyClaim } from "../wire/sigv4.ts";
import { answerSsm, encodeSsmError, type SsmAnswer, SSM_TYPE } from "./ssm.ts";
import { targetOf } from "../wire/foreign.ts";
import { checkStsRequest, encodeCallerIdentity, encodeStsFault, STS_OPERATION } from "../wire/sts.ts";

/** A request that was understood and whose sender is known. */
export type ApiRequest = {
  readonly account: string;
  readonly region: string;
  readonly operation: string;
  /** In the SDK's shape, such as `CreateVpcRequest`. */
  readonly input: object;
};

export type ApiOptions = {
  /** `none` believes every request; for a sealed test machine. */
  readonly auth: "signature" | "none";
  readonly lookupKey: (accessKeyId: string) => AccessKey | undefined;
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
  if (options.auth === "none") return undefined;
  try {
    verifyClaim(request, options.lookupKey, options.now());
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    options.answered?.({ code: error.code, seconds: 0 });
    return encodeRefusal(request, error, requestId);
  }
}

/** A fault in the form that the request's service and protocol give it. */
function encodeRefusal(request: Headed, fault: Fault, requestId: string): ApiAnswer {
  if (targetOf(request) !== undefined)
    return { status: fault.status, body: encodeSsmError(JSON_CODES[fault.code] ?? fault.code, fault.message), type: SSM_TYPE };
  const encode = claimedScope(request)?.service === "sts" ? encodeStsFault : encodeFault;
  return { status: fault.status, body: encode(fault, requestId) };
}

/** Answers one request of the EC2 Query API, STS's GetCallerIdentity, or Systems Manager's parameters of images. Never rejects. */
export async function answerApi(request: SignedRequest, requestId: string, options: ApiOptions): Promise<ApiAnswer> {
  const began = performance.now();
  const asked: { operation?: string } = {};
  const told = (code?: string): void =>
    options.answered?.({ ...asked, ...(code === undefined ? {} : { code }), seconds: (performance.now() - began) / 1000 });
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
    return encodeRefusal(request, fault, requestId);
  }
}

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
  InternalError: "InternalServerError",
};

/** The answer's body. Notes the operation in `asked` as soon as it is one that is offered. */
async function obey(request: SignedRequest, requestId: string, options: ApiOptions, asked: { operation?: string }): Promise<string> {
  // Who asks comes first: nothing of a stranger's request is worked on.
  const { account, region, service } = authenticate(request, options);
  const parameters = parametersOf(request);
  if (service === "ssm") throw new Fault("SignatureDoesNotMatch", "Credential should be scoped to correct service: 'ec2'.");
  if (service === "sts" || parameter(parameters, "Action") === STS_OPERATION) {
    checkStsRequest(parameters);
    asked.operation = STS_OPERATION;
    return encodeCallerIdentity(account, requestId);
  }
  const operation = requestedOperation(parameters, options.offered ?? (() => true));
  asked.operation = operation.name;
  const input = decodeInput(operation, parameters);
  const output = await options.perform({ account, region, operation: operation.name, input });
  return encodeOutput(operation, output, requestId);
}

/** What went wrong stays in the log: the answer only says that something did. */
function unexpected(error: unknown, requestId: string, { log }: ApiOptions): Fault {
  log(`request ${requestId} failed`, error);
  return new Fault("InternalError", "An internal error has occurred");
}

type Sender = { readonly account: string; readonly region: string; readonly service: string };

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
  if (!scope) return { ...defaults, service: "ec2" };
  const account = lookupKey(scope.accessKeyId)?.account ?? defaults.account;
  return { account, region: scope.region, service: scope.service };
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
