/**
 * The simulated internet's hosts, 198.51.100.1 and 2001:db8:ffff::1: echo on port 7 over UDP and TCP (RFC 862), HTTP on
 * port 80, the simulated internet's names on port 53. ICMP echo is answered by the kernel. A process of its own.
 */
import { createSocket } from "node:dgram";
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer } from "node:net";
import { answerDns } from "./dns.ts";
import { serveDns } from "./dns-server.ts";
import { INTERNET_IPV4, INTERNET_IPV6 } from "./installation.ts";
import { sayReady } from "./ready.ts";

const ECHO_PORT = 7;
const IDLE_MILLISECONDS = 60_000;
const NOBODY = { bySlot: () => undefined, byPublicIp: () => undefined, ptrRecordOf: () => undefined };

async function main(): Promise<void> {
  await Promise.all([
    serveEchoUdp(INTERNET_IPV4),
    serveEchoUdp(INTERNET_IPV6),
    serveEchoTcp(INTERNET_IPV4),
    serveEchoTcp(INTERNET_IPV6),
    serveHttp(INTERNET_IPV4),
    serveHttp(INTERNET_IPV6),
    serveDns(INTERNET_IPV4, (query) => answerDns(query, { kind: "internet" }, NOBODY)),
  ]);
  sayReady();
}

function serveEchoUdp(address: string): Promise<void> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  socket.on("error", (error) => console.error("UDP echo:", error));
  socket.on("message", (message, { address: from, port }) => {
    // Two echo services would keep each other busy for ever.
    if (port !== ECHO_PORT && port !== 0) socket.send(message, port, from, () => undefined);
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(ECHO_PORT, address, () => {
      socket.off("error", reject);
      resolve();
    });
  });
}

function serveEchoTcp(address: string): Promise<void> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => socket.destroy());
    socket.pipe(socket);
  });
  return listen(server, ECHO_PORT, address);
}

function serveHttp(address: string): Promise<void> {
  const server = createHttpServer({ requestTimeout: IDLE_MILLISECONDS, maxHeaderSize: 16_384 }, answer);
  server.on("clientError", (_error, socket) => socket.destroy());
  return listen(server, 80, address);
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
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

function listen(server: ReturnType<typeof createServer>, port: number, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: address, ipv6Only: address.includes(":") }, () => {
      server.off("error", reject).on("error", (error) => console.error(`port ${port}:`, error));
      resolve();
    });
  });
}

await main();
