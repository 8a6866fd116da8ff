/** The time service, in a thread of services-main.ts. */

import { askerOf } from "./alias.ts";
import { sayApart } from "./apart.ts";
import { TIME_IPV4, TIME_IPV6 } from "./installation.ts";
import { hasIpv6 } from "./ipv6.ts";
import { serveTime } from "./time-service.ts";

await serveTime({ addresses: [TIME_IPV4, ...(hasIpv6() ? [TIME_IPV6] : [])], askerOf });
sayApart();
