/** Where the parts of a frame stand. Offsets count from the frame's beginning. */
export type Shape = {
  readonly transport: number;
  /** Of the IP packet; what follows it in the frame is padding. */
  readonly end: number;
  readonly protocol: number;
  /** It has no transport header: that stands in the first fragment. */
  readonly later: boolean;
  readonly dontFragment: boolean;
  /** Whole: neither flag nor offset of a fragment. */
  readonly whole: boolean;
  /** The IP header that an ICMP error carries, and the transport behind it when that much is there. */
  readonly quoted: { readonly at: number; readonly transport: number | undefined; readonly protocol: number } | undefined;
};
