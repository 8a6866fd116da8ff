import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
  type ServerResponse,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { encodeForeignFault, type Foreign } from "../wire/foreign.ts";
import type { Headed } from "../wire/sigv4.ts";
import { drain } from "./drain.ts";

/** S3's own limit for one request (S3 user guide, "Uploading objects"). */
const MAX_HANDED_BYTES = 5 * 2 ** 30;
/** How long the other server may be silent, before its answer or within it. */
const SILENCE_MILLISECONDS = 120_000;
/** How many requests run at once; the rest wait, with their bodies unread. */
const MOST_AT_ONCE = 64;

/** A request for another server. `body`: present when the whole body was read already. */
export type Handed = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly headed: Headed;
  readonly foreign: Foreign;
  readonly requestId: string;
  readonly body?: Uint8Array;
};

type Options = {
  readonly silenceMs?: number;
  readonly mostBytes?: number;
  readonly log: (message: string, cause?: unknown) => void;
};

/**
 * Passes requests on to another server, and its answers back, unchanged: method, path, headers with the
 * signature, and bodies, which stream. Only headers of a single connection are each side's own (RFC 9110
 * section 7.6.1). Resolves when the exchange has ended in any way.
 */
export class Others {
  readonly #origin: URL;
  readonly #options: Options;
  readonly #agent: HttpAgent | HttpsAgent;

  constructor(origin: URL, options: Options) {
    this.#origin = origin;
    this.#options = options;
    this.#agent =
      origin.protocol === "https:"
        ? new HttpsAgent({ maxSockets: MOST_AT_ONCE })
        : new HttpAgent({ maxSockets: MOST_AT_ONCE });
  }

  async handOn(handed: Handed): Promise<void> {
    const { request, response } = handed;
    if (request.headers.via?.includes(VIA) === true)
      return this.#refuse(handed, "Genkan hands requests on to itself: --others leads back here.");
    const { silenceMs = SILENCE_MILLISECONDS, mostBytes = MAX_HANDED_BYTES } = this.#options;
    if (Number(request.headers["content-length"] ?? 0) > mostBytes)
      return this.#refuse(handed, tooLarge(mostBytes), 413, "EntityTooLarge");
    const onward = this.#open(handed);
    onward.setTimeout(silenceMs, () => onward.destroy(new Error(`no word for ${silenceMs / 1000} s`)));
    const gone = (): void => void onward.destroy();
    response.once("close", gone);
    const body = handed.body ? Readable.from([handed.body]) : request;
    // Not within the pipeline, which would close the client's connection when the other side fails.
    const sent = pipeline(body.pipe(bounded(mostBytes)), onward);
    try {
      await handBack(handed, await answerTo(onward, sent));
    } catch (cause) {
      if (!response.destroyed) this.#fail(handed, cause);
    } finally {
      response.off("close", gone);
      onward.destroy();
      await sent.catch(() => undefined);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  #open({ request, body }: Handed): ClientRequest {
    const { protocol, hostname, port } = this.#origin;
    const options: RequestOptions = {
      host: hostname.replace(/^\[(.*)\]$/, "$1"),
      port: port === "" ? (protocol === "https:" ? 443 : 80) : Number(port),
      method: request.method ?? "GET",
      path: request.url ?? "/",
      headers: [
        ...onlyEndToEnd(request.rawHeaders),
        ...framing(request, body),
        "Via",
        `1.1 ${VIA}`,
        "Connection",
        "close",
      ],
      agent: this.#agent,
      maxHeaderSize: 64 << 10,
    };
    return protocol === "https:" ? httpsRequest(options) : httpRequest(options);
  }

  #fail(handed: Handed, cause: unknown): void {
    const { response } = handed;
    const words =
      cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : String(cause);
    if (cause instanceof TooLarge) return this.#refuse(handed, cause.message, 413, "EntityTooLarge");
    this.#options.log(`${this.#origin.origin} (--others)`, cause);
    if (response.headersSent) response.destroy();
    else
      this.#refuse(
        handed,
        `Genkan hands this on to ${this.#origin.origin} (--others), which does not answer: ${words}`,
      );
  }

  #refuse(
    { request, response, headed, foreign, requestId }: Handed,
    message: string,
    status = 503,
    code = "ServiceUnavailable",
  ): void {
    const { type, body, headers } = encodeForeignFault(headed, foreign, { status, code, message }, requestId);
    const isEarly = !request.complete;
    const length = { "Content-Type": type, "Content-Length": body.length };
    response.writeHead(status, {
      ...length,
      "x-amzn-RequestId": requestId,
      ...headers,
      ...(isEarly ? { Connection: "close" } : {}),
    });
    response.write(request.method === "HEAD" ? "" : body);
    if (isEarly) drain(request, () => response.end());
    else response.end();
  }
}

function answerTo(onward: ClientRequest, sent: Promise<void>): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    onward.once("response", resolve);
    onward.once("error", reject);
    sent.catch(reject);
  });
}

async function handBack({ request, response }: Handed, answer: IncomingMessage): Promise<void> {
  const isEarly = !request.complete;
  response.sendDate = false;
  const headers = [...onlyEndToEnd(answer.rawHeaders), ...(isEarly ? ["Connection", "close"] : [])];
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headers);
  await pipeline(answer, response, { end: !isEarly });
  // The rest of the client's body is of no use once the answer is there, but the client must be able to read
  // the answer.
  if (isEarly) drain(request, () => response.end());
}

/** Marks requests, to recognize one that comes back (RFC 9110 section 7.6.3). */
const VIA = "genkan";

/**
 * Headers of a single connection. Host is passed on, because the signature covers it. Expect was answered
 * here.
 */
const OF_A_CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "expect",
]);

/** Headers that `Connection` can't remove: without its length, a body would be taken for a request. */
const OF_ALL: ReadonlySet<string> = new Set(["host", "content-length"]);

function onlyEndToEnd(rawHeaders: readonly string[]): string[] {
  const at = (place: number): string => (rawHeaders[place] ?? "").toLowerCase();
  const named = rawHeaders.flatMap((value, index) =>
    index % 2 === 1 && at(index - 1) === "connection" ? value.toLowerCase().split(/[\s,]+/) : [],
  );
  const dropped = new Set([...OF_A_CONNECTION, ...named.filter((name) => !OF_ALL.has(name))]);
  return rawHeaders.filter((_, index) => !dropped.has(at(index - (index % 2))));
}

/** The body's length or framing, when no header that is passed on says it. */
function framing({ headers, method = "" }: IncomingMessage, body: Uint8Array | undefined): readonly string[] {
  if (headers["content-length"] !== undefined) return [];
  if (body !== undefined) return ["Content-Length", String(body.length)];
  if (headers["transfer-encoding"] !== undefined) return ["Transfer-Encoding", "chunked"];
  return ["GET", "HEAD", "DELETE", "OPTIONS"].includes(method) ? [] : ["Content-Length", "0"];
}

class TooLarge extends Error {}

function tooLarge(most: number): string {
  return `The request's body is larger than ${most} bytes.`;
}

function bounded(most: number): Transform {
  let size = 0;
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      size += chunk.length;
      done(size > most ? new TooLarge(tooLarge(most)) : null, chunk);
    },
  });
}
