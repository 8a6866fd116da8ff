import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { isIpv6Text } from "../lib/address.ts";
import { roomForConnections } from "./descriptors.ts";
import {
  type AskerOf,
  askersInTurn,
  connectionLimit,
  rateLimit,
  type TakeTurn,
  untilNextSecond,
} from "./fairness.ts";

/** Answers one query from an address; undefined for a query that gets no answer. */
type AnswerQuery = (query: Uint8Array, from: string) => Uint8Array | undefined;

type DnsServing = {
  readonly addresses: readonly string[];
  readonly answer: AnswerQuery;
  readonly port?: number;
  readonly askerOf?: AskerOf;
  readonly turn?: TakeTurn;
  readonly queriesPerSecond?: number;
  /** A connection that is silent for so long is closed. */
  readonly idleMilliseconds?: number;
};

const IDLE_MILLISECONDS = 10_000;
const MAX_CONNECTIONS = 1_000;
const CONNECTIONS_OF_ONE = 32;
/**
 * The limit for one interface (VPC user guide, "DNS quotas": 1024 packets per second per network interface),
 * for UDP and TCP together.
 */
const QUERIES_PER_SECOND = 1_024;
/** The longest query: a name and options need no more. */
const MAX_QUERY_BYTES = 2_048;
/** How many queries of one asker are answered before others have their turn. */
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
  const limited = rateLimit(serving.queriesPerSecond ?? QUERIES_PER_SECOND, askerOf);
  const limit = connectionLimit({
    most: roomForConnections(MAX_CONNECTIONS, 0.2),
    ofOne: () => CONNECTIONS_OF_ONE,
    askerOf,
  });
  const known: AnswerQuery = (query, from) =>
    query.length <= MAX_QUERY_BYTES ? guarded(answer, query, from) : undefined;
  const mayAsk = (from: string): boolean => limited(from, Date.now());
  await Promise.all(
    addresses.flatMap((address) => [
      serveUdp({ address, answer: known, mayAsk, port, turn }),
      serveTcp({ address, answer: known, mayAsk, port, limit, turn, idleMilliseconds }),
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

type UdpServing = {
  readonly address: string;
  readonly answer: AnswerQuery;
  /** Whether the asker may send one more query in this second. */
  readonly mayAsk: (from: string) => boolean;
  readonly port: number;
  readonly turn: TakeTurn;
};

function serveUdp({ address, answer, mayAsk, port, turn }: UdpServing): Promise<void> {
  const socket = createSocket(isIpv6Text(address) ? "udp6" : "udp4");
  socket.on("message", (query, { address: from, port: fromPort }) => {
    if (fromPort === 0 || !mayAsk(from)) return;
    turn(from, () => {
      const response = answer(query, from);
      // An answer that can't be sent is like one lost on the way: the asker asks again.
      if (response) socket.send(response, fromPort, from, () => undefined);
    });
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind(port, address, () => {
      socket.off("error", reject).on("error", (error) => console.error("DNS over UDP:", error));
      resolve();
    });
  });
}

type TcpServing = UdpServing & {
  readonly limit: ReturnType<typeof connectionLimit>;
  readonly idleMilliseconds: number;
};

function serveTcp(serving: TcpServing): Promise<void> {
  const { address, port, limit, idleMilliseconds } = serving;
  const server = createServer((socket) => {
    socket.setTimeout(idleMilliseconds, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    // Anything that is not a query, or is too long, ends the connection.
    void answerQueries(socket, serving)
      .catch(() => undefined)
      .finally(() => socket.destroy());
  });
  limit(server);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: address, ipv6Only: isIpv6Text(address) }, () => {
      server.off("error", reject).on("error", (error) => console.error("DNS over TCP:", error));
      resolve();
    });
  });
}

/**
 * Answers one query after another, each with its length in front; reads no more than the asker has taken
 * answers for. An asker above its rate waits for the next second: if the connection were closed instead, the
 * asker would open the next one at once.
 */
async function answerQueries(socket: Socket, { answer, mayAsk, turn }: TcpServing): Promise<void> {
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
      while (!mayAsk(from)) await delay(untilNextSecond(Date.now()));
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
