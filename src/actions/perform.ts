import { createHash } from "node:crypto";
import type { ClientToken } from "../model/client-token.ts";
import { Fault } from "../model/fault.ts";
import type { Tx } from "../model/state.ts";
import type { Action, Context } from "./kit/action.ts";
import { ACTIONS, isOffered } from "./registry.ts";
import { requireLimits } from "./request-limit.ts";

/**
 * Runs one EC2 operation on the state: the action itself, and what is common to all of them: limits, DryRun
 * and ClientToken.
 * `input` and the answer have the SDK's shapes. After a fault the caller throws the transaction away.
 * @throws InvalidAction for an operation that Genkan does not offer; DryRunOperation when the dry run would
 * have succeeded.
 */
export function perform(tx: Tx, operation: string, input: object, context: Context): unknown {
  if (!isOffered(operation))
    throw new Fault("InvalidAction", `The action ${operation} is not valid for this web service.`);
  const action = ACTIONS[operation];
  requireLimits(operation, input);
  const token = tokenOf(operation, input);
  const output =
    token === undefined
      ? action(tx, input as never, context)
      : once(tx, action, { operation, token, input, context });
  if ("DryRun" in input && input.DryRun === true) {
    throw new Fault("DryRunOperation", "Request would have succeeded, but DryRun flag is set.");
  }
  return output;
}

const TOKEN_LIFE_MILLISECONDS = 24 * 60 * 60 * 1000;

type Call = {
  readonly operation: string;
  readonly token: string;
  readonly input: object;
  readonly context: Context;
};

/**
 * Runs the action at most once per token: the same request again gets the same answer (EC2 API reference,
 * "Ensuring idempotency").
 */
function once(tx: Tx, action: Action<never, unknown>, { operation, token, input, context }: Call): unknown {
  prune(tx, context.now);
  const id = `${operation}|${token}`;
  const parameters = digest(input);
  const known = tx.get("client-token", id);
  if (known) {
    if (known.parameters === parameters) return parseAnswer(known.output);
    throw new Fault(
      "IdempotentParameterMismatch",
      "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).",
    );
  }
  const output = formatAnswer(action(tx, input as never, context));
  const record: ClientToken = {
    kind: "client-token",
    id,
    tags: {},
    parameters,
    output,
    createdAt: context.now,
  };
  tx.put(record);
  // The first answer takes the same way as the later ones, so that they can't differ.
  return parseAnswer(output);
}

function tokenOf(operation: string, input: object): string | undefined {
  if (operation.startsWith("Describe") || !("ClientToken" in input)) return undefined;
  const token = input.ClientToken;
  if (typeof token !== "string" || token === "") return undefined;
  if (token.length > 64) {
    throw new Fault(
      "InvalidParameterValue",
      `Value (${token}) for parameter clientToken is invalid. Length exceeds maximum of 64.`,
    );
  }
  return token;
}

/** More than one request adds, so that the old ones go; few enough that no request is slow for it. */
const PRUNED_AT_ONCE = 64;

/** Forgets tokens that are too old; they stand in order of creation. */
function prune(tx: Tx, now: string): void {
  const oldest = Date.parse(now) - TOKEN_LIFE_MILLISECONDS;
  for (const { id, createdAt } of tx.slice("client-token", 0, PRUNED_AT_ONCE)) {
    if (Date.parse(createdAt) > oldest) return;
    tx.delete("client-token", id);
  }
}

/** A digest of the request without its token and DryRun; the order of the parameters makes no difference. */
function digest(input: object): string {
  const text = JSON.stringify(input, (key, value: unknown) => {
    if (key === "ClientToken" || key === "DryRun") return undefined;
    if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
    return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  });
  return createHash("sha256").update(text).digest("hex");
}

const DATE_KEY = "$date";

/**
 * The answer as JSON; a date becomes `{"$date": "…"}` so that a text which looks like a date stays a text.
 */
function formatAnswer(output: unknown): string {
  return JSON.stringify(
    withDates(output, (value) => (value instanceof Date ? { [DATE_KEY]: value.toISOString() } : undefined)) ??
      null,
  );
}

function parseAnswer(text: string): unknown {
  return withDates(JSON.parse(text), (value) => {
    const time =
      typeof value === "object" && value !== null && DATE_KEY in value ? value[DATE_KEY] : undefined;
    return typeof time === "string" ? new Date(time) : undefined;
  });
}

function withDates(value: unknown, convert: (value: unknown) => unknown): unknown {
  const converted = convert(value);
  if (converted !== undefined) return converted;
  if (Array.isArray(value)) return value.map((item) => withDates(item, convert));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withDates(item, convert)]));
}
