/**
 * The simulated internet's hosts, 198.51.100.1 and 2001:db8:ffff::1: HTTP on port 80, the simulated
 * internet's names on port 53, and in threads of their own the echo on port 7 over UDP and TCP (RFC 862).
 * ICMP echo is answered by the kernel. A process of its own.
 */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createListener } from "node:net";
import { isIpv6Text } from "../lib/address.ts";
import { serveApart } from "./apart.ts";
import { serveDns } from "./dns-server.ts";
import { answerDns } from "./dns.ts";
import type { EchoProtocol } from "./echo.ts";
import { askersInTurn, rateLimit, untilNextSecond } from "./fairness.ts";
import { Gate } from "./gate.ts";
import { INTERNET_IPV4, INTERNET_IPV6 } from "./installation.ts";
import { internetLimit } from "./internet-limit.ts";
import { sayReady } from "./ready.ts";

const IDLE_MILLISECONDS = 60_000;
/** How many bytes are read at a time: one or two requests. */
const PIECE = 64;
/** Maximum requests of one client in a second. */
const REQUESTS_PER_SECOND = 1_000;
const ECHO: readonly EchoProtocol[] = ["udp", "tcp"];
const NOBODY = { bySlot: () => undefined, byPublicIp: () => undefined, ptrRecordOf: () => undefined };

const limit = internetLimit();
const turn = askersInTurn();
const mayAsk = rateLimit(REQUESTS_PER_SECOND);

async function main(): Promise<void> {
  await Promise.all([
    ...ECHO.map((protocol) => serveApart(new URL("./echo-main.js", import.meta.url), protocol)),
    serveHttp(INTERNET_IPV4),
    serveHttp(INTERNET_IPV6),
    serveDns({
      addresses: [INTERNET_IPV4],
      answer: (query) => answerDns(query, { kind: "internet" }, NOBODY),
      turn,
    }),
  ]);
  sayReady();
}

function serveHttp(address: string): Promise<void> {
  const server = createServer(
    { requestTimeout: IDLE_MILLISECONDS, headersTimeout: IDLE_MILLISECONDS, maxHeaderSize: 16_384 },
    answer,
  );
  // Ends connections of clients that do not take their answer.
  server.timeout = IDLE_MILLISECONDS;
  server.on("clientError", (_error, socket) => socket.destroy());
  const listener = createListener({ allowHalfOpen: true }, (socket) =>
    server.emit("connection", new Gate(socket, { turn, piece: PIECE })),
  );
  limit(listener);
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen({ port: 80, host: address, ipv6Only: isIpv6Text(address) }, () => {
      listener.off("error", reject).on("error", (error) => console.error("HTTP:", error));
      resolve();
    });
  });
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  const { socket } = request;
  const now = Date.now();
  if (!mayAsk(socket.remoteAddress ?? "", now) && socket instanceof Gate) socket.rest(untilNextSecond(now));
  response.setHeader("content-type", "text/plain; charset=utf-8");
  switch ((request.url ?? "/").split("?")[0]) {
    case "/ip":
      response.end(`${request.socket.remoteAddress ?? ""}\n`);
      return;
    case "/headers":
      response.end(`${request.method} ${request.url} HTTP/${request.httpVersion}\n${headerLines(request)}`);
      return;
    case "/":
      response.end("The simulated internet. /ip answers the address that it sees, /headers the request.\n");
      return;
    default:
      response.statusCode = 404;
      response.end("Not here. Try /ip\n");
  }
}

function headerLines(request: IncomingMessage): string {
  const { rawHeaders } = request;
  return rawHeaders.flatMap((text, i) => (i % 2 === 0 ? [`${text}: ${rawHeaders[i + 1]}\n`] : [])).join("");
}

await main();
