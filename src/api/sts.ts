import { Fault } from "../model/fault.ts";
import { federatedUser, type Principal, roleSession } from "../model/principal.ts";
import { clip, parameter, type Parameters } from "../wire/parameters.ts";
import type { StsOperation, StsResult } from "../wire/sts.ts";
import { accountOfKey, type SessionCredentials, type Sessions } from "./session.ts";
import type { WebIdentity } from "./web-identity.ts";

/** What STS knows besides the request. `caller`: absent for an unsigned request, such as a web identity's. */
export type StsContext = {
  readonly caller: Principal | undefined;
  /** Absent: no temporary credentials are made. */
  readonly sts: { readonly sessions: Sessions; readonly webIdentity: WebIdentity } | undefined;
  readonly now: Date;
};

type Answer = (parameters: Parameters, context: StsContext) => StsResult;

/**
 * Answers one operation of the Security Token Service (STS API reference). There is no IAM: every role
 * exists, and trusts everybody.
 */
export function answerSts(operation: StsOperation, parameters: Parameters, context: StsContext): StsResult {
  return ANSWERS[operation](parameters, context);
}

const ANSWERS: Readonly<Record<StsOperation, Answer>> = {
  AssumeRole: assumeRole,
  AssumeRoleWithWebIdentity: assumeRoleWithWebIdentity,
  DecodeAuthorizationMessage: () => {
    throw new Fault("InvalidAuthorizationMessageException", "Message is not valid");
  },
  GetAccessKeyInfo: (parameters) => {
    const id = text(parameters, "AccessKeyId", /^\w*$/, { min: 16, max: 128 });
    const account = accountOfKey(id);
    if (account === undefined) throw invalid(`Invalid value ${id} for parameter AccessKeyId`);
    return { Account: account };
  },
  GetCallerIdentity: (_parameters, context) => {
    const { arn, userId, account } = callerOf(context);
    return { Arn: arn, UserId: userId, Account: account };
  },
  GetFederationToken: getFederationToken,
  GetSessionToken: getSessionToken,
};

function callerOf({ caller }: StsContext): Principal {
  if (!caller) throw new Fault("MissingAuthenticationToken", "Request is missing Authentication Token");
  return caller;
}

function issuerOf({ sts }: StsContext): NonNullable<StsContext["sts"]> {
  if (!sts) throw new Fault("InvalidAction", "No credentials are handed out here.");
  return sts;
}

const HOUR = 3600;
const SESSION_NAME = /^[\w+=,.@-]*$/;

function assumeRole(parameters: Parameters, context: StsContext): StsResult {
  const caller = callerOf(context);
  const role = roleOf(parameters);
  const name = text(parameters, "RoleSessionName", SESSION_NAME, { min: 2, max: 64 });
  const seconds = duration(parameters, { fallback: HOUR, max: 12 * HOUR });
  if (caller.session === "federated") throw denied(caller, "sts:AssumeRole", role.arn);
  if (caller.session === "role" && seconds > HOUR) {
    throw invalid(
      "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
    );
  }
  requirePolicy(parameters);
  const source = parameter(parameters, "SourceIdentity");
  if (source !== undefined) text(parameters, "SourceIdentity", SESSION_NAME, { min: 2, max: 64 });
  const session = roleSession(role.account, role.arn, name);
  return {
    AssumedRoleUser: { AssumedRoleId: session.userId, Arn: session.arn },
    Credentials: issued(issuerOf(context).sessions.issue(session, seconds, context.now)),
    SourceIdentity: source,
  };
}

/**
 * The request is not signed. The token says who makes it, and the issuer's keys check the token's signature
 * (see {@link WebIdentity}).
 */
function assumeRoleWithWebIdentity(parameters: Parameters, context: StsContext): StsResult {
  const role = roleOf(parameters);
  const name = text(parameters, "RoleSessionName", SESSION_NAME, { min: 2, max: 64 });
  const token = text(parameters, "WebIdentityToken", /^[\x21-\x7e]*$/, { min: 4, max: 20_000 });
  const seconds = duration(parameters, { fallback: HOUR, max: 12 * HOUR });
  requirePolicy(parameters);
  const identity = issuerOf(context).webIdentity.identify(token, context.now);
  const session = roleSession(role.account, role.arn, name);
  return {
    SubjectFromWebIdentityToken: identity.subject,
    AssumedRoleUser: { AssumedRoleId: session.userId, Arn: session.arn },
    Credentials: issued(issuerOf(context).sessions.issue(session, seconds, context.now)),
    Provider: `arn:aws:iam::${role.account}:oidc-provider/${identity.issuer.replace(/^https:\/\//, "")}`,
    Audience: identity.audience,
  };
}

