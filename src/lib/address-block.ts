import { cidrContains, parseCidr } from "./cidr.ts";
import { cidr6Contains, parseCidr6, parseIpv6 } from "./cidr6.ts";
import { parseIpv4 } from "./ip.ts";

/** Addresses of one family, as a question about an address in text. */
export type AddressBlock = (address: string) => boolean;

/** What an address or a block in text holds, IPv4 or IPv6; undefined when the text is neither. */
export function addressBlock(text: string): AddressBlock | undefined {
  const ipv4 = parseCidr(text.includes("/") ? text : `${text}/32`);
  if (ipv4) {
    return (address) => {
      const number = parseIpv4(address);
      return number !== undefined && cidrContains(ipv4, number);
    };
  }
  const ipv6 = parseCidr6(text.includes("/") ? text : `${text}/128`);
  return ipv6 && ((address) => cidr6Contains(ipv6, parseIpv6(address) ?? -1n));
}
