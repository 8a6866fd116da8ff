import type { NetworkInterface } from "../model/network-interface.ts";
import type { Reader } from "../model/state.ts";
import type { TableReader } from "../plan/tables.ts";
import type { Place } from "./trace-line.ts";

/** Who stands behind an interface's slot. What was found is remembered until `forget`. */
export type InterfaceNames = { readonly placeOf: (slot: number) => Place; readonly forget: () => void };

/**
 * The state has no index by slot, and needs none for its own sake: the kernel's row names VPC and address, by which the
 * state finds the interface. `readers`: every region's.
 */
export function interfaceNames(readers: () => readonly Reader[], tables: TableReader): InterfaceNames {
  const places = new Map<number, Place>();
  let vpcs: ReadonlyMap<number, { readonly reader: Reader; readonly id: string }> | undefined;
  const find = (slot: number): NetworkInterface | undefined => {
    const row = tables.lookup("interfaces", slot);
    vpcs ??= new Map(readers().flatMap((reader) => reader.list("vpc").map(({ slot, id }) => [slot, { reader, id }] as const)));
    const vpc = row && vpcs.get(row.vpc);
    return vpc?.reader.by("network-interface", "vpcAddress", `${vpc.id}/${row?.private_ip}`).find((eni) => eni.slot === slot);
  };
  return {
    placeOf: (slot) => {
      const known = places.get(slot);
      if (known) return known;
      const eni = find(slot);
      const instance = eni?.attachment?.instanceId;
      const place: Place = { kind: "interface", id: eni?.id ?? `link ${slot}`, ...(instance === undefined ? {} : { instance }) };
      places.set(slot, place);
      return place;
    },
    forget: () => {
      places.clear();
      vpcs = undefined;
    },
  };
}
