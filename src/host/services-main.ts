/**
 * The metadata service (169.254.169.254 and fd00:ec2::254, port 80) and the VPCs' resolver (169.254.169.253 and fd00:ec2::253,
 * port 53) of all instances of
 * this machine. A process of its own, which reads the state as it changes. Its argument is GENKAN_HOME.
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { slotOfAlias } from "./alias.ts";
import { type Asker, directoryOf } from "./directory.ts";
import { answerDns } from "./dns.ts";
import { type AnswerQuery, serveDns } from "./dns-server.ts";
import { limitConnections } from "./fairness.ts";
import { METADATA_IPV4, METADATA_IPV6, RESOLVER_IPV4, RESOLVER_IPV6 } from "./installation.ts";
import { hasIpv6 } from "./ipv6.ts";
import { answerMetadata } from "./metadata-service.ts";
import { sayReady } from "./ready.ts";
import { openState } from "./state.ts";

const REQUEST_MILLISECONDS = 10_000;
const MAX_CONNECTIONS = 4_000;
const CONNECTIONS_OF_ONE = 64;
/** Session tokens don't outlive the process: clients ask for a new one on 401. */
const SECRET = randomBytes(48);

async function main(home: string): Promise<void> {
  const directory = directoryOf(openState(home));
  const askerAt = (address: string): Asker | undefined => {
    const slot = slotOfAlias(address);
    return slot === undefined ? undefined : directory.bySlot(slot);
  };
  const answer: AnswerQuery = (query, from) => {
    const asker = askerAt(from);
    return answerDns(query, asker && { kind: "vpc", asker }, directory);
  };
  const [metadata, resolvers] = hasIpv6()
    ? [
        [METADATA_IPV4, METADATA_IPV6],
        [RESOLVER_IPV4, RESOLVER_IPV6],
      ]
    : [[METADATA_IPV4], [RESOLVER_IPV4]];
  await Promise.all([
    ...(metadata ?? []).map((address) => serveMetadata(address, askerAt)),
    ...(resolvers ?? []).map((address) => serveDns(address, answer)),
  ]);
  sayReady();
}

function serveMetadata(address: string, askerAt: (address: string) => Asker | undefined): Promise<void> {
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    request.resume();
    const { method = "GET", url = "/", headers } = request;
    const {
      status,
      headers: sent,
      body,
    } = answerMetadata({ method, path: url, headers }, askerAt(request.socket.remoteAddress ?? ""), {
      now: new Date(),
      secret: SECRET,
    });
    response.writeHead(status, { ...sent, "content-length": Buffer.byteLength(body) });
    response.end(method === "HEAD" ? undefined : body);
  };
  const server = createServer(
    {
      requestTimeout: REQUEST_MILLISECONDS,
      headersTimeout: REQUEST_MILLISECONDS,
      connectionsCheckingInterval: 1_000,
      maxHeaderSize: 16_384,
    },
    (request, response) => {
      try {
        answer(request, response);
      } catch (error) {
        // One instance's question must not end the service for all.
        console.error(`${request.url} could not be answered:`, error);
        response.writeHead(500).end();
      }
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  limitConnections(server, CONNECTIONS_OF_ONE);
  server.on("clientError", (_error, socket) => socket.destroy());
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(80, address, () => {
      server.off("error", reject).on("error", (error) => console.error("metadata:", error));
      resolve();
    });
  });
}

const [home] = process.argv.slice(2);
if (home === undefined) throw new Error("GENKAN_HOME is missing");
await main(home);
