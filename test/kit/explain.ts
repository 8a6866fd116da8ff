/** Asks a region in memory what `genkan explain` answers, and runs the commands that it gives. */

import type { Context } from "../../src/actions/kit/action.ts";
import { explainQuestion } from "../../src/answers/explain.ts";
import { memoryTables, type MemoryTables } from "../../src/contract/memory-tables.ts";
import type { Reader } from "../../src/model/state.ts";
import type { Transaction } from "../../src/model/world.ts";
import { fullPlan } from "../../src/plan/compile.ts";
import type { PlanSettings } from "../../src/plan/settings.ts";
import type { ExchangeText, ExplainedHop, Explanation } from "../../src/protocol/explain.ts";
import { idsIn } from "../../src/reach/ids.ts";
import { newShell, type Taker } from "./paste.ts";

export type Asking = Taker & {
  readonly reader: () => Reader;
  readonly begin: () => Transaction;
  readonly context: Context;
  /** Other regions of the account, by name. */
  readonly others?: () => ReadonlyMap<string, Reader>;
  readonly settings: PlanSettings;
};

export type Question = Readonly<Partial<Record<"to" | "port" | "protocol" | "direction", string>>>;

function tablesOf(readers: readonly Reader[], settings: PlanSettings): MemoryTables {
  return memoryTables(fullPlan(readers, settings));
}

export function asked(asking: Asking, subject: string, question: Question): Explanation {
  const { begin, context, settings } = asking;
  const regions = [[context.region, asking.reader()] as const, ...(asking.others?.() ?? [])];
  const places = regions.map(([region, reader]) => ({ realm: { account: context.account, region }, reader }));
  const readers = places.map(({ reader }) => reader);
  const tables = tablesOf(readers, settings);
  const ids = idsIn(readers);
  return explainQuestion({
    places,
    draft: () => ({ begin, context }),
    tables,
    ids,
    pools: settings.pools,
    subject,
    question,
  });
}

/** The commands of all exchanges, in order. */
export function commandsIn({ exchanges }: Pick<Explanation, "exchanges">): readonly string[] {
  return exchanges.flatMap(({ hops }) => hops.flatMap(({ commands = [] }) => commands));
}

/** What stands in an exchange's way, in order. */
export function wrong({ hops }: Pick<ExchangeText, "hops">): readonly string[] {
  return hops.filter(({ ok }) => !ok).map(({ what }) => what);
}

export function hopOf({ hops }: Pick<ExchangeText, "hops">, what: string): ExplainedHop | undefined {
  return hops.find((hop) => hop.what === what);
}

/** Asks, runs what is told, and asks again as long as it says that more shows only then; the last answer. */
export function mended(asking: Asking, subject: string, question: Question): Explanation {
  let answer = asked(asking, subject, question);
  for (let round = 0; round < 4; round++) {
    const run = newShell(asking);
    for (const line of commandsIn(answer)) run(line);
    const more = answer.exchanges.some(({ again }) => again === true);
    answer = asked(asking, subject, question);
    if (!more) break;
  }
  return answer;
}
