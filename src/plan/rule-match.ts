import { present } from "../lib/assert.ts";
import { parseCidr } from "../lib/cidr.ts";
import { formatIpv4 } from "../lib/ip.ts";
import { ANY, type Rule } from "./rule-list.ts";

const TCP = 6;
const UDP = 17;
const ICMP = 1;
const ICMPV6 = 58;

/** A block as a rule's peer: IPv4 counts behind the 96 bits that mark a mapped address. */
export function blockOf(text: string): Pick<Rule, "peer" | "peer_length"> {
  if (text.includes(":")) {
    const [address = "::", length = "128"] = text.split("/");
    return { peer: address, peer_length: Number(length) };
  }
  const cidr = present(parseCidr(text), `the block ${text}`);
  return { peer: formatIpv4(cidr.base), peer_length: 96 + cidr.length };
}

/** Ports of TCP and UDP; type and code of ICMP with -1 for any; everything for other protocols. */
export function portsOf(protocol: number, from: number, to: number): Pick<Rule, "port_from" | "port_to"> {
  if (protocol === TCP || protocol === UDP) {
    return from < 0 ? { port_from: 0, port_to: ANY } : { port_from: from, port_to: to };
  }
  if (protocol === ICMP || protocol === ICMPV6) return { port_from: from < 0 ? ANY : from, port_to: to < 0 ? ANY : to };
  return { port_from: 0, port_to: ANY };
}
