import { formatIpv6, parseIpv4, parseIpv6 } from "../lib/address.ts";
import type { Protocol } from "../protocol/explain.ts";
import { BadQuestion } from "../protocol/question.ts";

/** An address in its usual form, or undefined when the text is none; IPv6 may stand in brackets. */
export function addressIn(text: string): string | undefined {
  if (parseIpv4(text) !== undefined) return text;
  const number = parseIpv6(/^\[(.*)\]$/.exec(text)?.[1] ?? text);
  return number === undefined ? undefined : formatIpv6(number);
}

/** @throws BadQuestion */
export function protocolOf(text: string | undefined): Protocol | undefined {
  if (text === undefined || text === "tcp" || text === "udp" || text === "icmp") return text;
  throw new BadQuestion("--protocol is tcp, udp or icmp.");
}
