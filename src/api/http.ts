import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import {
  type AddressInfo,
  createServer as createListener,
  type Server as Listener,
  type Socket,
} from "node:net";
import { FAULT_STATUS } from "../model/fault.ts";
import { encodeFault } from "../wire/encode.ts";
import { encodeForeignFault, type Foreign, foreignOf, targetOf } from "../wire/foreign.ts";
import type { Headed, SignedRequest } from "../wire/sigv4.ts";
import { answerApi, type ApiOptions, refuseUnread } from "./api.ts";
import { Bodies, MAX_BODY_BYTES, statesTooMuch } from "./body.ts";
import { Connections } from "./connections.ts";
import { drain } from "./drain.ts";
import { guard } from "./guard.ts";
import type { InternalAnswer, InternalRequest } from "./internal.ts";
import type { Others } from "./others.ts";
import { isOfOtherParameters } from "./ssm.ts";

export type ServerOptions = ApiOptions & {
  /** The address to listen on; 127.0.0.1 unless the user says otherwise. */
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** A socket at which it is reached, too; from other network namespaces, say. */
  readonly door?: string;
  /** Names besides `localhost` that clients may use for this server. */
  readonly names?: readonly string[];
  /** The most connections at once; absent: 512. */
  readonly mostConnections?: number;
  /** Takes requests for other services; absent: they are refused. */
  readonly others?: Others;
  /** Answers requests under `/_genkan/`. */
  readonly internal: (request: InternalRequest) => Promise<InternalAnswer>;
};

export type RunningServer = {
  readonly host: string;
  readonly port: number;
  /** Takes no more requests; settles when those under way are answered. */
  readonly close: () => Promise<void>;
};

/**
 * Listens for the EC2 API at `/` and for Genkan's own API at `/_genkan/`.
 * Rejects when it can't listen on the address (the error's `code` says why, such as EADDRINUSE).
 */
export async function createServer(options: ServerOptions): Promise<RunningServer> {
  const names = new Set(["localhost", ...(options.names ?? []).map((name) => name.toLowerCase())]);
  const server = createHttpServer({ maxHeaderSize: MAX_HEADER_BYTES, connectionsCheckingInterval: 2_000 });
  const connections = new Connections(server, options.mostConnections ?? MOST_CONNECTIONS);
  const setting: Setting = { options, names, connections, bodies: new Bodies() };
  const take = (request: IncomingMessage, response: ServerResponse): void =>
    void answer(request, response, setting);
  server.on("request", take);
  server.on("checkContinue", (request: IncomingMessage, response: ServerResponse) => {
    if (statesTooMuch(request) && !(options.others && foreignOf(headedOf(request))))
      response.shouldKeepAlive = false;
    else response.writeContinue();
    take(request, response);
  });
  server.headersTimeout = 10_000;
  server.requestTimeout = 30_000;
  // Longer than clients keep an idle connection, so that the client closes it; we might do so just as it
  // sends.
  server.keepAliveTimeout = 65_000;
  // For clients that stop reading in the middle of an answer.
  server.timeout = 300_000;
  server.on("clientError", refuseUnreadable);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", (cause) => options.log("the HTTP server failed", cause));
  const { address, port } = server.address() as AddressInfo;
  const door = options.door === undefined ? undefined : await openDoor(server, options.door);
  return {
    host: address,
    port,
    close: () => {
      door?.close();
      return close(server);
    },
  };
}

/** Only who may enter the socket's folder reaches it. */
function openDoor(server: Server, path: string): Promise<Listener> {
  rmSync(path, { force: true });
  const door = createListener((socket) => server.emit("connection", socket));
  return new Promise((resolve, reject) => {
    door.once("error", reject);
    door.listen(path, () => resolve(door));
  });
}

const MOST_CONNECTIONS = 512;
/** Room for a launch with user data sent as a GET. */
const MAX_HEADER_BYTES = 64 << 10;
/** How long `close` waits for requests under way. */
const CLOSE_MILLISECONDS = 10_000;

type Setting = {
  readonly options: ServerOptions;
  readonly names: ReadonlySet<string>;
  readonly connections: Connections;
  readonly bodies: Bodies;
};
type Answer = {
  readonly status: number;
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly stream?: InternalAnswer["stream"];
};
/** A request that another server answers. */
type HandedOn = { readonly foreign: Foreign; readonly headed: Headed; readonly body?: Uint8Array };

