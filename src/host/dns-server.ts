import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { limitConnections, rateLimit } from "./fairness.ts";

/** What answers one query from an address; undefined for what gets no answer. */
export type AnswerQuery = (query: Uint8Array, from: string) => Uint8Array | undefined;

const IDLE_MILLISECONDS = 10_000;
const MAX_CONNECTIONS = 1_000;
const CONNECTIONS_OF_ONE = 32;
/** From one interface in a second (VPC user guide, "DNS quotas": 1024 packets per second per network interface). */
const QUERIES_PER_SECOND = 1_024;

/** Serves DNS over UDP and TCP (RFC 1035 section 4.2) on a port of the address; settles when both listen. */
export async function serveDns(address: string, answer: AnswerQuery, port = 53): Promise<void> {
  await Promise.all([serveUdp(address, answer, port), serveTcp(address, answer, port)]);
}

/** An error in answering one query must not end the service for all. */
function guarded(answer: AnswerQuery, query: Uint8Array, from: string): Uint8Array | undefined {
  try {
    return answer(query, from);
  } catch (error) {
    console.error(`a query from ${from} could not be answered:`, error);
    return undefined;
  }
}

function serveUdp(address: string, answer: AnswerQuery, port: number): Promise<void> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  const mayAsk = rateLimit(QUERIES_PER_SECOND);
  socket.on("message", (query, { address: from, port: fromPort }) => {
    if (!mayAsk(from, Date.now())) return;
    const response = guarded(answer, query, from);
    // An answer that cannot be sent is as good as lost on the way: the asker asks again.
    if (response && fromPort !== 0) socket.send(response, fromPort, from, () => undefined);
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.off("error", reject).on("error", (error) => console.error("DNS over UDP:", error));
      resolve();
    });
  });
}

function serveTcp(address: string, answer: AnswerQuery, port: number): Promise<void> {
  const server = createServer((socket) => {
    socket.setTimeout(IDLE_MILLISECONDS, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    void answerQueries(socket, answer).catch(() => socket.destroy());
  });
  limitConnections(server, CONNECTIONS_OF_ONE);
  server.maxConnections = MAX_CONNECTIONS;
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, address, () => {
      server.off("error", reject).on("error", (error) => console.error("DNS over TCP:", error));
      resolve();
    });
  });
}

/** One query after another, each behind its length; no more is read than the asker has taken answers for. */
async function answerQueries(socket: Socket, answer: AnswerQuery): Promise<void> {
  const from = socket.remoteAddress ?? "";
  let buffered = Buffer.alloc(0);
  for await (const data of socket as AsyncIterable<Buffer>) {
    buffered = Buffer.concat([buffered, data]);
    while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
      const end = 2 + buffered.readUInt16BE(0);
      const response = guarded(answer, buffered.subarray(2, end), from);
      buffered = buffered.subarray(end);
      if (!response) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(response.length);
      if (!socket.write(Buffer.concat([length, response]))) await once(socket, "drain");
    }
  }
}
