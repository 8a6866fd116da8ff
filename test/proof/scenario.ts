/** Scenarios that a seed determines, and smaller ones in which the same goes wrong. */

import { choices, type Choice } from "../kit/choice.ts";
import { growth as growthOf, stepOf } from "../random/random-region.ts";
import type { Disagreement, Event, Machine, Scenario, Source } from "./proof.ts";
import { traffic, type View } from "./traffic.ts";

/** What a change in the middle may be: what packets notice, mostly. */
const CHANGES = (
  "route route replaceRoute replaceRoute deleteRoute associate disassociate mainTable " +
  "aclEntry aclEntry dropAclEntry dropAclEntry dropAclEntry useAcl ingress egress revoke revoke closeEgress " +
  "wideIngress wideIngress wideIngress wideEgress wideEgress wideEgress wideEgress " +
  "peering endPeering prefixList listRoute listRule edge block exclude natWay natWay nat64Way natGateway deleteNatGateway natAddress dropNatAddress attachGateway attachGateway attachGateway detachGateway cutOff " +
  "ipv6Way ipv6Way ipv6Route ipv6ReplaceRoute ipv6ReplaceRoute ipv6Ingress ipv6Ingress ipv6Egress ipv6AclEntry ipv6AclEntry ipv6Address ipv6TakeAddress " +
  "ipv6EgressOnly ipv6DeleteEgressOnly ipv6Subnet ipv6DropSubnet ipv6DropBlock " +
  "associateAddress associateAddress associateAddress associateAddress disassociateAddress allocate allocate " +
  "editInterface editInterface editInterface attach detach changeState changeState launch launch terminate " +
  "flowLog flowLog endFlowLog endFlowLog dns block dropBlock subnet interface deleteInterface group gateway table acl release deleteGroup"
).split(" ");
const DAMAGED = [
  "settings",
  "subnets",
  "rule_chunks",
  "rule_chunks",
  "rule_lists",
  "vpcs",
  "interfaces",
  "addresses",
  "public_addresses",
  "routes",
  "nat_gateways",
] as const;

const SECOND = 1_000_000_000;
const WAITS: readonly (readonly [weight: number, seconds: number])[] = [
  [80, 1e-9],
  [240, 0.3],
  [120, 1],
  [16, 9],
  [16, 10.5],
  [16, 29],
  [16, 31],
  [8, 61],
  [8, 121],
  [8, 181],
  [6, 351],
  [1, 432_001],
];

/**
 * How a scenario's frames come about. `mutated`: of a hundred frames, how many are earlier ones with bytes
 * changed.
 */
export type Manner = { readonly seed: number; readonly frames: number; readonly mutated: number };

/** Plays the scenario with this number while making it up. `events` records what happened. */
export function playRandom(
  machine: Machine,
  manner: Manner,
  number: number,
): { readonly scenario: Scenario; readonly found: Disagreement | undefined } {
  const choice = choices(manner.seed, number);
  const events: Event[] = [];
  const start = {
    growth: growthOf(choice, choice.below(50)),
    limit: choice.pick([2, 8, 8, 40]),
    readBack: number % 64 === 63,
  };
  const frames = traffic(choice, manner.mutated);
  const damaged = choice.oneIn(12) ? choice.below(manner.frames) : -1;
  let made = 0;
  const next = (view: View): Event | undefined => {
    if (made >= manner.frames) return undefined;
    const event =
      made === damaged && !events.some((past) => past.kind === "damage")
        ? damage(choice)
        : (between(choice) ?? { kind: "frame", ...frames.next(view) });
    if (event.kind === "frame") made++;
    events.push(event);
    return event;
  };
  const found = machine.play(start, { next, arrived: frames.arrived });
  return { scenario: { ...start, events }, found };
}

/** What happens between two frames, if anything. */
function between(choice: Choice): Event | undefined {
  if (choice.oneIn(30)) return { kind: "request", step: stepOf(choice, choice.pick(CHANGES)) };
  if (choice.oneIn(8))
    return { kind: "wait", nanoseconds: BigInt(Math.round(choice.weighted(WAITS) * SECOND)) };
  return choice.oneIn(300) ? { kind: "sweep" } : undefined;
}

function damage(choice: Choice): Event {
  return { kind: "damage", table: choice.pick(DAMAGED), number: choice.below(1000) };
}

export function replay(machine: Machine, { events, ...start }: Scenario): Disagreement | undefined {
  return machine.play(start, listed(events));
}

function listed(events: readonly Event[]): Source {
  let place = 0;
  return { next: () => events[place++] };
}

/**
 * A scenario as small as it gets in which something still goes wrong; the given one when it goes well when
 * played again.
 */
export function smallest(machine: Machine, scenario: Scenario): Scenario {
  const fails = (candidate: Scenario): boolean => replay(machine, candidate) !== undefined;
  if (!fails(scenario)) return scenario;
  let { events, growth } = scenario;
  for (;;) {
    const size = events.length + growth.length;
    events = without(events, (fewer) => fails({ ...scenario, growth, events: fewer }));
    growth = without(growth, (fewer) => fails({ ...scenario, growth: fewer, events }));
    if (events.length + growth.length === size) return { ...scenario, growth, events };
  }
}

/** Leaves out ever smaller runs of the list as long as it still fails. */
function without<T>(list: readonly T[], fails: (list: readonly T[]) => boolean): readonly T[] {
  let kept = list;
  for (let run = Math.ceil(list.length / 2); run >= 1; run = run === 1 ? 0 : Math.ceil(run / 2)) {
    for (let at = kept.length - run; at > -run; at -= run) {
      const candidate = [...kept.slice(0, Math.max(0, at)), ...kept.slice(at + run)];
      if (candidate.length < kept.length && fails(candidate)) kept = candidate;
    }
  }
  return kept;
}

/** The scenario as text that {@link fromText} reads. */
export function toText(scenario: Scenario): string {
  return JSON.stringify(scenario, (_, value: unknown) =>
    value instanceof Uint8Array
      ? { hex: Buffer.from(value).toString("hex") }
      : typeof value === "bigint"
        ? { big: String(value) }
        : value,
  );
}

export function fromText(text: string): Scenario {
  return JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== "object" || value === null) return value;
    if ("hex" in value && typeof value.hex === "string")
      return Uint8Array.from(Buffer.from(value.hex, "hex"));
    return "big" in value && typeof value.big === "string" ? BigInt(value.big) : value;
  }) as Scenario;
}
