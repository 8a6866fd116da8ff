import type { Arguments } from "./arguments.ts";
import { ask, type Control } from "./control.ts";
import { EXPLAIN, FINDINGS } from "./explain-words.ts";
import { type Language, type Paint, say } from "./language.ts";
import { reasonText } from "./trace-packet.ts";
import { PASSES, PLACES, STAGE_NAMES } from "./trace-words.ts";

/** A stage's say, as the control plane tells it; its words are here. */
type Hop = {
  readonly leg: "request" | "answer";
  readonly stage?: string;
  readonly ok: boolean;
  readonly what: string;
  readonly id?: string;
  readonly code?: string;
  readonly params: Readonly<Record<string, string>>;
  readonly commands?: readonly string[];
  readonly repeated?: true;
  readonly takes?: string;
  readonly asked?: "default";
};
type Exchange = {
  readonly family: "ipv4" | "ipv6";
  readonly protocol: string;
  readonly port?: number;
  readonly client: string;
  readonly server: string;
  readonly verdict: "passes" | "blocked" | "forwarded";
  readonly depends?: string;
  readonly again?: true;
  readonly hops: readonly Hop[];
};
type Explanation = {
  readonly subject: string;
  readonly to: string;
  readonly local?: true;
  readonly exchanges: readonly Exchange[];
  readonly ok: boolean;
};

type Request = {
  readonly id: string;
  readonly control: Control;
  readonly options: Arguments["options"];
  readonly language: Language;
  readonly paint: Paint;
  readonly print: (line: string) => void;
};

/** Prints why two ends can, or can't, exchange packets. Exit status 0 when they can in all that was asked about, 1 otherwise. */
export async function explained({ id, control, options, language, paint, print }: Request): Promise<number> {
  const query = new URLSearchParams();
  for (const name of ["to", "port", "protocol", "direction"]) if (typeof options[name] === "string") query.set(name, options[name]);
  const explanation = await ask<Explanation>(control, "GET", `explain/${encodeURIComponent(id)}?${query}`);
  if (options["json"]) print(JSON.stringify(explanation, null, 2));
  else for (const line of explanationLines(explanation, language, paint)) print(line);
  return explanation.ok ? 0 : 1;
}

export function explanationLines({ subject, to, local, exchanges }: Explanation, language: Language, paint: Paint): readonly string[] {
  if (local) return [`– ${say(language, EXPLAIN.local, { subject, to })}`];
  const families = new Set(exchanges.map(({ family }) => family));
  return exchanges.flatMap((exchange, index) => [
    ...(index > 0 ? [""] : []),
    ...exchangeLines(exchange, { language, paint, sayFamily: families.size > 1 }),
  ]);
}

type Telling = { readonly language: Language; readonly paint: Paint; readonly sayFamily: boolean };

function exchangeLines(exchange: Exchange, telling: Telling): readonly string[] {
  const { language, paint, sayFamily } = telling;
  const { client, server, verdict, depends, again, hops } = exchange;
  const traffic = `${trafficOf(exchange)}${sayFamily ? ` (${exchange.family === "ipv4" ? "IPv4" : "IPv6"})` : ""}`;
  const values = { client, server, traffic, depends: depends ?? "", instance: /^(i|eni)-/.test(client) ? client : server };
  const shown = hops.filter(isShown);
  const lines = (leg: Hop["leg"]): readonly string[] =>
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

/** Left out: what is always so, and of the answer what needs no rule of its own. */
function isShown({ leg, stage, ok, what }: Hop): boolean {
  if (!ok) return true;
  if (what === "parse" || what === "no_service" || what === "same_subnet") return false;
  return leg === "request" || stage === "network_acl_in" || stage === "network_acl_out";
}

function hopLines(hop: Hop, values: Readonly<Record<string, string>>, { language, paint }: Telling): readonly string[] {
  const { ok, id, code, commands, repeated, takes, asked } = hop;
  const name = hop.stage === undefined ? undefined : STAGE_NAMES[hop.stage];
  const head = `    ${ok ? paint.good("✓") : paint.bad("✗")} ${name ? `${say(language, name)}: ` : ""}${sentence(hop, language)}`;
  const where = [id, ok ? undefined : code].flatMap((text) => (text === undefined ? [] : [`  ${paint.faint(text)}`])).join("");
  const note = takes === undefined ? "" : ` ${say(language, EXPLAIN.takes, { takes })}`;
  return [
    `${head}${where}`,
    ...(asked === undefined ? [] : [`        ${paint.faint(say(language, EXPLAIN.asked, values))}`]),
    ...(repeated ? [`        ${say(language, EXPLAIN.repeated)}`] : []),
    ...(commands ? [`        ${say(language, EXPLAIN.mend)}${note}`, ...commands.map((command) => `          ${command}`)] : []),
  ];
}

function sentence({ ok, what, params }: Hop, language: Language): string {
  const { target, ports } = params;
  const place = target === "internet" || target === "services" ? say(language, PLACES[target]) : target;
  const values = { ...params, ...(place === undefined ? {} : { target: place }) };
  const blackhole = what === "blackhole" && target !== undefined ? FINDINGS["blackhole_target"] : undefined;
  const words = ok ? PASSES[what] : (blackhole ?? FINDINGS[what]);
  const said = words ? say(language, words, values) : reasonText(what, language, values);
  return ports === undefined ? said : `${said}${say(language, EXPLAIN.ports, { ports })}`;
}

/** For example `TCP 80`, `ICMP`. */
function trafficOf({ protocol, port }: Exchange): string {
  return port === undefined ? protocol.toUpperCase() : `${protocol.toUpperCase()} ${port}`;
}
