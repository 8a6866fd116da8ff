import { type Cidr, cidrContains, cidrOf } from "../lib/cidr.ts";
import { parseIpv4 } from "../lib/ip.ts";

/** Source and destination ranges that only parse and the gateway know. */
const RANGES = {
  /** "This network" (RFC 1122) and loopback: on no wire. */
  nowhere: ["0.0.0.0/8", "127.0.0.0/8"],
  multicast: ["224.0.0.0/4"],
  linkLocal: ["169.254.0.0/16"],
  /** RFC 1918, link-local (RFC 3927), and 240.0.0.0/4 with the broadcast address (RFC 1112): nothing on the internet has these. */
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "240.0.0.0/4"],
  /** RFC 6598. */
  shared: ["100.64.0.0/10"],
} as const;
export type RangeName = keyof typeof RANGES;

const PARSED = Object.fromEntries(Object.entries(RANGES).map(([name, blocks]) => [name, blocks.map(cidrOf)])) as unknown as Readonly<
  Record<RangeName, readonly Cidr[]>
>;

/** Whether an IPv4 address lies in one of the ranges. */
export function isIn(address: string, ...names: readonly RangeName[]): boolean {
  const ip = parseIpv4(address);
  return ip !== undefined && names.some((name) => PARSED[name].some((block) => cidrContains(block, ip)));
}
