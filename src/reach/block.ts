import { type Cidr, cidrContains, cidrOf } from "../lib/cidr.ts";
import { type Cidr6, cidr6Contains, cidr6Of, parseIpv6 } from "../lib/cidr6.ts";
import { parseIpv4 } from "../lib/ip.ts";

/** Ranges of addresses with a meaning of their own. */
const RANGES = {
  /** "This network" (RFC 1122), the unspecified address and loopback: on no wire. */
  nowhere: ["0.0.0.0/8", "127.0.0.0/8", "::/127"],
  multicast: ["224.0.0.0/4", "ff00::/8"],
  linkLocal: ["169.254.0.0/16", "fe80::/10"],
  /** RFC 1918, link-local (RFC 3927), and 240.0.0.0/4 with the broadcast address (RFC 1112); unique local addresses (RFC 4193), link-local and site-local ones: nothing on the internet has these. */
  private: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "240.0.0.0/4", "fc00::/7", "fe80::/10", "fec0::/10"],
  /** RFC 6598. */
  shared: ["100.64.0.0/10"],
} as const;
export type RangeName = keyof typeof RANGES;

const parsed = <Block>(isIpv6Block: boolean, parse: (text: string) => Block): Readonly<Record<RangeName, readonly Block[]>> =>
  Object.fromEntries(
    Object.entries(RANGES).map(([name, blocks]) => [name, blocks.filter((block) => block.includes(":") === isIpv6Block).map(parse)]),
  ) as unknown as Readonly<Record<RangeName, readonly Block[]>>;
const PARSED = parsed<Cidr>(false, cidrOf);
const PARSED_IPV6 = parsed<Cidr6>(true, cidr6Of);

/** Whether an address lies in one of the ranges. */
export function isIn(address: string, ...names: readonly RangeName[]): boolean {
  if (address.includes(":")) {
    const number = parseIpv6(address);
    return number !== undefined && names.some((name) => PARSED_IPV6[name].some((block) => cidr6Contains(block, number)));
  }
  const ip = parseIpv4(address);
  return ip !== undefined && names.some((name) => PARSED[name].some((block) => cidrContains(block, ip)));
}
