import type { ExchangeText, ExplainedHop } from "../protocol/explain.ts";
import { EXPLAIN, OBSTACLES } from "./explain.ts";
import { type Language, say } from "./language.ts";
import { passText, placed, reasonText } from "./trace-text.ts";

/** A stage's say, or what else stands in the way. */
export function findingText(hop: ExplainedHop, language: Language): string {
  const { ports } = hop.params;
  const said = sentence(hop, language);
  return ports === undefined ? said : `${said}${say(language, EXPLAIN.ports, { ports })}`;
}

function sentence({ ok, what, params }: ExplainedHop, language: Language): string {
  if (ok) return passText(what, language, params);
  const values = placed(params, language);
  if (what === "blackhole" && params["target"] !== undefined) return say(language, EXPLAIN.blackhole, values);
  return isObstacle(what) ? say(language, OBSTACLES[what], values) : reasonText(what, language, values);
}

function isObstacle(what: string): what is keyof typeof OBSTACLES {
  return Object.hasOwn(OBSTACLES, what);
}

/** For example `TCP 80`, `ICMP`. */
export function trafficText({ protocol, port }: ExchangeText): string {
  return port === undefined ? protocol.toUpperCase() : `${protocol.toUpperCase()} ${port}`;
}
