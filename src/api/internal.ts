import { timingSafeEqual } from "node:crypto";
import type { Writable } from "node:stream";
import { Fault } from "../model/fault.ts";
import { type EndpointName, ENDPOINTS } from "../protocol/endpoints.ts";
import type { Handlers, Told } from "../protocol/handlers.ts";
import { METRICS_TYPE } from "../protocol/metrics.ts";
import { BadQuestion, NotFound } from "../protocol/question.ts";

export type InternalRequest = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
};
export type InternalAnswer = {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  /** The request has the token. */
  readonly verified?: boolean;
  /** In place of `body`: writes the answer piece by piece, and ends it. */
  readonly stream?: (out: Writable) => void;
};

/** Has another machine answer; undefined when this one is to answer itself. @throws Fault Unavailable */
type HandOn = (request: InternalRequest) => Promise<InternalAnswer | undefined>;

/** Answers one request to `/_genkan/PATH[/NAME]`. */
export async function answerInternal(
  handlers: Handlers<Writable>,
  token: string,
  request: InternalRequest,
  handOn?: HandOn,
): Promise<InternalAnswer> {
  const [, , path = "", ...rest] = request.path.split("/");
  const name = endpointAt(path, rest.join("/") !== "");
  if (name === undefined) return refusal(404, `There is nothing at ${request.path}.`);
  const { method, open } = ENDPOINTS[name];
  const verified = authorized(request.authorization, token);
  if (!open(request.query) && !verified)
    return refusal(401, "This needs the token of GENKAN_HOME's credentials.");
  if (method !== request.method) return refusal(405, `${request.path} takes ${method}.`);
  try {
    // What is asked by POST changes the state, which another machine may have to do.
    const handed = method === "POST" ? await handOn?.(request) : undefined;
    if (handed) return { ...handed, verified };
    const asking = { id: decodeURIComponent(rest.join("/")), question: Object.fromEntries(request.query) };
    return { ...(await said(handlers, name, asking)), verified };
  } catch (error) {
    if (error instanceof NotFound) return refusal(404, error.message);
    if (error instanceof BadQuestion) return refusal(400, error.message);
    if (error instanceof Fault && error.code === "Unavailable") return refusal(error.status, error.message);
    if (error instanceof URIError) return refusal(400, "The path is malformed.");
    throw error;
  }
}

/** When two endpoints share a path, a request with a name goes to the one that takes a name. */
function endpointAt(path: string, isNamed: boolean): EndpointName | undefined {
  const there = NAMES.filter((name) => ENDPOINTS[name].path === path);
  return there.find((name) => ENDPOINTS[name].named === isNamed) ?? there[0];
}

const NAMES = Object.keys(ENDPOINTS) as readonly EndpointName[];

async function said(
  handlers: Handlers<Writable>,
  name: EndpointName,
  asking: Parameters<Handlers<Writable>[EndpointName]>[0],
): Promise<InternalAnswer> {
  const answer = handlers[name](asking);
  switch (ENDPOINTS[name].says.form) {
    case "stream":
      return {
        status: 200,
        type: "application/x-ndjson",
        body: "",
        stream: answer as Told<object, Writable>,
      };
    case "text":
      return { status: 200, type: METRICS_TYPE, body: await (answer as Promise<string>) };
    case "answer":
      return json((await answer) as object);
  }
}

function authorized(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? "");
  const wanted = Buffer.from(`Bearer ${token}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}

function json(value: object): InternalAnswer {
  return { status: 200, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

function refusal(status: number, error: string): InternalAnswer {
  return { ...json({ error }), status };
}
