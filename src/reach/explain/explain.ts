import { overlaidTables } from "../../contract/overlaid-tables.ts";
import type { DropReason } from "../../contract/stages.ts";
import { INTERFACE_FLAGS } from "../../contract/tables.ts";
import { assert } from "../../lib/assert.ts";
import type { Packet } from "../packet.ts";
import { type Call, isList, isNamed, type Value } from "./call.ts";
import { type LegStep, look, type Look, type Obstacle, obstacleKey } from "./obstacle.ts";
import type { ExchangeQuestion } from "./question.ts";
import { remediesFor } from "./remedies.ts";
import type { Remedy } from "./remedy.ts";
import type { Scratch } from "./scratch.ts";

/** One line of an explanation: a stage that lets the exchange pass, or an obstacle. */
export type Finding =
  | ({ readonly kind: "pass" } & LegStep)
  /**
   * `remedy` is absent when there is none, when an earlier line has it (`repeated`), or when it only becomes
   * known later.
   */
  | {
      readonly kind: "obstacle";
      readonly obstacle: Obstacle;
      readonly remedy?: Remedy;
      readonly repeated?: true;
    }
  /** The remedy for another obstacle removes this one, too. */
  | ({ readonly kind: "along"; readonly reason: DropReason } & LegStep);

export type ExchangeExplanation = {
  readonly question: ExchangeQuestion;
  /** Absent while an end lacks an address. */
  readonly packet: Packet | undefined;
  /** In the packet's order: the request's, then the answer's. */
  readonly findings: readonly Finding[];
  /**
   * `blocked`: there is an obstacle; `forwarded`: there is none up to an appliance, whose software decides.
   */
  readonly verdict: "passes" | "blocked" | "forwarded";
  /** The slot of an appliance on the way, after every remedy for what is before it. */
  readonly forwarder: number | undefined;
  /** Run in order, they let the exchange pass; empty when nothing would. */
  readonly remedies: readonly Remedy[];
  /** The remedies' results, such as a new address, must be known before the rest: run them and ask again. */
  readonly again: boolean;
};

/** More obstacles than one exchange could have. */
const ROUNDS = 40;

/**
 * All obstacles of the exchange, in the packet's order. Each one is removed in a scratch copy of the region,
 * by requests that the region would accept, and the packet takes the whole way again: the effect of the
 * commands is tried, not guessed. `earlier`: remedies already given.
 */
export function explainExchange(
  scratch: Scratch,
  question: ExchangeQuestion,
  earlier: readonly Remedy[],
): ExchangeExplanation {
  const findings: Finding[] = [];
  const seen = new Set<string>();
  const also = new Set<DropReason>();
  const said = [...earlier];
  const first = look(scratch, question);
  let full = scratch.after(earlier.flatMap(({ calls }) => calls)) ?? scratch;
  let [state, now, shown, again, stuck] = [scratch, first, 0, false, false];
  for (let round = 0; round < ROUNDS; round++) {
    for (const one of now.steps.slice(shown))
      if (one.step.kind === "pass") findings.push(...passed(one, also));
    shown = Math.max(shown, now.steps.length);
    const { obstacle } = now;
    if (!obstacle) break;
    seen.add(obstacleKey(obstacle));
    if (obstacle.kind === "drop") findings.push(...along(obstacle, also));
    const chosen = choose({ scratch: state, full, question, obstacle, seen, said });
    if (!chosen) {
      note(findings, { kind: "obstacle", obstacle });
      stuck = true;
      // The obstacles behind it are reported, too, though no remedy is given for them.
      const lifted = liftedScratch(state, obstacle);
      if (!lifted) break;
      [state, full, now] = [lifted, lifted, look(lifted, question)];
      continue;
    }
    const { remedy, repeated } = chosen;
    if (!repeated && remedy.calls.some((call) => dependsOnNew(call, full) || dependsOnNew(call, state)))
      again = true;
    const silent = repeated || again;
    note(findings, {
      kind: "obstacle",
      obstacle,
      ...(silent ? {} : { remedy }),
      ...(repeated ? { repeated } : {}),
    });
    if (remedy.also !== undefined) also.add(remedy.also);
    if (repeated) said.splice(0, said.length, ...said.filter((one) => one !== remedy));
    [state, full, now] = [chosen.state, chosen.full, chosen.look];
  }
  assert(stuck || !now.obstacle, "an explanation comes to its end");
  return {
    question,
    packet: first.packet,
    findings: stuck ? findings.map(withoutRemedy) : findings,
    verdict: first.obstacle ? "blocked" : first.forwarder === undefined ? "passes" : "forwarded",
    forwarder: now.forwarder,
    remedies: stuck
      ? []
      : findings.flatMap((one) => (one.kind === "obstacle" && one.remedy ? [one.remedy] : [])),
    again: again && !stuck,
  };
}

