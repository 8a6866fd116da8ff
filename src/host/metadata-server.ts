import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createListener } from "node:net";
import type { Duplex } from "node:stream";
import type { Asker } from "./directory.ts";
import type { connectionLimit, RateLimit, TakeTurn } from "./fairness.ts";
import { Gate } from "./gate.ts";
import type { Identity } from "./identity.ts";
import { answerMetadata } from "./metadata-service.ts";

const REQUEST_MILLISECONDS = 10_000;
/** A request or two: so long others wait for who asks most. */
const PIECE = 128;

export type MetadataServing = {
  readonly address: string;
  readonly port?: number;
  readonly askerAt: (address: string) => Asker | undefined;
  readonly mayAsk: RateLimit;
  /** Whether so many bytes of questions may come. */
  readonly mayRead: RateLimit;
  readonly turn: TakeTurn;
  readonly limit: ReturnType<typeof connectionLimit>;
  /** What session tokens are made with. */
  readonly secret: Uint8Array;
  /** Signs identity documents; undefined while its keys are being made. */
  readonly identity?: () => Identity | undefined;
};

/** Serves the metadata service over HTTP; settles when it listens. Who asks too often gets a 503, and loses the connection. */
export function serveMetadata(serving: MetadataServing): Promise<void> {
  const server = createServer(
    {
      requestTimeout: REQUEST_MILLISECONDS,
      headersTimeout: REQUEST_MILLISECONDS,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 16_384,
    },
    (request, response) => {
      try {
        answer(request, response, serving);
      } catch (error) {
        // One instance's question must not end the service for all.
        console.error(`${request.url} could not be answered:`, error);
        response.writeHead(500).end();
      }
    },
  );
  // Of who does not take the answer.
  server.timeout = REQUEST_MILLISECONDS;
  server.on("clientError", (_error, socket) => socket.destroy());
  const { turn, mayRead } = serving;
  const listener = createListener({ allowHalfOpen: true }, (socket) => {
    const from = socket.remoteAddress ?? "";
    server.emit("connection", new Gate(socket, { turn, piece: PIECE, mayRead: (bytes) => mayRead(from, Date.now(), bytes) }));
  });
  serving.limit(listener);
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen({ port: serving.port ?? 80, host: serving.address, ipv6Only: serving.address.includes(":") }, () => {
      listener.off("error", reject).on("error", (error) => console.error("metadata:", error));
      resolve();
    });
  });
}

/** Connections that end with the answer to one request too many: those that came along with it are not looked at. */
const refused = new WeakSet<Duplex>();

function answer(request: IncomingMessage, response: ServerResponse, { askerAt, mayAsk, secret, identity }: MetadataServing): void {
  const { socket, method = "GET", url = "/", headers } = request;
  if (refused.has(socket)) return;
  request.resume();
  const from = socket.remoteAddress ?? "";
  if (!mayAsk(from, Date.now())) {
    response.writeHead(503, { connection: "close", "content-length": 0 }).end();
    refused.add(socket);
    return;
  }
  const answered = answerMetadata({ method, path: url, headers }, askerAt(from), { now: new Date(), secret, identity: identity?.() });
  response.writeHead(answered.status, { ...answered.headers, "content-length": Buffer.byteLength(answered.body) });
  response.end(method === "HEAD" ? undefined : answered.body);
}
