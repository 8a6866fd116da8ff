import type { FirstFragment } from "./fragment-memory.ts";
import { type Dropped, drop } from "./outcome.ts";
import { type Flow, isIpv6Flow, type Packet, TCP } from "./packet.ts";
import type { Passage } from "./passage.ts";

/**
 * The fields that all fragments of one packet share (RFC 791, section 3.2), and the link that they come in
 * on. For IPv6 the protocol is left out: each fragment may name another next header, and only the first one's
 * counts (RFC 8200, section 4.5).
 */
function fragmentKey(packet: Packet): string {
  const { from = 0, source, destination, protocol, fragment } = packet;
  return `${from} ${source} ${destination} ${isIpv6Flow(packet) ? "" : protocol} ${fragment?.id}`;
}

/** The length of a TCP header up to and with its flags (RFC 9293, section 3.1). */
const TCP_FLAGS_END = 14;

/**
 * Remembers a first fragment's ports, and gives them to its later fragments; a later fragment without a known
 * first one stays headless. Drops a fragment that would overwrite TCP's flags (RFC 3128), even if it names
 * another protocol in IPv6.
 */
export function fragmentPorts(passage: Passage): Dropped | undefined {
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
    return drop("malformed", { part: "tcp_flags" });
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
