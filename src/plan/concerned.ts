import type { Reader } from "../model/state.ts";
import type { Unit } from "./affected.ts";

/** The slots of the VPCs whose packets the units' rows concern, before or after the changes, each once. */
export function concernedVpcs(
  readers: { readonly before: Reader; readonly after: Reader },
  units: readonly Unit[],
): readonly number[] {
  const slots = new Set<number>();
  for (const reader of [readers.before, readers.after]) {
    for (const unit of units) {
      for (const vpcId of vpcsOf(reader, unit)) {
        const vpc = reader.get("vpc", vpcId);
        if (vpc) slots.add(vpc.slot);
      }
    }
  }
  return [...slots];
}

/** A security group's own VPC, and the ones that it is associated with. */
function vpcsOf(reader: Reader, { kind, id }: Unit): readonly string[] {
  if (kind === "vpc") return [id];
  if (kind === "route")
    return ofResource(reader.get("route-table", reader.get("route", id)?.routeTableId ?? ""));
  const others = kind === "security-group" ? (reader.get(kind, id)?.associatedVpcIds ?? []) : [];
  return [...ofResource(reader.get(kind, id)), ...others];
}

function ofResource(resource: { readonly vpcId: string } | undefined): readonly string[] {
  return resource ? [resource.vpcId] : [];
}
