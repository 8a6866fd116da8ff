import { NAT64_BLOCK } from "../lib/nat64.ts";
import { DROPS } from "../plan/stages.ts";
import { commandsOf } from "../reach/explain/command.ts";
import type { ExchangeExplanation, Finding } from "../reach/explain/explain.ts";
import type { LegStep, Obstacle } from "../reach/explain/obstacle.ts";
import type { AbsentReason, End, Family, Protocol } from "../reach/explain/question.ts";
import type { Remedy } from "../reach/explain/remedy.ts";
import { interfaceOf, regionAt, regionOf, type Scratch } from "../reach/explain/scratch.ts";
import { decider, routeOf } from "../reach/explain/where.ts";
import { type Ids } from "./trace-entry.ts";
import type { Place } from "./trace-line.ts";
import { type Hop, hopOf } from "./trace-packet.ts";

/** One exchange in ids, addresses and reasons; the command line has the sentences. */
export type ExchangeText = {
  /** As seen from whom was asked about. */
  readonly direction: "out" | "in";
  readonly family: Family;
  readonly protocol: Protocol;
  readonly port?: number;
  /** Ids of instances, interfaces or NAT gateways; addresses of others. */
  readonly client: string;
  readonly server: string;
  readonly source?: string;
  readonly destination?: string;
  readonly verdict: ExchangeExplanation["verdict"];
  /** The interface whose software decides, once all before it is mended. */
  readonly depends?: string;
  /** What follows shows only when these commands have run. */
  readonly again?: true;
  readonly hops: readonly ExplainedHop[];
};

/** A stage's say, or what keeps there from being a packet. `what`: the reason to let it pass or not. */
export type ExplainedHop = Pick<Hop, "what" | "params" | "code"> & {
  readonly leg: "request" | "answer";
  readonly stage?: Hop["stage"];
  readonly ok: boolean;
  /** The resource that decides. */
  readonly id?: string;
  /** AWS CLI commands, to be run in order; absent: nothing to mend, or nothing that would. */
  readonly commands?: readonly string[];
  /** Commands that were said before mend this too. */
  readonly repeated?: true;
  /** A resource of the account that the commands take because nothing uses it. */
  readonly takes?: string;
  /** It is asked about because nothing else was said. */
  readonly asked?: "default";
};

type Telling = {
  readonly scratch: Scratch;
  readonly direction: "out" | "in";
  readonly ids: Ids;
  readonly region: string;
  readonly isDefault: boolean;
};

export function exchangeText(explained: ExchangeExplanation, telling: Telling): ExchangeText {
  const { question, packet, verdict, forwarder, again } = explained;
  const { scratch, direction } = telling;
  const depends = forwarder === undefined ? undefined : interfaceOf(regionAt(scratch, forwarder), forwarder)?.id;
  return {
    direction,
    family: question.family,
    protocol: question.protocol,
    ...(question.protocol === "icmp" ? {} : { port: question.port }),
    client: endText(scratch, question.client),
    server: endText(scratch, question.server),
    ...(packet ? { source: packet.source, destination: packet.destination } : {}),
    verdict,
    ...(depends === undefined ? {} : { depends }),
    ...(again ? { again } : {}),
    hops: explained.findings.map((finding) => told(finding, explained, telling)),
  };
}

function endText(scratch: Scratch, end: End): string {
  if (end.kind !== "interface") return end.address;
  const eni = regionOf(scratch, end.id)?.reader.get("network-interface", end.id);
  return eni?.attachment?.instanceId ?? eni?.natGatewayId ?? end.id;
}

function told(finding: Finding, explained: ExchangeExplanation, telling: Telling): ExplainedHop {
  if (finding.kind === "pass") return stepHop(finding, true, telling);
  if (finding.kind === "along") {
    const { reason } = finding;
    const { code } = DROPS[reason] as { readonly code?: string };
    return { ...stepHop(finding, false, telling), what: reason, ...(code === undefined ? {} : { code }), repeated: true };
  }
  const { obstacle, remedy, repeated } = finding;
  return { ...obstacleHop(obstacle, explained, telling), ...remedyText(remedy, telling.region), ...(repeated ? { repeated } : {}) };
}

function remedyText(remedy: Remedy | undefined, region: string): Pick<ExplainedHop, "commands" | "takes"> {
  if (!remedy) return {};
  return { commands: commandsOf(remedy.calls, region), ...(remedy.takes === undefined ? {} : { takes: remedy.takes }) };
}

function obstacleHop(obstacle: Obstacle, { question }: ExchangeExplanation, telling: Telling): ExplainedHop {
  if (obstacle.kind === "absent") {
    const { reason, interface: eni } = obstacle;
    return {
      leg: "request",
      ok: false,
      what: reason,
      id: eni.id,
      params: { privateIp: eni.privateIpAddresses[0] ?? "" },
      ...absentCode(reason),
    };
  }
  if (obstacle.kind === "misdirected") return { leg: "answer", ok: false, what: "misdirected", params: { source: obstacle.source } };
  if (obstacle.kind === "no_such_host") return nobodyHop(obstacle, telling.scratch);
  const hop = stepHop(obstacle, false, telling);
  const { step, ports, isPartial } = obstacle;
  const asksDefault = telling.isDefault && step.drop === "security_group_in" && question.client.kind === "internet";
  return {
    ...hop,
    ...(isPartial ? { params: { ...hop.params, ports: `${ports[0]}-${ports[1]}` } } : {}),
    ...(asksDefault ? { asked: "default" as const } : {}),
  };
}

function nobodyHop({ kind, destination, step }: Obstacle & { readonly kind: "no_such_host" }, scratch: Scratch): ExplainedHop {
  const id = decider(scratch, step);
  const params = { destination, block: NAT64_BLOCK };
  return { leg: "request", ok: false, what: kind, params, ...(id === undefined ? {} : { id }) };
}

function absentCode(reason: AbsentReason): { readonly code?: string } {
  return reason === "no_public_address" ? { code: DROPS.public_ip_not_mapped.code } : {};
}

function stepHop({ leg, step }: LegStep, ok: boolean, { scratch, ids }: Telling): ExplainedHop {
  const placeOf = (slot: number): Place => (slot === 0 ? { kind: "internet" } : ids.placeOf(slot));
  const { stage, what, params, code } = hopOf(step, { ids, placeOf, leg });
  const id = decider(scratch, step);
  const route = step.drop === "blackhole" ? routeOf(scratch, step) : undefined;
  const destination = route?.destination ?? params["destination"]?.split(" ").at(-1);
  return {
    leg,
    stage,
    ok,
    what,
    ...(id === undefined ? {} : { id }),
    // The table is told by its id already.
    params: { ...params, ...(destination === undefined ? {} : { destination }), ...(route ? { target: route.target.id } : {}) },
    ...(code === undefined || ok ? {} : { code }),
  };
}
