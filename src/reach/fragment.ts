import type { FirstFragment } from "./fragment-memory.ts";
import type { Flow, Packet } from "./packet.ts";
import type { Passage } from "./passage.ts";

/** Fragments of one packet share these (RFC 791, section 3.2), and the link that they come in on. */
function fragmentKey({ from = 0, source, destination, protocol, fragment }: Packet): string {
  return `${from} ${source} ${destination} ${protocol} ${fragment?.id}`;
}

/** Remembers a first fragment's ports; gives those of its first one to a later fragment, which stays headless without. */
export function fragmentPorts(passage: Passage): void {
  const { packet, flow } = passage;
  if (!packet.fragment) return;
  const key = fragmentKey(packet);
  if (packet.fragment.first) {
    passage.firstFragments.set(key, portsOf(flow));
    return;
  }
  const first = passage.fragments.get(key);
  if (!first) return;
  const { headless: _, ...rest } = flow;
  passage.flow = { ...rest, ...first };
}

function portsOf({ sourcePort, destinationPort, icmp }: Flow): FirstFragment {
  return {
    ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(icmp ? { icmp } : {}),
  };
}
