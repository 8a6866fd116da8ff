import type { FirstFragment } from "./fragment-memory.ts";
import { type Flow, isIpv6Flow, type Packet, TCP } from "./packet.ts";
import { drop, type Outcome, type Passage } from "./passage.ts";

/**
 * Fragments of one packet share these (RFC 791, section 3.2), and the link that they come in on. Of IPv6 the protocol is not among
 * them: each may name as it likes what follows, and the first one's word counts (RFC 8200, section 4.5).
 */
function fragmentKey(packet: Packet): string {
  const { from = 0, source, destination, protocol, fragment } = packet;
  return `${from} ${source} ${destination} ${isIpv6Flow(packet) ? "" : protocol} ${fragment?.id}`;
}

/** Bytes of a TCP header up to its flags, and with them (RFC 9293, section 3.1). */
const TCP_FLAGS_END = 14;

/**
 * Remembers a first fragment's ports; gives those of its first one to a later fragment, which stays headless without. What comes
 * back is a piece's drop that would overwrite TCP's flags (RFC 3128), though in IPv6 it may call itself something else.
 */
export function fragmentPorts(passage: Passage): Outcome | undefined {
  const { packet, flow } = passage;
  if (!packet.fragment) return undefined;
  const key = fragmentKey(packet);
  if (packet.fragment.first) {
    passage.firstFragments.set(key, { ...portsOf(flow), transport: packet.fragment.transport ?? 0 });
    return undefined;
  }
  const first = passage.fragments.get(key);
  if (!first) return undefined;
  const { transport = 0, ...ports } = first;
  if (first.protocol === TCP && (packet.fragment.offset ?? 0) < transport + TCP_FLAGS_END)
    return drop("malformed", "a piece over TCP's flags");
  const { headless: _, ...rest } = flow;
  passage.flow = { ...rest, ...ports };
  return undefined;
}

function portsOf(flow: Flow): FirstFragment {
  const { sourcePort, destinationPort, icmp } = flow;
  return {
    ...(isIpv6Flow(flow) ? { protocol: flow.protocol } : {}),
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(icmp ? { icmp } : {}),
  };
}
