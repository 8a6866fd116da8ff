import { ENDPOINTS } from "../protocol/endpoints.ts";
import type { ExchangeText, ExplainedHop, Explanation } from "../protocol/explain.ts";
import { findingText, trafficText } from "../words/explain-text.ts";
import { EXPLAIN } from "../words/explain.ts";
import { type Language, say } from "../words/language.ts";
import { stageText } from "../words/trace-text.ts";
import { type Arguments, pick } from "./arguments.ts";
import { ask, type Control } from "./control.ts";
import type { Paint } from "./paint.ts";

type Request = {
  readonly id: string;
  readonly control: Control;
  readonly options: Arguments["options"];
  readonly language: Language;
  readonly paint: Paint;
  readonly print: (line: string) => void;
};

/**
 * Prints why two ends can, or can't, exchange packets. Exit status 0 when they can in all that was asked
 * about, 1 otherwise.
 */
export async function explained({ id, control, options, language, paint, print }: Request): Promise<number> {
  const explanation = await ask(control, "explain", {
    id,
    question: pick(options, ENDPOINTS.explain.question),
  });
  if (options["json"]) print(JSON.stringify(explanation, null, 2));
  else for (const line of explanationLines(explanation, language, paint)) print(line);
  return explanation.ok ? 0 : 1;
}

export function explanationLines(
  { subject, to, local, exchanges }: Explanation,
  language: Language,
  paint: Paint,
): readonly string[] {
  if (local) return [`– ${say(language, EXPLAIN.local, { subject, to })}`];
  const families = new Set(exchanges.map(({ family }) => family));
  return exchanges.flatMap((exchange, index) => [
    ...(index > 0 ? [""] : []),
    ...exchangeLines(exchange, { language, paint, sayFamily: families.size > 1 }),
  ]);
}

type Telling = { readonly language: Language; readonly paint: Paint; readonly sayFamily: boolean };

function exchangeLines(exchange: ExchangeText, telling: Telling): readonly string[] {
  const { language, paint, sayFamily } = telling;
  const { client, server, verdict, depends, again, hops } = exchange;
  const traffic = `${trafficText(exchange)}${sayFamily ? ` (${exchange.family === "ipv4" ? "IPv4" : "IPv6"})` : ""}`;
  const values = {
    client,
    server,
    traffic,
    depends: depends ?? "",
    instance: /^(i|eni)-/.test(client) ? client : server,
  };
  const shown = hops.filter(isShown);
  const lines = (leg: ExplainedHop["leg"]): readonly string[] =>
    shown.filter((hop) => hop.leg === leg).flatMap((hop) => hopLines(hop, values, telling));
  const answer = lines("answer");
  return [
    paint.strong(say(language, EXPLAIN.heading, values)),
    ...lines("request"),
    ...(answer.length > 0 ? [`  ${say(language, EXPLAIN.answer)}`, ...answer] : []),
    verdict === "blocked" ? paint.bad(`✗ ${say(language, EXPLAIN.blocked, values)}`) : "",
    verdict === "passes" ? paint.good(`✓ ${say(language, EXPLAIN.passes, values)}`) : "",
    again ? `… ${say(language, EXPLAIN.again)}` : "",
    depends === undefined ? "" : `? ${say(language, EXPLAIN.depends, values)}`,
  ].filter((line) => line !== "");
}

const HIDDEN: ReadonlySet<ExplainedHop["what"]> = new Set([
  "parse",
  "no_service",
  "same_subnet",
  "no_network_acl",
]);

/** Left out: what is always so, and of the answer what needs no rule of its own. */
function isShown({ leg, stage, ok, what }: ExplainedHop): boolean {
  if (!ok) return true;
  if (HIDDEN.has(what)) return false;
  return leg === "request" || stage === "network_acl_in" || stage === "network_acl_out";
}

function hopLines(
  hop: ExplainedHop,
  values: Readonly<Record<string, string>>,
  { language, paint }: Telling,
): readonly string[] {
  const { ok, id, code, commands, repeated, takes, asked } = hop;
  const head = `    ${ok ? paint.good("✓") : paint.bad("✗")} ${hop.stage === undefined ? "" : `${stageText(hop.stage, language)}: `}${findingText(hop, language)}`;
  const where = [id, ok ? undefined : code]
    .flatMap((text) => (text === undefined ? [] : [`  ${paint.faint(text)}`]))
    .join("");
  const note = takes === undefined ? "" : ` ${say(language, EXPLAIN.takes, { takes })}`;
  return [
    `${head}${where}`,
    ...(asked === undefined ? [] : [`        ${paint.faint(say(language, EXPLAIN.asked, values))}`]),
    ...(repeated ? [`        ${say(language, EXPLAIN.repeated)}`] : []),
    ...(commands
      ? [
          `        ${say(language, EXPLAIN.mend)}${note}`,
          ...commands.map((command) => `          ${command}`),
        ]
      : []),
  ];
}
