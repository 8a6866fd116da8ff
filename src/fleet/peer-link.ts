/**
 * What machines of a region say to each other, by HTTP over TLS: both ends show a certificate of the region's
 * authority. Who has none yet is a guest, and may ask little.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { Agent, createServer, request as httpsRequest, type Server } from "node:https";
import { text } from "node:stream/consumers";
import { createSecureContext, type TLSSocket } from "node:tls";
import { Fault } from "../model/fault.ts";

/** What a machine answers another one, by the name of the question. What it throws goes to the log. */
export type PeerHandlers = Readonly<Record<string, (question: never) => Promise<object>>>;

/** A machine's certificate with its key, and that of the region's authority; PEM. */
export type Identity = { readonly ca: string; readonly cert: string; readonly key: string };

/** Why a guest gets nothing: its message says so. */
export class Refused extends Error {
  override readonly name = "Refused";
}

/** Why another machine gave no answer. */
export class PeerError extends Error {
  /** Whether the question may have reached it. */
  readonly reached: boolean;
  constructor(message: string, { reached, cause }: { readonly reached: boolean; readonly cause?: unknown }) {
    super(message, { cause });
    this.name = "PeerError";
    this.reached = reached;
  }
}

const MOST_BYTES = 4 << 20;
/** A machine that stands still is asked no longer. */
const PATIENCE_MILLISECONDS = 15_000;
/** Less than the server keeps a connection: one that is about to be closed is not used. */
const IDLE_MILLISECONDS = 20_000;
const KEPT_MILLISECONDS = 60_000;
/** Until then after an answer a connection is taken for a living one. */
const FRESH_MILLISECONDS = 1_000;
const PATH = "/peer/";
export const GUEST_PATH = "/guest/";
const MOST_GUEST_BYTES = 64 << 10;
/** Before that it is not known who asks. */
const HANDSHAKE_MILLISECONDS = 10_000;

export class Peers {
  readonly #kept: Agent;
  readonly #fresh: Agent;

  constructor(identity: Identity) {
    // To read the certificates takes as long as all else of making a connection.
    const secureContext = createSecureContext(identity);
    this.#kept = new Agent({ secureContext, keepAlive: true, timeout: IDLE_MILLISECONDS });
    this.#fresh = new Agent({ secureContext, keepAlive: true, timeout: FRESH_MILLISECONDS });
  }

  /** @throws PeerError; Fault `Unavailable` when the machine says that it can't answer */
  async ask<Answer>(url: string, name: string, question: object, how: How = {}): Promise<Answer> {
    const { status, answer } = await this.#send(new URL(PATH + name, url), JSON.stringify(question), how);
    if (status === 200) return JSON.parse(answer) as Answer;
    if (status === 503)
      throw new Fault("Unavailable", (JSON.parse(answer) as { readonly error: string }).error);
    throw new PeerError(`${url} answered ${status}: ${answer.slice(0, 200)}`, { reached: status === 500 });
  }

  close(): void {
    this.#kept.destroy();
    this.#fresh.destroy();
  }

  #send(url: URL, body: string, { patience = PATIENCE_MILLISECONDS, signal, fresh }: How): Promise<Answered> {
    return new Promise((resolve, reject) => {
      let isConnected = false;
      const fail = (cause: Error): void =>
        reject(new PeerError(`${url.origin} can't be reached`, { reached: isConnected, cause }));
      const limit = AbortSignal.timeout(patience);
      const request = httpsRequest(
        url,
        {
          method: "POST",
          agent: fresh ? this.#fresh : this.#kept,
          signal: signal ? AbortSignal.any([signal, limit]) : limit,
          headers: {
            "content-type": "application/json",
            "content-length": Buffer.byteLength(body),
          },
        },
        (response) => {
          text(response).then((answer) => resolve({ status: response.statusCode ?? 0, answer }), fail);
        },
      );
      request.on("socket", (socket) => {
        // Before the other end has shown who it is, nothing is said to it.
        if (socket.connecting) socket.once("secureConnect", () => (isConnected = true));
        else isConnected = true;
      });
      request.on("error", fail);
      request.end(body);
    });
  }
}

type Answered = { readonly status: number; readonly answer: string };

/** How a question is asked. */
type How = {
  /** How long the answer may take, in milliseconds. */
  readonly patience?: number;
  /** Gives up. */
  readonly signal?: AbortSignal;
  /**
   * By a connection that is made for it or has just carried an answer: for what may not be asked twice. Where
   * the machine has been silent for longer, it can't have heard the question, and the failure says so.
   */
  readonly fresh?: boolean;
};

type ServerOptions = {
  readonly host: string;
  readonly port: number;
  readonly identity: Identity;
  readonly handlers: PeerHandlers;
  /** For who has no certificate of the region yet. @throws Refused */
  readonly guests: PeerHandlers;
  readonly log: (message: string, cause?: unknown) => void;
};

/** Answers other machines. Rejects when it can't listen there. Returns what ends it. */
export async function servePeers(options: ServerOptions): Promise<() => Promise<void>> {
  const { ca, cert, key } = options.identity;
  const server = createServer(
    {
      // A guest knows the authority by its hash.
      cert: cert + ca,
      ca,
      key,
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: HANDSHAKE_MILLISECONDS,
    },
    (request, response) => void answer(request, response, options),
  );
  server.keepAliveTimeout = KEPT_MILLISECONDS;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  server.on("error", (cause) => options.log("the server for other machines failed", cause));
  return () => close(server);
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { handlers, guests, log }: ServerOptions,
): Promise<void> {
  const say = (status: number, value: object): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
  try {
    const isGuest = request.url?.startsWith(GUEST_PATH) ?? false;
    if (!isGuest && !(request.socket as TLSSocket).authorized)
      return say(401, { error: "This is for members." });
    const handler = handlerAt(request.url, isGuest ? guests : handlers, isGuest ? GUEST_PATH : PATH);
    if (!handler) return say(404, { error: `There is nothing at ${request.url}.` });
    const body = await bodyOf(request, isGuest ? MOST_GUEST_BYTES : MOST_BYTES);
    if (body === undefined) return say(413, { error: "The question is too large." });
    say(200, await handler(JSON.parse(body) as never));
  } catch (cause) {
    if (response.destroyed) return;
    if (cause instanceof Refused) return say(403, { error: cause.message });
    if (cause instanceof Fault && cause.code === "Unavailable") return say(503, { error: cause.message });
    log(`${request.url} of another machine failed`, cause);
    say(500, { error: "An internal error has occurred." });
  }
}

function handlerAt(url = "", handlers: PeerHandlers, path: string): PeerHandlers[string] | undefined {
  const name = url.startsWith(path) ? url.slice(path.length) : "";
  return Object.hasOwn(handlers, name) ? handlers[name] : undefined;
}

async function bodyOf(request: IncomingMessage, most: number): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
