import { isIpv6Text } from "../lib/address.ts";
import type { Hop, PacketEnd, TraceLine } from "../protocol/trace.ts";
import { type Language, say, type Words } from "./language.ts";
import { CLOSER_REASONS, LIVE, PASSES, PACKET_ENDS, REASONS, STAGE_NAMES } from "./trace.ts";

type Params = Readonly<Record<string, string>>;

/** The words for a name; undefined for one that another version of the server has, and this one does not. */
function wordsFor(table: Readonly<Record<string, Words>>, name: string): Words | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}

/** Why a packet was dropped: the closest words whose values are all known. */
export function reasonText(what: string, language: Language, params: Params = {}): string {
  const words = [wordsFor(CLOSER_REASONS, what), wordsFor(REASONS, what)].find(
    (one) => one && namesIn(one.en).every((name) => name in params),
  );
  return words ? say(language, words, params) : what;
}

function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
}

/** Why a stage let a packet on. */
export function passText(what: string, language: Language, params: Params): string {
  const words = wordsFor(PASSES, what);
  return words ? say(language, words, placed(params, language)) : what;
}

/** The server names places outside of every VPC by their kind; here they have words. */
export function placed(params: Params, language: Language): Params {
  const { target } = params;
  return target === "internet" || target === "services"
    ? { ...params, target: say(language, PACKET_ENDS[target]) }
    : params;
}

/** What a stage is called. */
export function stageText(stage: string, language: Language): string {
  const words = wordsFor(STAGE_NAMES, stage);
  return words ? say(language, words) : stage;
}

/** A stage's say. */
export function hopText({ verdict, what, params }: Hop, language: Language): string {
  return verdict === "pass" ? passText(what, language, params) : reasonText(what, language, params);
}

export function packetEndText(place: PacketEnd, language: Language): string {
  return place.kind === "interface" ? (place.instance ?? place.id) : say(language, PACKET_ENDS[place.kind]);
}

/** Why it was dropped, without colours; of what passed, nothing. */
export function whyText({ reason, answered }: TraceLine, language: Language): string {
  if (reason === undefined) return "";
  const sentence = reasonText(reason, language);
  return answered ? `${sentence} (${say(language, LIVE.answered)})` : sentence;
}

/** What it is, and where translation changed it, what it became. */
export function flowTexts(line: TraceLine, language: Language): readonly string[] {
  const { source, destination, sourceAfter, destinationAfter, flags } = line;
  if (source === undefined || destination === undefined) return [protocolText(line)];
  const ends = (from: string, to: string): string =>
    `${endText(from, line.sourcePort)} → ${endText(to, line.destinationPort)}`;
  const before = [
    protocolText(line),
    ends(source, destination),
    ...(flags === undefined ? [] : [`[${flags}]`]),
  ].join(" ");
  if (sourceAfter === undefined && destinationAfter === undefined) return [before];
  return [
    before,
    `${say(language, LIVE.after)} ${ends(sourceAfter ?? source, destinationAfter ?? destination)}`,
  ];
}

const ICMPV6_NAMES: Readonly<Record<number, string>> = {
  1: "unreachable",
  2: "too big",
  3: "time exceeded",
  128: "echo request",
  129: "echo reply",
};
const ICMP_NAMES: Readonly<Record<number, string>> = {
  0: "echo reply",
  3: "unreachable",
  8: "echo request",
  11: "time exceeded",
};
const ETHERTYPES: Readonly<Record<string, string>> = {
  "0x0806": "ARP",
  "0x86dd": "IPv6",
  "0x0800": "IPv4",
  "0x8100": "VLAN",
};

function protocolText({ protocol, icmp }: TraceLine): string {
  const name = protocol === "icmpv6" ? "ICMPv6" : "ICMP";
  const names = protocol === "icmpv6" ? ICMPV6_NAMES : ICMP_NAMES;
  if (icmp)
    return `${name} ${names[icmp.type] ?? `type ${icmp.type}`}${icmp.code === 0 ? "" : ` code ${icmp.code}`}`;
  if (/^\d+$/.test(protocol)) return `IP ${protocol}`;
  return ETHERTYPES[protocol] ?? (protocol.startsWith("0x") ? protocol : protocol.toUpperCase());
}

/** An address and its port, where it has one. */
export function endText(address: string, port: number | undefined): string {
  return port === undefined ? address : `${isIpv6Text(address) ? `[${address}]` : address}:${port}`;
}
