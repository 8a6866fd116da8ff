import type { Reader } from "../model/state.ts";
import type { Unit } from "./affected.ts";

/** The slots of the VPCs whose packets the units' rows concern, as they were and as they are; each one once. */
export function concernedVpcs(readers: { readonly before: Reader; readonly after: Reader }, units: readonly Unit[]): readonly number[] {
  const slots = new Set<number>();
  for (const reader of [readers.before, readers.after]) {
    for (const unit of units) {
      const vpcId = vpcOf(reader, unit);
      const vpc = vpcId === undefined ? undefined : reader.get("vpc", vpcId);
      if (vpc) slots.add(vpc.slot);
    }
  }
  return [...slots];
}

function vpcOf(reader: Reader, { kind, id }: Unit): string | undefined {
  if (kind === "vpc") return id;
  if (kind !== "route") return reader.get(kind, id)?.vpcId;
  const route = reader.get("route", id);
  return route && reader.get("route-table", route.routeTableId)?.vpcId;
}
