import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { isIpv6Text } from "../lib/address.ts";
import { askersInTurn, type connectionLimit, type TakeTurn } from "./fairness.ts";
import { Gate } from "./gate.ts";

const ECHO_PORT = 7;
export type EchoProtocol = "udp" | "tcp";
/** A little longer than NAT gateways remember a connection that is idle (350 s). */
const IDLE_MILLISECONDS = 400_000;
const PIECE = 8_192;

/** The echo over UDP (RFC 862). */
export function serveEchoUdp(address: string): Promise<void> {
  const socket = createSocket(isIpv6Text(address) ? "udp6" : "udp4");
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

type EchoServing = {
  readonly address: string;
  readonly limit: ReturnType<typeof connectionLimit>;
  readonly turn?: TakeTurn;
  readonly port?: number;
  readonly idleMilliseconds?: number;
};

/** The same over TCP. A client that disappears silently leaves nothing behind for long. */
export function serveEchoTcp(serving: EchoServing): Promise<void> {
  const {
    address,
    limit,
    turn = askersInTurn(),
    port = ECHO_PORT,
    idleMilliseconds = IDLE_MILLISECONDS,
  } = serving;
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    socket.setTimeout(idleMilliseconds, () => socket.destroy());
    const gate = new Gate(socket, { turn, piece: PIECE });
    gate.pipe(gate);
  });
  limit(server);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ port, host: address, ipv6Only: isIpv6Text(address) }, () => {
      server.off("error", reject).on("error", (error) => console.error("TCP echo:", error));
      resolve();
    });
  });
}
