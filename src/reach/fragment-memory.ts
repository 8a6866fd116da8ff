import type { Flow } from "./packet.ts";

/** What the first fragment of a packet says of those that follow, which have no transport header of their own. */
export type FirstFragment = Pick<Flow, "sourcePort" | "destinationPort" | "icmp"> & {
  readonly protocol?: number;
  /** Where the transport begins in what was divided, in bytes. */
  readonly transport?: number;
};

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
