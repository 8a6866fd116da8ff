/**
 * The simulated internet's echo over UDP or TCP, each in a thread of internet-main.ts. workerData says which
 * one.
 */

import { workerData } from "node:worker_threads";
import { sayApart } from "./apart.ts";
import { type EchoProtocol, serveEchoTcp, serveEchoUdp } from "./echo.ts";
import { INTERNET_IPV4, INTERNET_IPV6 } from "./installation.ts";
import { internetLimit } from "./internet-limit.ts";

const limit = internetLimit();
const serve: Record<EchoProtocol, (address: string) => Promise<void>> = {
  udp: serveEchoUdp,
  tcp: (address) => serveEchoTcp({ address, limit }),
};
await Promise.all([INTERNET_IPV4, INTERNET_IPV6].map(serve[workerData as EchoProtocol]));
sayApart();
