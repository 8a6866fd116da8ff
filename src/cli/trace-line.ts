import type { TraceLine } from "../protocol/trace.ts";
import { type Language, say } from "../words/language.ts";
import { flowTexts, packetEndText, whyText } from "../words/trace-text.ts";
import { LIVE } from "../words/trace.ts";
import type { Paint } from "./paint.ts";

/** One packet on one line. */
export function lineText(line: TraceLine, language: Language, paint: Paint): string {
  const way = `${packetEndText(line.from, language)} → ${line.to ? packetEndText(line.to, language) : "·"}`;
  const verdict =
    line.verdict === "passed"
      ? paint.good(say(language, LIVE.passed))
      : paint.bad(say(language, LIVE.dropped));
  const why = line.reason === undefined ? [] : [`${paint.strong(line.reason)}: ${whyText(line, language)}`];
  return [
    paint.faint(clockText(line.time)),
    way,
    ...flowTexts(line, language),
    verdict,
    ...why,
    `${line.length} B`,
  ].join("  ");
}

/** The time of day here, with microseconds. */
function clockText(time: string): string {
  const when = new Date(time);
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(when.getHours())}:${two(when.getMinutes())}:${two(when.getSeconds())}${/\.\d+/.exec(time)?.[0] ?? ""}`;
}
