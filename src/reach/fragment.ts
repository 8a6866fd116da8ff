import type { Flow, Packet } from "./packet.ts";
import type { Passage } from "./passage.ts";

/** What the first fragment of a packet says of those that follow, which have no transport header of their own. */
export type FirstFragment = Pick<Flow, "sourcePort" | "destinationPort" | "icmp">;

export type FirstFragments = { readonly get: (key: string) => FirstFragment | undefined };

export type FragmentMemory = FirstFragments & { readonly remember: (fragments: ReadonlyMap<string, FirstFragment>) => void };

/** A memory that holds from packet to packet. The kernel's is limited, and forgets what it has not needed for longest. */
export function fragmentMemory(): FragmentMemory {
  const known = new Map<string, FirstFragment>();
  return {
    get: (key) => known.get(key),
    remember: (fragments) => {
      for (const [key, first] of fragments) known.set(key, first);
    },
  };
}

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