async function answer(request: IncomingMessage, response: ServerResponse, setting: Setting): Promise<void> {
  const requestId = randomUUID();
  // It is no failure when a client goes away while it is answered.
  response.on("error", () => response.destroy());
  response.once("close", () => setting.connections.rest(request.socket));
  try {
    const outcome = await answerOf(request, requestId, setting);
    if ("foreign" in outcome) {
      await setting.options.others?.handOn({ request, response, requestId, ...outcome });
      return;
    }
    const { status, type, body, headers, stream } = outcome;
    const unread = !request.complete;
    response.writeHead(status, {
      "Content-Type": type,
      ...(stream ? {} : { "Content-Length": Buffer.byteLength(body) }),
      Server: "AmazonEC2",
      Vary: "accept-encoding",
      "Cache-Control": "no-store",
      "X-Content-Type-Options": "nosniff",
      "x-amzn-RequestId": requestId,
      ...headers,
      ...(unread ? { Connection: "close" } : {}),
    });
    if (stream) {
      response.flushHeaders();
      stream(response);
      return;
    }
    if (!unread) {
      response.end(body);
      return;
    }
    // The client has the whole answer with its last byte; closing the connection now would reset it before
    // the client has read that.
    response.write(body);
    drain(request, () => response.end());
  } catch (cause) {
    if (request.destroyed || response.destroyed) return;
    setting.options.log(`request ${requestId} failed`, cause);
    response.destroy();
  }
}

async function answerOf(
  request: IncomingMessage,
  requestId: string,
  setting: Setting,
): Promise<Answer | HandedOn> {
  const { options, names, connections, bodies } = setting;
  const refusal = guard(request, names);
  if (refusal) return refused(refusal.status, refusal.message, requestId);
  // A request to a proxy (RFC 9112 section 3.2.2) has the whole URL here, whose host would take precedence
  // over the one that was checked.
  if (!request.url?.startsWith("/"))
    return refused(400, "The request must name a path: Genkan is no proxy.", requestId);
  const [path = "", query = ""] = split(request.url, "?");
  const method = request.method ?? "";
  if (path === "/_genkan" || path.startsWith("/_genkan/")) {
    // These requests have no body: one that is sent is not read.
    if (statesTooMuch(request)) return tooLarge(requestId);
    const question = {
      method,
      path,
      query: new URLSearchParams(query),
      authorization: request.headers.authorization,
    };
    const internal = await answerInternally(question, options);
    if (internal.verified === true) connections.trust(request.socket);
    return internal;
  }
  const headed = headedOf(request);
  const foreign = foreignOf(headed);
  if (foreign && options.others) return { foreign, headed };
  if (foreign && isNamed(foreign, headed)) return refusedForeign(headed, foreign, requestId, options);
  if (path !== "/" && path !== "")
    return refused(404, "There is nothing here: the EC2 API is at /.", requestId);
  if (method !== "GET" && method !== "POST") {
    return { ...refused(405, "The EC2 API takes GET and POST.", requestId), headers: { Allow: "GET, POST" } };
  }
  const unfit = unfitFor(request);
  if (unfit !== undefined) return refused(400, unfit, requestId);
  const unread = refuseUnread(headed, requestId, options);
  if (unread) return { type: XML, ...unread };
  const body = await bodies.read(request);
  if (body === "too large") return tooLarge(requestId);
  if (body === "crowded") return crowded(requestId);
  if (options.others && isOfOtherParameters(targetOf(headed), body))
    return { foreign: { service: "ssm", protocol: "json" }, headed, body };
  const signed: SignedRequest = { ...headed, body };
  const verified = (): void => connections.trust(request.socket);
  return { type: XML, ...(await answerApi(signed, requestId, { ...options, verified })) };
}

/** The cause of a failure goes only to the log, as for the EC2 API. */
async function answerInternally(
  request: InternalRequest,
  { internal, log }: ServerOptions,
): Promise<InternalAnswer> {
  try {
    return await internal(request);
  } catch (cause) {
    log(`${request.method} ${request.path} failed`, cause);
    return {
      status: 500,
      type: "application/json",
      body: `${JSON.stringify({ error: "An internal error has occurred." })}\n`,
    };
  }
}