/** A copy in which something runs behind the interface; undefined when the obstacle is another one. */
function liftedScratch(scratch: Scratch, obstacle: Obstacle): Scratch | undefined {
  if (obstacle.kind !== "drop") return undefined;
  const { what, interface: slot } = obstacle.step;
  if (what !== "interface_down" && what !== "destination_down") return undefined;
  const lifted = (one: Scratch): Scratch => {
    const row = one.tables.lookup("interfaces", slot);
    const up = row && {
      table: "interfaces" as const,
      key: slot,
      value: { ...row, flags: row.flags | INTERFACE_FLAGS.up },
    };
    return {
      ...one,
      tables: overlaidTables(one.tables, { puts: up ? [up] : [], removals: [] }),
      after: (calls) => {
        const then = one.after(calls);
        return then && lifted(then);
      },
    };
  };
  return lifted(scratch);
}

type Choice = {
  /** The region with this exchange's remedies so far. */
  readonly scratch: Scratch;
  /** The region with all earlier remedies as well: the commands will run there. */
  readonly full: Scratch;
  readonly question: ExchangeQuestion;
  readonly obstacle: Obstacle;
  readonly seen: ReadonlySet<string>;
  readonly said: readonly Remedy[];
};
type Chosen = {
  readonly remedy: Remedy;
  readonly repeated?: true;
  readonly state: Scratch;
  readonly full: Scratch;
  readonly look: Look;
};

/**
 * The first remedy that the region accepts and that removes the obstacle without bringing back an earlier
 * one.
 */
function choose({ scratch, full, question, obstacle, seen, said }: Choice): Chosen | undefined {
  const further = (state: Scratch | undefined): Pick<Chosen, "state" | "look"> | undefined => {
    const then = state && look(state, question);
    return then && !(then.obstacle && seen.has(obstacleKey(then.obstacle)))
      ? { state, look: then }
      : undefined;
  };
  const hereAgain = (then: Look): boolean =>
    then.obstacle !== undefined && placeOf(then.obstacle) === placeOf(obstacle);
  for (const [index, remedy] of said.entries()) {
    // A remedy may need some of the remedies before it.
    for (const calls of [remedy.calls, said.slice(0, index + 1).flatMap((one) => one.calls)]) {
      const found = further(scratch.after(calls));
      if (found && !hereAgain(found.look)) return { ...found, remedy, repeated: true, full };
    }
  }
  for (const remedy of remediesFor({ scratch: full, question }, obstacle)) {
    const then = full.after(remedy.calls);
    const found = then && (further(scratch.after(remedy.calls)) ?? further(then));
    if (then && found) return { ...found, remedy, full: then };
  }
  return undefined;
}

/** The obstacle's position on the packet's way. */
function placeOf(obstacle: Obstacle): string {
  if (obstacle.kind !== "drop") return obstacleKey(obstacle);
  return [obstacle.leg, obstacle.step.stage, obstacle.step.interface].join(" ");
}

/** A stage that passes, by itself or because of another obstacle's remedy. */
function passed(one: LegStep, also: Set<DropReason>): readonly Finding[] {
  const others = along(one, also);
  return others.length > 0 ? others : [{ kind: "pass", ...one }];
}

function along(one: LegStep, also: Set<DropReason>): readonly Finding[] {
  if (one.step.stage !== "internet_gateway" || also.size === 0) return [];
  const found = [...also].map((reason): Finding => ({ kind: "along", reason, leg: one.leg, step: one.step }));
  also.clear();
  return found;
}

/** When a stage fails for some ports only, its failure is what counts. */
function note(findings: Finding[], finding: Finding): void {
  if (finding.kind === "obstacle" && finding.obstacle.kind === "drop" && finding.obstacle.isPartial) {
    const { leg, step } = finding.obstacle;
    const index = findings.findIndex(
      (one) => one.kind === "pass" && one.leg === leg && isSame(one.step, step),
    );
    if (index >= 0) findings.splice(index, 1, finding);
    else findings.push(finding);
  } else findings.push(finding);
}

function isSame(one: LegStep["step"], other: LegStep["step"]): boolean {
  return one.stage === other.stage && one.interface === other.interface;
}

function withoutRemedy(finding: Finding): Finding {
  if (finding.kind !== "obstacle") return finding;
  return { kind: "obstacle", obstacle: finding.obstacle, ...(finding.repeated ? { repeated: true } : {}) };
}

/** Whether the call contains an id or an address that the real requests will not produce. */
function dependsOnNew(call: Call, scratch: Scratch): boolean {
  if (call.kind === "wait") return scratch.isNew(call.instanceId);
  const isNew = (value: Value): boolean => {
    if (typeof value === "string") return scratch.isNew(value.replace(/\/\d+$/, "")) || scratch.isNew(value);
    if (typeof value !== "object" || isNamed(value)) return false;
    return (isList(value) ? value : Object.values(value)).some(isNew);
  };
  return isNew(call.input as Value);
}
