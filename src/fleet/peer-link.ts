/** What machines of a region say to each other, by HTTP: who asks shows the secret that the region has in etcd. */

import { timingSafeEqual } from "node:crypto";
import {
  Agent,
  createServer,
  type IncomingMessage,
  request as httpRequest,
  type Server,
  type ServerResponse,
} from "node:http";
import { text } from "node:stream/consumers";
import { Fault } from "../model/fault.ts";

/** What a machine answers another one, by the name of the question. What it throws goes to the log. */
type PeerHandlers = Readonly<Record<string, (question: never) => Promise<object>>>;

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
const PATH = "/peer/";

export class Peers {
  readonly #secret: string;
  readonly #agent = new Agent({ keepAlive: true, timeout: IDLE_MILLISECONDS });

  constructor(secret: string) {
    this.#secret = secret;
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
    this.#agent.destroy();
  }

  #send(url: URL, body: string, { patience = PATIENCE_MILLISECONDS, signal, once }: How): Promise<Answered> {
    return new Promise((resolve, reject) => {
      let isConnected = false;
      const fail = (cause: Error): void =>
        reject(new PeerError(`${url.origin} can't be reached`, { reached: isConnected, cause }));
      const limit = AbortSignal.timeout(patience);
      const request = httpRequest(
        url,
        {
          method: "POST",
          agent: once ? false : this.#agent,
          signal: signal ? AbortSignal.any([signal, limit]) : limit,
          headers: {
            authorization: `Bearer ${this.#secret}`,
            "content-type": "application/json",
            "content-length": Buffer.byteLength(body),
          },
        },
        (response) => {
          text(response).then((answer) => resolve({ status: response.statusCode ?? 0, answer }), fail);
        },
      );
      request.on("socket", (socket) => {
        if (socket.connecting) socket.once("connect", () => (isConnected = true));
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
  /** By a connection of its own, whose failure says whether the question can have reached the machine. */
  readonly once?: boolean;
};

type ServerOptions = {
  readonly host: string;
  readonly port: number;
  readonly secret: string;
  readonly handlers: PeerHandlers;
  readonly log: (message: string, cause?: unknown) => void;
};

/** Answers other machines. Rejects when it can't listen there. Returns what ends it. */
export async function servePeers(options: ServerOptions): Promise<() => Promise<void>> {
  const server = createServer((request, response) => void answer(request, response, options));
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
  { secret, handlers, log }: ServerOptions,
): Promise<void> {
  const say = (status: number, value: object): void => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
  try {
    if (!isKnown(request.headers.authorization, secret)) return say(401, { error: "This is for members." });
    const name = request.url?.startsWith(PATH) ? request.url.slice(PATH.length) : "";
    const handler = Object.hasOwn(handlers, name) ? handlers[name] : undefined;
    if (!handler) return say(404, { error: `There is nothing at ${request.url}.` });
    const body = await bodyOf(request);
    if (body === undefined) return say(413, { error: "The question is too large." });
    say(200, await handler(JSON.parse(body) as never));
  } catch (cause) {
    if (response.destroyed) return;
    if (cause instanceof Fault && cause.code === "Unavailable") return say(503, { error: cause.message });
    log(`${request.url} of another machine failed`, cause);
    say(500, { error: "An internal error has occurred." });
  }
}

async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MOST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function isKnown(header: string | undefined, secret: string): boolean {
  const given = Buffer.from(header ?? "");
  const wanted = Buffer.from(`Bearer ${secret}`);
  return given.length === wanted.length && timingSafeEqual(given, wanted);
}
