import type { Disagreement, Event, Machine, Scenario } from "./proof.ts";
import { type Manner, replay, smallest, toText } from "./scenario.ts";

/** What a random scenario came to when the two sides disagreed. */
export type Failure = {
  readonly manner: Manner;
  readonly number: number;
  readonly scenario: Scenario;
  readonly found: Disagreement;
};

/**
 * All that is needed to see a disagreement again: the smallest scenario in which it is left, both sides, and
 * the command.
 */
export function told(machine: Machine, { manner, number, scenario, found }: Failure): string {
  const least = smallest(machine, { ...scenario, events: scenario.events.slice(0, found.events) });
  const again = replay(machine, least);
  const { what, kernel, reference, steps } = again ?? found;
  return [
    `disagreement on ${what}`,
    `  kernel program:  ${kernel}`,
    `  read by hand:    ${reference}`,
    ...steps.map((step) => `    ${step}`),
    again
      ? `  smallest: ${least.growth.length} requests, then ${least.events.length} events`
      : "  played again alone it does not show; the whole scenario:",
    ...least.growth.map((step) => `    ${step.request} ${step.choices.join(" ")}`),
    ...least.events.map((event) => `    ${eventText(event)}`),
    `  again: npm run prove -- --seed ${manner.seed} --scenario ${number} --frames ${manner.frames} --mutated ${manner.mutated}`,
    `  as data: ${toText(least)}`,
  ].join("\n");
}

function eventText(event: Event): string {
  switch (event.kind) {
    case "frame": {
      const { entrance, bytes, segment } = event;
      const from = entrance.kind === "interface" ? `interface ${entrance.slot}` : `the ${entrance.kind}`;
      return `frame from ${from}${segment > 0 ? ` in segments of ${segment}` : ""}: ${Buffer.from(bytes).toString("hex")}`;
    }
    case "wait":
      return `${Number(event.nanoseconds) / 1e9} seconds pass`;
    case "request":
      return `${event.step.request} ${event.step.choices.join(" ")}`;
    case "sweep":
      return "what has expired is swept";
    case "damage":
      return `a row of ${event.table} is taken away`;
  }
}
