import type { Flow } from "./packet.ts";

/** What a packet's first fragment says of the later ones, which have no transport header of their own. */
export type FirstFragment = Pick<Flow, "sourcePort" | "destinationPort" | "icmp"> & {
  readonly protocol?: number;
  /** The offset of the transport header in the fragmented part, in bytes. */
  readonly transport?: number;
};

export type FirstFragments = { readonly get: (key: string) => FirstFragment | undefined };

export type FragmentMemory = FirstFragments & {
  readonly remember: (fragments: ReadonlyMap<string, FirstFragment>) => void;
};

/**
 * A memory that lasts from packet to packet. The kernel's is limited, and forgets the least recently used
 * ones.
 */
export function fragmentMemory(): FragmentMemory {
  const known = new Map<string, FirstFragment>();
  return {
    get: (key) => known.get(key),
    remember: (fragments) => {
      for (const [key, first] of fragments) known.set(key, first);
    },
  };
}
