import { codeOfDrop, type DropReason, DROPS } from "../contract/stages.ts";
import { NAT64_BLOCK } from "../lib/nat64.ts";
import type { AbsentReason, ExchangeText, ExplainedHop } from "../protocol/explain.ts";
import type { PacketEnd } from "../protocol/trace.ts";
import { commandsOf } from "../reach/explain/command.ts";
import type { ExchangeExplanation, Finding } from "../reach/explain/explain.ts";
import type { LegStep, Obstacle } from "../reach/explain/obstacle.ts";
import type { End } from "../reach/explain/question.ts";
import type { Remedy } from "../reach/explain/remedy.ts";
import { interfaceOf, regionAt, regionOf, type Scratch } from "../reach/explain/scratch.ts";
import { decider, routeOf } from "../reach/explain/where.ts";
import { hopOf } from "../reach/hop.ts";
import type { Ids } from "../reach/ids.ts";

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
  const depends =
    forwarder === undefined ? undefined : interfaceOf(regionAt(scratch, forwarder), forwarder)?.id;
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
  if (finding.kind === "pass") return stepHop(finding, telling);
  if (finding.kind === "along") {
    const { reason } = finding;
    const code = codeOfDrop(reason);
    return { ...stepHop(finding, telling, reason), ...(code === undefined ? {} : { code }), repeated: true };
  }
  const { obstacle, remedy, repeated } = finding;
  return {
    ...obstacleHop(obstacle, explained, telling),
    ...remedyText(remedy, telling.region),
    ...(repeated ? { repeated } : {}),
  };
}

function remedyText(remedy: Remedy | undefined, region: string): Pick<ExplainedHop, "commands" | "takes"> {
  if (!remedy) return {};
  return {
    commands: commandsOf(remedy.calls, region),
    ...(remedy.takes === undefined ? {} : { takes: remedy.takes }),
  };
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
  if (obstacle.kind === "misdirected")
    return { leg: "answer", ok: false, what: "misdirected", params: { source: obstacle.source } };
  if (obstacle.kind === "no_such_host") return nobodyHop(obstacle, telling.scratch);
  const hop = stepHop(obstacle, telling);
  const { step, ports, isPartial } = obstacle;
  const asksDefault =
    telling.isDefault && step.what === "security_group_in" && question.client.kind === "internet";
  return {
    ...hop,
    ...(isPartial ? { params: { ...hop.params, ports: `${ports[0]}-${ports[1]}` } } : {}),
    ...(asksDefault ? { asked: "default" as const } : {}),
  };
}

function nobodyHop(
  { kind, destination, step }: Obstacle & { readonly kind: "no_such_host" },
  scratch: Scratch,
): ExplainedHop {
  const id = decider(scratch, step);
  const params = { destination, block: NAT64_BLOCK };
  return { leg: "request", ok: false, what: kind, params, ...(id === undefined ? {} : { id }) };
}

function absentCode(reason: AbsentReason): { readonly code?: string } {
  return reason === "no_public_address" ? { code: DROPS.public_ip_not_mapped.code } : {};
}

/** `reason`: what would drop it, were it not for a remedy that was said before. */
function stepHop({ leg, step }: LegStep, { scratch, ids }: Telling, reason?: DropReason): ExplainedHop {
  const packetEndOf = (slot: number): PacketEnd =>
    slot === 0 ? { kind: "internet" } : ids.packetEndOf(slot);
  const hop = hopOf(step, { ids, packetEndOf, leg });
  const { stage, params, code } = hop;
  const said =
    hop.verdict === "pass"
      ? ({ ok: true, what: hop.what } as const)
      : ({ ok: false, what: hop.what } as const);
  const id = decider(scratch, step);
  const route = step.what === "blackhole" ? routeOf(scratch, step) : undefined;
  const destination = route?.destination ?? params["destination"]?.split(" ").at(-1);
  return {
    leg,
    stage,
    ...(reason === undefined ? said : { ok: false, what: reason }),
    ...(id === undefined ? {} : { id }),
    // The table is told by its id already.
    params: {
      ...params,
      ...(destination === undefined ? {} : { destination }),
      ...(route ? { target: route.target.id } : {}),
    },
    ...(code === undefined ? {} : { code }),
  };
}
