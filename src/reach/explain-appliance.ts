import { DROPS } from "../plan/stages.ts";
import { ROUTE_TARGET } from "../plan/tables.ts";
import { matchedRoute } from "./explain-route.ts";
import { type ExplainedStep, idOf, type Scene, step } from "./explanation.ts";
import { leaveUnchecked } from "./mend.ts";
import { type Ends, has, interfaceAt } from "./passage.ts";

/** The interface that the route leads to, somebody else's: it forwards, or does not, as its own software decides. */
export function applianceOf(scene: Scene): Ends | undefined {
  const route = matchedRoute(scene)?.value;
  if (route?.target !== ROUTE_TARGET.interface || route.slot === scene.eni.slot) return undefined;
  return interfaceAt(scene.tables, route.slot);
}

/** What is not for itself an appliance takes only when nobody checks. */
export function applianceStep(
  scene: Scene,
  what: "appliance" | "appliance_back" | "gateway_appliance",
  appliance: Ends,
  params: ExplainedStep["params"],
): ExplainedStep {
  const ok = has(appliance, "up") && !has(appliance, "source_dest_check");
  const id = interfaceIdOf(scene, appliance.slot);
  return step(what, { ok, id, code: DROPS.destination_check.code, mend: leaveUnchecked(scene.names, id) }, params);
}

/** Of another interface of the VPC, found by its address. */
export function interfaceIdOf({ tables, names }: Scene, slot: number): string {
  const row = interfaceAt(tables, slot)?.row;
  const holder = row && names.holderOf(row.private_ip === "0.0.0.0" ? row.ipv6 : row.private_ip);
  return idOf(holder?.slot === slot ? holder.names : names, "network-interface", slot);
}
