import { present } from "../lib/assert.ts";
import { DROPS } from "../plan/stages.ts";
import { NAT_GATEWAY_FLAGS, ROUTE_TARGET, type StructValue, SUBNET_FLAGS } from "../plan/tables.ts";
import { attachedGateway, candidate, leadsOut, matchedRoute } from "./explain-route.ts";
import { aclStep } from "./explain-rules.ts";
import { type ExplainedStep, idOf, type Scene, step } from "./explanation.ts";
import { routeToGateway } from "./mend.ts";
import { answerTo, type Flow } from "./packet.ts";
import { type Ends, interfaceAt, prefixOf } from "./passage.ts";
import { natInZone } from "./route.ts";

/** The interface of the NAT gateway to which the subnet's route leads. */
export function natGatewayOf(scene: Scene): Ends | undefined {
  const route = matchedRoute(scene)?.value;
  if (route?.target !== ROUTE_TARGET.nat_gateway) return undefined;
  return interfaceAt(scene.tables, natInZone(scene.tables, route.slot, subnetOf(scene, scene.eni).zone));
}

/**
 * A NAT gateway of the VPC by which an instance without a public IP could go out, when its route table leads nowhere: a public one in
 * another subnet, whose own route leads to the internet gateway.
 */
export function usableNatGateway(scene: Scene): Ends | undefined {
  const { tables, names, eni, to } = scene;
  const target = matchedRoute(scene)?.value.target;
  const leadsNowhere = target === undefined || target === ROUTE_TARGET.blackhole;
  if (!leadsNowhere || to.includes(":") || eni.row.public_ip !== "0.0.0.0" || names.publicIpComes) return undefined;
  const zone = subnetOf(scene, eni).zone;
  const gateways = [...names.natGateways.keys()]
    .toSorted((a, b) => a - b)
    .map((slot) => interfaceAt(tables, natInZone(tables, slot, zone)));
  return gateways.find((nat) => {
    if (!nat || nat.row.subnet === eni.row.subnet || !isPublic(scene, nat)) return false;
    const route = tables.longestMatch(subnetOf(scene, nat).route_table, to)?.value;
    return route !== undefined && attachedGateway(scene) !== undefined && leadsOut(scene, route);
  });
}

function isPublic({ tables }: Scene, { row, slot }: Ends): boolean {
  const flags = tables.lookup("nat_gateways", { interface: slot })?.flags ?? 0;
  return row.public_ip !== "0.0.0.0" && (flags & NAT_GATEWAY_FLAGS.public) !== 0;
}

/**
 * Out through a NAT gateway: it must be a public one, its own subnet must have a way to the internet gateway, and that subnet's
 * ACL must let all of it pass. Nobody comes in, since answers would leave through it.
 */
export function natGatewaySteps(scene: Scene, nat: Ends, outward: Flow): readonly ExplainedStep[] {
  const { names, eni, to } = scene;
  const id = names.natGateways.get(nat.slot) ?? `NAT gateway ${nat.slot}`;
  const tableId = idOf(names, "route-table", subnetOf(scene, eni).route_table);
  return [
    step("nat_gateway", { ok: isPublic(scene, nat), id, code: "NO_PATH", mend: [] }, {}, "out"),
    natRouteStep(scene, nat, id),
    ...aclSteps(scene, nat, outward).map((one) => ({ ...one, params: { ...one.params, nat: id } })),
    step("nat_answers", { ok: false, id: tableId, code: DROPS.public_ip_not_mapped.code, mend: [] }, { to, nat: id }, "in"),
  ];
}

/** Its ACL sees the instance on one side, and the internet on the other. A regional gateway has none. */
function aclSteps(scene: Scene, nat: Ends, outward: Flow): readonly ExplainedStep[] {
  if ((subnetOf(scene, nat).flags & SUBNET_FLAGS.no_network_acl) !== 0) return [];
  const inside: Scene = { ...scene, eni: nat, to: scene.eni.row.private_ip };
  const outside: Scene = { ...scene, eni: nat };
  return [
    ...(scene.eni.row.subnet === nat.row.subnet
      ? []
      : [aclStep(inside, "nat_acl_in", outward), aclStep(inside, "nat_acl_reply_out", answerTo(outward))]),
    aclStep(outside, "nat_acl_out", outward),
    aclStep(outside, "nat_acl_reply_in", answerTo(outward)),
  ];
}

function natRouteStep(scene: Scene, nat: Ends, id: string): ExplainedStep {
  const { tables, names, to } = scene;
  const { route_table: table } = subnetOf(scene, nat);
  const tableId = idOf(names, "route-table", table);
  const match = tables.longestMatch(table, to);
  const attached = attachedGateway(scene);
  const mend = routeToGateway(names, {
    vpcId: idOf(names, "vpc", nat.row.vpc),
    tableId,
    gatewayId: attached === undefined ? candidate(scene) : idOf(names, "internet-gateway", attached),
    instead: match && prefixOf(match),
    ipv6: false,
  });
  const ok = match !== undefined && leadsOut(scene, match.value);
  // Its own subnet sends everything to it: the cure is another subnet or table for the gateway, not a way out for this one.
  if (!ok && table === subnetOf(scene, scene.eni).route_table)
    return step(
      "nat_gateway_route",
      { ok, id: tableId, code: DROPS.route_loop.code, mend: [] },
      { to, nat: id, comes: "elsewhere" },
      "out",
    );
  const code = match ? DROPS.blackhole.code : DROPS.no_route.code;
  return step("nat_gateway_route", { ok, id: tableId, code, mend }, { to, nat: id }, "out");
}

function subnetOf({ tables }: Scene, { row }: Ends): StructValue<"subnet"> {
  return present(tables.lookup("subnets", row.subnet), `subnet ${row.subnet}`);
}
