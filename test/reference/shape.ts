/** Where the parts of a frame stand. Offsets count from the frame's beginning. */
export type Shape = {
  readonly transport: number;
  /** The end of the IP packet; the rest of the frame is padding. */
  readonly end: number;
  readonly protocol: number;
  /** It is a later fragment: only the first one has the transport header. */
  readonly later: boolean;
  readonly dontFragment: boolean;
  /** Whole: neither flag nor offset of a fragment. */
  readonly whole: boolean;
  /** The IP header that an ICMP error carries, and the transport behind it when that much is there. */
  readonly quoted:
    | { readonly at: number; readonly transport: number | undefined; readonly protocol: number }
    | undefined;
};
