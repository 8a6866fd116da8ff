import { present } from "../lib/assert.ts";
import { ROUTE_TARGET, type StructValue } from "../plan/tables.ts";
import type { Scene } from "./explanation.ts";
import { routeTo } from "./passage.ts";

/** The slot of the gateway that is attached to the interface's VPC. */
export function attachedGateway({ tables, eni }: Scene): number | undefined {
  const gateway = tables.lookup("vpcs", eni.row.vpc)?.internet_gateway ?? 0;
  return gateway === 0 ? undefined : gateway - 1;
}

/** A detached gateway, best the one that the route names already. */
export function candidate(scene: Scene): string | undefined {
  const { freeGateways } = scene.names;
  const named = matchedRoute(scene)?.value;
  const wanted = named?.target === ROUTE_TARGET.internet_gateway ? freeGateways.get(named.slot) : undefined;
  return wanted ?? [...freeGateways.values()][0];
}

export function matchedRoute({ tables, eni, to }: Scene): ReturnType<typeof routeTo> {
  const subnet = present(tables.lookup("subnets", eni.row.subnet), `subnet ${eni.row.subnet}`);
  return routeTo(tables, subnet.route_table, to);
}

/** Whether a route leads to the VPC's gateway; where none is attached, to one that could be. */
export function leadsOut(scene: Scene, { target, slot }: StructValue<"route">): boolean {
  const attached = attachedGateway(scene);
  return target === ROUTE_TARGET.internet_gateway && (attached === undefined ? scene.names.freeGateways.has(slot) : slot === attached);
}
