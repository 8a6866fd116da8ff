import { wholeNumber } from "../agent/trace-filter.ts";
import type { TableReader } from "../contract/tables.ts";
import { isIpv6Text } from "../lib/address.ts";
import { primaryPrivateIp, type NetworkInterface } from "../model/network-interface.ts";
import type { Protocol } from "../protocol/explain.ts";
import { BadQuestion } from "../protocol/question.ts";
import type { PacketTrace, PacketEnd } from "../protocol/trace.ts";
import { walkExchange } from "../reach/exchange.ts";
import { hopOf } from "../reach/hop.ts";
import type { Ids } from "../reach/ids.ts";
import { ICMP, ICMPV6, type Packet, TCP, UDP } from "../reach/packet.ts";
import { addressIn, protocolOf } from "./question-text.ts";

const PROTOCOLS = { tcp: TCP, udp: UDP, icmp: ICMP } as const;

export type PacketQuestion = {
  readonly tables: TableReader;
  readonly ids: Ids;
  /** Who sends it; absent: a host of the internet. */
  readonly sender: readonly NetworkInterface[] | undefined;
  /** `to`, `from` (ADDRESS[:PORT]) and `protocol`. */
  readonly question: Readonly<Record<string, string>>;
};

const INTERNET_HOST = "198.51.100.1";
const INTERNET_IPV6_HOST = "2001:db8:ffff::1";
const DEFAULT_PORT = 80;
/** A client's source port: any port of Linux's ephemeral range would do. */
const DEFAULT_SOURCE_PORT = 40_000;

/** The interface's own, of the destination's family. */
function addressOf(eni: NetworkInterface, isIpv6: boolean): string {
  const address = isIpv6 ? eni.ipv6Addresses?.[0] : primaryPrivateIp(eni);
  if (address === undefined)
    throw new BadQuestion(`Its network interface has no ${isIpv6 ? "IPv6" : "IPv4"} address.`);
  return address;
}

function holds(eni: NetworkInterface, address: string): boolean {
  return eni.privateIpAddresses.includes(address) || (eni.ipv6Addresses ?? []).includes(address);
}

/**
 * Walks one packet, the first of its exchange, through the tables. @throws BadQuestion for what is no packet.
 */
export function tracePacket({ tables, ids, sender, question }: PacketQuestion): PacketTrace {
  const protocol = protocolOf(question["protocol"]) ?? "tcp";
  const to = endOf("--to", question["to"] ?? "");
  const from = question["from"] === undefined ? undefined : endOf("--from", question["from"]);
  const isIpv6 = isIpv6Text(to.address);
  if (from && isIpv6Text(from.address) !== isIpv6)
    throw new BadQuestion("--from and --to are of one family.");
  const eni = sender?.find((one) => holds(one, from?.address ?? "")) ?? sender?.[0];
  if (sender && !eni) throw new BadQuestion("It has no network interface.");
  const packet: Packet = {
    source: from?.address ?? (eni ? addressOf(eni, isIpv6) : isIpv6 ? INTERNET_IPV6_HOST : INTERNET_HOST),
    destination: to.address,
    protocol: protocol === "icmp" && isIpv6 ? ICMPV6 : PROTOCOLS[protocol],
    ...(protocol === "icmp"
      ? { icmp: { type: isIpv6 ? 128 : 8, code: 0 }, sourcePort: 1, destinationPort: 1 }
      : { sourcePort: from?.port ?? DEFAULT_SOURCE_PORT, destinationPort: to.port ?? DEFAULT_PORT }),
    ...(protocol === "tcp" ? { tcp: { syn: true } } : {}),
    ...(eni ? { from: eni.slot } : {}),
  };
  return told(packet, protocol, tables, ids);
}

function told(packet: Packet, protocol: Protocol, tables: TableReader, ids: Ids): PacketTrace {
  const { request, end } = walkExchange(tables, packet);
  const { steps, verdict, packet: after } = request;
  const packetEndOf = (slot: number): PacketEnd =>
    slot === 0 ? { kind: "internet" } : ids.packetEndOf(slot);
  const { source, destination, sourcePort, destinationPort } = packet;
  const to: PacketEnd | undefined =
    verdict.kind === "deliver"
      ? packetEndOf(verdict.interface)
      : verdict.kind === "drop"
        ? undefined
        : { kind: verdict.kind === "internet" ? "internet" : "services" };
  return {
    packet: {
      from: packetEndOf(packet.from ?? 0),
      protocol,
      source,
      destination,
      ...(protocol === "icmp" || sourcePort === undefined || destinationPort === undefined
        ? {}
        : { sourcePort, destinationPort }),
    },
    hops: steps.map((step) => hopOf(step, { ids, packetEndOf, leg: "request" })),
    verdict: verdict.kind === "drop" ? "dropped" : "passed",
    ...(verdict.kind === "drop" ? { reason: verdict.reason } : {}),
    ...(end.kind === "dropped" && end.leg === "answer" ? { answerDropped: end.step.what } : {}),
    ...(end.kind === "misdirected" ? { answerFrom: end.source } : {}),
    ...(end.kind === "no_such_host" ? { noSuchHost: true as const } : {}),
    ...(to ? { to } : {}),
    sourceAfter: after.source,
    destinationAfter: after.destination,
  };
}

function endOf(
  option: string,
  text: string,
): { readonly address: string; readonly port: number | undefined } {
  const bare = addressIn(text);
  if (bare !== undefined) return { address: bare, port: undefined };
  const [, host = "", port = ""] = /^(.*):([^:\]]*)$/.exec(text) ?? [];
  const address = isIpv6Text(host) && !host.startsWith("[") ? undefined : addressIn(host);
  if (address === undefined)
    throw new BadQuestion(`${option} is ADDRESS or ADDRESS:PORT, of IPv6 [ADDRESS]:PORT, not ${text}.`);
  return { address, port: wholeNumber(`${option} ADDRESS:PORT: the port`, port, 65_535) };
}
