import { timingSafeEqual } from "node:crypto";
import type { Writable } from "node:stream";
import { type DropReason, DROPS } from "../plan/stages.ts";

/** What `/_genkan/…` can be asked; main gives the answers. */
export type Internal = {
  readonly health: () => object;
  readonly status: () => object;
  readonly metrics: () => string;
  /** @throws NotFound when there is no such instance in any region. */
  readonly instance: (id: string) => object;
  readonly internet: () => object;
  readonly explain: (id: string, question: Readonly<Record<string, string>>) => object;
  /** What happens to packets, told to a stream for as long as it lasts. */
  readonly watch: (question: Readonly<Record<string, string>>) => (out: Writable) => void;
  /** One packet walked through the tables: from an instance, or with `internet` from there. */
  readonly trace: (id: string, question: Readonly<Record<string, string>>) => object;
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
  /** In place of `body`: writes the answer bit by bit, and ends it. */
  readonly stream?: (out: Writable) => void;
};

type Handler = (internal: Internal, request: InternalRequest, rest: string) => Promise<InternalAnswer> | InternalAnswer;
type Endpoint = { readonly method: "GET" | "POST"; readonly open: boolean; readonly answer: Handler };

/** Health and metrics are open to what can reach the port; the rest asks for the token of the home's credentials. */
const ENDPOINTS: Readonly<Record<string, Endpoint>> = {
  health: { method: "GET", open: true, answer: (i) => json(i.health()) },
  metrics: { method: "GET", open: true, answer: (i) => ({ status: 200, type: "text/plain; version=0.0.4", body: i.metrics() }) },
  status: { method: "GET", open: false, answer: (i) => json(i.status()) },
  instances: { method: "GET", open: false, answer: (i, _request, id) => json(i.instance(id)) },
  internet: { method: "GET", open: false, answer: (i) => json(i.internet()) },
  explain: { method: "GET", open: false, answer: (i, { query }, id) => json(i.explain(id, Object.fromEntries(query))) },
  trace: { method: "GET", open: false, answer: (i, { query }, id) => traced(i, Object.fromEntries(query), id) },
  reset: { method: "POST", open: false, answer: async (i) => json(await i.reset()) },
};

/** Answers one request to `/_genkan/NAME[/REST]`. */
export async function answerInternal(internal: Internal, token: string, request: InternalRequest): Promise<InternalAnswer> {
  const [, , name = "", ...rest] = request.path.split("/");
  const endpoint = Object.hasOwn(ENDPOINTS, name) ? ENDPOINTS[name] : undefined;
  if (!endpoint) return refusal(404, `There is nothing at ${request.path}.`);
  if (!endpoint.open && !authorized(request.authorization, token))
    return refusal(401, "This needs the token of GENKAN_HOME's credentials.");
  if (endpoint.method !== request.method) return refusal(405, `${request.path} takes ${endpoint.method}.`);
  try {
    return await endpoint.answer(internal, request, decodeURIComponent(rest.join("/")));
  } catch (error) {
    if (error instanceof NotFound) return refusal(404, error.message);
    if (error instanceof BadQuestion) return refusal(400, error.message);
    if (error instanceof URIError) return refusal(400, "The path is malformed.");
    throw error;
  }
}

function traced(internal: Internal, question: Readonly<Record<string, string>>, id: string): InternalAnswer {
  if (id !== "") return json(internal.trace(id, question));
  return { status: 200, type: "application/x-ndjson", body: "", stream: internal.watch(question) };
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

/** One count of the kernel's: packets and bytes of an interface (0: the uplink) that were dropped for one reason. */
export type DropCount = { readonly slot: number; readonly reason: DropReason; readonly packets: bigint; readonly bytes: bigint };

/** Prometheus text: dropped packets and bytes by reason and stage. */
export function dropMetrics(counts: readonly DropCount[]): string {
  const sums = new Map<DropReason, { packets: bigint; bytes: bigint }>();
  for (const { reason, packets, bytes } of counts) {
    const sum = sums.get(reason) ?? { packets: 0n, bytes: 0n };
    sums.set(reason, { packets: sum.packets + packets, bytes: sum.bytes + bytes });
  }
  const rows = (name: string, pick: (sum: { packets: bigint; bytes: bigint }) => bigint): string[] =>
    [...sums].map(([reason, sum]) => `${name}{reason="${reason}",stage="${DROPS[reason].stage}"} ${pick(sum)}`);
  return [
    "# HELP genkan_dropped_packets_total Packets dropped, by reason.",
    "# TYPE genkan_dropped_packets_total counter",
    ...rows("genkan_dropped_packets_total", (sum) => sum.packets),
    "# HELP genkan_dropped_bytes_total Bytes dropped, by reason.",
    "# TYPE genkan_dropped_bytes_total counter",
    ...rows("genkan_dropped_bytes_total", (sum) => sum.bytes),
    "",
  ].join("\n");
}
