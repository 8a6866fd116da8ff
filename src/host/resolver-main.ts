/** The VPCs' resolver, in a thread of services-main.ts. Its workerData is GENKAN_HOME. */

import { workerData } from "node:worker_threads";
import { askerOf, slotOfAlias } from "./alias.ts";
import { sayApart } from "./apart.ts";
import { directoryOf } from "./directory.ts";
import { serveDns } from "./dns-server.ts";
import { answerDns } from "./dns.ts";
import { RESOLVER_IPV4, RESOLVER_IPV6 } from "./installation.ts";
import { hasIpv6 } from "./ipv6.ts";
import { openState } from "./state.ts";

const directory = directoryOf(openState(workerData as string));
await serveDns({
  addresses: [RESOLVER_IPV4, ...(hasIpv6() ? [RESOLVER_IPV6] : [])],
  answer: (query, from) => {
    const slot = slotOfAlias(from);
    const asker = slot === undefined ? undefined : directory.bySlot(slot);
    return answerDns(query, asker && { kind: "vpc", asker }, directory);
  },
  askerOf,
});
sayApart();