function getSessionToken(parameters: Parameters, context: StsContext): StsResult {
  const caller = callerOf(context);
  if (caller.session) throw new Fault("AccessDenied", "Cannot call GetSessionToken with session credentials");
  const seconds = duration(parameters, { fallback: 12 * HOUR, max: 36 * HOUR });
  return {
    Credentials: issued(
      issuerOf(context).sessions.issue({ ...caller, session: "user" }, seconds, context.now),
    ),
  };
}

function getFederationToken(parameters: Parameters, context: StsContext): StsResult {
  const caller = callerOf(context);
  if (caller.session)
    throw new Fault("AccessDenied", "Cannot call GetFederationToken with session credentials");
  const name = text(parameters, "Name", SESSION_NAME, { min: 2, max: 32 });
  const seconds = duration(parameters, { fallback: 12 * HOUR, max: 36 * HOUR });
  requirePolicy(parameters);
  const user = federatedUser(caller.account, name);
  return {
    Credentials: issued(issuerOf(context).sessions.issue(user, seconds, context.now)),
    FederatedUser: { FederatedUserId: user.userId, Arn: user.arn },
    PackedPolicySize: 0,
  };
}

function issued(credentials: SessionCredentials): StsResult {
  return { ...credentials };
}

function roleOf(parameters: Parameters): { readonly arn: string; readonly account: string } {
  const arn = text(parameters, "RoleArn", /^[\x20-\x7e]*$/, { min: 20, max: 2048 });
  const account = /^arn:aws[a-z-]*:iam::(\d{12}):role\/([\x21-\x7e]+\/)?[\w+=,.@-]{1,64}$/.exec(arn)?.[1];
  if (account === undefined) throw invalid(`${clip(arn)} is invalid`);
  return { arn, account };
}

type Length = { readonly min: number; readonly max: number };

/** A required text; errors use AWS's words for its form. @throws ValidationError */
function text(parameters: Parameters, name: string, pattern: RegExp, { min, max }: Length): string {
  const value = parameter(parameters, name);
  const member = `'${name.charAt(0).toLowerCase()}${name.slice(1)}'`;
  const must = (what: string): Fault =>
    invalid(
      `1 validation error detected: Value ${value === undefined ? "" : `'${clip(value)}' `}at ${member} failed to satisfy constraint: Member must ${what}`,
    );
  if (value === undefined) throw must("not be null");
  if (value.length < min) throw must(`have length greater than or equal to ${min}`);
  if (value.length > max) throw must(`have length less than or equal to ${max}`);
  if (!pattern.test(value)) throw must(`satisfy regular expression pattern: ${pattern.source.slice(1, -1)}`);
  return value;
}

function duration(
  parameters: Parameters,
  { fallback, max }: { readonly fallback: number; readonly max: number },
): number {
  const value = parameter(parameters, "DurationSeconds");
  if (value === undefined) return fallback;
  const must = (what: string): Fault =>
    invalid(
      `1 validation error detected: Value '${clip(value)}' at 'durationSeconds' failed to satisfy constraint: Member must have value ${what}`,
    );
  const seconds = Number(value);
  if (!/^-?\d{1,9}$/.test(value) || seconds < 900) throw must("greater than or equal to 900");
  if (seconds > max) throw must(`less than or equal to ${max}`);
  return seconds;
}

/**
 * Checks a session's policy, which has no effect, as there are no other policies. @throws
 * MalformedPolicyDocument
 */
function requirePolicy(parameters: Parameters): void {
  const policy = parameter(parameters, "Policy");
  if (policy === undefined) return;
  let value: unknown;
  try {
    value = JSON.parse(policy);
  } catch {
    // Not JSON: falls through to the fault below.
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return;
  throw new Fault("MalformedPolicyDocument", "This policy contains invalid Json");
}

function denied({ arn }: Principal, action: string, resource: string): Fault {
  return new Fault(
    "AccessDenied",
    `User: ${arn} is not authorized to perform: ${action} on resource: ${resource}`,
  );
}

function invalid(message: string): Fault {
  return new Fault("ValidationError", message);
}