const XML = "text/xml;charset=UTF-8";

/** Why the body can't be an EC2 query; undefined when it can. */
function unfitFor(request: IncomingMessage): string | undefined {
  if ((request.headers["content-encoding"] ?? "identity") !== "identity")
    return "A body must not be compressed.";
  if (targetOf(headedOf(request)) !== undefined) return undefined;
  const type = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (request.method === "POST" && type !== undefined && type !== "application/x-www-form-urlencoded") {
    return "The body must be of type application/x-www-form-urlencoded: this is the EC2 Query API.";
  }
  return undefined;
}

/** Whether the request shows which service it is for; a path alone does not show that. */
function isNamed({ service }: Foreign, headed: Headed): boolean {
  return service !== undefined || targetOf(headed) !== undefined;
}

/** Refuses another service's request in that service's own form, whoever sent it. */
function refusedForeign(
  headed: Headed,
  foreign: Foreign,
  requestId: string,
  { answered }: ServerOptions,
): Answer {
  const what = (foreign.service ?? targetOf(headed) ?? "this").slice(0, 100);
  const message = `Genkan does not answer ${what}: it has EC2, STS, and Systems Manager's parameters of images. What else is asked it hands on to another emulator, when started with --others URL.`;
  const answer = encodeForeignFault(headed, foreign, { message }, requestId);
  answered?.({ code: "InvalidAction", seconds: 0 });
  return headed.method === "HEAD" ? { ...answer, body: "" } : answer;
}

function refused(status: number, message: string, requestId: string): Answer {
  return { status, type: XML, body: encodeFault({ code: "InvalidRequest", message }, requestId) };
}

function tooLarge(requestId: string): Answer {
  const fault = {
    code: "RequestEntityTooLarge",
    message: `The request's body is larger than ${MAX_BODY_BYTES} bytes.`,
  };
  return { status: FAULT_STATUS.RequestEntityTooLarge, type: XML, body: encodeFault(fault, requestId) };
}

function crowded(requestId: string): Answer {
  const fault = {
    code: "RequestLimitExceeded",
    message: "Too many requests have not come to their end: this one made way. Try again.",
  };
  return { status: FAULT_STATUS.RequestLimitExceeded, type: XML, body: encodeFault(fault, requestId) };
}

/** Closes a connection that sent something other than HTTP, or too slowly, or too long a header. */
function refuseUnreadable(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const [status, message] = UNREADABLE[error.code ?? ""] ?? [
    "400 Bad Request",
    "The HTTP request is invalid.",
  ];
  const body = encodeFault({ code: "InvalidRequest", message }, randomUUID());
  const head = `HTTP/1.1 ${status}\r\nContent-Type: ${XML}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
  socket.end(head + body, () => socket.destroy());
}

const UNREADABLE: Readonly<Record<string, readonly [status: string, message: string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "The request took too long to arrive."],
  HPE_HEADER_OVERFLOW: [
    "431 Request Header Fields Too Large",
    `The request's header is larger than ${MAX_HEADER_BYTES} bytes.`,
  ],
};

function close(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    // A connection becomes idle when its answer is sent. Node closes only those that are idle at the time, so
    // this is repeated.
    const idle = setInterval(() => server.closeIdleConnections(), 20);
    const last = setTimeout(() => server.closeAllConnections(), CLOSE_MILLISECONDS);
    server.close((error) => {
      clearInterval(idle);
      clearTimeout(last);
      if (error) reject(error);
      else resolve();
    });
    server.closeIdleConnections();
  });
}

function headedOf(request: IncomingMessage): Headed {
  const [path, query] = split(request.url ?? "", "?");
  return { method: request.method ?? "", path, query, headers: pairs(request.rawHeaders) };
}

function split(text: string, separator: string): readonly [string, string] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}

function pairs(rawHeaders: readonly string[]): readonly (readonly [string, string])[] {
  const found: [string, string][] = [];
  for (let index = 0; index + 1 < rawHeaders.length; index += 2)
    found.push([rawHeaders[index] ?? "", rawHeaders[index + 1] ?? ""]);
  return found;
}
