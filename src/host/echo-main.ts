/** The simulated internet's echo, in a thread of internet-main.ts. */
import { sayApart } from "./apart.ts";
import { serveEchoTcp, serveEchoUdp } from "./echo.ts";
import { INTERNET_IPV4, INTERNET_IPV6 } from "./installation.ts";
import { internetLimit } from "./internet-limit.ts";

const limit = internetLimit();
await Promise.all([INTERNET_IPV4, INTERNET_IPV6].flatMap((address) => [serveEchoUdp(address), serveEchoTcp({ address, limit })]));
sayApart();
