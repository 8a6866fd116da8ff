import { type ImageParameter, imageParameters } from "../actions/storage/image-parameter.ts";
import { SSM_TARGET } from "../wire/foreign.ts";

/** Systems Manager's answer: a result, or an error with its code. */
export type SsmAnswer = { readonly status: number; readonly body: string; readonly code?: string };

export const SSM_TYPE = "application/x-amz-json-1.1";

type Answer = { readonly result: object } | { readonly error: string; readonly message?: string };
type Input = Readonly<Record<string, unknown>>;
type Parameters = ReadonlyMap<string, ImageParameter>;

/**
 * Systems Manager's parameter store, only with the public parameters of images: GetParameter, GetParameters
 * and GetParametersByPath over its JSON protocol (Systems Manager API reference). It holds nothing else, and
 * is read only.
 *
 * @param target the X-Amz-Target, such as `AmazonSSM.GetParameter`
 */
export function answerSsm(target: string, body: string, region: string): SsmAnswer {
  const answer = answerOf(target, body, region);
  if ("result" in answer) return { status: 200, body: JSON.stringify(answer.result) };
  return { status: 400, body: encodeSsmError(answer.error, answer.message), code: answer.error };
}

/** An error in the form of AWS's JSON protocols. */
export function encodeSsmError(code: string, message?: string): string {
  return JSON.stringify({ __type: code, ...(message === undefined ? {} : { message }) });
}

/** Whether the request is for other than public parameters, which another emulator may have. */
export function isOfOtherParameters(target: string | undefined, body: Uint8Array): boolean {
  if (target === undefined) return false;
  const { Name, Names, Path } = objectOf(new TextDecoder().decode(body)) ?? {};
  const asked = [Name, Path, ...(Array.isArray(Names) ? (Names as readonly unknown[]) : [])].filter(
    (name) => name !== undefined,
  );
  const isRead =
    target.startsWith(`${SSM_TARGET}GetParameter`) &&
    Object.hasOwn(OPERATIONS, target.slice(SSM_TARGET.length));
  return !isRead || !asked.every((name) => typeof name === "string" && isPublic(name));
}

/** The beginning of AWS's own names (Systems Manager user guide, "Discovering public parameters"). */
function isPublic(name: string): boolean {
  return /^(arn:aws:ssm:[a-z0-9-]*::parameter)?\/aws\/service(\/|$)/.test(name);
}

function answerOf(target: string, body: string, region: string): Answer {
  const operation = target.startsWith(SSM_TARGET) ? OPERATIONS[target.slice(SSM_TARGET.length)] : undefined;
  if (!operation) return { error: "UnknownOperationException", message: unknownTarget(target) };
  const input = objectOf(body);
  if (!input)
    return { error: "SerializationException", message: "The request's body must be a JSON object." };
  const unknown = Object.keys(input).find((name) => !operation.takes.includes(name));
  if (unknown !== undefined) return invalid(`${unknown} is not supported here.`);
  return operation.answer(input, imageParameters(region));
}

function unknownTarget(target: string): string {
  const offered = Object.keys(OPERATIONS).join(", ");
  return `Genkan does not answer the X-Amz-Target ${target.slice(0, 100)}: besides EC2 and STS it has Systems Manager's ${offered} for image ids.`;
}

type Operation = {
  readonly takes: readonly string[];
  readonly answer: (input: Input, parameters: Parameters) => Answer;
};

// WithDecryption only concerns secrets, of which there are none.
const OPERATIONS: Readonly<Record<string, Operation | undefined>> = {
  __proto__: null as never,
  GetParameter: { takes: ["Name", "WithDecryption"], answer: getParameter },
  GetParameters: { takes: ["Names", "WithDecryption"], answer: getParameters },
  GetParametersByPath: {
    takes: ["Path", "Recursive", "WithDecryption", "MaxResults", "NextToken"],
    answer: getParametersByPath,
  },
};

function getParameter({ Name }: Input, parameters: Parameters): Answer {
  if (typeof Name !== "string" || Name === "")
    return invalid("1 validation error detected: Value at 'name' must not be null");
  const [name, selector] = partsOf(Name);
  const parameter = parameters.get(name);
  if (!parameter) return { error: "ParameterNotFound" };
  if (selector === undefined) return { result: { Parameter: parameter } };
  if (selector !== String(parameter.Version)) {
    return {
      error: "ParameterVersionNotFound",
      message: `Systems Manager could not find version ${selector} of ${name}.`,
    };
  }
  return { result: { Parameter: { ...parameter, Selector: `:${selector}` } } };
}

function getParameters({ Names }: Input, parameters: Parameters): Answer {
  if (!Array.isArray(Names) || !Names.every((name) => typeof name === "string"))
    return invalid("Names must be a list of names.");
  if (Names.length === 0 || Names.length > 10) return invalid("Names must have between 1 and 10 members.");
  const found = Names.map((name) => ({ name, answer: getParameter({ Name: name }, parameters) }));
  return {
    result: {
      InvalidParameters: found.flatMap(({ name, answer }) => ("error" in answer ? [name] : [])),
      Parameters: found.flatMap(({ answer }) => ("result" in answer ? Object.values(answer.result) : [])),
    },
  };
}

function getParametersByPath(input: Input, parameters: Parameters): Answer {
  const { Path, Recursive = false, MaxResults = 10, NextToken } = input;
  if (typeof Path !== "string" || !Path.startsWith("/"))
    return invalid("The parameter path must begin with a slash.");
  if (typeof Recursive !== "boolean") return invalid("Recursive must be true or false.");
  if (typeof MaxResults !== "number" || !Number.isInteger(MaxResults) || MaxResults < 1 || MaxResults > 10) {
    return invalid("MaxResults must be between 1 and 10.");
  }
  const under = Path.endsWith("/") ? Path : `${Path}/`;
  const all = [...parameters.values()].filter(
    ({ Name }) => Name.startsWith(under) && (Recursive || !Name.slice(under.length).includes("/")),
  );
  // A page begins after the name that ended the one before.
  const start = NextToken === undefined ? 0 : all.findIndex(({ Name }) => Name === NextToken) + 1;
  if (NextToken !== undefined && start === 0)
    return { error: "InvalidNextToken", message: "The specified token isn't valid." };
  const page = all.slice(start, start + MaxResults);
  return {
    result: {
      Parameters: page,
      ...(start + page.length < all.length ? { NextToken: page.at(-1)?.Name } : {}),
    },
  };
}

/** The name and the selector in `name`, `name:version` or a parameter's ARN. */
function partsOf(text: string): readonly [name: string, selector?: string] {
  const [name = "", ...selector] = text.replace(/^arn:aws:ssm:[a-z0-9-]+::parameter(?=\/)/, "").split(":");
  return selector.length === 0 ? [name] : [name, selector.join(":")];
}

function invalid(message: string): Answer {
  return { error: "ValidationException", message };
}

function objectOf(text: string): Input | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Input)
      : undefined;
  } catch {
    return undefined;
  }
}
