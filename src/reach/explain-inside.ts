import { present } from "../lib/assert.ts";
import { cidrContains, parseCidr } from "../lib/cidr.ts";
import { cidr6Contains, parseCidr6 } from "../lib/cidr6.ts";
import { parseIpv4 } from "../lib/ip.ts";
import { DROPS } from "../plan/stages.ts";
import { ROUTE_TARGET, type StructValue } from "../plan/tables.ts";
import { applianceOf, applianceStep, interfaceIdOf } from "./explain-appliance.ts";
import { matchedRoute } from "./explain-route.ts";
import { aclStep, groupStep } from "./explain-rules.ts";
import { type ExplainedStep, idOf, ownAddress, type Scene, step } from "./explanation.ts";
import { acceptPeering, routeTo } from "./mend.ts";
import type { PeeringName } from "./names.ts";
import { answerTo, type Flow } from "./packet.ts";
import { has, inSubnet, interfaceAt, prefixOf } from "./passage.ts";

/** A way that meets no gateway: within the VPC, or to a VPC that is peered with it. */
type Inside = { readonly peering: PeeringName | undefined };

/** The way, if the host is inside: in the VPC, or in the blocks of one that is peered with it; and no appliance is set before it. */
export function insideWay(scene: Scene): Inside | undefined {
  if (inSubnet(subnetOf(scene), scene.to) || matchedRoute(scene)?.value.target === ROUTE_TARGET.local) return { peering: undefined };
  const peering = scene.names.peerings.find(({ blocks }) => blocks.some((block) => holds(block, scene.to)));
  const match = matchedRoute(scene);
  const isInspected = match && applianceOf(scene) && peering?.blocks.some((block) => within(block, prefixOf(match)));
  return isInspected ? undefined : peering && { peering };
}

/**
 * Both ends of the exchange, each with its own route, groups and network ACL. `flowTo`: an exchange from one address to the other.
 * `by`: an appliance on the way back, which decides.
 */
export function insideSteps(
  scene: Scene,
  { peering }: Inside,
  flowTo: (source: string, destination: string) => Flow,
): { readonly steps: readonly ExplainedStep[]; readonly by: string | undefined } {
  const { names, to } = scene;
  const own = ownAddress(scene);
  const ways = [...(peering ? [peeringStep(scene, peering)] : []), routeStep(scene, "inside_route", peering)];
  const holder = names.holderOf(to);
  const end = holder && interfaceAt(scene.tables, holder.slot);
  if (!holder || !end) {
    const finding = { ok: false, id: idOf(names, "vpc", scene.eni.row.vpc), code: DROPS.no_such_private_address.code, mend: [] };
    const flow = flowTo(own, to);
    const acl = inSubnet(subnetOf(scene), to) ? [] : [aclStep(scene, "network_acl_out", flow)];
    return {
      steps: [...ways, step("inside_target", finding, { to }), groupStep(scene, "security_group_out", flow), ...acl],
      by: undefined,
    };
  }
  const ofGroups = (row: StructValue<"interface">): readonly number[] => row.groups.slice(0, row.group_count);
  const host = (address: string): string => `${address}/${address.includes(":") ? 128 : 32}`;
  const here: Scene = { ...scene, peerGroups: ofGroups(end.row), block: host(to) };
  const there: Scene = { ...scene, names: holder.names, eni: end, to: own, peerGroups: ofGroups(scene.eni.row), block: host(own) };
  const id = idOf(holder.names, "network-interface", end.slot);
  const guards = (from: Scene, at: Scene, direction: "out" | "in"): readonly ExplainedStep[] => {
    const flow = flowTo(at.to, at === there ? to : own);
    const acls = from.eni.row.subnet !== at.eni.row.subnet;
    return [
      groupStep(from, "security_group_out", flow),
      ...(acls ? [aclStep(from, "network_acl_out", flow), aclStep(at, "network_acl_in", flow)] : []),
      groupStep(at, "security_group_in", flow),
      ...(acls ? [aclStep(at, "network_acl_reply_out", answerTo(flow)), aclStep(from, "network_acl_reply_in", answerTo(flow))] : []),
    ].map((one) => ({ ...one, direction }));
  };
  const up = step("inside_target_up", { ok: has(end, "up"), id, code: DROPS.destination_down.code, mend: [] }, { to });
  const diverted = inSubnet(subnetOf(there), own) ? undefined : backBy(there);
  if (!diverted) {
    const wayBack = routeStep(there, "inside_route_back", peering && back(scene, peering));
    return { steps: [...ways, up, wayBack, ...guards(here, there, "out"), ...guards(there, here, "in")], by: undefined };
  }
  // What comes back by the appliance comes from its subnet, if it comes.
  const direct = guards(here, there, "out").filter(({ what }) => what !== "network_acl_reply_in");
  return { steps: [...ways, up, diverted.step, ...direct], by: diverted.by };
}

