import type { TableReader } from "../../contract/tables.ts";
import { present } from "../../lib/assert.ts";
import { type Leg, walkExchange, type Walk, type WalkEnd } from "../exchange.ts";
import { type Packet, TCP, UDP } from "../packet.ts";
import type { DroppedStep, Step } from "../passage.ts";
import { rulesOf } from "../rule-list.ts";
import { type Absent, type ExchangeQuestion, packetOf } from "./question.ts";
import type { Scratch } from "./scratch.ts";

/** A stage's outcome for the request or for the answer. */
export type LegStep = { readonly leg: Leg; readonly step: Step };

export type PortRange = readonly [from: number, to: number];

/** Something that stops an exchange. */
export type Obstacle =
  | Absent
  | {
      readonly kind: "drop";
      readonly leg: Leg;
      readonly step: DroppedStep;
      readonly packet: Packet;
      /** True inside the VPC that the packet enters; false on its way out of one. */
      readonly inwards: boolean;
      /** The destination ports of all packets that this one represents. */
      readonly ports: PortRange;
      /** Only some of those ports are concerned. */
      readonly isPartial: boolean;
    }
  | Extract<WalkEnd, { readonly kind: "misdirected" | "no_such_host" }>;

/** How an exchange goes: the stages that it reaches, and the obstacle, if there is one. */
export type Look = {
  readonly packet: Packet | undefined;
  readonly steps: readonly LegStep[];
  readonly obstacle: Obstacle | undefined;
  /** The slot of an appliance that it reaches. */
  readonly forwarder: number | undefined;
};

/** The ephemeral ports of instances, which are Linux's (ip-sysctl, ip_local_port_range). */
const INSTANCE_PORTS: PortRange = [32_768, 60_999];
/** The ephemeral ports of any host, and of NAT gateways (VPC user guide, "Ephemeral ports"). */
const ANY_CLIENT_PORTS: PortRange = [1024, 65_535];

/**
 * The exchange as packets would go now. It succeeds only if it does so from every port that the client, or a
 * NAT gateway for it, may send from: network ACLs may let the answer in on some ports only.
 */
export function look(scratch: Scratch, question: ExchangeQuestion): Look {
  const { tables } = scratch;
  const packet = packetOf(scratch, question);
  if ("kind" in packet) return { packet: undefined, steps: [], obstacle: packet, forwarder: undefined };
  const ranges = rangesOf(question);
  const walk = walkExchange(tables, packet);
  const found = { packet, steps: stepsOf(walk) };
  if (walk.end.kind !== "answered")
    return { ...found, ...stopped(packet, walk, walk.end, { ranges, isPartial: false }) };
  for (const [client, nat] of portsToTry(tables, packet, walk, ranges)) {
    const other = walkExchange(
      tables,
      client === undefined ? packet : { ...packet, sourcePort: client },
      nat,
    );
    if (other.end.kind !== "answered")
      return { ...found, ...stopped(packet, other, other.end, { ranges, isPartial: true }) };
  }
  return { ...found, obstacle: undefined, forwarder: undefined };
}

type Ranges = { readonly client: PortRange; readonly nat: PortRange };

function rangesOf({ client }: ExchangeQuestion): Ranges {
  return { client: client.kind === "interface" ? INSTANCE_PORTS : ANY_CLIENT_PORTS, nat: ANY_CLIENT_PORTS };
}

/** When the way leads to no host, the steps after the route that led astray don't matter. */
function stepsOf({ request: { steps }, answer, end }: Walk): readonly LegStep[] {
  const request = end.kind === "no_such_host" ? steps.slice(0, steps.indexOf(end.step) + 1) : steps;
  return [
    ...request.map((step): LegStep => ({ leg: "request", step })),
    ...(answer?.steps ?? []).map((step): LegStep => ({ leg: "answer", step })),
  ];
}

type How = { readonly ranges: Ranges; readonly isPartial: boolean };

