import { type Flow, ICMP, ICMPV6, isIcmp, isIpv6Flow } from "./packet.ts";

/* NAT64: how a NAT gateway translates IPv6 for 64:ff9b::/96, and the answers (RFC 6146; RFC 7915, sections 4 and 5). */

type Said = { readonly type: number; readonly code: number };

/**
 * An ICMPv6 message as ICMP (RFC 7915, section 5.2). Undefined when it has no counterpart, or points into a
 * header.
 */
function icmpOf({ type, code }: Said): Said | undefined {
  switch (type) {
    case 128:
      return { type: 8, code };
    case 129:
      return { type: 0, code };
    case 1: {
      const said = [1, 10, 1, 1, 3][code];
      return said === undefined ? undefined : { type: 3, code: said };
    }
    case 2:
      return { type: 3, code: 4 };
    case 3:
      return { type: 11, code };
    default:
      return type === 4 && code === 1 ? { type: 3, code: 2 } : undefined;
  }
}

/**
 * Counterparts of ICMP's "destination unreachable", code by code: host and network, the protocol, the port,
 * too big, prohibited.
 */
const UNREACHABLE: readonly (Said | undefined)[] = [
  { type: 1, code: 0 },
  { type: 1, code: 0 },
  { type: 4, code: 1 },
  { type: 1, code: 4 },
  { type: 2, code: 0 },
  { type: 1, code: 0 },
  { type: 1, code: 0 },
  { type: 1, code: 0 },
  { type: 1, code: 0 },
  { type: 1, code: 1 },
  { type: 1, code: 1 },
  { type: 1, code: 0 },
  { type: 1, code: 0 },
  { type: 1, code: 1 },
  undefined,
  { type: 1, code: 1 },
];

/** An ICMP message as ICMPv6 (RFC 7915, section 4.2). */
function icmpv6Of({ type, code }: Said): Said | undefined {
  switch (type) {
    case 8:
      return { type: 128, code };
    case 0:
      return { type: 129, code };
    case 3:
      return UNREACHABLE[code];
    default:
      return type === 11 ? { type: 3, code } : undefined;
  }
}

type Ends = Pick<Flow, "source" | "destination">;

/** The flow in the other family, between these ends; undefined when it has no counterpart there. */
export function inOtherFamily(flow: Flow, ends: Ends): Flow | undefined {
  if (!isIcmp(flow)) return { ...flow, ...ends };
  const ipv6 = isIpv6Flow(flow);
  const said = flow.icmp && (ipv6 ? icmpOf(flow.icmp) : icmpv6Of(flow.icmp));
  if (flow.icmp && !said) return undefined;
  return { ...flow, ...ends, protocol: ipv6 ? ICMP : ICMPV6, ...(said ? { icmp: said } : {}) };
}
