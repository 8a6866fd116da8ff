import { codeOfDrop, type DropReason, DROPS } from "../contract/stages.ts";
import type { CloserReason, Hop, PacketEnd } from "../protocol/trace.ts";
import { entryText, ruleText } from "./entry-text.ts";
import type { Leg } from "./exchange.ts";
import type { Ids } from "./ids.ts";
import { ruleOf } from "./outcome.ts";
import type { DroppedStep, Step } from "./passage.ts";

type Around = {
  readonly ids: Ids;
  readonly packetEndOf: (slot: number) => PacketEnd;
  readonly leg: Leg;
};

/** A stage's outcome with the ids of the resources that decided. */
export function hopOf(step: Step, around: Around): Hop {
  const { ids, packetEndOf } = around;
  const { stage, entries, flow } = step;
  const rule = ruleOf(step);
  const code = step.kind === "drop" ? codeOf(step, ids) : undefined;
  const target = stage === "deliver" ? targetOf(step, packetEndOf) : undefined;
  return {
    stage,
    at: packetEndOf(step.interface),
    ...(step.kind === "drop"
      ? { verdict: "drop", what: closerReason(step, around) }
      : { verdict: "pass", what: step.what }),
    params: {
      from: flow.source,
      to: flow.destination,
      rule: rule ? ruleText(rule, ids, stage === "network_acl_out" || stage === "network_acl_in") : "*",
      ...(target === undefined ? {} : { target }),
      ...paramsOf(step, ids),
    },
    ...(code === undefined ? {} : { code }),
    entries: entries.map((entry) => entryText(entry, rule, ids)),
  };
}

/** Where a delivered packet goes, or would go if it were not too long. */
function targetOf({ target, params }: Step, packetEndOf: (slot: number) => PacketEnd): string {
  if (target === undefined) return "to" in params ? params.to : "internet";
  const place = packetEndOf(target);
  return place.kind === "interface" ? (place.instance ?? place.id) : place.kind;
}

/** The reason, or a more precise one when its sentence would say too little. */
function closerReason(step: DroppedStep, { ids, leg }: Around): DropReason | CloserReason {
  const { what } = step;
  if (peerOf(step) !== undefined) return "no_peer_address";
  if (what === "no_route" && step.params.of === "internet_gateway") return "no_gateway_route";
  if (what === "route_loop" && ids.natGatewayOf(step.interface) !== undefined) return "nat_loop";
  if (leg === "answer" && (what === "nat_connection_expired" || what === "nat_no_connection"))
    return "nat_answers";
  return what;
}

/**
 * A peering connection carries no traffic from edge to edge (VPC peering guide, "VPC peering limitations").
 */
function codeOf(step: DroppedStep, ids: Ids): string | undefined {
  const peer = peerOf(step);
  if (peer !== undefined && !ids.isInVpc(peer, step.flow.destination)) return DROPS.peering_source.code;
  return codeOfDrop(step.what);
}

/** The slot of the VPC that a peering route leads to, when no interface there has the address. */
function peerOf(step: Step): number | undefined {
  return step.what === "no_such_private_address" ? step.params.peer : undefined;
}

function paramsOf(step: Step, ids: Ids): Hop["params"] {
  const { entries } = step;
  const [first] = entries.map((entry) => entryText(entry, undefined, ids));
  const peer = peerOf(step);
  const nat = step.interface === 0 ? undefined : ids.natGatewayOf(step.interface);
  return {
    ...(peer === undefined ? {} : { peer: ids.of("vpc", peer) }),
    ...(nat === undefined ? {} : { nat }),
    ...(first?.table === "routes" ? { destination: first.key, route: first.value } : {}),
    ...Object.fromEntries(
      entries.flatMap((entry) => {
        if (entry.table === "public_addresses") return [["privateIp", entry.value.private_ip]];
        if (entry.table === "interfaces" || entry.table === "addresses")
          return [["publicIp", entry.value.public_ip]];
        return [];
      }),
    ),
  };
}
