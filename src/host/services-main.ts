/**
 * The metadata service (169.254.169.254 and fd00:ec2::254, port 80) of all instances of this machine, and in
 * threads of their own the VPCs' resolver (169.254.169.253 and fd00:ec2::253, port 53) and the time
 * (169.254.169.123 and fd00:ec2::123, NTP). A process of its own, which reads the state as it changes. Its
 * argument is GENKAN_HOME.
 */

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { askerOf, slotOfAlias } from "./alias.ts";
import { serveApart } from "./apart.ts";
import { roomForConnections } from "./descriptors.ts";
import { type Asker, directoryOf } from "./directory.ts";
import { askersInTurn, connectionLimit, rateLimit } from "./fairness.ts";
import { type Identity, openIdentity } from "./identity.ts";
import { METADATA_IPV4, METADATA_IPV6 } from "./installation.ts";
import { hasIpv6 } from "./ipv6.ts";
import { serveMetadata } from "./metadata-server.ts";
import { sayReady } from "./ready.ts";
import { openState } from "./state.ts";

const MAX_CONNECTIONS = 4_000;
const CONNECTIONS_OF_ONE = 32;
/**
 * Maximum metadata requests of one interface in a second, far above what boots and agents ask. Beyond it
 * the answer is 503, as AWS throttles (EC2 user guide, "Query throttling").
 */
const REQUESTS_PER_SECOND = 200;
/**
 * Maximum bytes of one interface's requests in a second: enough for as many requests as it may send, each
 * with a token and a long user agent. A connection that sends more is closed.
 */
const BYTES_PER_SECOND = 128 << 10;
/** Session tokens don't outlive the process: clients ask for a new one on 401. */
const SECRET = randomBytes(48);

async function main(home: string): Promise<void> {
  let identity: Identity | undefined;
  // At the first start this takes a moment; the service does not wait for it.
  void openIdentity(join(home, "identity")).then(
    (made) => (identity = made),
    (cause: unknown) => console.error("instance identity documents are not signed:", cause),
  );
  const directory = directoryOf(openState(home));
  const askerAt = (address: string): Asker | undefined => {
    const slot = slotOfAlias(address);
    return slot === undefined ? undefined : directory.bySlot(slot);
  };
  const metadata = {
    askerAt,
    secret: SECRET,
    identity: () => identity,
    mayAsk: rateLimit(REQUESTS_PER_SECOND, askerOf),
    mayRead: rateLimit(BYTES_PER_SECOND, askerOf),
    turn: askersInTurn(askerOf),
    limit: connectionLimit({
      most: roomForConnections(MAX_CONNECTIONS, 0.5),
      ofOne: () => CONNECTIONS_OF_ONE,
      askerOf,
    }),
  };
  await Promise.all([
    ...[METADATA_IPV4, ...(hasIpv6() ? [METADATA_IPV6] : [])].map((address) =>
      serveMetadata({ ...metadata, address }),
    ),
    serveApart(new URL("./resolver-main.js", import.meta.url), home),
    serveApart(new URL("./time-main.js", import.meta.url), home),
  ]);
  sayReady();
}

const [home] = process.argv.slice(2);
if (home === undefined) throw new Error("GENKAN_HOME is missing");
await main(home);
