import { type Language, type Paint, say } from "./language.ts";
import { LIVE, PLACES, REASONS } from "./trace-words.ts";

/** A packet as the control plane tells it. */
export type TraceLine = {
  readonly kind: "packet";
  /** ISO 8601 with microseconds, UTC. */
  readonly time: string;
  readonly from: Place;
  readonly to?: Place;
  readonly protocol: string;
  readonly source?: string;
  readonly destination?: string;
  readonly sourceAfter?: string;
  readonly destinationAfter?: string;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  readonly icmp?: { readonly type: number; readonly code: number };
  readonly flags?: string;
  readonly length: number;
  readonly verdict: "passed" | "dropped";
  readonly reason?: string;
  readonly answered?: true;
  /** Base64. */
  readonly frame?: string;
  readonly frameLength?: number;
};

export type Place =
  | { readonly kind: "interface"; readonly id: string; readonly instance?: string }
  | { readonly kind: "internet" }
  | { readonly kind: "services" };

/** One packet on one line. */
export function lineText(line: TraceLine, language: Language, paint: Paint): string {
  const way = `${placeText(line.from, language)} → ${line.to ? placeText(line.to, language) : "·"}`;
  const verdict = line.verdict === "passed" ? paint.good(say(language, LIVE.passed)) : paint.bad(say(language, LIVE.dropped));
  const why = line.reason === undefined ? [] : [`${paint.strong(line.reason)}: ${whyText(line, language)}`];
  return [paint.faint(clockText(line.time)), way, ...flowTexts(line, language), verdict, ...why, `${line.length} B`].join("  ");
}

/** Why it was dropped, without colours; of what passed, nothing. */
export function whyText({ reason, answered }: TraceLine, language: Language): string {
  if (reason === undefined) return "";
  const words = REASONS[reason];
  const sentence = words ? say(language, words) : reason;
  return answered ? `${sentence} (${say(language, LIVE.answered)})` : sentence;
}

export function placeText(place: Place, language: Language): string {
  return place.kind === "interface" ? (place.instance ?? place.id) : say(language, PLACES[place.kind]);
}

/** What it is, and where translation changed it, what it became. */
export function flowTexts(line: TraceLine, language: Language): readonly string[] {
  const { source, destination, sourceAfter, destinationAfter, flags } = line;
  if (source === undefined || destination === undefined) return [protocolText(line)];
  const ends = (from: string, to: string): string => `${endText(from, line.sourcePort)} → ${endText(to, line.destinationPort)}`;
  const before = [protocolText(line), ends(source, destination), ...(flags === undefined ? [] : [`[${flags}]`])].join(" ");
  if (sourceAfter === undefined && destinationAfter === undefined) return [before];
  return [before, `${say(language, LIVE.after)} ${ends(sourceAfter ?? source, destinationAfter ?? destination)}`];
}

const ICMPV6_NAMES: Readonly<Record<number, string>> = {
  1: "unreachable",
  2: "too big",
  3: "time exceeded",
  128: "echo request",
  129: "echo reply",
};
const ICMP_NAMES: Readonly<Record<number, string>> = { 0: "echo reply", 3: "unreachable", 8: "echo request", 11: "time exceeded" };
const ETHERTYPES: Readonly<Record<string, string>> = { "0x0806": "ARP", "0x86dd": "IPv6", "0x0800": "IPv4", "0x8100": "VLAN" };

function protocolText({ protocol, icmp }: TraceLine): string {
  const name = protocol === "icmpv6" ? "ICMPv6" : "ICMP";
  const names = protocol === "icmpv6" ? ICMPV6_NAMES : ICMP_NAMES;
  if (icmp) return `${name} ${names[icmp.type] ?? `type ${icmp.type}`}${icmp.code === 0 ? "" : ` code ${icmp.code}`}`;
  if (/^\d+$/.test(protocol)) return `IP ${protocol}`;
  return ETHERTYPES[protocol] ?? (protocol.startsWith("0x") ? protocol : protocol.toUpperCase());
}

function endText(address: string, port: number | undefined): string {
  return port === undefined ? address : `${address.includes(":") ? `[${address}]` : address}:${port}`;
}

/** The time of day here, with microseconds. */
function clockText(time: string): string {
  const when = new Date(time);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}${/\.\d+/.exec(time)?.[0] ?? ""}`;
}
