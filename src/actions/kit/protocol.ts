import { Fault } from "../../model/fault.ts";

const NUMBER_OF = new Map([
  ["-1", -1],
  ["tcp", 6],
  ["udp", 17],
  ["icmp", 1],
  ["icmpv6", 58],
]);

const NAME_OF = new Map([...NUMBER_OF].map(([name, number]) => [number, name]));

/** The IANA number of a protocol given by name or number; -1 for all. @throws InvalidParameterValue. */
export function protocolNumber(text: string): number {
  const named = NUMBER_OF.get(text.toLowerCase());
  if (named !== undefined) return named;
  if (/^\d{1,3}$/.test(text) && Number(text) <= 255) return Number(text);
  throw new Fault("InvalidParameterValue", `Invalid value '${text}' for IP protocol. Unknown protocol.`);
}

/** What security groups call a protocol: tcp, udp, icmp, icmpv6, -1 for all, else the number. */
export function protocolName(number: number): string {
  return NAME_OF.get(number) ?? String(number);
}
