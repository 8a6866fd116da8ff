import type { Hop, PacketTrace } from "../protocol/trace.ts";
import { type Language, say } from "../words/language.ts";
import { endText, hopText, packetEndText, reasonText, stageText } from "../words/trace-text.ts";
import { WALK } from "../words/trace.ts";
import type { Paint } from "./paint.ts";

/** The packet, each stage with the rows that decided, and the verdict. */
export function walkLines(trace: PacketTrace, language: Language, paint: Paint): readonly string[] {
  const { packet, hops, sourceAfter, destinationAfter } = trace;
  const flow = (source: string, destination: string): string =>
    `${packet.protocol.toUpperCase()} ${endText(source, packet.sourcePort)} → ${endText(destination, packet.destinationPort)}`;
  const from = packetEndText(packet.from, language);
  const sent = say(language, WALK.sent, { from, packet: flow(packet.source, packet.destination) });
  const target = trace.to ? packetEndText(trace.to, language) : "";
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
      : [
          say(language, WALK.answerDropped, {
            why: `${answerDropped}: ${reasonText(answerDropped, language)}`,
          }),
        ]),
    ...(answerFrom === undefined ? [] : [say(language, WALK.answerFrom, { source: answerFrom })]),
    ...(noSuchHost ? [say(language, WALK.noSuchHost, { destination: destinationAfter })] : []),
  ].map((line) => paint.bad(`! ${line}`));
  return [paint.strong(sent), ...hops.flatMap((hop) => hopLines(hop, language, paint)), verdict, ...answer];
}

function hopLines(hop: Hop, language: Language, paint: Paint): readonly string[] {
  const mark = hop.verdict === "pass" ? paint.good("✓") : paint.bad("✗");
  const code = hop.code === undefined ? "" : `  ${paint.faint(hop.code)}`;
  return [
    `  ${mark} ${stageText(hop.stage, language)}: ${hopText(hop, language)}${code}`,
    ...hop.entries.map(({ table, key, value }) => paint.faint(`      ${table} ${key}: ${value}`)),
  ];
}
