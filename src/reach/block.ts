import { parseAddress } from "../lib/address.ts";
import { type Block, blockContains, blockOf } from "../lib/block.ts";

/** Ranges of addresses with a meaning of their own. */
const RANGES = {
  /** "This network" (RFC 1122), the unspecified address and loopback: never on a wire. */
  nowhere: ["0.0.0.0/8", "127.0.0.0/8", "::/127"],
  multicast: ["224.0.0.0/4", "ff00::/8"],
  linkLocal: ["169.254.0.0/16", "fe80::/10"],
  /**
   * RFC 1918, link-local (RFC 3927), and 240.0.0.0/4 with the broadcast address (RFC 1112); unique local (RFC
   * 4193), link-local and site-local IPv6 addresses. No host on the internet has these.
   */
  private: [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "240.0.0.0/4",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
  ],
  /** RFC 6598. */
  shared: ["100.64.0.0/10"],
} as const;
export type RangeName = keyof typeof RANGES;

const PARSED = Object.fromEntries(
  Object.entries(RANGES).map(([name, blocks]) => [name, blocks.map(blockOf)]),
) as unknown as Readonly<Record<RangeName, readonly Block[]>>;

/** Whether an address lies in one of the ranges. */
export function isIn(text: string, ...names: readonly RangeName[]): boolean {
  const address = parseAddress(text);
  return (
    address !== undefined && names.some((name) => PARSED[name].some((block) => blockContains(block, address)))
  );
}