function stopped(
  packet: Packet,
  walk: Walk,
  end: Exclude<WalkEnd, { kind: "answered" }>,
  how: How,
): Pick<Look, "obstacle" | "forwarder"> {
  if (end.kind === "forwarded") return { obstacle: undefined, forwarder: end.interface };
  if (end.kind === "misdirected" || end.kind === "no_such_host")
    return { obstacle: end, forwarder: undefined };
  const { leg, step } = end;
  const trace = present(leg === "request" ? walk.request : walk.answer, leg);
  const before = trace.steps.slice(0, -1);
  const inwards = !hasSender(packet, leg, walk) || before.some(({ stage }) => stage === "internet_gateway");
  const ports = portsAt(step, leg, { walk, before, ranges: how.ranges });
  return {
    obstacle: { kind: "drop", leg, step, packet, inwards, ports, isPartial: how.isPartial },
    forwarder: undefined,
  };
}

/** Whether an interface sends it, rather than the internet. */
function hasSender(packet: Packet, leg: Leg, { request }: Walk): boolean {
  return leg === "request" ? packet.from !== undefined : request.verdict.kind !== "internet";
}

/**
 * The request has one destination port; the answer has those that a client may have, or a NAT gateway until
 * it has translated back.
 */
function portsAt(
  { flow }: Step,
  leg: Leg,
  {
    walk,
    before,
    ranges,
  }: { readonly walk: Walk; readonly before: readonly Step[]; readonly ranges: Ranges },
): PortRange {
  const port = flow.destinationPort ?? 0;
  if (leg === "request") return [port, port];
  const isTranslated = walk.request.steps.some(({ stage }) => stage === "nat_gateway");
  return isTranslated && !before.some(({ stage }) => stage === "nat_gateway") ? ranges.nat : ranges.client;
}

/**
 * The ports of clients and NAT gateways at which an ACL on the answer's way may decide differently than at
 * the usual ones.
 */
function portsToTry(
  tables: TableReader,
  packet: Packet,
  { request, answer }: Walk,
  ranges: Ranges,
): readonly (readonly [client: number | undefined, nat: number | undefined])[] {
  if (packet.protocol !== TCP && packet.protocol !== UDP) return [];
  const bounds = (answer?.steps ?? []).flatMap((step) => boundsOf(tables, step));
  const within = ([from, to]: PortRange): readonly number[] => [
    ...new Set([from, ...bounds.filter((port) => port > from && port <= to)]),
  ];
  const natPorts = tables.lookup("settings", 0)?.nat_ports ?? 0;
  const isTranslated = request.steps.some(({ stage }) => stage === "nat_gateway");
  const nat: PortRange = [ranges.nat[0], Math.min(ranges.nat[1], ranges.nat[0] + natPorts - 1)];
  return [
    ...within(ranges.client).map((port) => [port, undefined] as const),
    ...(isTranslated ? within(nat).map((port) => [undefined, port] as const) : []),
  ];
}

/** The bounds of an ACL's rules: between them no decision changes. */
function boundsOf(tables: TableReader, { stage, entries }: Step): readonly number[] {
  if (stage !== "network_acl_in" && stage !== "network_acl_out") return [];
  const [list] = entries;
  if (list?.table !== "rule_lists" && list?.table !== "rule_chunks") return [];
  return rulesOf(tables, stage, list.key.owner).flatMap((rule) => [rule.port_from, rule.port_to + 1]);
}

/** The same text for the same obstacle, whatever the packet looks like. */
export function obstacleKey(obstacle: Obstacle): string {
  if (obstacle.kind === "misdirected" || obstacle.kind === "no_such_host") return obstacle.kind;
  if (obstacle.kind === "absent") return `${obstacle.reason} ${obstacle.interface.id}`;
  const { leg, step } = obstacle;
  return [leg, step.stage, step.what, step.interface, step.source ?? 0].join(" ");
}
