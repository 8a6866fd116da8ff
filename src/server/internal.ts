import { timingSafeEqual } from "node:crypto";
import type { Writable } from "node:stream";
import { METRICS_TYPE } from "./metrics-text.ts";

/** What `/_genkan/…` can be asked; main gives the answers. */
export type Internal = {
  readonly health: () => object;
  readonly status: () => object;
  /** `detail`: with what concerns single interfaces, named by their ids. */
  readonly metrics: (detail: boolean) => Promise<string>;
  /** @throws NotFound when there is no such instance in any region. */
  readonly instance: (id: string) => object;
  readonly internet: () => object;
  readonly explain: (id: string, question: Readonly<Record<string, string>>) => object;
  /** What happens to packets, told to a stream for as long as it lasts. */
  readonly watch: (question: Readonly<Record<string, string>>) => (out: Writable) => void;
  /** Records of flow logs: those that were written, or with `follow` those that come. */
  readonly flows: (question: Readonly<Record<string, string>>) => (out: Writable) => void;
  /** One packet walked through the tables: from an instance, or with `internet` from there. */
  readonly trace: (id: string, question: Readonly<Record<string, string>>) => object;
  /** The images that users made known, in all regions. */
  readonly images: () => object;
  /** @throws BadQuestion for what can't be made known. */
  readonly aliasImage: (question: Readonly<Record<string, string>>) => Promise<object>;
  /** @throws NotFound */
  readonly removeImage: (question: Readonly<Record<string, string>>) => Promise<object>;
  readonly reset: () => Promise<object>;
};

export class NotFound extends Error {
  override readonly name = "NotFound";
}

/** A question that makes no sense; its message says what would. */
export class BadQuestion extends Error {
  override readonly name = "BadQuestion";
}

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
  /** Who asked has the token. */
  readonly verified?: boolean;
  /** In place of `body`: writes the answer bit by bit, and ends it. */
  readonly stream?: (out: Writable) => void;
};

type Handler = (internal: Internal, request: InternalRequest, rest: string) => Promise<InternalAnswer> | InternalAnswer;
type Endpoint = {
  readonly method: "GET" | "POST";
  readonly open: (question: URLSearchParams) => boolean;
  readonly answer: Handler;
};

const everybody = (): boolean => true;
const nobody = (): boolean => false;

/**
 * Health and metrics are open to what can reach the port: monitors ask without a secret, and neither names a resource. Web pages
 * in a browser are kept out by the guard all the same. Metrics that name interfaces, and the rest, ask for the token of the
 * home's credentials.
 */
const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  health: { method: "GET", open: everybody, answer: (i) => json(i.health()) },
  metrics: { method: "GET", open: (question) => !question.has("detail"), answer: (i, { query }) => measured(i, query.get("detail")) },
  status: { method: "GET", open: nobody, answer: (i) => json(i.status()) },
  instances: { method: "GET", open: nobody, answer: (i, _request, id) => json(i.instance(id)) },
  internet: { method: "GET", open: nobody, answer: (i) => json(i.internet()) },
  explain: { method: "GET", open: nobody, answer: (i, { query }, id) => json(i.explain(id, Object.fromEntries(query))) },
  trace: { method: "GET", open: nobody, answer: (i, { query }, id) => traced(i, Object.fromEntries(query), id) },
  flows: { method: "GET", open: nobody, answer: (i, { query }) => streamed(i.flows(Object.fromEntries(query))) },
  images: { method: "GET", open: nobody, answer: (i) => json(i.images()) },
  "image-alias": { method: "POST", open: nobody, answer: async (i, { query }) => json(await i.aliasImage(Object.fromEntries(query))) },
  "image-remove": { method: "POST", open: nobody, answer: async (i, { query }) => json(await i.removeImage(Object.fromEntries(query))) },
  reset: { method: "POST", open: nobody, answer: async (i) => json(await i.reset()) },
};

/** Answers one request to `/_genkan/NAME[/REST]`. */
export async function answerInternal(internal: Internal, token: string, request: InternalRequest): Promise<InternalAnswer> {
  const [, , name = "", ...rest] = request.path.split("/");
  const endpoint = Object.hasOwn(ENDPOINTS, name) ? ENDPOINTS[name] : undefined;
  if (!endpoint) return refusal(404, `There is nothing at ${request.path}.`);
  const verified = authorized(request.authorization, token);
  if (!endpoint.open(request.query) && !verified) return refusal(401, "This needs the token of GENKAN_HOME's credentials.");
  if (endpoint.method !== request.method) return refusal(405, `${request.path} takes ${endpoint.method}.`);
  try {
    return { ...(await endpoint.answer(internal, request, decodeURIComponent(rest.join("/")))), verified };
  } catch (error) {
    if (error instanceof NotFound) return refusal(404, error.message);
    if (error instanceof BadQuestion) return refusal(400, error.message);
    if (error instanceof URIError) return refusal(400, "The path is malformed.");
    throw error;
  }
}

async function measured(internal: Internal, detail: string | null): Promise<InternalAnswer> {
  if (detail !== null && detail !== "interfaces") throw new BadQuestion("detail is interfaces.");
  return { status: 200, type: METRICS_TYPE, body: await internal.metrics(detail !== null) };
}

function traced(internal: Internal, question: Readonly<Record<string, string>>, id: string): InternalAnswer {
  if (id !== "") return json(internal.trace(id, question));
  return streamed(internal.watch(question));
}

function streamed(stream: (out: Writable) => void): InternalAnswer {
  return { status: 200, type: "application/x-ndjson", body: "", stream };
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