/** The other end's route sends its packets through an appliance first. */
function backBy(there: Scene): { readonly step: ExplainedStep; readonly by: string } | undefined {
  const appliance = applianceOf(there);
  if (!appliance) return undefined;
  const by = interfaceIdOf(there, appliance.slot);
  const destination = prefixOf(present(matchedRoute(there), "the route"));
  return { step: applianceStep(there, "appliance_back", appliance, { to: there.to, destination, target: by }), by };
}

/** The same connection, seen from the other side. */
function back(scene: Scene, peering: PeeringName): PeeringName {
  const seen = scene.names.holderOf(scene.to)?.names.peerings.find(({ id }) => id === peering.id);
  return seen ?? { ...peering, vpc: scene.eni.row.vpc, blocks: [] };
}

function peeringStep({ names }: Scene, { id, isActive, isPending }: PeeringName): ExplainedStep {
  return step("peering", { ok: isActive, id, code: undefined, mend: isPending ? acceptPeering(names, id) : [] }, { peering: id });
}

/** Within the VPC the local route, or none within the subnet; to a peered one a route over the connection. */
function routeStep(scene: Scene, what: "inside_route" | "inside_route_back", peering: PeeringName | undefined): ExplainedStep {
  const { names, to } = scene;
  const subnet = subnetOf(scene);
  const tableId = idOf(names, "route-table", subnet.route_table);
  const match = matchedRoute(scene);
  const target = match?.value.target;
  const ok = peering
    ? target === ROUTE_TARGET.peering && match?.value.slot === peering.vpc
    : inSubnet(subnet, to) || target === ROUTE_TARGET.local;
  const code = match ? DROPS.blackhole.code : DROPS.no_route.code;
  return step(what, { ok, id: tableId, code, mend: peering ? peerRoute(scene, tableId, peering) : [] }, { to });
}

/** A route for the peer's block; a route that stands for it, or for a part of it, makes way. */
function peerRoute(scene: Scene, tableId: string, { id, isActive, blocks }: PeeringName): ReturnType<typeof routeTo> {
  const block = blocks.find((one) => holds(one, scene.to));
  if (!isActive || block === undefined) return [];
  const match = matchedRoute(scene);
  const standing = match && prefixOf(match);
  const replaces = standing !== undefined && within(block, standing);
  return routeTo(scene.names, { tableId, destination: replaces ? standing : block, replaces }, "--vpc-peering-connection-id", id);
}

function holds(block: string, address: string): boolean {
  return within(block, `${address}/${address.includes(":") ? 128 : 32}`);
}

function within(outer: string, inner: string): boolean {
  if (outer.includes(":") !== inner.includes(":")) return false;
  if (outer.includes(":")) return cidr6Contains(present(parseCidr6(outer), outer), present(parseCidr6(inner), inner));
  const [address = "", length = ""] = inner.split("/");
  return cidrContains(present(parseCidr(outer), outer), { base: present(parseIpv4(address), inner), length: Number(length) });
}

function subnetOf({ tables, eni }: Scene): StructValue<"subnet"> {
  return present(tables.lookup("subnets", eni.row.subnet), `subnet ${eni.row.subnet}`);
}
