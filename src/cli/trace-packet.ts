import { type Language, type Paint, say } from "./language.ts";
import { type Place, placeText } from "./trace-line.ts";
import { CLOSER_REASONS, PASSES, PLACES, REASONS, STAGE_NAMES, WALK } from "./trace-words.ts";

/** One packet's way as the control plane tells it. */
export type PacketTrace = {
  readonly packet: {
    readonly from: Place;
    readonly protocol: string;
    readonly source: string;
    readonly destination: string;
    readonly sourcePort?: number;
    readonly destinationPort?: number;
  };
  readonly hops: readonly Hop[];
  readonly verdict: "passed" | "dropped";
  readonly reason?: string;
  readonly answerDropped?: string;
  readonly answerFrom?: string;
  readonly noSuchHost?: true;
  readonly to?: Place;
  readonly sourceAfter: string;
  readonly destinationAfter: string;
};

type Hop = {
  readonly stage: string;
  readonly at: Place;
  readonly verdict: "pass" | "drop";
  readonly what: string;
  readonly params: Readonly<Record<string, string>>;
  readonly code?: string;
  readonly entries: readonly { readonly table: string; readonly key: string; readonly value: string }[];
};

/** The packet, each stage with the rows that decided, and the verdict. */
export function walkLines(trace: PacketTrace, language: Language, paint: Paint): readonly string[] {
  const { packet, hops, sourceAfter, destinationAfter } = trace;
  const flow = (source: string, destination: string): string =>
    `${packet.protocol.toUpperCase()} ${endText(source, packet.sourcePort)} → ${endText(destination, packet.destinationPort)}`;
  const from = placeText(packet.from, language);
  const sent = say(language, WALK.sent, { from, packet: flow(packet.source, packet.destination) });
  const target = trace.to ? placeText(trace.to, language) : "";
  const last = hops.at(-1);
  const why = `${trace.reason}: ${reasonText(last?.what ?? "", language, last?.params)}`;
  const verdict =
    trace.verdict === "passed"
      ? paint.good(`✓ ${say(language, WALK.passed, { target, packet: flow(sourceAfter, destinationAfter) })}`)
      : paint.bad(`✗ ${say(language, WALK.dropped, { why })}`);
  const { answerDropped, answerFrom, noSuchHost } = trace;
  const answer = [
    ...(answerDropped === undefined
      ? []
      : [say(language, WALK.answerDropped, { why: `${answerDropped}: ${reasonText(answerDropped, language)}` })]),
    ...(answerFrom === undefined ? [] : [say(language, WALK.answerFrom, { source: answerFrom })]),
    ...(noSuchHost ? [say(language, WALK.noSuchHost, { destination: destinationAfter })] : []),
  ].map((line) => paint.bad(`! ${line}`));
  return [paint.strong(sent), ...hops.flatMap((hop) => hopLines(hop, language, paint)), verdict, ...answer];
}

function hopLines(hop: Hop, language: Language, paint: Paint): readonly string[] {
  const passed = hop.verdict === "pass";
  const words = PASSES[hop.what];
  const sentence = passed ? (words ? say(language, words, valuesOf(hop, language)) : hop.what) : reasonText(hop.what, language, hop.params);
  const name = STAGE_NAMES[hop.stage];
  const head = `${passed ? paint.good("✓") : paint.bad("✗")} ${name ? say(language, name) : hop.stage}: ${sentence}`;
  const code = hop.code === undefined ? "" : `  ${paint.faint(hop.code)}`;
  return [`  ${head}${code}`, ...hop.entries.map(({ table, key, value }) => paint.faint(`      ${table} ${key}: ${value}`))];
}

/** The server names places by their kind; here they have words. */
function valuesOf({ params }: Hop, language: Language): Hop["params"] {
  const { target } = params;
  return target === "internet" || target === "services" ? { ...params, target: say(language, PLACES[target]) } : params;
}

/** The closest words whose names are all known. */
export function reasonText(what: string, language: Language, params: Hop["params"] = {}): string {
  const words = [CLOSER_REASONS[what], REASONS[what]].find((one) => one && namesIn(one.en).every((name) => name in params));
  return words ? say(language, words, params) : what;
}

function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
}

function endText(address: string, port: number | undefined): string {
  return port === undefined ? address : `${address.includes(":") ? `[${address}]` : address}:${port}`;
}
