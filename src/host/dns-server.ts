import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { roomForConnections } from "./descriptors.ts";
import { type AskerOf, askersInTurn, connectionLimit, rateLimit, type TakeTurn } from "./fairness.ts";

/** What answers one query from an address; undefined for what gets no answer. */
type AnswerQuery = (query: Uint8Array, from: string) => Uint8Array | undefined;

type DnsServing = {
  readonly addresses: readonly string[];
  readonly answer: AnswerQuery;
  readonly port?: number;
  readonly askerOf?: AskerOf;
  readonly turn?: TakeTurn;
  readonly queriesPerSecond?: number;
  /** After so long without a word a connection is closed. */
  readonly idleMilliseconds?: number;
};

const IDLE_MILLISECONDS = 10_000;
const MAX_CONNECTIONS = 1_000;
const CONNECTIONS_OF_ONE = 32;
/** From one interface in a second (VPC user guide, "DNS quotas": 1024 packets per second per network interface), over UDP and TCP together. */
const QUERIES_PER_SECOND = 1_024;
/** Of a query: a name and options need no more. */
const MAX_QUERY_BYTES = 2_048;
/** So many queries of one asker are answered before others have their turn. */
const QUERIES_IN_A_TURN = 2;

/** Serves DNS over UDP and TCP (RFC 1035 section 4.2) on a port of each address; settles when all listen. */
export async function serveDns(serving: DnsServing): Promise<void> {
  const {
    addresses,
    answer,
    port = 53,
    idleMilliseconds = IDLE_MILLISECONDS,
    askerOf = (address) => address,
    turn = askersInTurn(askerOf),
  } = serving;
  const mayAsk = rateLimit(serving.queriesPerSecond ?? QUERIES_PER_SECOND, askerOf);
  const limit = connectionLimit({ most: roomForConnections(MAX_CONNECTIONS, 0.2), ofOne: () => CONNECTIONS_OF_ONE, askerOf });
  const limited: AnswerQuery = (query, from) =>
    query.length <= MAX_QUERY_BYTES && mayAsk(from, Date.now()) ? guarded(answer, query, from) : undefined;
  await Promise.all(
    addresses.flatMap((address) => [
      serveUdp(address, limited, port),
      serveTcp({ address, answer: limited, port, limit, turn, idleMilliseconds }),
    ]),
  );
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
  socket.on("message", (query, { address: from, port: fromPort }) => {
    if (fromPort === 0) return;
    const response = answer(query, from);
    // An answer that cannot be sent is as good as lost on the way: the asker asks again.
    if (response) socket.send(response, fromPort, from, () => undefined);
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.off("error", reject).on("error", (error) => console.error("DNS over UDP:", error));
      resolve();
    });
  });
}

type TcpServing = {
  readonly address: string;
  readonly answer: AnswerQuery;
  readonly port: number;
  readonly limit: ReturnType<typeof connectionLimit>;
  readonly turn: TakeTurn;
  readonly idleMilliseconds: number;
};

function serveTcp({ address, answer, port, limit, turn, idleMilliseconds }: TcpServing): Promise<void> {
  const server = createServer((socket) => {
    socket.setTimeout(idleMilliseconds, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    // What is no query, too long, or one too many in this second ends the connection.
    void answerQueries(socket, answer, turn)
      .catch(() => undefined)
      .finally(() => socket.destroy());
  });
  limit(server);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: address, ipv6Only: address.includes(":") }, () => {
      server.off("error", reject).on("error", (error) => console.error("DNS over TCP:", error));
      resolve();
    });
  });
}

/** One query after another, each behind its length; no more is read than the asker has taken answers for. */
async function answerQueries(socket: Socket, answer: AnswerQuery, turn: TakeTurn): Promise<void> {
  const from = socket.remoteAddress ?? "";
  let buffered = Buffer.alloc(0);
  let answered = 0;
  for await (const data of socket as AsyncIterable<Buffer>) {
    buffered = Buffer.concat([buffered, data]);
    await new Promise<void>((resolve) => turn(from, resolve));
    while (buffered.length >= 2) {
      const end = 2 + buffered.readUInt16BE(0);
      if (end - 2 > MAX_QUERY_BYTES) return;
      if (buffered.length < end) break;
      const response = answer(buffered.subarray(2, end), from);
      buffered = buffered.subarray(end);
      if (!response) return;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(response.length);
      if (!socket.write(Buffer.concat([length, response]))) await once(socket, "drain");
      if (++answered % QUERIES_IN_A_TURN === 0) await new Promise<void>((resolve) => turn(from, resolve));
    }
  }
}
