import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createListener } from "node:net";
import type { Duplex } from "node:stream";
import { isIpv6Text } from "../lib/address.ts";
import type { Asker } from "./directory.ts";
import type { connectionLimit, RateLimit, TakeTurn } from "./fairness.ts";
import { Gate } from "./gate.ts";
import type { Identity } from "./identity.ts";
import { answerMetadata } from "./metadata-service.ts";

const REQUEST_MILLISECONDS = 10_000;
/** How many bytes are read at a time: one or two requests. So long do others wait for a busy asker. */
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

/**
 * Serves the metadata service over HTTP; settles when it listens. An asker that asks too often gets a 503,
 * and its connection is closed.
 */
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
        // A request of one instance must not end the service for all.
        console.error(`${request.url} could not be answered:`, error);
        response.writeHead(500).end();
      }
    },
  );
  // Ends connections of clients that do not take their answer.
  server.timeout = REQUEST_MILLISECONDS;
  server.on("clientError", (_error, socket) => socket.destroy());
  const { turn, mayRead } = serving;
  const listener = createListener({ allowHalfOpen: true }, (socket) => {
    const from = socket.remoteAddress ?? "";
    server.emit(
      "connection",
      new Gate(socket, { turn, piece: PIECE, mayRead: (bytes) => mayRead(from, Date.now(), bytes) }),
    );
  });
  serving.limit(listener);
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(
      { port: serving.port ?? 80, host: serving.address, ipv6Only: isIpv6Text(serving.address) },
      () => {
        listener.off("error", reject).on("error", (error) => console.error("metadata:", error));
        resolve();
      },
    );
  });
}

/**
 * Connections that are closed after the answer to one request too many; further requests on them are ignored.
 */
const refused = new WeakSet<Duplex>();

function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { askerAt, mayAsk, secret, identity }: MetadataServing,
): void {
  const { socket, method = "GET", url = "/", headers } = request;
  if (refused.has(socket)) return;
  request.resume();
  const from = socket.remoteAddress ?? "";
  if (!mayAsk(from, Date.now())) {
    response.writeHead(503, { connection: "close", "content-length": 0 }).end();
    refused.add(socket);
    return;
  }
  const answered = answerMetadata({ method, path: url, headers }, askerAt(from), {
    now: new Date(),
    secret,
    identity: identity?.(),
  });
  response.writeHead(answered.status, {
    ...answered.headers,
    "content-length": Buffer.byteLength(answered.body),
  });
  response.end(method === "HEAD" ? undefined : answered.body);
}
